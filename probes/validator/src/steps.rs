//! The rules for steps and their legs.

use crate::{
    model::{Call, Claim, Digest, Leg, LegRun, Moment, Outcome, Record, StateAt, Status, Step},
    reasons::Reasons,
};

/// Rules on every step, and returns the state that the last of them led to: where the probes start from.
pub fn rule_on_steps<'a>(record: &'a Record, reasons: &mut Reasons) -> Option<&'a Digest> {
    let mut state = Some(&record.source.state);
    for step in &record.steps {
        rule_on_step(step, state, reasons);
        state = step.step.result.as_ref();
    }
    state
}

fn rule_on_step(step: &Step, before: Option<&Digest>, reasons: &mut Reasons) {
    let summary = &step.step;
    let subject = format!("step {}", summary.name);
    match (&summary.base, before) {
        (None, _) => reasons.add(&subject, "it has no base: no earlier step led to a state"),
        (Some(base), Some(before)) if base != before => {
            reasons.add(&subject, format!("it starts from state {base}, and what came before ended in {before}"));
        }
        _ => {}
    }
    if summary.result.is_none() {
        reasons.add(&subject, "it has no result: it could not be applied and committed");
    }
    if summary.result.is_some() && summary.result == summary.base {
        reasons.add(&subject, "its result is its base: nothing changed");
    }
    rule_on_trouble(&subject, &summary.trouble, reasons);
    rule_on_call(&subject, &summary.described, reasons);
    require_call(&subject, "apply", &summary.calls, reasons);
    for call in &summary.calls {
        rule_on_call(&subject, call, reasons);
        if call.function == "apply" {
            rule_on_claim(&subject, call, summary.base != summary.result, reasons);
        }
    }
    match summary.content_changed {
        Some(true) => {}
        Some(false) => reasons.add(&subject, "bytes have moved, and yet every row and the schema are as they were"),
        None => reasons.add(&subject, "nobody has looked whether any row is another"),
    }
    rule_on_leg_order(&subject, step, reasons);
    for leg in &step.legs {
        rule_on_leg(step, leg, reasons);
    }
}

fn rule_on_leg_order(subject: &str, step: &Step, reasons: &mut Reasons) {
    for required in Leg::REQUIRED {
        match step.legs.iter().filter(|run| run.leg == required).count() {
            0 => reasons.add(subject, format!("it has no {required} leg")),
            1 => {}
            count => reasons.add(subject, format!("it has {count} {required} legs")),
        }
    }
    let order: Vec<Leg> = step.legs.iter().map(|run| run.leg).collect();
    if order.len() == Leg::REQUIRED.len() && order != Leg::REQUIRED {
        reasons.add(subject, "its legs are not in the order read-only, transactional, committed");
    }
}

fn rule_on_leg(step: &Step, run: &LegRun, reasons: &mut Reasons) {
    let subject = format!("step {}, {} leg", step.step.name, run.leg);
    if run.step != step.step.name {
        reasons.add(&subject, format!("it says that it belongs to step {}", run.step));
    }
    rule_on_trouble(&subject, &run.trouble, reasons);
    match &run.status {
        Status::Ran {} => {}
        Status::NotRun { reason } => {
            return reasons.add(&subject, format!("it was not run: {reason}"));
        }
        Status::NotApplicable { reason } => {
            if run.leg == Leg::Committed {
                reasons.add(&subject, format!("it applies to every step, and was left out: {reason}"));
            }
            if !run.calls.is_empty() || !run.states.is_empty() {
                reasons.add(&subject, "it does not apply, and yet something was run");
            }
            return;
        }
    }
    for call in &run.calls {
        rule_on_call(&subject, call, reasons);
    }
    match run.leg {
        Leg::ReadOnly => rule_on_read_only(&subject, step, run, reasons),
        Leg::Transactional => rule_on_transactional(&subject, step, run, reasons),
        Leg::Committed => rule_on_committed(&subject, step, run, reasons),
    }
}

fn rule_on_read_only(subject: &str, step: &Step, run: &LegRun, reasons: &mut Reasons) {
    require_call(subject, "verify", &run.calls, reasons);
    let Some([before, after]) = digests(subject, &run.states, [Moment::Before, Moment::After], reasons) else {
        return;
    };
    same(subject, "before", &before.state, "the step's result", step.step.result.as_ref(), reasons);
    same(subject, "after", &after.state, "before", Some(&before.state), reasons);
}

fn rule_on_transactional(subject: &str, step: &Step, run: &LegRun, reasons: &mut Reasons) {
    require_call(subject, "apply", &run.calls, reasons);
    let moments = [Moment::Before, Moment::AfterApply, Moment::AfterRollback];
    let Some([before, applied, rolled_back]) = digests(subject, &run.states, moments, reasons) else {
        return;
    };
    same(subject, "before", &before.state, "the step's base", step.step.base.as_ref(), reasons);
    rule_on_change(subject, run, before, applied, reasons);
    same(subject, "after-apply", &applied.state, "the step's result", step.step.result.as_ref(), reasons);
    same(subject, "after-rollback", &rolled_back.state, "before", Some(&before.state), reasons);
}

