//! The handle to the clone.

use std::{error, fmt, rc::Rc, vec};

use crate::{
    FromRow, FromValue, Value, WrongType,
    bindings::step_world::rehearsal::guest::clone::{self as raw, ErrorClass},
    error::Result,
};

/// The isolated clone, an SQLite database, lent for one call.
///
/// Foreign keys are enforced unless the plan says otherwise, time is frozen, and there is no way out of it: the host refuses
/// `ATTACH`, extensions, most pragmas and, unless the plan grants them, transactions.
#[derive(Debug)]
#[repr(transparent)]
pub struct Database {
    raw: raw::Database,
}

impl Database {
    pub(crate) fn lent(raw: &raw::Database) -> &Database {
        // SAFETY: `Database` is a transparent wrapper of `raw::Database`, so a reference to one is valid as a reference to
        // the other for the same lifetime.
        unsafe { &*std::ptr::from_ref(raw).cast::<Database>() }
    }

    /// Runs exactly one statement with its parameters (see [`params!`](crate::params)) and returns how many rows it inserted,
    /// updated or deleted itself; 0 for anything else. Rows that it returns are discarded.
    ///
    /// # Errors
    /// When the engine, or the host before it, refuses the statement.
    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, SqlError> {
        Ok(self.raw.execute(sql, params)?)
    }

    /// Sends exactly one statement and does not ask what became of it: that is for the host to see. Made for the last
    /// statement of a probe's case.
    pub fn attack(&self, sql: &str, params: &[Value]) {
        let _ = self.execute(sql, params);
    }

    /// Runs the statements of a script in order, and returns how many there were.
    ///
    /// # Errors
    /// When a statement is refused; those after it are not run.
    pub fn script(&self, sql: &str) -> Result<u32, ScriptError> {
        self.raw.script(sql).map_err(|error| ScriptError { line: error.line, completed: error.completed, error: error.error.into() })
    }

    /// Runs exactly one statement and iterates over its rows, which are fetched in batches. Without `ORDER BY` their order is
    /// not yours to rely on.
    ///
    /// # Errors
    /// When the engine, or the host before it, refuses the statement. Later rows can fail as well: each is a `Result`.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Rows, SqlError> {
        let cursor = self.raw.query(sql, params)?;
        Ok(Rows { columns: cursor.columns().into(), cursor, batch: Vec::new().into_iter(), finished: false })
    }

    /// The one value that a query returns: its first row's first column. `None` where it returns no row.
    ///
    /// # Errors
    /// When the query is refused, or its value is of another type.
    pub fn value<T: FromValue>(&self, sql: &str, params: &[Value]) -> Result<Option<T>> {
        match self.query(sql, params)?.next() {
            Some(row) => Ok(Some(row?.get(0)?)),
            None => Ok(None),
        }
    }
}

/// The rows of one query. The statement is under way until this is dropped or has delivered its last row.
#[derive(Debug)]
pub struct Rows {
    cursor: raw::Cursor,
    columns: Rc<[String]>,
    batch: vec::IntoIter<raw::Row>,
    finished: bool,
}

impl Rows {
    /// How many rows are asked of the host at once.
    const BATCH_ROWS: u32 = 256;

    /// The names of the columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }
}

impl Iterator for Rows {
    type Item = Result<Row, SqlError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.batch.as_slice().is_empty() && !self.finished {
            match self.cursor.next(Self::BATCH_ROWS) {
                Ok(rows) => {
                    self.finished = rows.is_empty();
                    self.batch = rows.into_iter();
                }
                Err(error) => {
                    self.finished = true;
                    return Some(Err(error.into()));
                }
            }
        }
        let row = self.batch.next()?;
        Some(Ok(Row { columns: Rc::clone(&self.columns), values: row.values }))
    }
}

/// One row of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    columns: Rc<[String]>,
    values: Vec<Value>,
}

impl Row {
    /// The names of the columns, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The value of one column, counted from 0.
    ///
    /// # Errors
    /// When it is of another type. A column that the row does not have reads as NULL.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T, WrongType> {
        T::from_value(self.values.get(column).cloned().unwrap_or(Value::Null))
    }

    /// All values at once: `let (id, name): (i64, Option<String>) = row.read()?;`.
    ///
    /// # Errors
    /// When a value is of another type, or the number of columns differs.
    pub fn read<T: FromRow>(self) -> Result<T, WrongType> {
        T::from_values(self.values)
    }
}

/// The row as `column=value, column=value`.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (column, value)) in self.columns.iter().zip(&self.values).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{column}={value}")?;
        }
        Ok(())
    }
}

/// A refused statement. The clone is as it was before the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlError {
    /// The class, for programs.
    pub class: ErrorClass,
    /// SQLite's extended result code; 0 where the host refused before the engine saw the statement.
    pub code: i32,
    /// The engine's message, for people. Never parse it.
    pub message: String,
}

impl From<raw::SqlError> for SqlError {
    fn from(error: raw::SqlError) -> Self {
        Self { class: error.class, code: error.code, message: error.message }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl error::Error for SqlError {}

/// Where a script stopped, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptError {
    /// The line, counted from 1, on which the refused statement begins.
    pub line: u32,
    /// How many statements had succeeded before.
    pub completed: u32,
    /// Why it was refused.
    pub error: SqlError,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.completed == 1 { "" } else { "s" };
        write!(f, "line {}: {} (after {} statement{plural})", self.line, self.error, self.completed)
    }
}

impl error::Error for ScriptError {}

/// The name of the class as the WIT writes it.
impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorClass::NotNull => "not-null",
            ErrorClass::Check => "check",
            ErrorClass::Unique => "unique",
            ErrorClass::PrimaryKey => "primary-key",
            ErrorClass::ForeignKey => "foreign-key",
            ErrorClass::Type => "type",
            ErrorClass::Trigger => "trigger",
            ErrorClass::NotAuthorized => "not-authorized",
            ErrorClass::Limit => "limit",
            ErrorClass::Syntax => "syntax",
            ErrorClass::Missing => "missing",
            ErrorClass::Other => "other",
        })
    }
}
