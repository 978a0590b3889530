//! What happens during a run: the only thing that the runner and the display share.

use std::time::Duration;

use rehearsal_packet::{Sha256, record::Leg};

/// The stages of a run, as the display names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the source.
    Intake,
    /// Compiling the modules.
    Compile,
    /// Legs and cases.
    Run,
    /// The host's invariants and the validator.
    Judge,
    /// Writing the packet.
    Seal,
}

impl Stage {
    /// What is being done, for a progress line.
    pub fn doing(self) -> &'static str {
        match self {
            Stage::Intake => "reading the source",
            Stage::Compile => "compiling modules",
            Stage::Run => "rehearsing",
            Stage::Judge => "judging",
            Stage::Seal => "sealing",
        }
    }
}

/// One thing that happened. Events come from many threads and in any order; nothing in a packet depends on them.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A stage began.
    StageBegan(Stage),
    /// A stage ended.
    StageEnded(Stage, Duration),
    /// So much of the source has been read.
    SourceRead {
        /// Bytes read.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A step was applied for the steps after it.
    StepApplied {
        /// Its name.
        step: &'a str,
        /// The resulting state; absent when it could not be applied.
        state: Option<Sha256>,
    },
    /// A leg ended, or turned out not to run.
    LegEnded {
        /// The step.
        step: &'a str,
        /// The leg.
        leg: Leg,
    },
    /// A case ended.
    CaseEnded {
        /// The probe.
        probe: &'a str,
        /// The case.
        case: &'a str,
    },
}

/// Takes events. It must not fail and must not block for long: the runner waits for it.
pub trait Observer: Sync {
    /// Something happened.
    fn observe(&self, event: &Event<'_>);
}

/// Takes no notice.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _event: &Event<'_>) {}
}
