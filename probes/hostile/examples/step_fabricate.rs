//! Claims a change that it never makes: what the executor integrity invariant is there for.

use rehearsal_guest::{Database, Description, Outcome, Result, Step};

struct Fabricate;

impl Step for Fabricate {
    fn describe() -> Description {
        Description::new("fabricated", "Says that it cleaned up the addresses, and touches none.")
    }

    fn apply(_: &Database) -> Result<Outcome> {
        Ok(Outcome::Changed("cleaned up 1204 addresses".to_owned()))
    }
}

rehearsal_guest::export_step!(Fabricate);
