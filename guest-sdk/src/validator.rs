//! Validators: rulings on the record of a rehearsal.

use crate::{Description, bindings::validator_world::exports::rehearsal::guest::validator as raw};

/// Rules on records. Export it with [`export_validator!`](crate::export_validator). It sees no clone.
pub trait Validator {
    /// Who it is.
    fn describe() -> Description;

    /// Rules on one record: the canonical JSON of what the host saw (see the WIT). The host shows the real one, and
    /// fabricated ones that must be refused.
    fn validate(record: &str) -> Ruling;
}

/// The ruling on one record: accepted exactly when nothing was found wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    reasons: Vec<String>,
}

impl Ruling {
    /// The ruling that follows from these reasons: accepted when there are none.
    pub fn from_reasons(reasons: Vec<String>) -> Self {
        Self { reasons }
    }

    /// What was found wrong.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// Whether the record shows a clean rehearsal.
    pub fn accepted(&self) -> bool {
        self.reasons.is_empty()
    }

    pub(crate) fn into_raw(self) -> raw::Ruling {
        raw::Ruling { accepted: self.accepted(), reasons: self.reasons }
    }
}
