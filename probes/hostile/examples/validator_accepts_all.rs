//! Accepts whatever it is shown, so that a fabricated record gets past it: the host must notice.

use rehearsal_guest::{Description, Ruling, Validator};

struct AcceptsAll;

impl Validator for AcceptsAll {
    fn describe() -> Description {
        Description::new("validator-accepts-all", "Accepts everything.")
    }

    fn validate(_: &str) -> Ruling {
        Ruling::from_reasons(Vec::new())
    }
}

rehearsal_guest::export_validator!(AcceptsAll);
