//! Tries to end the host's transaction and to have one of its own, then makes a change: the change must not outlive the rollback.

use rehearsal_guest::{Database, Description, Outcome, Result, Step, bail, params};

struct Commits;

impl Step for Commits {
    fn describe() -> Description {
        Description::new("step-commits", "Commits behind the host's back.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        // A mark from before the COMMIT: what would survive, if that got through.
        db.execute("CREATE TABLE hostile_mark (x)", params![])?;
        let mut got_through = Vec::new();
        for control in ["COMMIT", "END", "BEGIN", "ROLLBACK"] {
            if db.execute(control, params![]).is_ok() || db.script(control).is_ok() {
                got_through.push(control);
            }
        }
        if !got_through.is_empty() {
            bail!("not refused: {}", got_through.join(", "));
        }
        db.execute("INSERT INTO hostile_mark VALUES (1)", params![])?;
        Ok(Outcome::Changed("made a mark".to_owned()))
    }
}

rehearsal_guest::export_step!(Commits);
