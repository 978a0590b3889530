//! The report: the whole packet on one page, for people (`report.md`) and for programs (`report.json`).
//!
//! Both follow from the records; the gate makes them again and compares bytes, so a report cannot say what the records do not.

mod markdown;

use serde::{Deserialize, Serialize};

pub use markdown::to_markdown;

use crate::{
    Count, Sha256,
    contents::Evidence,
    decision::{Choice, Decision},
    judge::leg_subject,
    record::{CallOutcome, CaseRecord, Claim, Expectation, LastStatement, LegRecord, Moment, SourceKind, Status},
    verdict::{Finding, Outcome, Verdict},
};

/// The version of [`Report`].
pub const REPORT_FORMAT: u32 = 1;

/// Rehearsed clean.
pub const EXIT_CLEAN: u8 = 0;
/// It ran, and something failed closed.
pub const EXIT_FAILED: u8 = 2;

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`REPORT_FORMAT`].
    pub format: u32,
    /// The plan's name.
    pub plan: String,
    /// What the plan is about.
    pub summary: String,
    /// PASSED or FAILED.
    pub verdict: Outcome,
    /// HOLD.
    pub decision: Choice,
    /// The exit code of `rehearsal run`: 0 or 2.
    pub exit_code: u8,
    /// The source.
    pub source: SourceReport,
    /// The steps.
    pub steps: Vec<StepReport>,
    /// The probes.
    pub probes: Vec<ProbeReport>,
    /// The validator.
    pub validator: ValidatorReport,
    /// Why not clean.
    pub findings: Vec<Finding>,
    /// What to know though nothing failed.
    pub caveats: Vec<String>,
}

/// The source, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceReport {
    /// What kind of file.
    pub kind: SourceKind,
    /// How large.
    pub bytes: Count,
    /// Its digest.
    pub sha256: Sha256,
    /// How many tables its clone has.
    pub tables: u32,
    /// Whether it had the same digest when everything was done.
    pub unchanged: bool,
}

/// One step, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    /// Its name.
    pub step: String,
    /// Its module's digest.
    pub module: Sha256,
    /// What it says that it did: its words.
    pub says: String,
    /// Its legs.
    pub legs: Vec<LegReport>,
}

/// One leg, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegReport {
    /// Its name.
    pub leg: String,
    /// Whether it held.
    pub result: CheckResult,
    /// What the bytes say, in a sentence.
    pub observed: String,
}

/// One probe, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeReport {
    /// Its name.
    pub probe: String,
    /// Its module's digest.
    pub module: Sha256,
    /// Its cases.
    pub cases: Vec<CaseReport>,
}

/// One case, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseReport {
    /// Its name.
    pub case: String,
    /// What must happen.
    pub expected: String,
    /// What the host saw.
    pub observed: String,
    /// Whether it held.
    pub result: CheckResult,
}

/// The validator, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorReport {
    /// Its module's digest.
    pub module: Sha256,
    /// Whether it accepts the record; absent when it did not rule.
    pub accepted: Option<bool>,
    /// How many fabricated records it was shown.
    pub controls: u32,
    /// How many of them it refused.
    pub controls_refused: u32,
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// What must hold held.
    Held,
    /// There is a finding.
    Failed,
    /// It does not apply.
    NotApplicable,
}

impl CheckResult {
    /// The words.
    pub fn name(self) -> &'static str {
        match self {
            CheckResult::Held => "held",
            CheckResult::Failed => "FAILED",
            CheckResult::NotApplicable => "not applicable",
        }
    }
}

