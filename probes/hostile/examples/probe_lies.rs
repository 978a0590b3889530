//! Declares that a statement is refused, and it is not.

use rehearsal_guest::{Case, Description, ErrorClass, Probe};

struct Lies;

impl Probe for Lies {
    fn describe() -> Description {
        Description::new("probe-lies", "A rejection that does not happen.")
    }

    fn cases() -> Vec<Case> {
        vec![
            Case::rejected("accepted", ErrorClass::Check, "A table that nobody minds.", "CREATE TABLE hostile_mark (x)"),
            Case::allowed("control", "A table is created.", "CREATE TABLE hostile_mark (x)"),
        ]
    }
}

rehearsal_guest::export_probe!(Lies);
