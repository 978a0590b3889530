//! One hardened connection to one clone, for one call.

use std::{
    cell::{Cell, RefCell},
    path::Path,
    rc::Rc,
    sync::Arc,
};

use rehearsal_packet::{
    Count, printable,
    record::{ErrorClass, LastStatement, Refusal, SqlRecord},
};
use rusqlite::{Connection, OpenFlags, ffi};

use super::{
    budget::{Budget, Overrun},
    frozen_time,
    gate::{Caller, GatedConnection},
    harden, linear_functions,
    refusal::SqlRefusal,
    statement::{Prepared, SqlValue, Statement, last_refusal},
};
use crate::plan::{ClonePlan, Limits, Transactions};

/// What a session may do with the clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Read,
    /// Read and write, in a transaction that the host begins and ends, or in those of the module.
    Step(Transactions),
    /// Read and write, each statement for itself.
    Case,
    /// Building the clone from a dump: transaction control and the pragmas of dumps.
    Import,
}

/// How a session is opened.
#[derive(Clone, Debug)]
pub struct SessionSettings<'a> {
    /// What it may do.
    pub access: Access,
    /// How the clone behaves.
    pub clone: &'a ClonePlan,
    /// What it may use up.
    pub limits: &'a Limits,
}

/// One connection, one call. Not `Send`.
#[derive(Debug)]
pub struct Session {
    connection: Rc<GatedConnection>,
    access: Access,
    /// Whether the host has a transaction open around the module's statements.
    in_host_transaction: Cell<bool>,
    budget: Arc<Budget>,
    limits: Limits,
    record: RefCell<SqlRecord>,
    rows: Cell<u64>,
    overrun: Cell<Option<Overrun>>,
    disk_was_full: Cell<bool>,
}

/// Where a script stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRefusal {
    /// The line, from 1, on which the refused statement begins.
    pub line: u32,
    /// How many statements had run before it.
    pub completed: u32,
    /// Why.
    pub refusal: SqlRefusal,
}

impl Session {
    /// Opens a clone.
    ///
    /// # Errors
    /// What SQLite says, when it does not open or harden the file.
    pub fn open(path: &Path, settings: &SessionSettings<'_>) -> Result<Self, SqlRefusal> {
        let host_error = |message: String| SqlRefusal::by_host(ErrorClass::Other, message);
        let sqlite_error = |error: rusqlite::Error| host_error(error.to_string());
        let vfs = frozen_time::vfs_for(settings.clone.now_unix_ms).map_err(host_error)?;
        let write = match settings.access {
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Import => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Access::Step(_) | Access::Case => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        // NOFOLLOW is not for us: the scratch directory is ours alone, but the directory that holds it may well be a link.
        let flags = write | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags_and_vfs(path, flags, vfs.as_c_str()).map_err(sqlite_error)?;
        harden::close_doors(&connection, settings).map_err(sqlite_error)?;
        harden::set_limits(&connection, settings.limits).map_err(sqlite_error)?;
        harden::seed_randomness(&connection, settings.clone.seed, settings.limits.value_bytes).map_err(sqlite_error)?;
        linear_functions::install(&connection).map_err(sqlite_error)?;
        let budget = Budget::watch(&mut connection, settings.limits).map_err(sqlite_error)?;
        Ok(Self {
            connection: Rc::new(GatedConnection::new(connection)),
            access: settings.access,
            in_host_transaction: Cell::new(false),
            budget,
            limits: settings.limits.clone(),
            record: RefCell::default(),
            rows: Cell::new(0),
            overrun: Cell::new(None),
            disk_was_full: Cell::new(false),
        })
    }

    /// Runs a statement of the host's own: BEGIN, COMMIT, ROLLBACK, a check.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn host_statement(&self, sql: &str) -> Result<(), SqlRefusal> {
        let run = || {
            let Prepared::Statement(mut statement, _) = Statement::prepare(&self.connection, sql)? else { return Ok(()) };
            while statement.step()? {}
            Ok(())
        };
        run().inspect_err(|refusal| self.note_full(refusal))
    }

