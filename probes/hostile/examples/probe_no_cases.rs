//! Lists no case at all.

use rehearsal_guest::{Case, Description, Probe};

struct NoCases;

impl Probe for NoCases {
    fn describe() -> Description {
        Description::new("probe-no-cases", "Nothing.")
    }

    fn cases() -> Vec<Case> {
        vec![]
    }
}

rehearsal_guest::export_probe!(NoCases);
