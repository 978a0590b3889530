//! The clone as a module gets it: one hardened connection, one call, one set of limits.
//!
//! What a clone is, and how it costs nothing to make one, is the business of the crate `rehearsal-clone`. Here are the images of a run
//! ([`Clones`]) and what a module may do with a clone of one: it reaches it through a [`Session`] alone, and what a session lets
//! through is decided in one place, the gate (`gate.rs`).

mod adopt;
mod budget;
mod clones;
mod gate;
mod harden;
mod json_patch;
mod layer;
mod linear_functions;
mod pool;
mod refusal;
mod script;
mod session;
mod session_functions;
mod splitter;
mod statement;

pub use budget::Overrun;
pub use clones::{Clones, ImageId, NoImage};
pub use layer::Layer;
pub use pool::{NoSession, SessionPool};
pub use refusal::SqlRefusal;
pub use script::ScriptRefusal;
pub use session::{Access, IdleConnection, Session, SessionSettings};
pub use splitter::{SplitError, SplitStatement, StatementSplitter};
pub use statement::{SqlValue, Statement};
