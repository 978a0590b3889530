//! The record: what the host saw, and nothing that follows from it.
//!
//! Every leg and every case has a file of its own in the packet ([`LegRecord`], [`CaseRecord`]). [`Record`] is all of them
//! together, put in order; its canonical bytes are what the validator is shown. Nothing in here may differ between two
//! rehearsals of the same plan: no times, no paths of the machine, no thread numbers.
//!
//! Whatever a module says is in a field named `says`: a claim, escaped for display, never evidence.

use serde::{Deserialize, Serialize};

use crate::{Count, Difference, Sha256};

/// The version of [`Record`] and of everything in it. Raise it when a field changes its meaning or is removed.
pub const RECORD_FORMAT: u32 = 1;

/// All observations of one rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`RECORD_FORMAT`].
    pub format: u32,
    /// The name of the plan.
    pub plan: String,
    /// What was rehearsed on.
    pub source: SourceRecord,
    /// The steps, in the order of the plan.
    pub steps: Vec<StepRecord>,
    /// The probes, in the order of the plan.
    pub probes: Vec<ProbeRecord>,
}

/// What the operator provided, and the clone that was made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRecord {
    /// What kind of file it is.
    pub kind: SourceKind,
    /// The size of the file in bytes.
    pub bytes: Count,
    /// SHA-256 of the file before anything ran.
    pub sha256_before: Sha256,
    /// SHA-256 of the file after everything ran.
    pub sha256_after: Sha256,
    /// The state digest of the first clone.
    pub state: Sha256,
    /// How many tables (not virtual, not SQLite's own) the clone has.
    pub tables: u32,
    /// What intake changed or noticed, in sentences: a WAL header switched to rollback mode, for example.
    pub notes: Vec<String>,
}

/// The kinds of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// An SQLite database file.
    Sqlite,
    /// A script of SQL statements that builds one.
    Dump,
}

/// One step and its legs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepRecord {
    /// The step itself.
    pub step: StepSummary,
    /// One record for each leg, in the order of [`Leg::ALL`].
    pub legs: Vec<LegRecord>,
}

/// One step: where it began and where it led.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSummary {
    /// The name in the plan.
    pub name: String,
    /// SHA-256 of the module's bytes.
    pub module: Sha256,
    /// The call of `describe`.
    pub described: CallRecord,
    /// The state digest that the step starts from; absent when an earlier step did not lead to one.
    pub base: Option<Sha256>,
    /// The state digest after the step was applied and committed for the next one; absent when it could not be.
    pub result: Option<Sha256>,
    /// Whether any row, or the schema, is another in the result than in the base: bytes can move and all rows stay as they are.
    /// Absent when there is no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_changed: Option<bool>,
    /// The calls made on the way to `result`.
    pub calls: Vec<CallRecord>,
    /// What the host could not do on the way, in sentences (COMMIT was refused, for example). Each is a finding.
    pub trouble: Vec<String>,
}

/// The ways of running a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// `verify` with a read-only handle, on the state after the step.
    ReadOnly,
    /// BEGIN, apply, ROLLBACK.
    Transactional,
    /// Snapshot, apply, COMMIT, restore.
    Committed,
}

impl Leg {
    /// Every leg, in the order of the report.
    pub const ALL: [Leg; 3] = [Leg::ReadOnly, Leg::Transactional, Leg::Committed];

    /// The name as it stands in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Leg::ReadOnly => "read-only",
            Leg::Transactional => "transactional",
            Leg::Committed => "committed",
        }
    }

    /// The moments at which this leg must have digested the clone.
    pub fn moments(self) -> &'static [Moment] {
        match self {
            Leg::ReadOnly => &[Moment::Before, Moment::After],
            Leg::Transactional => &[Moment::Before, Moment::AfterApply, Moment::AfterRollback],
            Leg::Committed => &[Moment::Before, Moment::AfterApply, Moment::AfterRestore],
        }
    }
}

/// When a state was digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before the module was called.
    Before,
    /// After a call that must change nothing.
    After,
    /// After `apply` (and COMMIT, in the committed leg).
    AfterApply,
    /// After ROLLBACK.
    AfterRollback,
    /// After the snapshot was restored.
    AfterRestore,
}

/// One state digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateAt {
    /// When.
    pub at: Moment,
    /// What: see `ARCHITECTURE.md`, "The state digest".
    pub state: Sha256,
    /// The page tree hash of all bytes of the clone, where the exact bytes matter (a restore).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Sha256>,
    /// What differs from the state that it should have been, where there is one and it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// One leg of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegRecord {
    /// The step's name.
    pub step: String,
    /// Which leg.
    pub leg: Leg,
    /// Whether it ran.
    pub status: Status,
    /// The digests taken, in order.
    pub states: Vec<StateAt>,
    /// The calls made, in order.
    pub calls: Vec<CallRecord>,
    /// What the host could not do on the way, in sentences. Each is a finding.
    pub trouble: Vec<String>,
}

impl LegRecord {
    /// The digests taken at a moment, if it was reached.
    pub fn at(&self, moment: Moment) -> Option<&StateAt> {
        self.states.iter().find(|state| state.at == moment)
    }
}

/// Whether a leg or a case ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum Status {
    /// It ran; whether well is for the judge.
    Ran,
    /// It does not apply to this step, as the plan or the module's operations say.
    NotApplicable {
        /// Why.
        reason: String,
    },
    /// It should have run and could not: a finding.
    NotRun {
        /// Why.
        reason: String,
    },
}

