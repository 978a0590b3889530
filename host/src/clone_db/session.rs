//! One hardened connection to one clone, for one call.

use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    sync::Arc,
};

use rehearsal_clone::{CloneFile, HeapBudget, HeapMark, Image, OpenMode};
use rehearsal_packet::{
    Count, printable,
    record::{ErrorClass, LastStatement, Refusal, SqlRecord},
};
use rusqlite::ffi;

use super::{
    budget::{Budget, Overrun},
    gate::{Caller, GatedConnection},
    harden, json_patch,
    layer::Layer,
    linear_functions,
    refusal::SqlRefusal,
    session_functions::SessionFunctions,
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
    pub(super) connection: Rc<GatedConnection>,
    functions: SessionFunctions,
    access: Access,
    /// Whether the host has a transaction open around the module's statements.
    in_host_transaction: Cell<bool>,
    budget: Arc<Budget>,
    /// What SQLite had before the session: all that it has taken since, open cursors included, counts.
    heap: HeapMark,
    limits: Limits,
    record: RefCell<SqlRecord>,
    rows: Cell<u64>,
    overrun: Cell<Option<Overrun>>,
    trouble: RefCell<Option<io::Error>>,
    /// Whether the connection is not to be used again: because of what the clone holds, or because something went wrong in SQLite.
    is_spent: Cell<bool>,
}

/// A connection between two sessions.
#[derive(Debug)]
pub struct IdleConnection {
    connection: GatedConnection,
    functions: SessionFunctions,
    budget: Arc<Budget>,
}

impl IdleConnection {
    pub(super) fn clone_file(&self) -> &Arc<CloneFile> {
        self.connection.clone_file()
    }
}

impl Session {
    /// Opens a clone.
    ///
    /// # Errors
    /// What SQLite says, when it does not open or harden the file.
    pub fn open(clone: &Arc<CloneFile>, settings: &SessionSettings<'_>) -> Result<Self, SqlRefusal> {
        Self::open_without(&[], clone, settings)
    }

    /// Opens a clone with layers missing: for tests, to show what holds when one fails. Nothing in this crate calls it (a test reads
    /// the source).
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn open_without(missing: &[Layer], clone: &Arc<CloneFile>, settings: &SessionSettings<'_>) -> Result<Self, SqlRefusal> {
        let sqlite_error = |error: rusqlite::Error| SqlRefusal::by_host(ErrorClass::Other, error.to_string());
        let has = |layer| !missing.contains(&layer);
        let mode = if settings.access == Access::Read { OpenMode::ReadOnly } else { OpenMode::ReadWrite };
        let mut connection = clone.open(mode).map_err(sqlite_error)?;
        if has(Layer::Hardening) {
            harden::close_doors(&connection, settings).map_err(sqlite_error)?;
        }
        if has(Layer::FixedLimits) {
            harden::set_fixed_limits(&connection).map_err(sqlite_error)?;
        }
        harden::set_limits(&connection, settings.limits).map_err(sqlite_error)?;
        // A random blob is made before SQLite hears of it, so its memory is counted too late.
        let blob_bytes_max = settings.limits.value_bytes.min(settings.limits.sql_memory_bytes);
        let functions = SessionFunctions::install(&connection, blob_bytes_max).map_err(sqlite_error)?;
        if has(Layer::LinearFunctions) {
            linear_functions::install(&connection).map_err(sqlite_error)?;
            json_patch::install(&connection).map_err(sqlite_error)?;
        }
        let budget = Budget::watch(&mut connection, settings.limits).map_err(sqlite_error)?;
        let connection = if has(Layer::Gate) { GatedConnection::new(connection) } else { GatedConnection::without_gate(connection) };
        let mut session = Self::begin_on(connection, functions, budget, settings);
        // Reads the schema, so that it is not the module's first statement that pays for it; what is wrong with it shows there again.
        let virtual_tables = session.host_query("SELECT NULL FROM sqlite_schema WHERE type = 'table' AND rootpage = 0 LIMIT 1");
        // They may keep things of their own in memory. A connection without all layers is for nobody else.
        let has_virtual_tables = !virtual_tables.is_ok_and(|found| found.is_empty());
        session.connection.gate().has_virtual_tables.set(has_virtual_tables);
        session.is_spent.set(has_virtual_tables || !missing.is_empty());
        session.count_memory();
        Ok(session)
    }

    /// Begins a session on a connection that an earlier one has left as it found it ([`Session::retire`]), whose clone has been
    /// restored since.
    pub(super) fn again(idle: IdleConnection, settings: &SessionSettings<'_>) -> Self {
        idle.connection.gate().begin_again();
        idle.budget.begin_again(settings.limits);
        let mut session = Self::begin_on(idle.connection, idle.functions, idle.budget, settings);
        session.count_memory();
        session
    }

    /// From here on, what SQLite takes counts. The pages that it has cached are given back before that, so that a connection that is
    /// used again begins with no more of them than a fresh one.
    fn count_memory(&mut self) {
        // SAFETY: the handle is that of an open connection, used on its own thread.
        unsafe { ffi::sqlite3_db_release_memory(self.connection.handle()) };
        self.heap = HeapMark::now();
    }

