//! Ends the host's transaction without a word of transaction control, through a conflict clause, and goes on outside it: what
//! it writes then would outlive the host's ROLLBACK.

use rehearsal_guest::{Database, Description, Outcome, Result, Step, params};

struct RollsBack;

impl Step for RollsBack {
    fn describe() -> Description {
        Description::new("step-rolls-back", "Rolls back behind the host's back.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        db.script("CREATE TABLE hostile_mark (x PRIMARY KEY); INSERT INTO hostile_mark VALUES (1);")?;
        // Refused, and SQLite rolls the whole transaction back with it.
        db.attack("INSERT OR ROLLBACK INTO hostile_mark VALUES (1)", params![]);
        db.attack("CREATE TABLE hostile_mark (x)", params![]);
        Ok(Outcome::Changed("made a mark".to_owned()))
    }
}

rehearsal_guest::export_step!(RollsBack);
