//! Allocates without end: only the memory limit ends it.

use rehearsal_guest::{Database, Description, Outcome, Result, Step};

struct Hog;

impl Step for Hog {
    fn describe() -> Description {
        Description::new("step-hog", "Takes all memory there is.")
    }

    fn apply(_: &Database) -> Result<Outcome> {
        let mut hoard: Vec<Vec<u8>> = Vec::new();
        loop {
            // Written to, so that the pages are there and not merely promised.
            hoard.push(std::hint::black_box(vec![0xa5; 1 << 20]));
        }
    }
}

rehearsal_guest::export_step!(Hog);
