//! The host's invariants: what must hold of every record.

use std::collections::BTreeSet;

use super::leg_subject;
use crate::{
    Sha256,
    record::{
        CallOutcome, CallRecord, CaseRecord, Claim, ErrorClass, Expectation, LastStatement, Leg, LegRecord, Moment, ProbeRecord, Record,
        StateAt, Status, StepRecord,
    },
    verdict::{Code, Finding},
};

/// Everything that is wrong with a record, in its order.
pub fn findings(record: &Record) -> Vec<Finding> {
    let mut found = Findings::default();
    if record.source.sha256_before != record.source.sha256_after {
        found.add(
            Code::SourceChanged,
            "source",
            format!(
                "it had SHA-256 {} before the run and {} after it",
                record.source.sha256_before.short(),
                record.source.sha256_after.short()
            ),
            "somebody wrote to it meanwhile: rehearse on a copy that stands still",
        );
    }
    if record.steps.is_empty() && record.probes.is_empty() {
        found.add(Code::EvidenceMissing, "record", "it holds neither a step nor a probe", "rehearse something");
    }
    unique(&mut found, "step", record.steps.iter().map(|step| step.step.name.as_str()));
    unique(&mut found, "probe", record.probes.iter().map(|probe| probe.probe.name.as_str()));
    let mut reached = Some(record.source.state);
    for record in &record.steps {
        step(&mut found, record, reached);
        reached = record.step.result;
    }
    for record in &record.probes {
        probe(&mut found, record, reached);
    }
    found.0
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, code: Code, subject: impl Into<String>, reason: impl Into<String>, remedy: impl Into<String>) {
        self.0.push(Finding { code, subject: subject.into(), reason: reason.into(), remedy: remedy.into() });
    }

    fn inconsistent(&mut self, subject: &str, reason: impl Into<String>) {
        self.add(
            Code::EvidenceInconsistent,
            subject,
            reason,
            "run the rehearsal again; if it stays so, report it as a defect of this tool",
        );
    }

    fn missing(&mut self, subject: &str, reason: impl Into<String>) {
        self.add(
            Code::EvidenceMissing,
            subject,
            reason,
            "mend what the other findings of this step or probe name, and run the rehearsal again",
        );
    }
}

fn unique<'a>(found: &mut Findings, of: &str, names: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            found.inconsistent(&format!("{of} {name}"), format!("there are two {of}s of this name"));
        }
    }
}

fn step(found: &mut Findings, record: &StepRecord, reached: Option<Sha256>) {
    let subject = format!("step {}", record.step.name);
    call(found, &subject, &record.step.described, "step");
    for made in &record.step.calls {
        call(found, &subject, made, "step");
    }
    trouble(found, &subject, &record.step.trouble);
    if record.step.base.is_none() && reached.is_none() {
        // One reason for the whole step; its legs say the same.
        let reason = record.legs.iter().find_map(|leg| reason_not_run(&leg.status)).unwrap_or("the step before it led to no state");
        found.add(Code::NotRun, &subject, reason, "mend what stopped the steps before it, and run the rehearsal again");
        return;
    }
    if record.step.base != reached {
        found.inconsistent(&subject, "it does not start from the state that the step before it led to");
    }
    if !record.legs.iter().map(|leg| leg.leg).eq(Leg::ALL) {
        found.missing(&subject, "its record does not have each leg once");
    }
    for record_of_leg in &record.legs {
        if record_of_leg.step != record.step.name {
            found.inconsistent(&subject, "it holds a leg of another step");
        }
        leg(found, record, record_of_leg);
    }
}

