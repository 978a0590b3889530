//! The layers of this process between a module's SQL and what it must not do, by name.

/// One layer. Below them all is an engine that has no operating system (`rehearsal_clone::engine`); beside them are the limits of
/// the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// What a statement may do is decided as it is prepared (`gate.rs`).
    Gate,
    /// The settings with which the engine itself refuses (`harden.rs`).
    Hardening,
    /// The engine's limits that are the same in every plan (`harden.rs`).
    FixedLimits,
    /// Functions that cannot be made to run for hours (`linear_functions.rs`, `json_patch.rs`).
    LinearFunctions,
}

impl Layer {
    /// Every layer.
    pub const ALL: [Layer; 4] = [Layer::Gate, Layer::Hardening, Layer::FixedLimits, Layer::LinearFunctions];
}
