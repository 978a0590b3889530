//! Declares a CHECK and sends a typo: refused, but for a reason that says nothing about the data.

use rehearsal_guest::{Case, Description, ErrorClass, Probe};

struct Vacuous;

impl Probe for Vacuous {
    fn describe() -> Description {
        Description::new("probe-vacuous", "A rejection that shows nothing.")
    }

    fn cases() -> Vec<Case> {
        vec![
            Case::rejected("typo", ErrorClass::Check, "A statement that does not parse.", "INSRET INTO hostile_mark VALUES (1)"),
            Case::rejected("no-table", ErrorClass::Check, "A table that is not there.", "INSERT INTO hostile_nowhere VALUES (1)"),
            Case::allowed("control", "A table is created.", "CREATE TABLE hostile_mark (x)"),
        ]
    }
}

rehearsal_guest::export_probe!(Vacuous);
