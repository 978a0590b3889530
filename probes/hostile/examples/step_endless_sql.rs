//! Lets the engine compute for ever inside one statement, where fuel does not count: the limit on SQL steps, or the deadline, must end it.

use rehearsal_guest::{Database, Description, Outcome, Result, Step, params};

struct EndlessSql;

impl Step for EndlessSql {
    fn describe() -> Description {
        Description::new("step-endless-sql", "Never lets the engine return.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        let count: Option<i64> =
            db.value("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", params![])?;
        Ok(Outcome::Changed(format!("counted to {count:?}")))
    }
}

rehearsal_guest::export_step!(EndlessSql);