fn leg(found: &mut Findings, step: &StepRecord, record: &LegRecord) {
    let subject = leg_subject(record);
    match &record.status {
        Status::Ran => {}
        Status::NotApplicable { .. } if record.leg != Leg::Committed => return,
        Status::NotApplicable { reason } => {
            found.missing(&subject, format!("every step has a committed leg; this one says that it does not apply: {reason}"));
            return;
        }
        Status::NotRun { reason } => {
            found.add(Code::NotRun, &subject, reason, "mend what stopped the step, and run the rehearsal again");
            return;
        }
    }
    let mut well = record.trouble.is_empty() && !record.calls.is_empty();
    for made in &record.calls {
        well &= call(found, &subject, made, "step");
    }
    trouble(found, &subject, &record.trouble);
    let at = |moment| record.at(moment).map(|state| state.state);
    if well {
        for moment in record.leg.moments() {
            if at(*moment).is_none() {
                found.missing(&subject, format!("the clone was not digested {}", moment_name(*moment)));
            }
        }
    }
    let start = if record.leg == Leg::ReadOnly { step.step.result } else { step.step.base };
    if at(Moment::Before) != start {
        found.inconsistent(&subject, "its clone did not start from the step's state");
    }
    match record.leg {
        Leg::ReadOnly => {
            if at(Moment::After) != at(Moment::Before) {
                found.add(
                    Code::ReadOnlyChanged,
                    &subject,
                    with_difference("`verify` left another state than it found", record.at(Moment::After)),
                    "a check must not write: move the write into `apply`",
                );
            }
        }
        Leg::Transactional => {
            changed(found, &subject, step, record);
            deterministic(found, &subject, step, record);
            if at(Moment::AfterRollback) != at(Moment::Before) {
                found.add(
                    Code::RollbackIncomplete,
                    &subject,
                    with_difference("after ROLLBACK the clone's bytes differ from those before BEGIN", record.at(Moment::AfterRollback)),
                    "find the statement that ended the transaction early; if there is none, report it as a defect of this tool",
                );
            }
        }
        Leg::Committed => {
            changed(found, &subject, step, record);
            let bytes = |moment| record.at(moment).and_then(|state| state.bytes);
            if bytes(Moment::Before).is_none() || bytes(Moment::AfterRestore) != bytes(Moment::Before) {
                found.add(
                    Code::RestoreIncomplete,
                    &subject,
                    "the restored clone does not have the bytes of the snapshot",
                    "run the rehearsal again; if it stays so, report it as a defect of this tool",
                );
            }
            deterministic(found, &subject, step, record);
        }
    }
}

/// The same step on the same state leads to the same state.
fn deterministic(found: &mut Findings, subject: &str, step: &StepRecord, record: &LegRecord) {
    if let (Some(here), Some(there)) = (record.at(Moment::AfterApply).map(|state| state.state), step.step.result)
        && here != there
    {
        found.add(
            Code::NotDeterministic,
            subject,
            with_difference(
                &format!("the same step on the same state led to {} and to {}", there.short(), here.short()),
                record.at(Moment::AfterApply),
            ),
            "find what the step does not decide by itself: an order without ORDER BY, for example",
        );
    }
}

/// A reason with what differs from the state that it should have been, where that was found out.
fn with_difference(reason: &str, state: Option<&StateAt>) -> String {
    match state.and_then(|state| state.difference.as_ref()) {
        Some(difference) => format!("{reason}: {difference}"),
        None => reason.to_owned(),
    }
}

/// The executor integrity invariant: what a step claims is what the bytes say.
fn changed(found: &mut Findings, subject: &str, step: &StepRecord, record: &LegRecord) {
    let (Some(before), Some(after)) = (record.at(Moment::Before), record.at(Moment::AfterApply)) else { return };
    let is_changed = before.state != after.state;
    let claim = record.calls.iter().rev().find_map(|call| match &call.outcome {
        CallOutcome::Returned { claim, .. } => *claim,
        _ => None,
    });
    match claim {
        Some(Claim::Changed) if !is_changed => found.add(
            Code::FabricatedChange,
            subject,
            "the step claims a change, but left every byte of the state as it was",
            "find out why it reports work that it did not do: its statements may have matched no row of this source; otherwise do not trust it",
        ),
        Some(Claim::Changed) if step.step.content_changed == Some(false) => found.add(
            Code::FabricatedChange,
            subject,
            "the step claims a change, and bytes have moved, but every row and the schema are as they were",
            "find out why it reports work that it did not do: it may have written back what was there",
        ),
        Some(Claim::Unchanged) if is_changed => found.add(
            Code::UnreportedChange,
            subject,
            "the step claims that it changed nothing, but the clone's bytes differ",
            "do not trust this step: find out what it changed, and why it does not say so",
        ),
        Some(Claim::Unchanged) => found.add(
            Code::NothingToDo,
            subject,
            "the step had nothing to do on this source, so its change was not rehearsed",
            "rehearse on a source that needs the step, or take the step out of the plan",
        ),
        Some(Claim::Changed) if step.step.content_changed.is_none() && step.step.result.is_some() => {
            found.missing(subject, "nobody has looked whether the step changed any row");
        }
        Some(Claim::Changed) => {}
        None => found.missing(subject, "the step claims neither a change nor none"),
    }
}

