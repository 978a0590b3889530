//! The exit codes. The README documents them; a test compares the two.

/// Rehearsed clean; the gate passes; a rerun matches.
pub const CLEAN: u8 = rehearsal_packet::report::EXIT_CLEAN;
/// The tool could not do its work: usage, input or output, internal.
pub const UNABLE: u8 = 1;
/// It ran, and something failed closed: a finding, drift.
pub const FAILED_CLOSED: u8 = rehearsal_packet::report::EXIT_FAILED;
/// Not applied: there is no admissible clone.
pub const NOT_APPLIED: u8 = 3;

/// Every code with what it means, as `--help` and the README give them.
pub const ALL: [(u8, &str); 4] = [
    (CLEAN, "rehearsed clean; the gate passes; a rerun matches"),
    (UNABLE, "the tool could not do its work: usage, input or output, internal"),
    (FAILED_CLOSED, "it ran and something failed closed: a finding, drift"),
    (NOT_APPLIED, "not applied: no admissible clone"),
];