    /// Runs a query of the host's own and returns all its rows: for small answers only.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn host_query(&self, sql: &str) -> Result<Vec<Vec<SqlValue>>, SqlRefusal> {
        let mut rows = Vec::new();
        self.host_rows(sql, &mut |row| {
            rows.push(std::mem::take(row));
            Ok(())
        })?;
        Ok(rows)
    }

    /// Runs a query of the host's own, row by row.
    ///
    /// # Errors
    /// What SQLite says, or `each`.
    pub fn host_rows(&self, sql: &str, each: &mut dyn FnMut(&mut Vec<SqlValue>) -> Result<(), SqlRefusal>) -> Result<(), SqlRefusal> {
        if let Prepared::Statement(mut statement, _) = Statement::prepare(&self.connection, sql)? {
            while statement.step()? {
                each(&mut statement.row()?)?;
            }
        }
        Ok(())
    }

    /// Begins the transaction around a step's call.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn begin(&self) -> Result<(), SqlRefusal> {
        self.host_statement("BEGIN IMMEDIATE")?;
        self.in_host_transaction.set(true);
        Ok(())
    }

    /// Ends it. An error leaves the transaction open; dropping the session rolls it back.
    ///
    /// # Errors
    /// What SQLite says: a deferred foreign key that does not hold, for example.
    pub fn commit(&self) -> Result<(), SqlRefusal> {
        self.in_host_transaction.set(false);
        self.host_statement("COMMIT")
    }

    /// Ends it without effect.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn rollback(&self) -> Result<(), SqlRefusal> {
        self.in_host_transaction.set(false);
        self.host_statement("ROLLBACK")
    }

    /// Whether a transaction is open.
    pub fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    /// Writes the pages that the open transaction has changed into the file (all but page 1, which SQLite keeps until COMMIT), so
    /// that a ROLLBACK has something to take back.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn flush(&self) -> Result<(), SqlRefusal> {
        self.connection.cache_flush().map_err(|_| last_refusal(&self.connection)).inspect_err(|refusal| self.note_full(refusal))
    }

    /// Runs exactly one statement of a module; returns how many rows it changed itself.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn execute(&self, sql: &str, params: &[SqlValue]) -> Result<u64, SqlRefusal> {
        self.recorded(|| {
            let mut statement = self.prepare_one(sql, params)?;
            let before = self.connection.total_changes();
            while statement.step()? {}
            // `changes` keeps the count of the last DML statement; this one was none if the total stands still.
            Ok(if self.connection.total_changes() == before { 0 } else { self.connection.changes() })
        })
    }

    /// Runs the statements of a script; returns how many.
    ///
    /// # Errors
    /// The first refusal, and where.
    pub fn script(&self, sql: &str) -> Result<u32, ScriptRefusal> {
        let (mut start, mut line, mut completed) = (0, 1, 0);
        loop {
            let rest = &sql[start..];
            // Blank space before a statement belongs to no statement: the line is that of its first character.
            let blank = rest.len() - rest.trim_start().len();
            line += newlines(&rest[..blank]);
            start += blank;
            let rest = &sql[start..];
            if rest.is_empty() {
                return Ok(completed);
            }
            let prepared = self.as_module(|| self.prepare_for_module(rest));
            if matches!(prepared, Ok(Prepared::Nothing)) {
                return Ok(completed);
            }
            let mut used = rest.len();
            let outcome = self.recorded(|| {
                if let Prepared::Statement(mut statement, length) = prepared? {
                    used = length;
                    if statement.parameters() > 0 {
                        return Err(SqlRefusal::by_host(
                            ErrorClass::Syntax,
                            "a statement of a script has parameters, and nothing to bind to them",
                        ));
                    }
                    while statement.step()? {}
                }
                Ok(())
            });
            if let Err(refusal) = outcome {
                let line = line + newlines(&rest[..comment_length(rest)]);
                return Err(ScriptRefusal { line, completed, refusal });
            }
            completed += 1;
            line += newlines(&rest[..used]);
            start += used;
        }
    }

    /// Begins exactly one query of a module.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn query(&self, sql: &str, params: &[SqlValue]) -> Result<Statement, SqlRefusal> {
        self.recorded(|| self.prepare_one(sql, params))
    }

    /// The next rows of a query: at most `rows_max`, and fewer once they hold `bytes_max` bytes.
    ///
    /// # Errors
    /// Why the query cannot go on. It counts as a refusal of the statement that began it.
    pub fn next_rows(&self, statement: &mut Statement, rows_max: usize, bytes_max: usize) -> Result<Vec<Vec<SqlValue>>, SqlRefusal> {
        let mut rows = Vec::new();
        let mut bytes = 0;
        self.as_module(|| {
            while rows.len() < rows_max && bytes < bytes_max {
                if !statement.step()? {
                    break;
                }
                self.rows.set(self.rows.get() + 1);
                if self.rows.get() > self.limits.rows {
                    self.overrun.set(Some(Overrun { limit: "rows", value: self.limits.rows }));
                    return Err(SqlRefusal::by_host(ErrorClass::Limit, format!("more than {} rows", self.limits.rows)));
                }
                let row = statement.row()?;
                bytes += row.iter().map(SqlValue::bytes).sum::<usize>() + 16;
                rows.push(row);
            }
            Ok(())
        })
        .inspect_err(|refusal| self.note_refusal(refusal))?;
        Ok(rows)
    }

    /// The limit that ended the session's work, if one did.
    pub fn overrun(&self) -> Option<Overrun> {
        self.overrun.get()
    }

    /// What the session was asked to do, and what became of it.
    pub fn record(&self) -> SqlRecord {
        SqlRecord { ignored_pragmas: self.connection.gate().ignored_pragmas(), ..self.record.borrow().clone() }
    }

    fn prepare_one(&self, sql: &str, params: &[SqlValue]) -> Result<Statement, SqlRefusal> {
        let one = |what: &str| SqlRefusal::by_host(ErrorClass::Syntax, format!("exactly one statement is needed here; this is {what}"));
        let Prepared::Statement(mut statement, used) = self.prepare_for_module(sql)? else {
            return Err(one("none"));
        };
        if !matches!(self.prepare_for_module(&sql[used..]), Ok(Prepared::Nothing)) {
            return Err(one("more"));
        }
        if statement.parameters() != params.len() {
            return Err(SqlRefusal::by_host(
                ErrorClass::Syntax,
                format!("the statement has {} parameters; {} values were given", statement.parameters(), params.len()),
            ));
        }
        for (index, value) in params.iter().enumerate() {
            statement.bind(index + 1, value)?;
        }
        Ok(statement)
    }

    fn prepare_for_module(&self, sql: &str) -> Result<Prepared, SqlRefusal> {
        // A statement with ON CONFLICT ROLLBACK, or RAISE(ROLLBACK) in a trigger, ends the transaction without asking anybody.
        if self.in_host_transaction.get() && !self.in_transaction() {
            return Err(SqlRefusal::by_host(ErrorClass::NotAuthorized, "an earlier statement rolled the host's transaction back"));
        }
        Statement::prepare(&self.connection, sql)
    }

    /// Runs something on a module's behalf and writes down how it went.
    fn recorded<T>(&self, work: impl FnOnce() -> Result<T, SqlRefusal>) -> Result<T, SqlRefusal> {
        self.note_statement();
        self.as_module(work).inspect_err(|refusal| self.note_refusal(refusal))
    }

    /// Runs something with the rights of the module.
    fn as_module<T>(&self, work: impl FnOnce() -> Result<T, SqlRefusal>) -> Result<T, SqlRefusal> {
        if self.overrun.get().is_some() || self.budget.spend() {
            self.note_overrun();
            return Err(SqlRefusal::by_host(ErrorClass::Limit, "the call has used up a limit of the plan"));
        }
        let gate = self.connection.gate();
        gate.take_denied();
        gate.caller.set(match self.access {
            Access::Read | Access::Case => Caller::Module { transactions: false, savepoints: false },
            Access::Step(Transactions::Host) => Caller::Module { transactions: false, savepoints: true },
            Access::Step(Transactions::Own) | Access::Import => Caller::Module { transactions: true, savepoints: true },
        });
        self.budget.set_spending(true);
        let outcome = work();
        self.budget.set_spending(false);
        gate.caller.set(Caller::Host);
        outcome.map_err(|mut refusal| {
            if let Some(reason) = gate.take_denied()
                && refusal.class == ErrorClass::NotAuthorized
            {
                refusal.message = format!("not authorized: {reason}");
            }
            match refusal.code & 0xff {
                ffi::SQLITE_INTERRUPT => self.note_overrun(),
                _ => self.note_full(&refusal),
            }
            refusal
        })
    }

    fn note_overrun(&self) {
        if self.overrun.get().is_none() {
            self.overrun.set(Some(self.budget.overrun(&self.limits)));
        }
    }

    /// Tells a clone that may not grow further, which is the module's doing, from a disk that is full, which is not.
    fn note_full(&self, refusal: &SqlRefusal) {
        // SAFETY: the handle is that of an open connection, used on its own thread.
        let errno = unsafe { ffi::sqlite3_system_errno(self.connection.handle()) };
        let no_room = errno == rustix::io::Errno::NOSPC.raw_os_error();
        match refusal.code & 0xff {
            ffi::SQLITE_FULL | ffi::SQLITE_IOERR if no_room => self.disk_was_full.set(true),
            ffi::SQLITE_FULL => self.overrun.set(Some(Overrun { limit: "growth_bytes", value: self.limits.growth_bytes })),
            _ => {}
        }
    }

    /// Whether the disk that holds the clone had no room for it: then nothing that was seen says anything about the module.
    pub fn disk_was_full(&self) -> bool {
        self.disk_was_full.get()
    }

    fn note_statement(&self) {
        let mut record = self.record.borrow_mut();
        record.statements.0 += 1;
        record.last = Some(LastStatement::Accepted);
    }

    fn note_refusal(&self, refusal: &SqlRefusal) {
        let mut record = self.record.borrow_mut();
        record.refused.0 += 1;
        let noted = Refusal {
            statement: Count(record.statements.0),
            class: refusal.class,
            code: refusal.code,
            // SQLite quotes the text of a constraint as the schema has it, line breaks and all.
            message: printable(&refusal.message.split_whitespace().collect::<Vec<_>>().join(" "), 1_000),
        };
        if record.refusals.len() < SqlRecord::REFUSALS_MAX {
            record.refusals.push(noted.clone());
        }
        record.last = Some(LastStatement::Refused { refusal: noted });
    }
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

/// The length of the comments and blanks that some SQL begins with.
fn comment_length(sql: &str) -> usize {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';');
        let end = if rest.starts_with("--") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|end| end + 1)
        } else {
            return sql.len() - rest.len();
        };
        match end {
            Some(end) => rest = &rest[end + 1..],
            None => return sql.len(),
        }
    }
}
