//! Stage 6, judge: the validator is shown the record, and records of rehearsals that did not happen.
//!
//! In: a [`Record`]. Out: a [`RulingRecord`]. The verdict follows from both in [`rehearsal_packet::judge`], which needs neither
//! a module nor an engine, and which the gate runs again.

use rehearsal_packet::{
    judge::fabrications,
    record::{CallRecord, Record},
    verdict::{ControlRecord, RulingRecord, VERDICT_FORMAT, shown_to_validator},
};

use crate::{
    admit::{Admitted, Role},
    guest::{Answer, Ruling},
    run::{TaskAnswer, Work, Worker, WorkerError, task},
};

/// Asks the validator.
///
/// # Errors
/// [`WorkerError`]: the host itself could not go on.
pub fn rule(admitted: &Admitted, worker: &Worker<'_>, record: &Record) -> Result<RulingRecord, WorkerError> {
    let validator = &admitted.plan().validator;
    let ask = |work| -> Result<(CallRecord, Option<Ruling>), WorkerError> {
        match worker.perform(&task(admitted, validator, work))? {
            TaskAnswer::Called { call, answer: Some(Answer::Ruling(ruling)) } => Ok((call, Some(ruling))),
            TaskAnswer::Called { call, .. } => Ok((call, None)),
            other => unreachable!("a worker answers a call with a call, not with {other:?}"),
        }
    };
    let (described, _) = ask(Work::Describe { role: Role::Validator })?;
    let (text, digest) = shown_to_validator(record);
    let (call, ruling) = ask(Work::Validate { record: text })?;
    let mut controls = Vec::new();
    for fabrication in fabrications(record) {
        let (text, digest) = shown_to_validator(&fabrication.record);
        let (call, ruling) = ask(Work::Validate { record: text })?;
        controls.push(ControlRecord { fabrication: fabrication.lie, record: digest, call, accepted: ruling.map(|ruling| ruling.accepted) });
    }
    Ok(RulingRecord {
        format: VERDICT_FORMAT,
        module: validator.found,
        record: digest,
        described,
        call,
        accepted: ruling.as_ref().map(|ruling| ruling.accepted),
        reasons: ruling.map(|ruling| ruling.reasons).unwrap_or_default(),
        controls,
    })
}
