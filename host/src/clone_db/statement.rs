//! One prepared statement that keeps its connection alive.
//!
//! rusqlite's `Statement` borrows its connection, which a cursor that a module holds cannot; and it hides where the next
//! statement of a script begins. So this is a small one over the C API, for text that modules send.

use std::{
    ffi::{CStr, c_char, c_int},
    ptr,
    rc::Rc,
};

use rehearsal_packet::record::ErrorClass;
use rusqlite::{Connection, ffi};

use super::{
    gate::GatedConnection,
    refusal::{SqlRefusal, class_of},
};

/// One SQLite value.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl SqlValue {
    /// Bytes of content.
    pub fn bytes(&self) -> usize {
        match self {
            SqlValue::Null => 0,
            SqlValue::Integer(_) | SqlValue::Real(_) => 8,
            SqlValue::Text(text) => text.len(),
            SqlValue::Blob(blob) => blob.len(),
        }
    }
}

/// A prepared statement. Not `Send`: it stays on the thread of its connection.
#[derive(Debug)]
pub struct Statement {
    raw: ptr::NonNull<ffi::sqlite3_stmt>,
    /// Whether it has run to its end, or failed. SQLite would begin it again at the next step.
    ended: bool,
    // The connection is open for as long as any statement holds it.
    connection: Rc<GatedConnection>,
}

/// What `prepare` found at the start of some SQL.
pub(super) enum Prepared {
    /// A statement, and the number of bytes that it took.
    Statement(Statement, usize),
    /// Only white space, comments and semicolons, to the end.
    Nothing,
}

impl Statement {
    /// Prepares the first statement of some SQL; skips comments and empty statements before it.
    pub(super) fn prepare(connection: &Rc<GatedConnection>, sql: &str) -> Result<Prepared, SqlRefusal> {
        // SQLite reads up to the first NUL: what comes after it would be ignored, not run.
        if let Some(offset) = sql.find('\0') {
            return Err(SqlRefusal { offset: Some(offset), ..SqlRefusal::by_host(ErrorClass::Syntax, "the SQL holds a NUL character") });
        }
        let mut start = 0;
        while start < sql.len() {
            let rest = &sql[start..];
            let length = c_int::try_from(rest.len()).map_err(|_| SqlRefusal::by_host(ErrorClass::Limit, "the SQL is larger than 2 GiB"))?;
            let mut raw = ptr::null_mut();
            let mut tail: *const c_char = ptr::null();
            // SAFETY: the handle is that of an open connection; `rest` is readable for `length` bytes; both results can be written.
            let code = unsafe { ffi::sqlite3_prepare_v3(connection.handle(), rest.as_ptr().cast(), length, 0, &mut raw, &mut tail) };
            if code != ffi::SQLITE_OK {
                let mut refusal = last_refusal(connection);
                refusal.offset = Some(start + refusal.offset.unwrap_or(0));
                return Err(refusal);
            }
            // SAFETY: SQLite points `tail` into `rest` or one past its end.
            let used = usize::try_from(unsafe { tail.offset_from(rest.as_ptr().cast()) }).unwrap_or(rest.len());
            start += used;
            if let Some(raw) = ptr::NonNull::new(raw) {
                return Ok(Prepared::Statement(Self { raw, ended: false, connection: connection.clone() }, start));
            }
            if used == 0 {
                break;
            }
        }
        Ok(Prepared::Nothing)
    }

