//! Why a statement was refused: SQLite's result codes as the classes of the guest world.

use rehearsal_packet::record::ErrorClass;
use rusqlite::ffi;

/// A refused statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({}, code {code})", class.name())]
pub struct SqlRefusal {
    /// The class.
    pub class: ErrorClass,
    /// SQLite's extended result code; 0 where the host refused.
    pub code: i32,
    /// The message.
    pub message: String,
    /// Where in the statement, in bytes, if the engine says.
    pub offset: Option<usize>,
}

impl SqlRefusal {
    /// A refusal by the host, before the engine saw the statement.
    pub fn by_host(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, code: 0, message: message.into(), offset: None }
    }
}

/// The class of an extended result code. SQLITE_ERROR says little by itself: there the message decides between a statement
/// that does not parse and a name that does not exist.
pub(super) fn class_of(extended: i32, message: &str) -> ErrorClass {
    match extended {
        ffi::SQLITE_CONSTRAINT_NOTNULL => ErrorClass::NotNull,
        ffi::SQLITE_CONSTRAINT_CHECK => ErrorClass::Check,
        ffi::SQLITE_CONSTRAINT_UNIQUE => ErrorClass::Unique,
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => ErrorClass::PrimaryKey,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ErrorClass::ForeignKey,
        ffi::SQLITE_CONSTRAINT_TRIGGER => ErrorClass::Trigger,
        ffi::SQLITE_CONSTRAINT_DATATYPE => ErrorClass::Type,
        _ => match extended & 0xff {
            ffi::SQLITE_MISMATCH => ErrorClass::Type,
            ffi::SQLITE_AUTH | ffi::SQLITE_READONLY | ffi::SQLITE_PERM => ErrorClass::NotAuthorized,
            ffi::SQLITE_TOOBIG | ffi::SQLITE_FULL | ffi::SQLITE_NOMEM | ffi::SQLITE_INTERRUPT => ErrorClass::Limit,
            ffi::SQLITE_ERROR => class_of_message(message),
            _ => ErrorClass::Other,
        },
    }
}

/// What SQLite says where one of its limits is in the way, and its code says no more than that something is wrong.
const TOO_MUCH: [&str; 7] =
    ["too many", "too large", "too complex", "too deep", "parser stack overflow", "Recursion limit", "at most 64 tables in a join"];

fn class_of_message(message: &str) -> ErrorClass {
    let missing = ["no such ", "unknown database", "unknown table"].iter().any(|start| message.starts_with(start));
    if missing || message.contains(" has no column named ") {
        ErrorClass::Missing
    } else if message.contains("syntax error") || message.starts_with("incomplete input") || message.starts_with("unrecognized token") {
        ErrorClass::Syntax
    } else if TOO_MUCH.iter().any(|part| message.contains(part)) {
        ErrorClass::Limit
    } else if message.starts_with("not authorized") || message.starts_with("access to ") || message.starts_with("unsafe use of") {
        ErrorClass::NotAuthorized
    } else {
        ErrorClass::Other
    }
}
