//! Not hostile at all, merely random: it writes what SQL's random and time functions give. Two rehearsals must agree all the same, since the plan seeds the one and freezes the other.

use rehearsal_guest::{Database, Description, Outcome, Result, Step};

struct Random;

impl Step for Random {
    fn describe() -> Description {
        Description::new("step-dependent-on-random", "Writes random numbers and the time.")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        db.script(
            "CREATE TABLE hostile_mark (x, y, z);
             INSERT INTO hostile_mark VALUES (random(), hex(randomblob(16)), datetime('now'));
             INSERT INTO hostile_mark VALUES (random(), CURRENT_TIMESTAMP, julianday('now'));",
        )?;
        Ok(Outcome::Changed("wrote two rows".to_owned()))
    }
}

rehearsal_guest::export_step!(Random);