    /// Binds a value to a parameter, counted from 1.
    pub(super) fn bind(&mut self, index: usize, value: &SqlValue) -> Result<(), SqlRefusal> {
        let raw = self.raw.as_ptr();
        let index = c_int::try_from(index).map_err(|_| SqlRefusal::by_host(ErrorClass::Limit, "too many parameters"))?;
        // SAFETY (each arm): `raw` is a live statement; text and blobs are readable for their length, and SQLITE_TRANSIENT makes
        // SQLite copy them before the call returns.
        let code = match value {
            // SAFETY: as above.
            SqlValue::Null => unsafe { ffi::sqlite3_bind_null(raw, index) },
            // SAFETY: as above.
            SqlValue::Integer(integer) => unsafe { ffi::sqlite3_bind_int64(raw, index, *integer) },
            // SAFETY: as above.
            SqlValue::Real(real) => unsafe { ffi::sqlite3_bind_double(raw, index, *real) },
            // SAFETY: as above.
            SqlValue::Text(text) => unsafe {
                ffi::sqlite3_bind_text64(
                    raw,
                    index,
                    text.as_ptr().cast(),
                    text.len() as u64,
                    ffi::SQLITE_TRANSIENT(),
                    ffi::SQLITE_UTF8 as u8,
                )
            },
            // SAFETY: as above. An empty blob needs a pointer that is not null, which a dangling one is.
            SqlValue::Blob(blob) => unsafe {
                ffi::sqlite3_bind_blob64(raw, index, blob.as_ptr().cast(), blob.len() as u64, ffi::SQLITE_TRANSIENT())
            },
        };
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(last_refusal(&self.connection)) }
    }

    /// How many parameters the statement has.
    pub(super) fn parameters(&self) -> usize {
        // SAFETY: `raw` is a live statement.
        usize::try_from(unsafe { ffi::sqlite3_bind_parameter_count(self.raw.as_ptr()) }).unwrap_or(0)
    }

    /// Runs to the next row: true when there is one, false when the statement is done, and ever after.
    pub(super) fn step(&mut self) -> Result<bool, SqlRefusal> {
        if self.ended {
            return Ok(false);
        }
        // SAFETY: `raw` is a live statement.
        let code = unsafe { ffi::sqlite3_step(self.raw.as_ptr()) };
        self.ended = code != ffi::SQLITE_ROW;
        match code {
            ffi::SQLITE_ROW => Ok(true),
            ffi::SQLITE_DONE => Ok(false),
            _ => Err(last_refusal(&self.connection)),
        }
    }

    /// The names of the columns.
    pub fn columns(&self) -> Vec<String> {
        (0..self.column_count())
            .map(|index| {
                // SAFETY: `raw` is a live statement and `index` one of its columns; the name is null only out of memory, else
                // NUL-terminated, and read before anything else is asked of the statement.
                let name = unsafe { ffi::sqlite3_column_name(self.raw.as_ptr(), index) };
                // SAFETY: as above.
                if name.is_null() { String::new() } else { unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned() }
            })
            .collect()
    }

    fn column_count(&self) -> c_int {
        // SAFETY: `raw` is a live statement.
        unsafe { ffi::sqlite3_column_count(self.raw.as_ptr()) }
    }

    /// The values of the row that `step` found.
    pub(super) fn row(&self) -> Result<Vec<SqlValue>, SqlRefusal> {
        (0..self.column_count()).map(|index| self.value(index)).collect()
    }

    fn value(&self, index: c_int) -> Result<SqlValue, SqlRefusal> {
        let raw = self.raw.as_ptr();
        // SAFETY: `raw` is a live statement on a row, and `index` is one of its columns.
        Ok(match unsafe { ffi::sqlite3_column_type(raw, index) } {
            ffi::SQLITE_NULL => SqlValue::Null,
            // SAFETY: as above.
            ffi::SQLITE_INTEGER => SqlValue::Integer(unsafe { ffi::sqlite3_column_int64(raw, index) }),
            // SAFETY: as above.
            ffi::SQLITE_FLOAT => SqlValue::Real(unsafe { ffi::sqlite3_column_double(raw, index) }),
            ffi::SQLITE_TEXT => {
                // SAFETY: as above; the pointer is asked for before the length, as SQLite wants it.
                let start = unsafe { ffi::sqlite3_column_text(raw, index) };
                let bytes = self.bytes_at(start, index)?;
                let text = String::from_utf8(bytes).map_err(|_| {
                    SqlRefusal::by_host(
                        ErrorClass::Other,
                        format!("column {} holds text that is not Unicode: select CAST(… AS BLOB)", index + 1),
                    )
                })?;
                SqlValue::Text(text)
            }
            _ => {
                // SAFETY: as above.
                let start = unsafe { ffi::sqlite3_column_blob(raw, index) };
                SqlValue::Blob(self.bytes_at(start.cast(), index)?)
            }
        })
    }

    fn bytes_at(&self, start: *const u8, index: c_int) -> Result<Vec<u8>, SqlRefusal> {
        // SAFETY: `raw` is a live statement on a row, and `index` is one of its columns.
        let length = usize::try_from(unsafe { ffi::sqlite3_column_bytes(self.raw.as_ptr(), index) }).unwrap_or(0);
        if length == 0 {
            return Ok(Vec::new());
        }
        if start.is_null() {
            return Err(SqlRefusal::by_host(ErrorClass::Limit, "out of memory"));
        }
        // SAFETY: SQLite gave `start` and `length` for the same value, and nothing was asked of the statement in between.
        Ok(unsafe { std::slice::from_raw_parts(start, length) }.to_vec())
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: `raw` is a live statement of a connection that is still open, and nobody uses it after this.
        unsafe { ffi::sqlite3_finalize(self.raw.as_ptr()) };
    }
}

/// What the connection says of its last failure.
pub(super) fn last_refusal(connection: &Connection) -> SqlRefusal {
    // SAFETY: the handle is that of an open connection, used on its own thread; the message is NUL-terminated and is copied before
    // anything else is asked of the connection.
    let (code, message, offset) = unsafe {
        let handle = connection.handle();
        let message = ffi::sqlite3_errmsg(handle);
        let message = if message.is_null() { String::new() } else { CStr::from_ptr(message).to_string_lossy().into_owned() };
        (ffi::sqlite3_extended_errcode(handle), message, ffi::sqlite3_error_offset(handle))
    };
    SqlRefusal { class: class_of(code, &message), code, message, offset: usize::try_from(offset).ok() }
}
