//! Asks for a row of a gigabyte, then for rows without end: the limits on bytes and rows must end it.

use rehearsal_guest::{Database, Description, Outcome, Result, Step, bail, params};

struct HugeRow;

impl Step for HugeRow {
    fn describe() -> Description {
        Description::new("step-huge-row", "Reads more than there is room for.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        let refused = match db.value::<Vec<u8>>("SELECT zeroblob(1000000000)", params![]) {
            Ok(blob) => bail!("got a row of {} bytes", blob.unwrap_or_default().len()),
            Err(error) => error,
        };
        rehearsal_guest::info!("the gigabyte was refused: {refused}");
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, hex(zeroblob(500)) FROM n";
        for (count, row) in db.query(endless, params![])?.enumerate() {
            if let Err(error) = row {
                bail!("stopped after {count} rows: {error}");
            }
        }
        Ok(Outcome::Changed("read to the end of an endless query".to_owned()))
    }
}

rehearsal_guest::export_step!(HugeRow);
