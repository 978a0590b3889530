//! Rehearses a change to a production database on an isolated clone, and writes down what the bytes say.
//!
//! The stages, each a module, each a type that only the stage before can make:
//!
//! `PlanText → Plan → Preflighted → Admitted → Opened → Observations → Judged → SealedPacket → CheckedPacket`
//!
//! See `ARCHITECTURE.md` for the map and the invariants.

pub mod admit;
pub mod cli;
pub mod clone_db;
pub mod display;
pub mod event;
pub mod exit;
pub mod guest;
pub mod intake;
pub mod judge;
pub mod plan;
pub mod preflight;
pub mod rehearse;
pub mod run;
pub mod seal;
