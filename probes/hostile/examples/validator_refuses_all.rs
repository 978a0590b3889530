//! Refuses whatever it is shown, a clean record too.

use rehearsal_guest::{Description, Ruling, Validator};

struct RefusesAll;

impl Validator for RefusesAll {
    fn describe() -> Description {
        Description::new("validator-refuses-all", "Refuses everything.")
    }

    fn validate(_: &str) -> Ruling {
        Ruling::from_reasons(vec!["nothing is ever good enough".to_owned()])
    }
}

rehearsal_guest::export_validator!(RefusesAll);
