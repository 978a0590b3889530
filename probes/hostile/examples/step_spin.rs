//! Computes for ever: only fuel or the deadline ends it.

use rehearsal_guest::{Database, Description, Outcome, Result, Step};

struct Spin;

impl Step for Spin {
    fn describe() -> Description {
        Description::new("step-spin", "Never returns.")
    }

    fn apply(_: &Database) -> Result<Outcome> {
        let mut count = 0_u64;
        loop {
            count = std::hint::black_box(count.wrapping_add(1));
        }
    }
}

rehearsal_guest::export_step!(Spin);
