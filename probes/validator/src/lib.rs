//! The validator that comes with rehearsal: a second opinion.
//!
//! It is shown the record, which says what the host saw, and nothing else. It shares no code with the host: it reads the
//! JSON with types of its own and derives by itself what must hold. Where the two disagree, the run fails.
//!
//! [`model`] is the record as this validator understands it; [`steps`] and [`probes`] hold the rules.

pub mod model;
mod numbers;
pub mod probes;
pub mod reasons;
pub mod steps;

use std::collections::BTreeSet;

use rehearsal_guest::{Description, Ruling};

use crate::{
    model::{FORMAT, Record},
    reasons::Reasons,
};

/// The validator.
pub struct Validator;

impl rehearsal_guest::Validator for Validator {
    fn describe() -> Description {
        Description::new("validator", "Refuses a record in which anything is missing, contradicts itself or went wrong.")
    }

    fn validate(record: &str) -> Ruling {
        Ruling::from_reasons(rule(record))
    }
}

/// Why the record is refused; empty when it is accepted.
pub fn rule(text: &str) -> Vec<String> {
    let record: Record = match serde_json::from_str(text) {
        Ok(record) => record,
        Err(error) => return vec![format!("the record cannot be read: {error}")],
    };
    let mut reasons = Reasons::default();
    rule_on_whole(&record, &mut reasons);
    let state = steps::rule_on_steps(&record, &mut reasons);
    probes::rule_on_probes(&record, state, &mut reasons);
    reasons.into_texts()
}

fn rule_on_whole(record: &Record, reasons: &mut Reasons) {
    if record.format != FORMAT {
        reasons.add("record", format!("its format is {}, and this validator knows format {FORMAT} alone", record.format));
    }
    if record.plan.trim().is_empty() {
        reasons.add("record", "it names no plan");
    }
    if record.steps.is_empty() && record.probes.is_empty() {
        reasons.add("record", "it has neither steps nor probes: nothing was rehearsed");
    }
    if record.source.sha256_before != record.source.sha256_after {
        reasons.add("source", "its bytes changed during the rehearsal");
    }
    if record.source.bytes.0 == 0 {
        reasons.add("source", "it is empty");
    }
    no_duplicates("step", record.steps.iter().map(|step| step.step.name.as_str()), reasons);
    no_duplicates("probe", record.probes.iter().map(|probe| probe.probe.name.as_str()), reasons);
}

/// Names are how reasons, files and re-runs refer to things: two of the same could hide one of them.
pub(crate) fn no_duplicates<'a>(kind: &str, names: impl Iterator<Item = &'a str>, reasons: &mut Reasons) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            reasons.add(&format!("{kind} {name}"), format!("there is more than one {kind} of this name"));
        }
    }
}

rehearsal_guest::export_validator!(Validator);
