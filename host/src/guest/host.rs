//! What the host does for a guest: the functions of the guest world, each bounded, each recorded.

use std::sync::Arc;

use rehearsal_packet::{
    printable,
    record::{ErrorClass, LogLine},
};
use wasmtime::component::Resource;

use super::{
    bindings::{clone, description, diagnostics, inputs},
    memory::TotalMemory,
};
use crate::{
    clone_db::{Overrun, Session, SqlRefusal, SqlValue, Statement},
    plan::Limits,
};

/// The database resource. There is one, and its session is in the [`HostState`].
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Database;

/// The cursor resource; its number is the index in [`HostState::cursors`].
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct Cursor;

/// An input as it is granted to one module.
#[derive(Clone, Debug)]
pub struct GrantedInput {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// The most that one `read` of an input gives.
const READ_BYTES_MAX: usize = 1 << 20;

/// The most bytes of rows that one `next` of a cursor gives, but for the last row.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// The most characters kept of one piece of a guest's text.
pub(super) const TEXT_CHARS_MAX: usize = 4_000;

/// Why the host ended a call. As an error type of its own, it is never taken for a trap of the guest.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// The guest gave up.
    #[error("the module gave up: {0}")]
    Failed(String),
    /// A limit was overrun.
    #[error("the module overran the limit {}", .0.limit)]
    Overrun(Overrun),
}

/// Everything that one instance of a guest can reach.
pub(super) struct HostState {
    // Cursors hold statements of the session's connection; both keep it open, in any order.
    cursors: Vec<Option<OpenCursor>>,
    session: Option<Session>,
    inputs: Vec<GrantedInput>,
    limits: Limits,
    pub(super) memory: TotalMemory,
    pub(super) log: Vec<LogLine>,
    pub(super) log_bytes_dropped: u64,
    log_bytes: u64,
}

struct OpenCursor {
    statement: Statement,
    columns: Vec<String>,
}

impl HostState {
    pub(super) fn new(session: Option<Session>, inputs: Vec<GrantedInput>, limits: &Limits) -> Self {
        Self {
            cursors: Vec::new(),
            session,
            inputs,
            limits: limits.clone(),
            memory: TotalMemory::new(limits),
            log: Vec::new(),
            log_bytes_dropped: 0,
            log_bytes: 0,
        }
    }

    pub(super) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// The session, with every cursor on it closed.
    pub(super) fn into_session(self) -> Option<Session> {
        drop(self.cursors);
        self.session
    }

    /// The session of the handle that the guest holds. A guest can only hold one where there is one.
    fn lent(&self) -> wasmtime::Result<&Session> {
        self.session.as_ref().ok_or_else(|| wasmtime::Error::msg("a database handle where none was lent"))
    }

    /// Ends the call when the session has overrun a limit.
    fn unless_overrun<T>(&self, answer: T) -> wasmtime::Result<T> {
        match self.session.as_ref().and_then(Session::overrun) {
            Some(overrun) => Err(Ended::Overrun(overrun).into()),
            None => Ok(answer),
        }
    }

    fn cursor(&mut self, cursor: &Resource<Cursor>) -> wasmtime::Result<(&Session, &mut OpenCursor)> {
        let slot = self.cursors.get_mut(cursor.rep() as usize).and_then(Option::as_mut);
        match (slot, self.session.as_ref()) {
            (Some(cursor), Some(session)) => Ok((session, cursor)),
            _ => Err(wasmtime::Error::msg("a cursor that is not open")),
        }
    }
}

impl clone::Host for HostState {}

impl clone::HostDatabase for HostState {
    fn execute(
        &mut self,
        _database: Resource<Database>,
        sql: String,
        params: Vec<clone::Value>,
    ) -> wasmtime::Result<Result<u64, clone::SqlError>> {
        let params: Vec<SqlValue> = params.into_iter().map(from_guest).collect();
        let answer = self.lent()?.execute(&sql, &params).map_err(to_guest_error);
        self.unless_overrun(answer)
    }

    fn script(&mut self, _database: Resource<Database>, sql: String) -> wasmtime::Result<Result<u32, clone::ScriptError>> {
        let answer = self.lent()?.script(&sql).map_err(|refused| clone::ScriptError {
            line: refused.line,
            completed: refused.completed,
            error: to_guest_error(refused.refusal),
        });
        self.unless_overrun(answer)
    }

    fn query(
        &mut self,
        _database: Resource<Database>,
        sql: String,
        params: Vec<clone::Value>,
    ) -> wasmtime::Result<Result<Resource<Cursor>, clone::SqlError>> {
        let params: Vec<SqlValue> = params.into_iter().map(from_guest).collect();
        let answer = self.lent()?.query(&sql, &params);
        let statement = match self.unless_overrun(answer)? {
            Ok(statement) => statement,
            Err(refusal) => return Ok(Err(to_guest_error(refusal))),
        };
        let open = self.cursors.iter().filter(|cursor| cursor.is_some()).count() as u64;
        if open >= self.limits.cursors {
            return Err(Ended::Overrun(Overrun { limit: "cursors", value: self.limits.cursors }).into());
        }
        let columns = statement.columns();
        let cursor = Some(OpenCursor { statement, columns });
        let free = self.cursors.iter().position(Option::is_none);
        let index = free.unwrap_or(self.cursors.len());
        match free {
            Some(index) => self.cursors[index] = cursor,
            None => self.cursors.push(cursor),
        }
        Ok(Ok(Resource::new_own(u32::try_from(index)?)))
    }

    fn drop(&mut self, _database: Resource<Database>) -> wasmtime::Result<()> {
        // Guests borrow the handle; the session is the host's to close.
        Ok(())
    }
}

