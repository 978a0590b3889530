//! What the runner asks and what it is answered: plain values, so that they can cross a process boundary.

use rehearsal_packet::{
    Sha256,
    record::{CallRecord, CaseRecord, LegRecord},
};
use serde::{Deserialize, Serialize};

use crate::{
    admit::Role,
    clone_db::ImageId,
    guest::{Answer, ListedCase},
    plan::{ClonePlan, Limits, Transactions},
};

/// One piece of work that touches guest bytes or guest SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The module that is called.
    pub module: ModuleUse,
    /// How the clone behaves.
    pub clone: ClonePlan,
    /// What is done.
    pub work: Work,
}

/// A module with what it is granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleUse {
    /// SHA-256 of its bytes.
    pub module: Sha256,
    /// Its inputs: name and SHA-256, sorted by name.
    pub inputs: Vec<(String, Sha256)>,
    /// Its limits.
    pub limits: Limits,
}

/// The kinds of work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// `describe`, of any role.
    Describe {
        /// The role.
        role: Role,
    },
    /// Applies and commits a step on a clone of an image, and keeps the result.
    Advance {
        /// Where the step starts.
        base: ImageId,
        /// Where the result goes: reserved, not yet there.
        result: ImageId,
        /// Who begins and ends transactions.
        transactions: Transactions,
    },
    /// One leg of one step.
    Leg {
        /// The step's name.
        step: String,
        /// Which leg, and on what.
        leg: LegWork,
    },
    /// `cases` of a probe.
    ListCases,
    /// One case of a probe.
    Case {
        /// The probe's name.
        probe: String,
        /// The case.
        case: ListedCase,
        /// The state after the steps.
        base: ImageId,
    },
    /// `validate` of the validator.
    Validate {
        /// The canonical JSON of a record.
        record: String,
    },
}

/// The legs that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegWork {
    /// `verify`, on the state after the step.
    ReadOnly {
        /// That state.
        result: ImageId,
    },
    /// BEGIN, apply, ROLLBACK.
    Transactional {
        /// The state before the step.
        base: ImageId,
        /// The state that the step has led to once already.
        expected: Option<ImageId>,
    },
    /// Snapshot, apply, COMMIT, restore.
    Committed {
        /// The state before the step.
        base: ImageId,
        /// The state that the step has led to once already.
        expected: Option<ImageId>,
        /// Who begins and ends transactions.
        transactions: Transactions,
    },
}

/// What a task came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskAnswer {
    /// Of [`Work::Describe`], [`Work::ListCases`] and [`Work::Validate`].
    Called {
        /// What the host saw.
        call: CallRecord,
        /// What the module answered, if it answered.
        answer: Option<Answer>,
    },
    /// Of [`Work::Advance`].
    Advanced {
        /// The call of `apply`.
        call: CallRecord,
        /// The state digest of the result; absent when there is none.
        state: Option<Sha256>,
        /// Whether any row, or the schema, is another in the result; absent when there is none, or it could not be found out.
        content_changed: Option<bool>,
        /// What the host could not do, in sentences.
        trouble: Vec<String>,
    },
    /// Of [`Work::Leg`].
    Leg(LegRecord),
    /// Of [`Work::Case`].
    Case(CaseRecord),
}
