//! Logs without end: captured up to a limit, counted beyond it, and ended by fuel or the deadline.

use rehearsal_guest::{Database, Description, Outcome, Result, Step};

struct Printer;

impl Step for Printer {
    fn describe() -> Description {
        Description::new("step-printer", "Talks without end.")
    }

    fn apply(_: &Database) -> Result<Outcome> {
        let mut line = 0_u64;
        loop {
            rehearsal_guest::info!("line {line}: {}", "all work and no play ".repeat(50));
            line += 1;
        }
    }
}

rehearsal_guest::export_step!(Printer);
