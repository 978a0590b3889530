//! Gives no ruling at all.

use rehearsal_guest::{Description, Ruling, Validator};

struct Traps;

impl Validator for Traps {
    fn describe() -> Description {
        Description::new("validator-traps", "Traps.")
    }

    fn validate(record: &str) -> Ruling {
        panic!("no ruling on {} bytes", record.len())
    }
}

rehearsal_guest::export_validator!(Traps);