impl clone::HostCursor for HostState {
    fn columns(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<Vec<String>> {
        Ok(self.cursor(&cursor)?.1.columns.clone())
    }

    fn next(&mut self, cursor: Resource<Cursor>, max_rows: u32) -> wasmtime::Result<Result<Vec<clone::Row>, clone::SqlError>> {
        let (session, open) = self.cursor(&cursor)?;
        let answer = session.next_rows(&mut open.statement, max_rows.max(1) as usize, BATCH_BYTES_MAX);
        let answer = self.unless_overrun(answer)?;
        let to_row = |values: Vec<SqlValue>| clone::Row { values: values.into_iter().map(to_guest).collect() };
        Ok(answer.map(|rows| rows.into_iter().map(to_row).collect()).map_err(to_guest_error))
    }

    fn drop(&mut self, cursor: Resource<Cursor>) -> wasmtime::Result<()> {
        if let Some(slot) = self.cursors.get_mut(cursor.rep() as usize) {
            *slot = None;
        }
        Ok(())
    }
}

impl inputs::Host for HostState {
    fn names(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.inputs.iter().map(|input| input.name.clone()).collect())
    }

    fn size(&mut self, name: String) -> wasmtime::Result<Result<u64, inputs::InputError>> {
        Ok(self.input(&name).map(|input| input.bytes.len() as u64))
    }

    fn read(&mut self, name: String, offset: u64, length: u32) -> wasmtime::Result<Result<Vec<u8>, inputs::InputError>> {
        Ok(self.input(&name).map(|input| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(input.bytes.len());
            let length = (length as usize).min(READ_BYTES_MAX).min(input.bytes.len() - start);
            input.bytes[start..start + length].to_vec()
        }))
    }
}

impl HostState {
    fn input(&self, name: &str) -> Result<&GrantedInput, inputs::InputError> {
        self.inputs.iter().find(|input| input.name == name).ok_or(inputs::InputError::NotGranted)
    }
}

impl diagnostics::Host for HostState {
    fn log(&mut self, level: diagnostics::Level, text: String) -> wasmtime::Result<()> {
        let bytes = text.len() as u64;
        // A line costs something even when it says nothing.
        if self.log_bytes + bytes + 1 > self.limits.log_bytes {
            self.log_bytes_dropped += bytes;
            return Ok(());
        }
        self.log_bytes += bytes + 1;
        let level = match level {
            diagnostics::Level::Debug => "debug",
            diagnostics::Level::Info => "info",
            diagnostics::Level::Warn => "warn",
            diagnostics::Level::Error => "error",
        };
        self.log.push(LogLine { level: level.to_owned(), says: printable(&text, TEXT_CHARS_MAX) });
        Ok(())
    }

    fn fail(&mut self, text: String) -> wasmtime::Result<()> {
        Err(Ended::Failed(printable(&text, TEXT_CHARS_MAX)).into())
    }
}

impl description::Host for HostState {}

fn from_guest(value: clone::Value) -> SqlValue {
    match value {
        clone::Value::Null => SqlValue::Null,
        clone::Value::Integer(integer) => SqlValue::Integer(integer),
        clone::Value::Real(real) => SqlValue::Real(real),
        clone::Value::Text(text) => SqlValue::Text(text),
        clone::Value::Blob(blob) => SqlValue::Blob(blob),
    }
}

fn to_guest(value: SqlValue) -> clone::Value {
    match value {
        SqlValue::Null => clone::Value::Null,
        SqlValue::Integer(integer) => clone::Value::Integer(integer),
        SqlValue::Real(real) => clone::Value::Real(real),
        SqlValue::Text(text) => clone::Value::Text(text),
        SqlValue::Blob(blob) => clone::Value::Blob(blob),
    }
}

fn to_guest_error(refusal: SqlRefusal) -> clone::SqlError {
    clone::SqlError { class: to_guest_class(refusal.class), code: refusal.code, message: refusal.message }
}

fn to_guest_class(class: ErrorClass) -> clone::ErrorClass {
    match class {
        ErrorClass::NotNull => clone::ErrorClass::NotNull,
        ErrorClass::Check => clone::ErrorClass::Check,
        ErrorClass::Unique => clone::ErrorClass::Unique,
        ErrorClass::PrimaryKey => clone::ErrorClass::PrimaryKey,
        ErrorClass::ForeignKey => clone::ErrorClass::ForeignKey,
        ErrorClass::Type => clone::ErrorClass::Type,
        ErrorClass::Trigger => clone::ErrorClass::Trigger,
        ErrorClass::NotAuthorized => clone::ErrorClass::NotAuthorized,
        ErrorClass::Limit => clone::ErrorClass::Limit,
        ErrorClass::Syntax => clone::ErrorClass::Syntax,
        ErrorClass::Missing => clone::ErrorClass::Missing,
        ErrorClass::Other => clone::ErrorClass::Other,
    }
}

pub(super) fn from_guest_class(class: clone::ErrorClass) -> ErrorClass {
    match class {
        clone::ErrorClass::NotNull => ErrorClass::NotNull,
        clone::ErrorClass::Check => ErrorClass::Check,
        clone::ErrorClass::Unique => ErrorClass::Unique,
        clone::ErrorClass::PrimaryKey => ErrorClass::PrimaryKey,
        clone::ErrorClass::ForeignKey => ErrorClass::ForeignKey,
        clone::ErrorClass::Type => ErrorClass::Type,
        clone::ErrorClass::Trigger => ErrorClass::Trigger,
        clone::ErrorClass::NotAuthorized => ErrorClass::NotAuthorized,
        clone::ErrorClass::Limit => ErrorClass::Limit,
        clone::ErrorClass::Syntax => ErrorClass::Syntax,
        clone::ErrorClass::Missing => ErrorClass::Missing,
        clone::ErrorClass::Other => ErrorClass::Other,
    }
}
