//! The isolation record: what stood between a module and everything else, layer by layer, and what did not.

use serde::{Deserialize, Serialize};

/// The version of [`IsolationRecord`].
pub const ISOLATION_FORMAT: u32 = 1;

/// What held, by layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IsolationRecord {
    /// [`ISOLATION_FORMAT`].
    pub format: u32,
    /// The layers, outermost last.
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Its name.
    pub layer: String,
    /// Whether it stood in this run.
    pub state: LayerState,
    /// What it comes to, in sentences.
    pub holds: Vec<String>,
}

/// Whether a layer stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerState {
    /// It stood.
    Held,
    /// This version of the tool does not have it.
    Absent,
}
