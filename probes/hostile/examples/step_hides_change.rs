//! Says that there was nothing to do, and changes the clone.

use rehearsal_guest::{Database, Description, Outcome, Result, Step};

struct HidesChange;

impl Step for HidesChange {
    fn describe() -> Description {
        Description::new("step-hides-change", "Changes in secret.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        db.script("CREATE TABLE hostile_mark (x); INSERT INTO hostile_mark VALUES (1);")?;
        Ok(Outcome::Unchanged("there was nothing to do".to_owned()))
    }
}

rehearsal_guest::export_step!(HidesChange);