/// One call of a module's export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRecord {
    /// The function that was called, as the WIT names it.
    pub function: String,
    /// How it ended.
    pub outcome: CallOutcome,
    /// Fuel used.
    pub fuel: Count,
    /// What the call sent to the engine.
    pub sql: SqlRecord,
    /// What it logged, escaped; at most the plan's `log_bytes`.
    pub log: Vec<LogLine>,
    /// Bytes of log that were dropped beyond the limit.
    pub log_bytes_dropped: Count,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum CallOutcome {
    /// It returned.
    Returned {
        /// What it claims, for a call that claims something.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claim: Option<Claim>,
        /// Its words.
        says: String,
    },
    /// It returned an error.
    Refused {
        /// Its words.
        says: String,
    },
    /// It gave up through `diagnostics.fail`: a panic, mostly.
    Failed {
        /// Its words.
        says: String,
    },
    /// It trapped.
    Trapped {
        /// The engine's reason.
        reason: String,
    },
    /// It overran a limit of the plan.
    Limit {
        /// The limit's key in the plan.
        limit: String,
        /// Its value.
        value: Count,
    },
}

impl CallOutcome {
    /// Whether the call returned without an error.
    pub fn returned(&self) -> bool {
        matches!(self, CallOutcome::Returned { .. })
    }
}

/// What a step says that it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// It changed the clone.
    Changed,
    /// It left the clone as it was.
    Unchanged,
}

/// What one call sent to the engine, and what the engine did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlRecord {
    /// How many statements were sent, refused ones included.
    pub statements: Count,
    /// How many were refused.
    pub refused: Count,
    /// The first refusals, at most [`SqlRecord::REFUSALS_MAX`].
    pub refusals: Vec<Refusal>,
    /// Pragmas that were taken and had no effect, because the clone decides them (`journal_mode`, for example); sorted.
    pub ignored_pragmas: Vec<String>,
    /// Whether the last statement was refused, and why; absent when none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastStatement>,
}

impl SqlRecord {
    /// How many refusals are kept in full.
    pub const REFUSALS_MAX: usize = 16;
}

/// What became of the last statement of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum LastStatement {
    /// The engine ran it.
    Accepted,
    /// The engine, or the host before it, refused it.
    Refused {
        /// Why.
        #[serde(rename = "refusal")]
        refusal: Refusal,
    },
}

/// One refused statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Which statement of the call, from 1.
    pub statement: Count,
    /// The class.
    pub class: ErrorClass,
    /// SQLite's extended result code; 0 where the host refused.
    pub code: i32,
    /// The engine's message, escaped.
    pub message: String,
}

/// The classes of refusal, as in the WIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is documented where it is defined, in guest-sdk/wit")]
pub enum ErrorClass {
    NotNull,
    Check,
    Unique,
    PrimaryKey,
    ForeignKey,
    Type,
    Trigger,
    NotAuthorized,
    Limit,
    Syntax,
    Missing,
    Other,
}

impl ErrorClass {
    /// The name as it stands in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            ErrorClass::NotNull => "not-null",
            ErrorClass::Check => "check",
            ErrorClass::Unique => "unique",
            ErrorClass::PrimaryKey => "primary-key",
            ErrorClass::ForeignKey => "foreign-key",
            ErrorClass::Type => "type",
            ErrorClass::Trigger => "trigger",
            ErrorClass::NotAuthorized => "not-authorized",
            ErrorClass::Limit => "limit",
            ErrorClass::Syntax => "syntax",
            ErrorClass::Missing => "missing",
            ErrorClass::Other => "other",
        }
    }

    /// Whether a rejection of this class says anything about the data: a typo, a missing table or an overrun limit would
    /// have stopped good input as well.
    pub fn is_vacuous(self) -> bool {
        matches!(self, ErrorClass::Syntax | ErrorClass::Missing | ErrorClass::Limit | ErrorClass::Other)
    }
}

/// One line of log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The module's words, escaped.
    pub says: String,
}

/// One probe and its cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeRecord {
    /// The probe itself.
    pub probe: ProbeSummary,
    /// The cases, in the probe's order.
    pub cases: Vec<CaseRecord>,
}

/// One probe: what it lists, and the state that its cases start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeSummary {
    /// The name in the plan.
    pub name: String,
    /// SHA-256 of the module's bytes.
    pub module: Sha256,
    /// The state digest that every case starts from; absent when the steps did not lead to one.
    pub base: Option<Sha256>,
    /// The calls of `describe` and `cases`.
    pub calls: Vec<CallRecord>,
    /// The names of the cases, in the probe's order.
    pub cases: Vec<String>,
    /// What the host found wrong with the list of cases, in sentences. Each is a finding.
    pub trouble: Vec<String>,
}

/// One case of one probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseRecord {
    /// The probe's name.
    pub probe: String,
    /// The case's name.
    pub case: String,
    /// What it tries: the probe's words, escaped.
    pub says: String,
    /// What must happen.
    pub expected: Expectation,
    /// Whether it ran.
    pub status: Status,
    /// The digests before and after, as far as they were reached.
    pub states: Vec<StateAt>,
    /// The call of `run`, if it was made.
    pub calls: Vec<CallRecord>,
    /// What the host could not do on the way, in sentences. Each is a finding.
    pub trouble: Vec<String>,
}

impl CaseRecord {
    /// The digests taken at a moment, if it was reached.
    pub fn at(&self, moment: Moment) -> Option<&StateAt> {
        self.states.iter().find(|state| state.at == moment)
    }
}

/// What a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum Expectation {
    /// The engine refuses the last statement with this class.
    Rejected {
        /// The class.
        class: ErrorClass,
    },
    /// A control: everything succeeds.
    Allowed,
}
