//! Changes the clone first and is refused then: the state after a rejection must be that before it.

use rehearsal_guest::{Case, Description, ErrorClass, Probe};

struct LeavesChange;

impl Probe for LeavesChange {
    fn describe() -> Description {
        Description::new("probe-leaves-change", "A rejection that leaves something behind.")
    }

    fn cases() -> Vec<Case> {
        vec![
            Case::rejected(
                "changed-first",
                ErrorClass::Check,
                "A table stays behind when the last statement is refused.",
                ["CREATE TABLE hostile_mark (x CHECK (x > 0))", "INSERT INTO hostile_mark VALUES (0)"],
            ),
            Case::allowed("control", "A table is created.", "CREATE TABLE hostile_mark (x)"),
        ]
    }
}

rehearsal_guest::export_probe!(LeavesChange);
