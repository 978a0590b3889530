//! The decision packet: HOLD until an owner selects otherwise, which nothing in this tool does for them.

use serde::{Deserialize, Serialize};

use crate::verdict::{Outcome, Verdict};

/// The version of [`Decision`].
pub const DECISION_FORMAT: u32 = 1;

/// What an owner has before them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// [`DECISION_FORMAT`].
    pub format: u32,
    /// Always [`Choice::Hold`] here: a rehearsal decides nothing.
    pub decision: Choice,
    /// What an owner selected: nothing.
    pub selected: Option<Choice>,
    /// What this packet authorizes: rehearsals on a production-shaped clone, and nothing else.
    pub authority: String,
    /// What must close before production, in sentences.
    pub blockers: Vec<String>,
}

/// The choices that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Choice {
    /// Do not touch production.
    Hold,
}

impl Decision {
    /// The decision packet of a fresh rehearsal.
    pub fn hold(verdict: &Verdict) -> Self {
        let mut blockers: Vec<String> =
            verdict.findings.iter().map(|finding| format!("{}: {} ({})", finding.subject, finding.reason, finding.code.name())).collect();
        if verdict.verdict == Outcome::Passed {
            blockers.push("no owner has decided: a clean rehearsal is evidence, not permission".to_owned());
        }
        Self {
            format: DECISION_FORMAT,
            decision: Choice::Hold,
            selected: None,
            authority: "PRODUCTION_SHAPED_CLONE_REHEARSAL_ONLY".to_owned(),
            blockers,
        }
    }
}
