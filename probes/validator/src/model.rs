//! The record as this validator understands it, field by field. An unknown field is an error: what is not understood cannot
//! be ruled on.

use std::fmt;

use serde::Deserialize;

pub use crate::numbers::{Count, Digest};

/// The one format of the record that is understood.
pub const FORMAT: u32 = 1;

/// All observations of one rehearsal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of all this.
    pub format: u32,
    /// The name of the plan.
    pub plan: String,
    /// What was rehearsed on.
    pub source: Source,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The probes, in order.
    pub probes: Vec<Probe>,
}

/// What the operator provided.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What kind of file it is.
    pub kind: SourceKind,
    /// Its size in bytes.
    pub bytes: Count,
    /// Its digest before anything ran.
    pub sha256_before: Digest,
    /// Its digest after everything ran.
    pub sha256_after: Digest,
    /// The state of the first clone.
    pub state: Digest,
    /// How many tables the clone has.
    pub tables: u32,
    /// What intake noticed.
    pub notes: Vec<String>,
}

/// The kinds of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A database file.
    Sqlite,
    /// An SQL script.
    Dump,
}

/// One step and its legs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The step itself.
    pub step: StepSummary,
    /// Its legs.
    pub legs: Vec<LegRun>,
}

/// Where a step began and where it led.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSummary {
    /// Its name.
    pub name: String,
    /// The digest of its module.
    pub module: Digest,
    /// The call of `describe`.
    pub described: Call,
    /// The state that it starts from.
    pub base: Option<Digest>,
    /// The state that it leads to.
    pub result: Option<Digest>,
    /// Whether any row or the schema is another there.
    #[serde(default)]
    pub content_changed: Option<bool>,
    /// The calls on the way there.
    pub calls: Vec<Call>,
    /// What the host could not do on the way.
    pub trouble: Vec<String>,
}

/// The ways of running a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// `verify`, read-only.
    ReadOnly,
    /// BEGIN, apply, ROLLBACK.
    Transactional,
    /// Snapshot, apply, COMMIT, restore.
    Committed,
}

impl Leg {
    /// Those that every step must have, in order.
    pub const REQUIRED: [Leg; 3] = [Leg::ReadOnly, Leg::Transactional, Leg::Committed];
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Leg::ReadOnly => "read-only",
            Leg::Transactional => "transactional",
            Leg::Committed => "committed",
        })
    }
}

/// When a state was digested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before the call.
    Before,
    /// After a call that must change nothing.
    After,
    /// After apply.
    AfterApply,
    /// After ROLLBACK.
    AfterRollback,
    /// After the snapshot was restored.
    AfterRestore,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Moment::Before => "before",
            Moment::After => "after",
            Moment::AfterApply => "after-apply",
            Moment::AfterRollback => "after-rollback",
            Moment::AfterRestore => "after-restore",
        })
    }
}

/// One state digest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateAt {
    /// When.
    pub at: Moment,
    /// The digest of the state.
    pub state: Digest,
    /// The digest of the clone's bytes, where they matter.
    #[serde(default)]
    pub bytes: Option<Digest>,
    /// What differs from the state that it should have been.
    #[serde(default)]
    pub difference: Option<Difference>,
}

/// One leg of one step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegRun {
    /// The step's name.
    pub step: String,
    /// Which leg.
    pub leg: Leg,
    /// Whether it ran.
    pub status: Status,
    /// The digests taken.
    pub states: Vec<StateAt>,
    /// The calls made.
    pub calls: Vec<Call>,
    /// What the host could not do on the way.
    pub trouble: Vec<String>,
}

/// What differs between two states. That there is something to write down is what counts here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// What differs in the schema.
    pub schema: Vec<String>,
    /// What differs in the rows.
    pub tables: Vec<TableDifference>,
    /// Whether that is all.
    pub is_complete: bool,
}

/// What differs in one table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDifference {
    /// Its name.
    pub table: String,
    /// Rows that are only in the later state.
    pub added: Count,
    /// Rows that are only in the earlier state.
    pub removed: Count,
    /// Rows that are in both and not the same.
    pub changed: Count,
    /// Some of them.
    pub rows: Vec<RowDifference>,
}