fn probe(found: &mut Findings, record: &ProbeRecord, reached: Option<Sha256>) {
    let subject = format!("probe {}", record.probe.name);
    for made in &record.probe.calls {
        call(found, &subject, made, "probe");
    }
    trouble(found, &subject, &record.probe.trouble);
    if record.probe.base.is_none() && reached.is_none() {
        let reason = record.cases.iter().find_map(|case| reason_not_run(&case.status)).unwrap_or("the steps led to no state");
        found.add(Code::NotRun, &subject, reason, "mend what stopped the steps, and run the rehearsal again");
        return;
    }
    if record.probe.base != reached {
        found.inconsistent(&subject, "its cases do not start from the state that the steps led to");
    }
    if !record.probe.cases.iter().eq(record.cases.iter().map(|case| &case.case)) {
        found.missing(&subject, "the cases in the record are not those that it lists");
    }
    unique(found, "case", record.cases.iter().map(|case| case.case.as_str()));
    let controls = record.cases.iter().filter(|case| case.expected == Expectation::Allowed).count();
    if record.cases.is_empty() {
        found.add(Code::VacuousProbe, &subject, "it lists no case", "give it cases, at least one of them a control that must be allowed");
    } else if controls == 0 {
        found.add(
            Code::VacuousProbe,
            &subject,
            "it has no control: nothing shows that its clone would accept good input",
            "give it a case that must be allowed and that changes the clone",
        );
    } else if controls == record.cases.len() {
        found.add(Code::VacuousProbe, &subject, "it has controls only: no bad input was tried", "give it cases that must be rejected");
    }
    for record_of_case in &record.cases {
        if record_of_case.probe != record.probe.name {
            found.inconsistent(&subject, "it holds a case of another probe");
        }
        case(found, record_of_case, record.probe.base);
    }
}

fn case(found: &mut Findings, record: &CaseRecord, base: Option<Sha256>) {
    let subject = format!("probe {}, case {}", record.probe, record.case);
    match &record.status {
        Status::Ran => {}
        Status::NotApplicable { reason } | Status::NotRun { reason } => {
            found.add(Code::NotRun, &subject, reason, "mend what stopped the steps, and run the rehearsal again");
            return;
        }
    }
    trouble(found, &subject, &record.trouble);
    let [made] = record.calls.as_slice() else {
        found.missing(&subject, "it was not run exactly once");
        return;
    };
    let well = call(found, &subject, made, "probe");
    let (Some(before), Some(after)) = (record.at(Moment::Before), record.at(Moment::After)) else {
        found.missing(&subject, "the clone was not digested before and after it");
        return;
    };
    if Some(before.state) != base {
        found.inconsistent(&subject, "its clone did not start from the state after the steps");
    }
    let is_changed = before.state != after.state;
    match record.expected {
        Expectation::Rejected { class } => {
            if well {
                rejected(found, &subject, made, class);
            }
            if is_changed {
                found.add(
                    Code::RejectionChangedState,
                    &subject,
                    with_difference("it left another state than it found", Some(after)),
                    "a case is one bad statement; what must be there before it belongs into a step or the source",
                );
            }
        }
        Expectation::Allowed => {
            if let Some(refusal) = made.sql.refusals.first() {
                found.add(
                    Code::ControlRefused,
                    &subject,
                    format!("good input was refused: {} ({})", refusal.message, refusal.class.name()),
                    "mend the step that made the clone refuse it, or the control",
                );
            } else if well && !is_changed {
                found.add(
                    Code::VacuousControl,
                    &subject,
                    "it was allowed and changed nothing, so it does not show that the clone accepts good input",
                    "let the control insert or update a row",
                );
            }
        }
    }
}