    fn begin_on(connection: GatedConnection, functions: SessionFunctions, budget: Arc<Budget>, settings: &SessionSettings<'_>) -> Self {
        functions.begin(&connection, settings.clone.seed);
        Self {
            connection: Rc::new(connection),
            functions,
            access: settings.access,
            in_host_transaction: Cell::new(false),
            budget,
            heap: HeapMark::now(),
            limits: settings.limits.clone(),
            record: RefCell::default(),
            rows: Cell::new(0),
            overrun: Cell::new(None),
            trouble: RefCell::default(),
            is_spent: Cell::new(false),
        }
    }

    /// The clone that the session is on.
    pub fn clone_file(&self) -> &Arc<CloneFile> {
        self.connection.clone_file()
    }

    /// Ends the session. Its connection can be used again if it remembers nothing of it: no setting, no temporary table, no open
    /// transaction, no virtual table, and nothing that went wrong within SQLite.
    pub fn retire(self) -> Option<IdleConnection> {
        let is_clean = !self.is_spent.get()
            && !self.connection.gate().has_left_traces()
            && self.overrun.get().is_none()
            && self.trouble.borrow().is_none()
            && !self.in_transaction();
        if !is_clean {
            return None;
        }
        // A cursor that somebody still holds would be open on the next session's clone.
        let connection = Rc::into_inner(self.connection)?;
        Some(IdleConnection { connection, functions: self.functions, budget: self.budget })
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

    /// Has SQLite keep few pages in memory, so that it writes them into the clone, and reads them again, long before COMMIT.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn spill_early(&self) -> Result<(), SqlRefusal> {
        self.host_statement("PRAGMA cache_size = 10")
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

    /// Writes the pages that the open transaction has changed into the clone (all but page 1, which SQLite keeps until COMMIT), so
    /// that a ROLLBACK has something to take back. Returns what the clone would hold after COMMIT.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn flush(&self) -> Result<Image, SqlRefusal> {
        // FTS keeps what it has not written yet for itself, until a savepoint or COMMIT.
        self.host_statement("SAVEPOINT flush").and_then(|()| self.host_statement("RELEASE flush"))?;
        self.connection.cache_flush().map_err(|_| last_refusal(&self.connection)).inspect_err(|refusal| self.note_full(refusal))?;
        let wrong = |what: &str| SqlRefusal::by_host(ErrorClass::Other, format!("the pages of the clone cannot be read: {what}"));
        let first = self.host_query("SELECT data FROM sqlite_dbpage('main') WHERE pgno = 1")?;
        let pages = self.host_query("PRAGMA page_count")?;
        match (first.as_slice(), pages.as_slice()) {
            ([first], [pages]) => match (first.as_slice(), pages.as_slice()) {
                ([SqlValue::Blob(first)], [SqlValue::Integer(pages)]) => {
                    let clone = self.connection.clone_file();
                    clone.image_with(first, pages.unsigned_abs()).map_err(|error| wrong(&error.to_string()))
                }
                _ => Err(wrong("the first one is not a page")),
            },
            _ => Err(wrong("the first one is missing")),
        }
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

    pub(super) fn prepare_for_module(&self, sql: &str) -> Result<Prepared, SqlRefusal> {
        // A statement with ON CONFLICT ROLLBACK, or RAISE(ROLLBACK) in a trigger, ends the transaction without asking anybody.
        if self.in_host_transaction.get() && !self.in_transaction() {
            return Err(SqlRefusal::by_host(ErrorClass::NotAuthorized, "an earlier statement rolled the host's transaction back"));
        }
        Statement::prepare(&self.connection, sql)
    }

    /// Runs something on a module's behalf and writes down how it went.
    pub(super) fn recorded<T>(&self, work: impl FnOnce() -> Result<T, SqlRefusal>) -> Result<T, SqlRefusal> {
        self.note_statement();
        self.as_module(work).inspect_err(|refusal| self.note_refusal(refusal))
    }

    /// Runs something with the rights of the module.
    pub(super) fn as_module<T>(&self, work: impl FnOnce() -> Result<T, SqlRefusal>) -> Result<T, SqlRefusal> {
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
        let heap = HeapBudget::begin_since(self.heap, self.limits.sql_memory_bytes);
        let outcome = work();
        if heap.is_exceeded() && self.overrun.get().is_none() {
            self.overrun.set(Some(Overrun { limit: "sql_memory_bytes", value: self.limits.sql_memory_bytes }));
        }
        drop(heap);
        self.budget.set_spending(false);
        gate.caller.set(Caller::Host);
        outcome.map_err(|mut refusal| {
            if let Some(reason) = gate.take_denied()
                && refusal.class == ErrorClass::NotAuthorized
            {
                refusal.message = format!("not authorized: {reason}");
            }
            if !matches!(refusal.code & 0xff, 0 | ffi::SQLITE_ERROR | ffi::SQLITE_CONSTRAINT | ffi::SQLITE_AUTH | ffi::SQLITE_MISMATCH) {
                self.is_spent.set(true);
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

    /// Tells a clone that may not grow further, which is the module's doing, from a machine that cannot do its part, which is not.
    fn note_full(&self, refusal: &SqlRefusal) {
        if let Some(error) = self.connection.clone_file().take_trouble() {
            self.trouble.borrow_mut().get_or_insert(error);
        } else if refusal.code & 0xff == ffi::SQLITE_FULL {
            self.overrun.set(Some(Overrun { limit: "growth_bytes", value: self.limits.growth_bytes }));
        }
    }

    /// What the machine could not do for the clone, if anything: then nothing that was seen says anything about the module.
    pub fn take_trouble(&self) -> Option<io::Error> {
        self.trouble.take().or_else(|| self.connection.clone_file().take_trouble())
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
