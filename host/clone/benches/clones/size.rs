//! How large the databases are.

/// One size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// The name in the tables of figures.
    pub(crate) name: &'static str,
    /// How many bytes the database has, about.
    pub(crate) bytes: u64,
    /// How often what takes as long as the database is large is done, on either side of a comparison.
    pub(crate) rounds: usize,
}

impl Size {
    const SMALL: Size = Size { name: "1 MB", bytes: 1_000_000, rounds: 9 };
    const LARGE: Size = Size { name: "1 GB", bytes: 1_000_000_000, rounds: 3 };
    const HUGE: Size = Size { name: "10 GB", bytes: 10_000_000_000, rounds: 1 };

    /// Every size, from the smallest on.
    pub(crate) const ALL: [Size; 3] = [Self::SMALL, Self::LARGE, Self::HUGE];

    /// The sizes to measure.
    pub(crate) fn asked_for() -> impl Iterator<Item = Size> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| value == "1");
        let large = is_set("REHEARSAL_BENCH_LARGE").then_some(Self::LARGE);
        let huge = is_set("REHEARSAL_BENCH_HUGE").then_some(Self::HUGE);
        [Some(Self::SMALL), large, huge].into_iter().flatten()
    }

    /// Whether files of this size can be copied as often as a comparison copies them, and held in memory.
    pub(crate) fn can_be_copied(&self) -> bool {
        self.bytes <= Self::LARGE.bytes
    }
}
