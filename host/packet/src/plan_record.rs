//! The plan as it was resolved: every digest, every grant, every limit that was in force.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Count, Sha256, record::SourceKind};

/// The version of [`PlanRecord`].
pub const PLAN_RECORD_FORMAT: u32 = 1;

/// The resolved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRecord {
    /// [`PLAN_RECORD_FORMAT`].
    pub format: u32,
    /// The plan's name.
    pub name: String,
    /// What it is about.
    pub summary: String,
    /// SHA-256 of the text, which is `data/plan.toml`.
    pub text: Sha256,
    /// How the plan writes the source.
    pub source: String,
    /// What kind of file the source is.
    pub source_kind: SourceKind,
    /// How the clone behaves.
    pub clone: CloneSettings,
    /// Pinned documents.
    pub documents: Vec<FileUse>,
    /// The steps' modules, in order.
    pub steps: Vec<ModuleGrant>,
    /// The probes' modules, in order.
    pub probes: Vec<ModuleGrant>,
    /// The validator.
    pub validator: ModuleGrant,
}

/// How the clone behaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloneSettings {
    /// Whether foreign keys are enforced.
    pub foreign_keys: bool,
    /// What SQL takes for the present: milliseconds since 1970-01-01T00:00:00Z.
    pub now_unix_ms: i64,
    /// The seed of SQL randomness.
    pub seed: u32,
}

/// A file of the plan; its bytes are `data/files/<sha256>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileUse {
    /// As the plan writes it.
    pub written: String,
    /// SHA-256 of its bytes.
    pub sha256: Sha256,
}

/// One use of a module, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleGrant {
    /// The step's or the probe's name; `validator` for the validator.
    pub name: String,
    /// What it is about, as the plan says.
    pub summary: String,
    /// The module.
    pub module: FileUse,
    /// What the module imports, from its bytes.
    pub imports: Vec<String>,
    /// What it exports, from its bytes.
    pub exports: Vec<String>,
    /// The inputs granted to it.
    pub inputs: BTreeMap<String, FileUse>,
    /// `host` or `own`: who begins and ends transactions. Absent for what is not a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactions: Option<String>,
    /// Its limits, by their keys in the plan.
    pub limits: BTreeMap<String, Count>,
}

impl PlanRecord {
    /// Every use of a module.
    pub fn modules(&self) -> impl Iterator<Item = &ModuleGrant> {
        self.steps.iter().chain(&self.probes).chain([&self.validator])
    }

    /// Every file that the plan names, but the source.
    pub fn files(&self) -> impl Iterator<Item = &FileUse> {
        let modules = self.modules().flat_map(|module| [&module.module].into_iter().chain(module.inputs.values()));
        self.documents.iter().chain(modules)
    }
}
