//! Why the content of an image cannot be read.

use std::io;

/// Why the content of an image cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The machine could not read the base, or pages that did not fit into memory.
    #[error("the image cannot be read: {0}")]
    Io(#[from] io::Error),
    /// SQLite refuses the image, or one of its tables.
    #[error("SQLite cannot read {what}: {source}")]
    Sqlite {
        /// What was being read.
        what: String,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// It takes longer than it may.
    #[error("reading {what} takes more than the {steps_max} steps that it may take")]
    TooMuchWork {
        /// What was being read.
        what: String,
        /// The limit.
        steps_max: u64,
    },
    /// A table whose rows are not where their keys say.
    #[error("the rows of the table {table} are not in the order of their keys: the image is corrupt")]
    OutOfOrder {
        /// The table.
        table: String,
    },
    /// A key whose order only the application knows.
    #[error("the key of the table {table} is sorted by the collation {collation}, which is not one of SQLite's own")]
    Collation {
        /// The table.
        table: String,
        /// The collation.
        collation: String,
    },
}
