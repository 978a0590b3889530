//! What people see: a progress line while it lasts, and the outcome when it is done.
//!
//! The progress line goes to standard error, and only where that is a terminal; the outcome goes to standard output. Colour
//! goes only to a terminal, and never where NO_COLOR is set. Words of modules were escaped when they were recorded.

mod outcome;
mod progress;

pub use outcome::{audit_module, audit_plan, gate_passed, gate_refused, human, rerun};
pub use progress::ProgressLine;