/// One row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowDifference {
    /// Its key.
    pub key: String,
    /// How it differs.
    pub kind: RowChange,
    /// Where it differs.
    pub columns: Vec<String>,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowChange {
    /// Only in the later state.
    Added,
    /// Only in the earlier state.
    Removed,
    /// In both, and not the same.
    Changed,
}

/// Whether a leg or a case ran.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum Status {
    /// It ran.
    // Braces, since serde lets unknown fields of a tagged unit variant pass.
    Ran {},
    /// It does not apply.
    NotApplicable {
        /// Why.
        reason: String,
    },
    /// It should have run and did not.
    NotRun {
        /// Why.
        reason: String,
    },
}

/// One call of a module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The function.
    pub function: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Fuel used.
    pub fuel: Count,
    /// What it sent to the engine.
    pub sql: Sql,
    /// What it logged: its words, which are ruled on by nobody.
    pub log: Vec<LogLine>,
    /// How much of its log was dropped.
    pub log_bytes_dropped: Count,
}

/// How a call ended.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum Outcome {
    /// It returned.
    Returned {
        /// What it claims.
        #[serde(default)]
        claim: Option<Claim>,
        /// Its words.
        says: String,
    },
    /// It returned an error.
    Refused {
        /// Its words.
        says: String,
    },
    /// It gave up.
    Failed {
        /// Its words.
        says: String,
    },
    /// It trapped.
    Trapped {
        /// Why.
        reason: String,
    },
    /// It overran a limit.
    Limit {
        /// Which.
        limit: String,
        /// Its value.
        value: Count,
    },
}

/// What a step says that it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claim {
    /// It changed the clone.
    Changed,
    /// It did not.
    Unchanged,
}

/// What a call sent to the engine.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sql {
    /// How many statements.
    pub statements: Count,
    /// How many of them were refused.
    pub refused: Count,
    /// The first of those.
    pub refusals: Vec<Refusal>,
    /// Pragmas that had no effect.
    pub ignored_pragmas: Vec<String>,
    /// What became of the last statement.
    #[serde(default)]
    pub last: Option<Last>,
}

/// What became of the last statement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum Last {
    /// It ran.
    Accepted {},
    /// It was refused.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

/// One refused statement.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Which, from 1.
    pub statement: Count,
    /// The class.
    pub class: Class,
    /// The engine's code.
    pub code: i32,
    /// The engine's words.
    pub message: String,
}

/// The classes of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is documented where it is defined, in the WIT")]
pub enum Class {
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

impl Class {
    /// Whether good input would have been refused just the same.
    pub fn is_vacuous(self) -> bool {
        matches!(self, Class::Limit | Class::Syntax | Class::Missing | Class::Other)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::NotNull => "not-null",
            Class::Check => "check",
            Class::Unique => "unique",
            Class::PrimaryKey => "primary-key",
            Class::ForeignKey => "foreign-key",
            Class::Type => "type",
            Class::Trigger => "trigger",
            Class::NotAuthorized => "not-authorized",
            Class::Limit => "limit",
            Class::Syntax => "syntax",
            Class::Missing => "missing",
            Class::Other => "other",
        })
    }
}

/// One line of log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// How loud.
    pub level: String,
    /// The words.
    pub says: String,
}

/// One probe and its cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The probe itself.
    pub probe: ProbeSummary,
    /// Its cases.
    pub cases: Vec<Case>,
}

/// What a probe lists.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeSummary {
    /// Its name.
    pub name: String,
    /// The digest of its module.
    pub module: Digest,
    /// The state that its cases start from.
    pub base: Option<Digest>,
    /// The calls of `describe` and `cases`.
    pub calls: Vec<Call>,
    /// The names of its cases.
    pub cases: Vec<String>,
    /// What the host could not do on the way.
    pub trouble: Vec<String>,
}

/// One case of one probe.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The probe's name.
    pub probe: String,
    /// Its name.
    pub case: String,
    /// The probe's words.
    pub says: String,
    /// What must happen.
    pub expected: Expectation,
    /// Whether it ran.
    pub status: Status,
    /// The digests taken.
    pub states: Vec<StateAt>,
    /// The call of `run`.
    pub calls: Vec<Call>,
    /// What the host could not do on the way.
    pub trouble: Vec<String>,
}

/// What a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum Expectation {
    /// The last statement is refused.
    Rejected {
        /// With this class.
        class: Class,
    },
    /// Everything succeeds.
    Allowed {},
}