impl Report {
    /// The report on some evidence.
    pub fn new(evidence: &Evidence, verdict: &Verdict, decision: &Decision) -> Self {
        let record = &evidence.record;
        let failed = |subject: &str| verdict.findings.iter().any(|finding| finding.subject == subject);
        let steps = record.steps.iter().map(|step| StepReport {
            step: step.step.name.clone(),
            module: step.step.module,
            says: step.step.calls.iter().find_map(|call| says(&call.outcome)).unwrap_or_default(),
            legs: step
                .legs
                .iter()
                .map(|leg| LegReport {
                    leg: leg.leg.name().to_owned(),
                    result: match leg.status {
                        _ if failed(&leg_subject(leg)) => CheckResult::Failed,
                        Status::NotApplicable { .. } => CheckResult::NotApplicable,
                        Status::NotRun { .. } => CheckResult::Failed,
                        Status::Ran => CheckResult::Held,
                    },
                    observed: observed_leg(leg),
                })
                .collect(),
        });
        let probes = record.probes.iter().map(|probe| ProbeReport {
            probe: probe.probe.name.clone(),
            module: probe.probe.module,
            cases: probe
                .cases
                .iter()
                .map(|case| CaseReport {
                    case: case.case.clone(),
                    expected: match case.expected {
                        Expectation::Allowed => "allowed".to_owned(),
                        Expectation::Rejected { class } => format!("rejected: {}", class.name()),
                    },
                    observed: observed_case(case),
                    result: match case.status {
                        Status::Ran if !failed(&format!("probe {}, case {}", case.probe, case.case)) => CheckResult::Held,
                        _ => CheckResult::Failed,
                    },
                })
                .collect(),
        });
        let refused = evidence.ruling.controls.iter().filter(|control| control.accepted == Some(false)).count();
        Self {
            format: REPORT_FORMAT,
            plan: evidence.plan.name.clone(),
            summary: evidence.plan.summary.clone(),
            verdict: verdict.verdict,
            decision: decision.decision,
            exit_code: if verdict.verdict == Outcome::Passed { EXIT_CLEAN } else { EXIT_FAILED },
            source: SourceReport {
                kind: record.source.kind,
                bytes: record.source.bytes,
                sha256: record.source.sha256_before,
                tables: record.source.tables,
                unchanged: record.source.sha256_before == record.source.sha256_after,
            },
            steps: steps.collect(),
            probes: probes.collect(),
            validator: ValidatorReport {
                module: evidence.ruling.module,
                accepted: evidence.ruling.accepted,
                controls: u32::try_from(evidence.ruling.controls.len()).unwrap_or(u32::MAX),
                controls_refused: u32::try_from(refused).unwrap_or(u32::MAX),
            },
            findings: verdict.findings.clone(),
            caveats: verdict.caveats.clone(),
        }
    }
}

fn says(outcome: &CallOutcome) -> Option<String> {
    match outcome {
        CallOutcome::Returned { claim: Some(Claim::Changed | Claim::Unchanged), says }
        | CallOutcome::Refused { says }
        | CallOutcome::Failed { says } => Some(says.clone()),
        _ => None,
    }
}

/// What the bytes say of a leg.
fn observed_leg(leg: &LegRecord) -> String {
    if let Status::NotApplicable { reason } | Status::NotRun { reason } = &leg.status {
        return reason.clone();
    }
    let short = |moment: Moment| leg.at(moment).map_or("none".to_owned(), |state| state.state.short());
    let states: Vec<String> = leg.leg.moments().iter().map(|moment| short(*moment)).collect();
    states.join(" → ")
}

/// What the host saw of a case.
fn observed_case(case: &CaseRecord) -> String {
    if let Status::NotApplicable { reason } | Status::NotRun { reason } = &case.status {
        return reason.clone();
    }
    let kept = match (case.at(Moment::Before), case.at(Moment::After)) {
        (Some(before), Some(after)) if before.state == after.state => "state unchanged",
        (Some(_), Some(_)) => "state changed",
        _ => "state not digested",
    };
    match case.calls.first().and_then(|call| call.sql.last.as_ref()) {
        Some(LastStatement::Refused { refusal }) => format!("rejected: {} ({}), {kept}", refusal.class.name(), refusal.message),
        Some(LastStatement::Accepted) => format!("accepted, {kept}"),
        None => format!("no statement, {kept}"),
    }
}
