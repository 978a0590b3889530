//! Applies as it should, and writes through the read-only handle of `verify`. It keeps quiet about a refusal, so that the host's own eyes are what counts.

use rehearsal_guest::{Database, Description, Operations, Outcome, Result, Step, params};

struct VerifyWrites;

impl Step for VerifyWrites {
    fn describe() -> Description {
        Description::new("step-verify-writes", "Writes while it verifies.")
    }

    fn operations() -> Operations {
        Operations::none().with_verify()
    }

    fn apply(db: &Database) -> Result<Outcome> {
        db.execute("CREATE TABLE hostile_mark (x)", params![])?;
        Ok(Outcome::Changed("created a table".to_owned()))
    }

    fn verify(db: &Database) -> Result<Vec<String>> {
        let sneaked = ["INSERT INTO hostile_mark VALUES (1)", "CREATE TABLE hostile_mark_too (x)"]
            .into_iter()
            .filter(|statement| db.execute(statement, params![]).is_ok());
        Ok(sneaked.map(|statement| format!("not refused: {statement}")).collect())
    }
}

rehearsal_guest::export_step!(VerifyWrites);
