//! Changes something, then says that it could not be done.

use rehearsal_guest::{Database, Description, Outcome, Result, Step, bail, params};

struct ReturnsError;

impl Step for ReturnsError {
    fn describe() -> Description {
        Description::new("step-returns-error", "Gives up half-way.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        db.execute("CREATE TABLE hostile_mark (x)", params![])?;
        bail!("the second half of the change is missing")
    }
}

rehearsal_guest::export_step!(ReturnsError);
