//! The gate: what a module's SQL may do, decided in one place, as each statement is prepared.
//!
//! SQLite calls the authorizer for everything that a statement would do, through views, triggers and common table
//! expressions too. Raw FFI, because a hostile database can hold names that are not UTF-8, on which rusqlite's wrapper
//! panics.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    ffi::{CStr, c_char, c_int, c_void},
};

use rehearsal_clone::CloneConnection;
use rusqlite::ffi;

/// For whom a statement is prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// The host itself: BEGIN, COMMIT, ROLLBACK, its checks.
    Host,
    /// A module; `transactions` and `savepoints` say which transaction control it has.
    Module { transactions: bool, savepoints: bool },
}

/// A connection and the gate on it.
#[derive(Debug)]
pub(super) struct GatedConnection {
    // The order matters: the connection is closed before its gate is freed.
    connection: CloneConnection,
    gate: Box<Gate>,
}

impl GatedConnection {
    /// Puts a gate on a connection.
    pub(super) fn new(connection: CloneConnection) -> Self {
        let Self { connection, gate } = Self::without_gate(connection);
        let state = (&raw const *gate).cast_mut().cast::<c_void>();
        // SAFETY: the handle is that of an open connection. `state` points into the box, which lives until the connection is
        // closed (the order of the fields), and `authorize` only reads it, on the thread of the connection.
        unsafe { ffi::sqlite3_set_authorizer(connection.handle(), Some(authorize), state) };
        Self { connection, gate }
    }

    /// A connection whose gate nobody asks.
    pub(super) fn without_gate(connection: CloneConnection) -> Self {
        let gate = Box::new(Gate {
            caller: Cell::new(Caller::Host),
            denied: RefCell::default(),
            ignored_pragmas: RefCell::default(),
            has_left_traces: Cell::new(false),
            has_virtual_tables: Cell::new(false),
            virtual_table: RefCell::default(),
        });
        Self { connection, gate }
    }

    /// The gate.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }
}

impl std::ops::Deref for GatedConnection {
    type Target = CloneConnection;

    fn deref(&self) -> &CloneConnection {
        &self.connection
    }
}

/// The state behind one connection's authorizer. Boxed, because SQLite keeps a pointer to it.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) caller: Cell<Caller>,
    /// Why the last statement was denied.
    denied: RefCell<Option<String>>,
    ignored_pragmas: RefCell<BTreeSet<String>>,
    /// Whether a module has done what the connection may remember after its clone was restored.
    has_left_traces: Cell<bool>,
    /// Whether the clone has virtual tables, or may have got one.
    pub(super) has_virtual_tables: Cell<bool>,
    /// The virtual table that was allowed last.
    virtual_table: RefCell<Option<String>>,
}

