//! Has no control: a database that refuses everything would pass it.

use rehearsal_guest::{Case, Description, ErrorClass, Probe};

struct NoControl;

impl Probe for NoControl {
    fn describe() -> Description {
        Description::new("probe-no-control", "Only cases that are rejected.")
    }

    fn cases() -> Vec<Case> {
        vec![Case::rejected(
            "another-database",
            ErrorClass::NotAuthorized,
            "A way to another file.",
            "ATTACH DATABASE 'elsewhere.db' AS elsewhere",
        )]
    }
}

rehearsal_guest::export_probe!(NoControl);