/// The last statement must have been refused, for the declared reason, and nothing before it.
fn rejected(found: &mut Findings, subject: &str, made: &CallRecord, class: ErrorClass) {
    match &made.sql.last {
        Some(LastStatement::Refused { refusal }) if refusal.class.is_vacuous() => found.add(
            Code::VacuousRejection,
            subject,
            format!("the engine refused it as {}, which says nothing about the data: {}", refusal.class.name(), refusal.message),
            "mend the case's statement: good input would have been refused in the same way",
        ),
        Some(LastStatement::Refused { refusal }) if refusal.class != class => found.add(
            Code::WrongRejection,
            subject,
            format!("declared {}, but the engine refused it as {}: {}", class.name(), refusal.class.name(), refusal.message),
            "declare the class that is meant, or mend the constraint that should have met it first",
        ),
        Some(LastStatement::Refused { .. }) if made.sql.refused.0 > 1 => found.add(
            Code::VacuousRejection,
            subject,
            format!("{} of its statements were refused; only the last may be", made.sql.refused),
            "mend the statements before the last: they must succeed",
        ),
        Some(LastStatement::Refused { .. }) if class.is_vacuous() => found.add(
            Code::VacuousRejection,
            subject,
            format!("it declares {}, which says nothing about the data", class.name()),
            "declare a constraint class",
        ),
        Some(LastStatement::Refused { .. }) => {}
        Some(LastStatement::Accepted) => found.add(
            Code::BadInputAccepted,
            subject,
            format!("the engine accepted what should have been refused as {}", class.name()),
            "add the constraint that is missing, or take the case out if the input is good",
        ),
        None => found.add(Code::EvidenceMissing, subject, "it sent no statement", "let the case send the bad input"),
    }
}

fn reason_not_run(status: &Status) -> Option<&str> {
    match status {
        Status::NotRun { reason } => Some(reason),
        Status::Ran | Status::NotApplicable { .. } => None,
    }
}

fn trouble(found: &mut Findings, subject: &str, trouble: &[String]) {
    for reason in trouble {
        found.add(Code::HostTrouble, subject, reason, "mend the module so that the host can do its part");
    }
}

/// Adds a finding unless a call returned; tells whether it did.
fn call(found: &mut Findings, subject: &str, made: &CallRecord, table: &str) -> bool {
    let (code, remedy) = match &made.outcome {
        CallOutcome::Returned { .. } => return true,
        CallOutcome::Refused { .. } => (Code::ModuleError, "mend what the module names".to_owned()),
        CallOutcome::Failed { .. } => (Code::GaveUp, "mend the module".to_owned()),
        CallOutcome::Trapped { .. } => (Code::Trapped, "mend the module: a trap is a defect in it".to_owned()),
        CallOutcome::Limit { limit, .. } => {
            (Code::LimitOverrun, format!("mend the module, or raise `{limit}` in [limits] or [{table}.limits] of the plan"))
        }
    };
    found.add(code, subject, format!("`{}` {}", made.function, how_it_ended(&made.outcome)), remedy);
    false
}

/// How a call ended, as the end of a sentence.
pub(super) fn how_it_ended(outcome: &CallOutcome) -> String {
    match outcome {
        CallOutcome::Returned { .. } => "returned".to_owned(),
        CallOutcome::Refused { says } => format!("returned an error; the module says: {says}"),
        CallOutcome::Failed { says } => format!("gave up; the module says: {says}"),
        CallOutcome::Trapped { reason } => format!("trapped: {reason}"),
        CallOutcome::Limit { limit, value } => format!("overran the limit {limit} = {value}"),
    }
}

fn moment_name(moment: Moment) -> &'static str {
    match moment {
        Moment::Before => "before the call",
        Moment::After => "after the call",
        Moment::AfterApply => "after apply",
        Moment::AfterRollback => "after ROLLBACK",
        Moment::AfterRestore => "after the restore",
    }
}
