//! Stage 6, judge: from a record to a verdict.
//!
//! Pure: the same record gives the same findings, here when the packet is written and in the gate when it is checked. No
//! finding goes away because a module says something; some appear because it does.

mod fabrication;
mod invariants;

pub use fabrication::{Fabrication, fabrications};
pub use invariants::findings;

use crate::{
    record::{LegRecord, Record, Status},
    verdict::{Code, Finding, Outcome, RulingRecord, VERDICT_FORMAT, Verdict, shown_to_validator},
};

/// The verdict on a record, given what the validator said.
pub fn judge(record: &Record, ruling: &RulingRecord) -> Verdict {
    let mut findings = findings(record);
    findings.extend(validator_findings(record, ruling, !findings.is_empty()));
    let verdict = if findings.is_empty() { Outcome::Passed } else { Outcome::Failed };
    Verdict { format: VERDICT_FORMAT, verdict, findings, caveats: caveats(record) }
}

/// What is wrong with the validator, or in its eyes with the record. Where the host itself has found something, the reasons of
/// the validator are mostly the same again: then they are counted, and stay in `data/validator.json`.
fn validator_findings(record: &Record, ruling: &RulingRecord, host_agrees: bool) -> Vec<Finding> {
    let subject = "validator".to_owned();
    let mut found = Vec::new();
    let mut add = |code, reason: String, remedy: &str| {
        found.push(Finding { code, subject: subject.clone(), reason, remedy: remedy.to_owned() });
    };
    if ruling.record != shown_to_validator(record).1 {
        add(Code::EvidenceInconsistent, "it ruled on another record than this one".into(), "run the rehearsal again");
    }
    match ruling.accepted {
        Some(true) => {}
        Some(false) if ruling.reasons.is_empty() => {
            add(
                Code::ValidatorRefused,
                "it refuses the record and gives no reason".into(),
                "ask the validator's author, or use builtin:validator",
            );
        }
        Some(false) if host_agrees => add(
            Code::ValidatorRefused,
            format!(
                "it refuses the record too; data/validator.json has its reasons ({}), the first: {}",
                ruling.reasons.len(),
                ruling.reasons[0]
            ),
            "mend what the findings above name",
        ),
        Some(false) => {
            for reason in &ruling.reasons {
                add(Code::ValidatorRefused, reason.clone(), "mend what it names; its reasons come beside those of the host");
            }
        }
        None => add(
            Code::ValidatorFailed,
            format!("it did not rule on the record: {}", invariants::how_it_ended(&ruling.call.outcome)),
            "mend the validator, or use builtin:validator",
        ),
    }
    let expected: Vec<_> = fabrications(record).iter().map(|fabrication| shown_to_validator(&fabrication.record).1).collect();
    if expected.len() != ruling.controls.len() || expected.iter().zip(&ruling.controls).any(|(digest, control)| *digest != control.record) {
        add(
            Code::EvidenceMissing,
            "it was not shown every fabricated record that this record gives rise to".into(),
            "run the rehearsal again",
        );
    }
    for control in &ruling.controls {
        match control.accepted {
            Some(false) => {}
            Some(true) => add(
                Code::ValidatorFooled,
                format!("it accepts a record in which {}", control.fabrication),
                "do not use this validator: what it accepts means nothing",
            ),
            None => add(
                Code::ValidatorFailed,
                format!(
                    "it did not rule on a record in which {}: {}",
                    control.fabrication,
                    invariants::how_it_ended(&control.call.outcome)
                ),
                "mend the validator, or use builtin:validator",
            ),
        }
    }
    found
}

/// What a reader should know though nothing failed.
fn caveats(record: &Record) -> Vec<String> {
    let mut caveats = record.source.notes.clone();
    for step in &record.steps {
        for leg in &step.legs {
            if let Status::NotApplicable { reason } = &leg.status {
                caveats.push(format!("{}: not applicable: {reason}", leg_subject(leg)));
            }
        }
        let refused: u64 = step.step.calls.iter().map(|call| call.sql.refused.0).sum();
        if let Some(first) = step.step.calls.iter().flat_map(|call| &call.sql.refusals).next() {
            caveats.push(format!(
                "step {}: the engine refused {refused} of its statements, the first as {}: {}",
                step.step.name,
                first.class.name(),
                first.message
            ));
        }
        let calls = step.legs.iter().flat_map(|leg| &leg.calls).chain(&step.step.calls);
        let mut ignored: Vec<&str> = calls.flat_map(|call| &call.sql.ignored_pragmas).map(String::as_str).collect();
        ignored.sort_unstable();
        ignored.dedup();
        if !ignored.is_empty() {
            caveats.push(format!(
                "step {}: PRAGMA {} had no effect on the clone, which decides that itself",
                step.step.name,
                ignored.join(", ")
            ));
        }
    }
    caveats
}

/// What to call a leg.
pub(crate) fn leg_subject(leg: &LegRecord) -> String {
    format!("step {}, {} leg", leg.step, leg.leg.name())
}