fn rule_on_committed(subject: &str, step: &Step, run: &LegRun, reasons: &mut Reasons) {
    require_call(subject, "apply", &run.calls, reasons);
    let moments = [Moment::Before, Moment::AfterApply, Moment::AfterRestore];
    let Some([before, applied, restored]) = digests(subject, &run.states, moments, reasons) else {
        return;
    };
    same(subject, "before", &before.state, "the step's base", step.step.base.as_ref(), reasons);
    rule_on_change(subject, run, before, applied, reasons);
    same(subject, "after-apply", &applied.state, "the step's result", step.step.result.as_ref(), reasons);
    same(subject, "after-restore", &restored.state, "before", Some(&before.state), reasons);
    match (&before.bytes, &restored.bytes) {
        (Some(before), Some(restored)) if before == restored => {}
        (Some(_), Some(_)) => reasons.add(subject, "the restored bytes are not the bytes before"),
        _ => reasons.add(subject, "the digest of the bytes is missing before or after-restore"),
    }
}

/// A step that claims a change and leaves the state as it was fails, and so does every other disagreement.
fn rule_on_change(subject: &str, run: &LegRun, before: &StateAt, applied: &StateAt, reasons: &mut Reasons) {
    let changed = applied.state != before.state;
    if !changed {
        reasons.add(subject, "after-apply is the state before: nothing changed");
    }
    for call in run.calls.iter().filter(|call| call.function == "apply") {
        rule_on_claim(subject, call, changed, reasons);
    }
}

fn rule_on_claim(subject: &str, call: &Call, changed: bool, reasons: &mut Reasons) {
    let Outcome::Returned { claim, .. } = &call.outcome else {
        return;
    };
    match (claim, changed) {
        (Some(Claim::Changed), true) | (Some(Claim::Unchanged), false) => {}
        (Some(Claim::Changed), false) => reasons.add(subject, "apply claims a change that did not happen"),
        (Some(Claim::Unchanged), true) => reasons.add(subject, "apply claims that nothing changed, and something did"),
        (None, _) => reasons.add(subject, "apply returned without a claim"),
    }
}

/// Exactly these moments, in this order.
pub(crate) fn digests<'a, const N: usize>(
    subject: &str,
    states: &'a [StateAt],
    moments: [Moment; N],
    reasons: &mut Reasons,
) -> Option<[&'a StateAt; N]> {
    for state in states {
        rule_on_difference(subject, state, reasons);
    }
    let mut complete = true;
    for moment in moments {
        if !states.iter().any(|state| state.at == moment) {
            reasons.add(subject, format!("the digest {moment} is missing"));
            complete = false;
        }
    }
    if !complete {
        return None;
    }
    let in_order = states.len() == N && states.iter().map(|state| state.at).eq(moments);
    if !in_order {
        let wanted: Vec<String> = moments.iter().map(Moment::to_string).collect();
        reasons.add(subject, format!("its digests must be {}, once each and in this order", wanted.join(", ")));
        return None;
    }
    <[&StateAt; N]>::try_from(states.iter().collect::<Vec<_>>()).ok()
}

/// Two states that must be one. Where the second is missing, another rule has said so already.
pub(crate) fn same(subject: &str, name: &str, found: &Digest, expected_name: &str, expected: Option<&Digest>, reasons: &mut Reasons) {
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        reasons.add(subject, format!("{name} is state {found}, and {expected_name} is state {expected}"));
    }
}

/// The call that makes the leg or case what it is: exactly one.
pub(crate) fn require_call(subject: &str, function: &str, calls: &[Call], reasons: &mut Reasons) {
    match calls.iter().filter(|call| call.function == function).count() {
        0 => reasons.add(subject, format!("{function} was never called")),
        1 => {}
        count => reasons.add(subject, format!("{function} was called {count} times")),
    }
}

/// What the host itself could not do leaves the rehearsal incomplete.
pub(crate) fn rule_on_trouble(subject: &str, trouble: &[String], reasons: &mut Reasons) {
    for trouble in trouble {
        reasons.add(subject, format!("the host had trouble: {trouble}"));
    }
}

/// A difference is written down where a state should be another one.
fn rule_on_difference(subject: &str, state: &StateAt, reasons: &mut Reasons) {
    if let Some(difference) = &state.difference {
        let tables: Vec<&str> = difference.tables.iter().map(|table| table.table.as_str()).collect();
        let (moment, objects) = (state.at, difference.schema.len());
        reasons.add(
            subject,
            format!(
                "{moment} is another state than it should be: {objects} objects of the schema and the tables [{}] differ",
                tables.join(", ")
            ),
        );
    }
}

/// The call returned, and its account of its statements adds up.
pub(crate) fn rule_on_call(subject: &str, call: &Call, reasons: &mut Reasons) {
    let function = &call.function;
    match &call.outcome {
        Outcome::Returned { .. } => {}
        Outcome::Refused { says } => reasons.add(subject, format!("{function} returned an error: {says}")),
        Outcome::Failed { says } => reasons.add(subject, format!("{function} gave up: {says}")),
        Outcome::Trapped { reason } => reasons.add(subject, format!("{function} trapped: {reason}")),
        Outcome::Limit { limit, value } => {
            reasons.add(subject, format!("{function} overran the limit {limit} of {}", value.0));
        }
    }
    let sql = &call.sql;
    let kept = u64::try_from(sql.refusals.len()).unwrap_or(u64::MAX);
    let adds_up = sql.refused.0 <= sql.statements.0
        && kept <= sql.refused.0
        && (kept > 0 || sql.refused.0 == 0)
        && sql.last.is_some() == (sql.statements.0 > 0);
    if !adds_up {
        reasons.add(subject, format!("the account of the statements of {function} does not add up"));
    }
}
