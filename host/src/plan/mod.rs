//! Stage 1, plan: from the text of a plan to everything that the later stages need.
//!
//! In: the path of a TOML file, or the copy of one in a packet. Out: a [`Plan`], in which every name is valid, every limit
//! has a value, and every file that a module may see is bytes with a digest. What can go wrong is a [`PlanError`], which
//! names the file, the line and what to do. Later stages never look at the text again.

mod limits;
mod load;
mod materials;
mod text;

use std::{collections::BTreeMap, path::PathBuf};

use rehearsal_packet::{Sha256, record::SourceKind};
use serde::{Deserialize, Serialize};

pub use limits::Limits;
pub use load::{PlanError, load, load_text};
pub(crate) use materials::read_file;
pub use materials::{BUILTIN_MODULES, FromDirectory, FromPacket, Material, MaterialError, Materials};
pub(crate) use text::nearest;

/// The version of the plan's format that this tool reads.
pub const PLAN_FORMAT: u32 = 1;

/// A plan: what is rehearsed, on what, with what.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The text, byte for byte.
    pub text: String,
    /// The name; a valid file name.
    pub name: String,
    /// What it is about.
    pub summary: String,
    /// The database or dump.
    pub source: SourcePlan,
    /// How the clone behaves.
    pub clone: ClonePlan,
    /// Documents whose bytes the plan pins.
    pub documents: Vec<Document>,
    /// The steps, in order.
    pub steps: Vec<StepPlan>,
    /// The probes, in order.
    pub probes: Vec<ProbePlan>,
    /// The validator.
    pub validator: ModulePlan,
    /// Every file that the plan names, except the source: read once.
    pub materials: BTreeMap<Sha256, Material>,
}

/// Where the source is and what the plan says of it.
#[derive(Clone, Debug)]
pub struct SourcePlan {
    /// As the plan writes it.
    pub written: String,
    /// Where that is.
    pub path: PathBuf,
    /// What kind of file it is: as stated, else by its name.
    pub kind: SourceKind,
    /// The digest that the plan pins, if it does.
    pub sha256: Option<Sha256>,
}

/// How the clone behaves, where SQLite leaves a choice to the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClonePlan {
    /// Whether foreign keys are enforced. SQLite itself would say no; applications that declare them mean yes.
    pub foreign_keys: bool,
    /// What SQL takes for the present, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_unix_ms: i64,
    /// The seed of `random()` and `randomblob()`.
    pub seed: u32,
}

/// A document whose bytes the plan pins: governance, mostly. It is verified, and kept in the packet.
#[derive(Clone, Debug)]
pub struct Document {
    /// Where the plan writes it: `FILE:LINE:COLUMN`.
    pub place: String,
    /// As the plan writes it.
    pub written: String,
    /// The digest of what is there.
    pub found: Sha256,
    /// The digest that the plan pins.
    pub pinned: Sha256,
}

/// One use of a module: its bytes, what it may read, what it may use up.
#[derive(Clone, Debug)]
pub struct ModulePlan {
    /// What to call it in messages: `step "loyalty"`.
    pub subject: String,
    /// Where the plan writes it: `FILE:LINE:COLUMN`.
    pub place: String,
    /// As the plan writes it: a path, or `builtin:NAME`.
    pub written: String,
    /// The digest of its bytes.
    pub found: Sha256,
    /// The digest that the plan pins, if it does.
    pub pinned: Option<Sha256>,
    /// The inputs granted to it, by name.
    pub inputs: BTreeMap<String, InputPlan>,
    /// Its limits.
    pub limits: Limits,
}

/// One input of a module.
#[derive(Clone, Debug)]
pub struct InputPlan {
    /// Where the plan writes it: `FILE:LINE:COLUMN`.
    pub place: String,
    /// As the plan writes it.
    pub written: String,
    /// The digest of its bytes.
    pub found: Sha256,
    /// The digest that the plan pins, if it does.
    pub pinned: Option<Sha256>,
}

/// One step of the plan.
#[derive(Clone, Debug)]
pub struct StepPlan {
    /// Its name: unique among the steps, a valid file name.
    pub name: String,
    /// What it is about.
    pub summary: String,
    /// Its module.
    pub module: ModulePlan,
    /// Who begins and ends transactions.
    pub transactions: Transactions,
}

/// One probe of the plan.
#[derive(Clone, Debug)]
pub struct ProbePlan {
    /// Its name: unique among the probes, a valid file name.
    pub name: String,
    /// What it is about.
    pub summary: String,
    /// Its module.
    pub module: ModulePlan,
}

/// Who begins and ends transactions in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transactions {
    /// The host: one transaction around each call. The module cannot.
    #[default]
    Host,
    /// The module; then there is no transactional leg.
    Own,
}

impl Plan {
    /// Every use of a module, in the order of the plan.
    pub fn modules(&self) -> impl Iterator<Item = &ModulePlan> {
        let steps = self.steps.iter().map(|step| &step.module);
        let probes = self.probes.iter().map(|probe| &probe.module);
        steps.chain(probes).chain([&self.validator])
    }

    /// The bytes of a file that the plan names.
    ///
    /// # Panics
    /// When the plan names no such file: a `Plan` is only made with all of them.
    pub fn bytes(&self, digest: Sha256) -> &std::sync::Arc<[u8]> {
        &self.materials[&digest].bytes
    }
}
