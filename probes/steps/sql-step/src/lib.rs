//! A step that is SQL files.
//!
//! | input | what it is |
//! |---|---|
//! | `up` | the change: a script |
//! | `down` | optional: a script that undoes it; offered as `revert` |
//! | `verify` | optional: queries that return a row for everything that is wrong; offered as `verify` |
//!
//! The host ships this module, so that a directory of migrations can be rehearsed as it stands.

mod split;
mod verify;

use rehearsal_guest::{Database, Description, Error, Operations, Outcome, Result, Step, bail, inputs};

pub use split::{Statement, split};

const UP: &str = "up";
const DOWN: &str = "down";
const VERIFY: &str = "verify";

/// The step.
pub struct SqlStep;

impl Step for SqlStep {
    fn describe() -> Description {
        // Told here already: a plan with a misspelt input must not get as far as a run.
        if let Err(error) = check_names(&inputs::names()) {
            rehearsal_guest::fail(&error.to_string());
        }
        Description::new("sql-step", "Runs the SQL files granted as its inputs.")
    }

    fn operations() -> Operations {
        let names = inputs::names();
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        let mut operations = Operations::none();
        if has(VERIFY) {
            operations = operations.with_verify();
        }
        if has(DOWN) {
            operations = operations.with_revert();
        }
        operations
    }

    fn apply(db: &Database) -> Result<Outcome> {
        check_names(&inputs::names())?;
        run_script(db, UP)
    }

    fn verify(db: &Database) -> Result<Vec<String>> {
        verify::violations(db, VERIFY, &inputs::read_text(VERIFY)?)
    }

    fn revert(db: &Database) -> Result<Outcome> {
        run_script(db, DOWN)
    }
}

/// An input that would never be read is a mistake in the plan, most likely a misspelt `down`.
fn check_names(names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| ![UP, DOWN, VERIFY].contains(&name.as_str())) {
        bail!("input `{unknown}` is none that sql-step knows: name the inputs `{UP}` (required), `{DOWN}` or `{VERIFY}` in the plan");
    }
    if !names.iter().any(|name| name == UP) {
        bail!("sql-step has no input `{UP}`: grant it the SQL file to apply under that name in the plan");
    }
    Ok(())
}

/// What it claims is no more than it knows: how many statements ran. Whether they changed anything is for the host to see.
fn run_script(db: &Database, input: &str) -> Result<Outcome> {
    let script = inputs::read_text(input)?;
    let statements = db.script(&script).map_err(|error| Error::new(format!("input `{input}`, {error}")))?;
    Ok(match statements {
        0 => Outcome::Unchanged(format!("input `{input}` holds no statement")),
        1 => Outcome::Changed(format!("ran the one statement of input `{input}`")),
        _ => Outcome::Changed(format!("ran the {statements} statements of input `{input}`")),
    })
}

rehearsal_guest::export_step!(SqlStep);

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        check_names(&names).err().map(String::from).unwrap_or_default()
    }

    #[test]
    fn the_three_names_are_known_and_only_up_is_required() {
        assert_eq!(complaint(&["up"]), "");
        assert_eq!(complaint(&["down", "up", "verify"]), "");
        assert_eq!(complaint(&["down"]), "sql-step has no input `up`: grant it the SQL file to apply under that name in the plan");
        assert_eq!(
            complaint(&["dwon", "up"]),
            "input `dwon` is none that sql-step knows: name the inputs `up` (required), `down` or `verify` in the plan"
        );
    }
}
