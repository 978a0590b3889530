//! The rules for probes and their cases.

use crate::{
    model::{Call, Case, Class, Digest, Expectation, Last, Moment, Probe, Record, Status},
    no_duplicates,
    reasons::Reasons,
    steps::{digests, require_call, rule_on_call, rule_on_trouble, same},
};

/// Rules on every probe. `state` is where the steps led to.
pub fn rule_on_probes(record: &Record, state: Option<&Digest>, reasons: &mut Reasons) {
    for probe in &record.probes {
        rule_on_probe(probe, state, reasons);
    }
}

fn rule_on_probe(probe: &Probe, state: Option<&Digest>, reasons: &mut Reasons) {
    let summary = &probe.probe;
    let subject = format!("probe {}", summary.name);
    rule_on_trouble(&subject, &summary.trouble, reasons);
    match &summary.base {
        None => reasons.add(&subject, "it has no base: the steps led to no state"),
        Some(base) => same(&subject, "its base", base, "the result of the steps", state, reasons),
    }
    for function in ["describe", "cases"] {
        require_call(&subject, function, &summary.calls, reasons);
    }
    for call in &summary.calls {
        rule_on_call(&subject, call, reasons);
    }
    let present: Vec<&str> = probe.cases.iter().map(|case| case.case.as_str()).collect();
    if summary.cases != present {
        reasons.add(&subject, format!("it lists the cases [{}], and the record holds [{}]", summary.cases.join(", "), present.join(", ")));
    }
    no_duplicates(&format!("{subject}, case"), present.into_iter(), reasons);
    let controls = probe.cases.iter().filter(|case| matches!(case.expected, Expectation::Allowed {})).count();
    if controls == 0 {
        reasons.add(&subject, "it has no control: no case that must be allowed");
    }
    if controls == probe.cases.len() {
        reasons.add(&subject, "it has no case that must be rejected");
    }
    for case in &probe.cases {
        rule_on_case(probe, case, reasons);
    }
}

fn rule_on_case(probe: &Probe, case: &Case, reasons: &mut Reasons) {
    let subject = format!("probe {}, case {}", probe.probe.name, case.case);
    if case.probe != probe.probe.name {
        reasons.add(&subject, format!("it says that it belongs to probe {}", case.probe));
    }
    rule_on_trouble(&subject, &case.trouble, reasons);
    match &case.status {
        Status::Ran {} => {}
        Status::NotRun { reason } => {
            return reasons.add(&subject, format!("it was not run: {reason}"));
        }
        Status::NotApplicable { reason } => {
            return reasons.add(&subject, format!("a case always applies, and this was left out: {reason}"));
        }
    }
    require_call(&subject, "run", &case.calls, reasons);
    for call in &case.calls {
        rule_on_call(&subject, call, reasons);
    }
    let states = digests(&subject, &case.states, [Moment::Before, Moment::After], reasons);
    if let Some([before, _]) = states {
        same(&subject, "before", &before.state, "the probe's base", probe.probe.base.as_ref(), reasons);
    }
    let unchanged = states.map(|[before, after]| before.state == after.state);
    let run = case.calls.iter().find(|call| call.function == "run");
    match case.expected {
        Expectation::Rejected { class } => {
            if class.is_vacuous() {
                reasons.add(&subject, format!("it expects {class}, which would refuse good input as well"));
            }
            if let Some(run) = run {
                rule_on_rejection(&subject, run, class, reasons);
            }
            if unchanged == Some(false) {
                reasons.add(&subject, "the clone was changed, and the attack should have left it as it was");
            }
        }
        Expectation::Allowed {} => {
            if let Some(run) = run {
                rule_on_control(&subject, run, reasons);
            }
            if unchanged == Some(true) {
                reasons.add(&subject, "the control changed nothing, so it shows nothing");
            }
        }
    }
}

fn rule_on_rejection(subject: &str, run: &Call, class: Class, reasons: &mut Reasons) {
    match &run.sql.last {
        None => reasons.add(subject, "it sent no statement"),
        Some(Last::Accepted {}) => reasons.add(subject, format!("its last statement should be refused as {class}, and ran")),
        Some(Last::Refused { refusal }) => {
            if refusal.class != class {
                reasons.add(
                    subject,
                    format!("its last statement should be refused as {class}, and was refused as {}: {}", refusal.class, refusal.message),
                );
            }
            if refusal.statement != run.sql.statements {
                reasons.add(subject, "the refusal of its last statement is of another statement");
            }
            if run.sql.refusals.first() != Some(refusal) {
                reasons.add(subject, "the refusals do not begin with that of its last statement");
            }
        }
    }
    if run.sql.refused.0 > 1 {
        reasons.add(subject, format!("{} statements were refused, and only the last may be", run.sql.refused.0));
    }
}

fn rule_on_control(subject: &str, run: &Call, reasons: &mut Reasons) {
    if run.sql.statements.0 == 0 {
        reasons.add(subject, "the control sent no statement");
    }
    if run.sql.refused.0 > 0 {
        let why = run.sql.refusals.first().map(|refusal| format!(": {}: {}", refusal.class, refusal.message));
        reasons.add(subject, format!("a statement of the control was refused{}", why.unwrap_or_default()));
    }
}
