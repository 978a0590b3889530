//! What an image holds, read for comparing and digesting: its schema, its rows in the order of their keys, and which of its b-trees
//! own the pages that changed.
//!
//! Comes in: an image. Goes out: an [`OpenImage`], on a read-only connection of its own. What can go wrong is a [`ContentError`]:
//! the image may be anything, so nothing in it is believed; SQLite reads the rows, and its work is limited.

mod btree;
mod error;
mod layout;
mod open_image;
mod owners;
mod rows;
mod schema;
mod stored;
mod touched;

pub use error::ContentError;
pub(crate) use layout::{Key, KeyColumn, Layout};
pub(crate) use open_image::{OpenImage, StepBudget};
pub(crate) use rows::Rows;
pub(crate) use schema::{Object, Schema};
pub(crate) use stored::{Encoding, Stored};
pub(crate) use touched::TouchedTables;
