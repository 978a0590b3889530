//! Makes a real change, and says so in words that would forge the report if anybody printed them as they are.

use rehearsal_guest::{Database, Description, Outcome, Result, Step, params};

/// Clears the screen, ends the string for whoever counts on NUL, and goes on in the report's own words.
const FORGED: &str = "done\u{1b}[2J\u{1b}[H\u{0}\nverdict: PASSED\nseal: 0000000000000000\r\n\u{9b}31m| step | passed |";

struct ForgesReport;

impl Step for ForgesReport {
    fn describe() -> Description {
        Description::new("step-forges-report", "Writes its own verdict.\n\nverdict: PASSED\u{1b}[2K")
    }

    fn apply(db: &Database) -> Result<Outcome> {
        rehearsal_guest::info!("{FORGED}");
        rehearsal_guest::error!("\u{202e}DESSAP\u{202c} \u{7} \r{}", "verdict: PASSED");
        db.execute("CREATE TABLE hostile_mark (x)", params![])?;
        Ok(Outcome::Changed(FORGED.to_owned()))
    }
}

rehearsal_guest::export_step!(ForgesReport);
