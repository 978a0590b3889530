//! Traps without a word: the machine instruction `unreachable`.

use rehearsal_guest::{Database, Description, Outcome, Result, Step};

struct Trap;

impl Step for Trap {
    fn describe() -> Description {
        Description::new("step-trap", "Traps.")
    }

    fn apply(_: &Database) -> Result<Outcome> {
        #[cfg(target_family = "wasm")]
        core::arch::wasm32::unreachable();
        #[cfg(not(target_family = "wasm"))]
        std::process::abort()
    }
}

rehearsal_guest::export_step!(Trap);
