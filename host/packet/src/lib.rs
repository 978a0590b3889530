//! The evidence packet of a rehearsal: its model, its canonical bytes, its digests, and the gate that checks them.
//!
//! This crate knows neither an engine nor a database. It is meant to be read whole by somebody who does not believe us:
//! [`record`] is what the host saw, [`judge`] is what follows from it, [`contents`] is where each of both lies in a packet,
//! [`mod@bag`] is the directory that holds them, and [`gate`] checks one such directory.

#![forbid(unsafe_code)]

pub mod bag;
pub mod canonical;
pub mod contents;
pub mod decision;
mod difference;
mod digest;
pub mod isolation;
pub mod judge;
mod packet;
pub mod plan_record;
mod printable;
pub mod record;
pub mod report;
pub mod verdict;

pub use difference::{Difference, RowChange, RowDifference, TableDifference};
pub use digest::{Count, Hasher, NotADigest, Sha256};
pub use packet::{CheckedPacket, GateError, RUN_FORMAT, RunInfo, SealError, SealedPacket, gate, seal, tree_of};
pub use printable::printable;
