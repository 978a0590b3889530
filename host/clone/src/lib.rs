//! Copy-on-write clones of an SQLite database.
//!
//! A [`Base`] are the bytes of a source, which are only read. An [`Image`] is the content of a clone at one moment: a persistent tree of
//! pages over the base, so that a copy costs nothing and a change costs what it changes. A [`CloneFile`] is an image that SQLite may
//! change, through a VFS of its own that reaches nothing but this image, its journal and temporary files, all of them in a
//! [`Store`]: in memory up to a budget, and beyond it in a file without a name.
//!
//! ```
//! use rehearsal_clone::{Base, CloneFile, CloneSettings, Image, OpenMode, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::new(&std::env::temp_dir(), 64 << 20);
//! let empty = Image::of(Base::from_bytes([])?);
//! let clone = CloneFile::new(empty, &store, CloneSettings { now_unix_ms: 0, growth_bytes_max: 1 << 30 });
//! let connection = clone.open(OpenMode::ReadWrite)?;
//! connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1);")?;
//!
//! let before = clone.image();
//! connection.execute_batch("DELETE FROM t;")?;
//! assert_ne!(clone.image().state_digest()?, before.state_digest()?);
//! clone.restore(&before)?;
//! assert_eq!(connection.query_row("SELECT x FROM t", [], |row| row.get::<_, i64>(0))?, 1);
//! # Ok(())
//! # }
//! ```
//!
//! SQLite is built without an operating system ([`engine`]): what it could reach of the machine is not linked.

mod base;
mod changed_pages;
mod clone_file;
mod connection;
mod content;
mod crash;
mod diff;
mod digest;
pub mod engine;
mod freelist;
mod heap;
mod image;
mod locks;
mod logical;
mod merkle;
mod side_file;
mod store;
mod vfs;

pub use base::Base;
pub use changed_pages::ChangedPages;
pub use clone_file::{CLONE_NAME, CloneFile, CloneSettings, InUse, OpenMode};
pub use connection::CloneConnection;
pub use content::ContentError;
pub use crash::{CrashPoint, Keeps};
pub use diff::{
    Blob, Change, ColumnDifference, Diff, DiffBounds, ObjectDifference, RowDifference, Setting, SettingDifference, TableDifference, Text,
    Value, diff, differs,
};
pub use heap::{HeapBudget, HeapMark};
pub use image::{Image, Resized};
pub use logical::LogicalDigests;
pub use store::Store;
