//! Guests: compiling admitted modules, and making one call of one export under limits.
//!
//! In: an [`AdmittedModule`](crate::admit::AdmittedModule) and a [`Call`]. Out: what the host saw ([`Called`]), whatever the
//! module did: a trap, an endless loop and a lie are observations here, never errors of the host. Every call has a fresh
//! instance; the linker knows the interfaces of `rehearsal:guest` and nothing else.

mod bindings;
mod call;
mod engine;
mod host;
mod memory;

pub use call::{Answer, Call, Called, Export, ListedCase, Ruling};
pub use engine::{CompileError, Guests};
pub use host::GrantedInput;
