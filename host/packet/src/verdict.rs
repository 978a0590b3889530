//! The verdict: what follows from the observations.

use serde::{Deserialize, Serialize};

use crate::{
    Sha256,
    record::{CallRecord, Record},
};

/// The version of [`Verdict`] and [`RulingRecord`].
pub const VERDICT_FORMAT: u32 = 1;

/// PASSED or FAILED, and why. The words are those of SLSA's verification summaries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// [`VERDICT_FORMAT`].
    pub format: u32,
    /// PASSED exactly when there is no finding.
    pub verdict: Outcome,
    /// Why not clean, in the order of the plan.
    pub findings: Vec<Finding>,
    /// What a reader should know though nothing failed, in sentences.
    pub caveats: Vec<String>,
}

/// The two verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// The rehearsal was clean. That is evidence, not permission.
    Passed,
    /// Something failed closed.
    Failed,
}

impl Outcome {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "PASSED",
            Outcome::Failed => "FAILED",
        }
    }
}

/// One reason for a verdict that is not clean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What kind of reason.
    pub code: Code,
    /// Whom it concerns: `step loyalty, committed leg`.
    pub subject: String,
    /// What the host saw, in a sentence.
    pub reason: String,
    /// What to do about it, in a sentence.
    pub remedy: String,
}

/// The kinds of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The source has other bytes after the run than before.
    SourceChanged,
    /// A leg or a case that should have run did not.
    NotRun,
    /// A leg, a digest or a call is missing from the record.
    EvidenceMissing,
    /// The records of two stages do not fit together.
    EvidenceInconsistent,
    /// A call trapped.
    Trapped,
    /// A module gave up.
    GaveUp,
    /// A call overran a limit of the plan.
    LimitOverrun,
    /// A call returned an error.
    ModuleError,
    /// The host could not do its part: COMMIT was refused, for example.
    HostTrouble,
    /// A step claims a change; the clone's bytes say that there is none.
    FabricatedChange,
    /// A step claims that it changed nothing; the clone's bytes say that it did.
    UnreportedChange,
    /// A step had nothing to do, so nothing was rehearsed.
    NothingToDo,
    /// ROLLBACK left something behind.
    RollbackIncomplete,
    /// The restored clone is not the snapshot.
    RestoreIncomplete,
    /// A read-only call left another state than it found.
    ReadOnlyChanged,
    /// The same step on the same state led to two states.
    NotDeterministic,
    /// A probe lists no case, or no control, or nothing but controls.
    VacuousProbe,
    /// Bad input was accepted.
    BadInputAccepted,
    /// Bad input was refused, but not for the reason that the case declares.
    WrongRejection,
    /// Bad input was refused for a reason that good input would have met too.
    VacuousRejection,
    /// A refused case left another state than it found.
    RejectionChangedState,
    /// Good input was refused.
    ControlRefused,
    /// A control was allowed and changed nothing, so it shows nothing.
    VacuousControl,
    /// The validator did not rule.
    ValidatorFailed,
    /// The validator refuses the record.
    ValidatorRefused,
    /// The validator accepted a fabricated record.
    ValidatorFooled,
}

impl Code {
    /// The name as it stands in files and reports.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            other => unreachable!("a unit variant is a string, not {other:?}"),
        }
    }
}

/// What the validator said, of the real record and of fabricated ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulingRecord {
    /// [`VERDICT_FORMAT`].
    pub format: u32,
    /// SHA-256 of the validator's bytes.
    pub module: Sha256,
    /// SHA-256 of the canonical bytes of the [`Record`] that it was shown.
    pub record: Sha256,
    /// The call of `describe`.
    pub described: CallRecord,
    /// The call of `validate` with the real record.
    pub call: CallRecord,
    /// Whether it accepts the real record; absent when it did not rule.
    pub accepted: Option<bool>,
    /// Its reasons, escaped.
    pub reasons: Vec<String>,
    /// What it said of fabricated records, in the order of [`fabrications`](crate::judge::fabrications).
    pub controls: Vec<ControlRecord>,
}

/// What the validator said of one fabricated record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlRecord {
    /// What was fabricated.
    pub fabrication: String,
    /// SHA-256 of the canonical bytes of the fabricated record.
    pub record: Sha256,
    /// The call of `validate`.
    pub call: CallRecord,
    /// Whether it accepted; absent when it did not rule.
    pub accepted: Option<bool>,
}

/// The canonical bytes of a record as the validator is shown them, and their digest.
pub fn shown_to_validator(record: &Record) -> (String, Sha256) {
    let bytes = crate::canonical::to_bytes(record);
    let digest = Sha256::of(&bytes);
    (String::from_utf8(bytes).expect("canonical JSON is UTF-8"), digest)
}
