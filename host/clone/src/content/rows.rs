//! A statement, and the row that it stands on, through SQLite's own interface.
//!
//! rusqlite takes SQL as `str`, and hands text out as UTF-8. The names in a schema need be neither, and a conversion of stored text
//! can make two different texts the same one.

use std::{
    ffi::{CStr, c_int},
    ptr::{self, NonNull},
    slice,
};

use rusqlite::ffi;

use super::stored::Stored;
use crate::connection::CloneConnection;

/// A prepared statement.
#[derive(Debug)]
pub(crate) struct Rows<'c> {
    statement: NonNull<ffi::sqlite3_stmt>,
    connection: &'c CloneConnection,
    /// Whether text is converted to UTF-8.
    is_in_utf8: bool,
}

impl<'c> Rows<'c> {
    /// Prepares a statement.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn prepare(connection: &'c CloneConnection, sql: &[u8]) -> rusqlite::Result<Self> {
        let too_long = |_| rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None);
        let length = c_int::try_from(sql.len()).map_err(too_long)?;
        let mut statement = ptr::null_mut();
        // SAFETY: the connection is open, and nothing else uses it meanwhile: it cannot be shared with another thread. SQLite reads no
        // more than `length` bytes of the statement.
        let code =
            unsafe { ffi::sqlite3_prepare_v2(connection.handle(), sql.as_ptr().cast(), length, &raw mut statement, ptr::null_mut()) };
        match NonNull::new(statement) {
            Some(statement) if code == ffi::SQLITE_OK => Ok(Self { statement, connection, is_in_utf8: false }),
            _ => Err(error(connection, code)),
        }
    }

    /// The same, with text as UTF-8.
    pub(crate) fn in_utf8(mut self) -> Self {
        self.is_in_utf8 = true;
        self
    }

    /// Goes to the next row, if there is one.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn advance(&mut self) -> rusqlite::Result<bool> {
        // SAFETY: the statement is not finalized before `self` is dropped. Values of the row that it stood on cannot be borrowed now.
        match unsafe { ffi::sqlite3_step(self.statement.as_ptr()) } {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            code => Err(error(self.connection, code)),
        }
    }

    /// A value of the row that the statement stands on, which is null where there is none.
    pub(crate) fn value(&self, column: usize) -> Stored<'_> {
        let Ok(column) = c_int::try_from(column) else { return Stored::Null };
        let statement = self.statement.as_ptr();
        // SAFETY: the statement is not finalized before `self` is dropped. SQLite takes any number for a column.
        unsafe {
            match ffi::sqlite3_column_type(statement, column) {
                ffi::SQLITE_INTEGER => Stored::Integer(ffi::sqlite3_column_int64(statement, column)),
                ffi::SQLITE_FLOAT => Stored::Real(ffi::sqlite3_column_double(statement, column)),
                ffi::SQLITE_TEXT if self.is_in_utf8 => {
                    let text = ffi::sqlite3_column_text(statement, column);
                    Stored::Text(self.bytes(text, column))
                }
                // As a blob, text comes in the encoding that it has.
                ffi::SQLITE_TEXT => Stored::Text(self.bytes(ffi::sqlite3_column_blob(statement, column).cast(), column)),
                ffi::SQLITE_BLOB => Stored::Blob(self.bytes(ffi::sqlite3_column_blob(statement, column).cast(), column)),
                _ => Stored::Null,
            }
        }
    }

    /// Text, or the bytes of a blob; empty for everything else.
    pub(crate) fn bytes_of(&self, column: usize) -> &[u8] {
        match self.value(column) {
            Stored::Text(bytes) | Stored::Blob(bytes) => bytes,
            Stored::Null | Stored::Integer(_) | Stored::Real(_) => &[],
        }
    }

    /// An integer; 0 for everything else.
    pub(crate) fn integer(&self, column: usize) -> i64 {
        if let Stored::Integer(integer) = self.value(column) { integer } else { 0 }
    }

    /// # Safety
    /// `content` is what SQLite has just handed out for this column as text or blob.
    unsafe fn bytes(&self, content: *const u8, column: c_int) -> &[u8] {
        if content.is_null() {
            return &[];
        }
        // SAFETY: see above: there are so many bytes, and they stay where they are until the statement takes another step, which needs
        // `self` exclusively, or the same column is asked for in another encoding, which one statement never does.
        unsafe {
            let length = ffi::sqlite3_column_bytes(self.statement.as_ptr(), column);
            slice::from_raw_parts(content, usize::try_from(length).unwrap_or(0))
        }
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else has the statement, and the connection is still open.
        unsafe { ffi::sqlite3_finalize(self.statement.as_ptr()) };
    }
}

/// What SQLite says of the last call.
fn error(connection: &CloneConnection, code: c_int) -> rusqlite::Error {
    // SAFETY: the connection is open; the message is NUL-terminated and stays until the next call.
    let message = unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(connection.handle())) };
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(message.to_string_lossy().into_owned()))
}
