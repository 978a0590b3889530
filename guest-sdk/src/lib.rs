//! Write steps, probes and validators for `rehearsal` in Rust.
//!
//! A module is a WebAssembly component that holds one thing of value: a handle to an isolated clone of a database, lent
//! for one call. There is no network, no file, no clock, no environment and no randomness here, and this crate adds
//! none: it is a thin layer over the world in `wit/rehearsal.wit`.
//!
//! | to write | implement | export with |
//! |---|---|---|
//! | a step: one change to rehearse | [`Step`] | [`export_step!`] |
//! | a probe: bad input thrown at the migrated clone | [`Probe`] | [`export_probe!`] |
//! | a validator: a ruling on the evidence | [`Validator`] | [`export_validator!`] |
//!
//! # A probe
//!
//! The whole of it; each case is a line of SQL and what must become of it:
//!
//! ```
//! use rehearsal_guest::{Case, Description, ErrorClass, Probe};
//!
//! struct BadOrders;
//!
//! impl Probe for BadOrders {
//!     fn describe() -> Description {
//!         Description::new("bad-orders", "Orders that the shop must not accept.")
//!     }
//!
//!     fn cases() -> Vec<Case> {
//!         vec![
//!             Case::rejected("no-customer", ErrorClass::ForeignKey, "An order of a customer who is not there.",
//!                 "INSERT INTO orders (customer_id, placed_at) VALUES (999999999, '2025-01-01')"),
//!             Case::rejected("unknown-status", ErrorClass::Check, "A status that does not exist.",
//!                 "UPDATE orders SET status = 'teleported' WHERE id = 1"),
//!             Case::allowed("paid", "The control: an order is paid.",
//!                 "UPDATE orders SET status = 'paid' WHERE id = 1"),
//!         ]
//!     }
//! }
//!
//! rehearsal_guest::export_probe!(BadOrders);
//! ```
//!
//! # A step
//!
//! ```
//! use rehearsal_guest::{Database, Description, Outcome, Result, Step, params};
//!
//! struct Trim;
//!
//! impl Step for Trim {
//!     fn describe() -> Description {
//!         Description::new("trim", "Removes the spaces around e-mail addresses.")
//!     }
//!
//!     fn apply(db: &Database) -> Result<Outcome> {
//!         let trimmed = db.execute(
//!             "UPDATE customers SET email = trim(email) WHERE email <> trim(email)",
//!             params![],
//!         )?;
//!         Ok(Outcome::counted(trimmed, "addresses trimmed"))
//!     }
//! }
//!
//! rehearsal_guest::export_step!(Trim);
//! ```
//!
//! # Errors and panics
//!
//! `?` turns any error into [`Error`], whose text reaches the report. A panic reaches it as well, with its message and
//! its place in the source. Neither is a verdict: the host looks at the clone's bytes, whatever a module says.
//!
//! A module is built for `wasm32-unknown-unknown` and made a component afterwards; the README beside this crate says how.

mod bindings;
mod database;
mod description;
mod error;
#[doc(hidden)]
pub mod export;
pub mod inputs;
pub mod log;
mod probe;
mod step;
mod validator;
mod value;

pub use bindings::step_world::rehearsal::guest::clone::ErrorClass;
pub use database::{Database, Row, Rows, ScriptError, SqlError};
pub use description::Description;
pub use error::{Error, Result};
pub use log::fail;
pub use probe::{Attack, AttackFunction, Case, Expectation, Probe};
pub use step::{Operations, Outcome, Step};
pub use validator::{Ruling, Validator};
pub use value::{FromRow, FromValue, Value, WrongType};