/// What SQL may ask about, with or without a value; and what it may set that concerns only the clone's content or its own
/// connection.
const PRAGMAS_ALLOWED: &[&str] = &[
    "analysis_limit",
    "application_id",
    "case_sensitive_like",
    "collation_list",
    "compile_options",
    "database_list",
    "defer_foreign_keys",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "foreign_keys",
    "freelist_count",
    "function_list",
    "ignore_check_constraints",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "legacy_alter_table",
    "optimize",
    "page_count",
    "quick_check",
    "recursive_triggers",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// What may be asked about, though it may not be set: FTS3, FTS4 and R-trees ask through the same gate, and take no answer for a page
/// of no bytes.
const PRAGMAS_ASKED: &[&str] = &["page_size"];

/// What real migrations set and the clone decides for itself: taken, without effect, and recorded.
const PRAGMAS_IGNORED: &[&str] = &[
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "checkpoint_fullfsync",
    "data_version",
    "fullfsync",
    "incremental_vacuum",
    "journal_mode",
    "journal_size_limit",
    "locking_mode",
    "mmap_size",
    "page_size",
    "secure_delete",
    "synchronous",
    "temp_store",
    "wal_autocheckpoint",
    "wal_checkpoint",
];

/// Functions that reach out of the database, or that run for long where nothing can interrupt them.
const FUNCTIONS_DENIED: &[&str] = &[
    "edit",
    "fts3_tokenizer",
    "highlight",
    "load_extension",
    "matchinfo",
    "offsets",
    "readfile",
    "snippet",
    "sqlite_log",
    "sqlite_offset",
    "writefile",
];

/// Virtual tables that keep their data in the database itself.
const VIRTUAL_TABLES_ALLOWED: &[&str] = &["fts3", "fts4", "fts5", "fts5vocab", "fts4aux", "rtree", "rtree_i32"];

/// What a connection has forgotten once the content of its clone is another: everything else may show in a later session.
const LEAVES_NO_TRACE: &[c_int] = &[
    ffi::SQLITE_DELETE,
    ffi::SQLITE_FUNCTION,
    ffi::SQLITE_INSERT,
    ffi::SQLITE_READ,
    ffi::SQLITE_RECURSIVE,
    ffi::SQLITE_SELECT,
    ffi::SQLITE_UPDATE,
];

/// The table through which the host reads the pages of an open transaction.
const PAGES_TABLE: &str = "sqlite_dbpage";

/// The answer to one question of the authorizer.
enum Answer {
    Allow,
    Ignore,
    Deny(String),
}

impl Gate {
    /// Why the statement that was just refused with SQLITE_AUTH was refused.
    pub(super) fn take_denied(&self) -> Option<String> {
        self.denied.take()
    }

    /// The virtual table that a statement was last allowed to create.
    pub(super) fn take_virtual_table(&self) -> Option<String> {
        self.virtual_table.take()
    }

    /// The pragmas that were ignored so far, sorted.
    pub(super) fn ignored_pragmas(&self) -> Vec<String> {
        self.ignored_pragmas.borrow().iter().cloned().collect()
    }

    /// Whether the connection may remember something of what a module did: a setting, a temporary table, another schema.
    pub(super) fn has_left_traces(&self) -> bool {
        self.has_left_traces.get()
    }

    /// Begins again, for another session on the same connection.
    pub(super) fn begin_again(&self) {
        self.denied.take();
        self.ignored_pragmas.take();
    }

    fn answer(&self, action: c_int, first: Option<&str>, second: Option<&str>) -> Answer {
        let Caller::Module { transactions, savepoints } = self.caller.get() else {
            return Answer::Allow;
        };
        if !LEAVES_NO_TRACE.contains(&action) {
            self.has_left_traces.set(true);
        }
        match action {
            ffi::SQLITE_READ | ffi::SQLITE_INSERT | ffi::SQLITE_UPDATE | ffi::SQLITE_DELETE if lower(first) == PAGES_TABLE => {
                Answer::Deny(format!("{PAGES_TABLE}: the raw pages of the clone are the host's"))
            }
            // VACUUM attaches a nameless temporary database. A computed name arrives as no name at all.
            ffi::SQLITE_ATTACH if first == Some("") => Answer::Allow,
            ffi::SQLITE_ATTACH => Answer::Deny("ATTACH: there is one database here, the clone".into()),
            ffi::SQLITE_DETACH => Answer::Deny("DETACH: there is one database here, the clone".into()),
            ffi::SQLITE_TRANSACTION if transactions => Answer::Allow,
            ffi::SQLITE_TRANSACTION => Answer::Deny(format!(
                "{}: the host begins and ends transactions; a step that must do it itself needs `transactions = \"own\"` in its [[step]]",
                first.unwrap_or("transaction control")
            )),
            ffi::SQLITE_SAVEPOINT if savepoints => Answer::Allow,
            ffi::SQLITE_SAVEPOINT => {
                Answer::Deny("SAVEPOINT: it would begin a transaction, and a case of a probe is one statement after another".into())
            }
            ffi::SQLITE_PRAGMA => self.pragma(first.unwrap_or_default(), second),
            ffi::SQLITE_FUNCTION => match lower(second) {
                name if FUNCTIONS_DENIED.contains(&name.as_str()) => {
                    Answer::Deny(format!("the function {name}() is not available on a clone"))
                }
                _ => Answer::Allow,
            },
            ffi::SQLITE_CREATE_VTABLE => match lower(second) {
                module if VIRTUAL_TABLES_ALLOWED.contains(&module.as_str()) => {
                    *self.virtual_table.borrow_mut() = first.map(str::to_owned);
                    self.has_virtual_tables.set(true);
                    Answer::Allow
                }
                module => {
                    Answer::Deny(format!("CREATE VIRTUAL TABLE: the module {module:?} is not available; fts3, fts4, fts5 and rtree are"))
                }
            },
            ffi::SQLITE_CREATE_TEMP_TRIGGER => Answer::Deny("CREATE TEMP TRIGGER: triggers of a clone are part of its schema".into()),
            ffi::SQLITE_CREATE_INDEX
            | ffi::SQLITE_CREATE_TABLE
            | ffi::SQLITE_CREATE_TEMP_INDEX
            | ffi::SQLITE_CREATE_TEMP_TABLE
            | ffi::SQLITE_CREATE_TEMP_VIEW
            | ffi::SQLITE_CREATE_TRIGGER
            | ffi::SQLITE_CREATE_VIEW
            | ffi::SQLITE_DELETE
            | ffi::SQLITE_DROP_INDEX
            | ffi::SQLITE_DROP_TABLE
            | ffi::SQLITE_DROP_TEMP_INDEX
            | ffi::SQLITE_DROP_TEMP_TABLE
            | ffi::SQLITE_DROP_TEMP_TRIGGER
            | ffi::SQLITE_DROP_TEMP_VIEW
            | ffi::SQLITE_DROP_TRIGGER
            | ffi::SQLITE_DROP_VIEW
            | ffi::SQLITE_DROP_VTABLE
            | ffi::SQLITE_INSERT
            | ffi::SQLITE_READ
            | ffi::SQLITE_SELECT
            | ffi::SQLITE_UPDATE
            | ffi::SQLITE_ALTER_TABLE
            | ffi::SQLITE_REINDEX
            | ffi::SQLITE_ANALYZE
            | ffi::SQLITE_RECURSIVE => Answer::Allow,
            unknown => Answer::Deny(format!("an action that this tool does not know (authorizer code {unknown})")),
        }
    }

    fn pragma(&self, name: &str, value: Option<&str>) -> Answer {
        let name = name.to_ascii_lowercase();
        let asks = value.is_none() && PRAGMAS_ASKED.contains(&name.as_str());
        // It counts what other connections did. There are none; but a connection that is used again would tell of its past, and one with
        // virtual tables, which need to know, never is.
        let asks_version = name == "data_version" && self.has_virtual_tables.get();
        if asks || asks_version || PRAGMAS_ALLOWED.contains(&name.as_str()) {
            Answer::Allow
        } else if PRAGMAS_IGNORED.contains(&name.as_str()) {
            self.ignored_pragmas.borrow_mut().insert(name);
            Answer::Ignore
        } else {
            let value = value.map_or(String::new(), |value| format!(" = {value}"));
            Answer::Deny(format!("PRAGMA {name}{value}: not one that may be used on a clone"))
        }
    }
}

fn lower(name: Option<&str>) -> String {
    name.unwrap_or_default().to_ascii_lowercase()
}

/// # Safety
/// `state` is the pointer that [`GatedConnection::new`] registered; the strings are null or NUL-terminated. SQLite sees to both.
unsafe extern "C" fn authorize(
    state: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    _database: *const c_char,
    _trigger: *const c_char,
) -> c_int {
    // SAFETY: see above; the box outlives the connection and is never borrowed mutably.
    let gate = unsafe { &*state.cast::<Gate>() };
    // SAFETY: see above. A name that is not UTF-8 is on none of the lists, whatever it is replaced by.
    let text = |text: *const c_char| (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy());
    let (first, second) = (text(first), text(second));
    match gate.answer(action, first.as_deref(), second.as_deref()) {
        Answer::Allow => ffi::SQLITE_OK,
        Answer::Ignore => ffi::SQLITE_IGNORE,
        Answer::Deny(reason) => {
            *gate.denied.borrow_mut() = Some(reason);
            ffi::SQLITE_DENY
        }
    }
}
