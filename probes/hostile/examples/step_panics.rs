//! Panics with a message, which must reach the report.

use rehearsal_guest::{Database, Description, Outcome, Result, Step};

struct Panics;

impl Step for Panics {
    fn describe() -> Description {
        Description::new("step-panics", "Panics.")
    }

    fn apply(_: &Database) -> Result<Outcome> {
        panic!("the tank is empty after {} litres", 42)
    }
}

rehearsal_guest::export_step!(Panics);
