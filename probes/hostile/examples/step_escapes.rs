//! Tries every way out of the clone that SQL knows. It returns an error that lists what was NOT refused; where all was, it makes a small change and says so.

use rehearsal_guest::{Database, Description, Outcome, Result, Step, bail, params};

/// None of these has any business in a migration.
const DOORS: [&str; 13] = [
    "ATTACH DATABASE '/etc/passwd' AS outside",
    "ATTACH DATABASE ':memory:' AS beside",
    "DETACH DATABASE main",
    "VACUUM INTO '/tmp/copy.db'",
    "SELECT load_extension('/lib/libc.so.6')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/tmp/mark', 'x')",
    "PRAGMA writable_schema = ON",
    "PRAGMA trusted_schema = ON",
    "PRAGMA temp_store_directory = '/tmp'",
    "PRAGMA data_store_directory = '/tmp'",
    "UPDATE sqlite_schema SET sql = 'CREATE TABLE gone (x)'",
    "CREATE VIRTUAL TABLE outside USING csv(filename = '/etc/passwd')",
];

struct Escapes;

impl Step for Escapes {
    fn describe() -> Description {
        Description::new("step-escapes", "Tries the doors.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        let open: Vec<&str> = DOORS.into_iter().filter(|door| db.execute(door, params![]).is_ok()).collect();
        if !open.is_empty() {
            bail!("not refused: {}", open.join("; "));
        }
        db.script("CREATE TABLE hostile_mark (x); INSERT INTO hostile_mark VALUES (1);")?;
        Ok(Outcome::Changed("every door was shut; made a mark".to_owned()))
    }
}

rehearsal_guest::export_step!(Escapes);
