//! The clone: a private copy of the source, its hardened connection, and the digests of its bytes.
//!
//! In this version a clone is a plain file in a scratch directory that nobody else can enter ([`Scratch`]). A module reaches
//! it through a [`Session`] alone: one connection, one call, one set of limits. What a session lets through is decided in one
//! place, the gate (`gate.rs`); what the state of a clone *is* is decided in another ([`state`]).

mod budget;
mod frozen_time;
mod gate;
mod harden;
mod linear_functions;
mod refusal;
mod scratch;
mod session;
mod splitter;
pub mod state;
mod statement;

pub use budget::Overrun;
pub use refusal::SqlRefusal;
pub use scratch::{Image, ImageId, Scratch, ScratchError};
pub use session::{Access, ScriptRefusal, Session, SessionSettings};
pub use splitter::{SplitError, StatementSplitter};
pub use statement::{SqlValue, Statement};
