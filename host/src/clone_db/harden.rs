//! The second layer behind the gate: what the engine itself refuses on a connection, and what it cannot find out.
//!
//! The third is not here: the code that could reach out is not linked (`rehearsal_clone::engine`).

use rusqlite::{Connection, config::DbConfig, limits::Limit};

use super::session::{Access, SessionSettings};
use crate::plan::Limits;

/// Closes what SQLite can close by itself.
pub(super) fn close_doors(connection: &Connection, settings: &SessionSettings<'_>) -> rusqlite::Result<()> {
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, settings.clone.foreign_keys && settings.access != Access::Import),
        (DbConfig::SQLITE_DBCONFIG_STMT_SCANSTATUS, false),
    ] {
        connection.set_db_config(setting, value)?;
    }
    // Durability is of no use to a file that goes with the process; the rollback journal is, and is kept. Temporary files are the
    // clone's, and count within its budget; in memory they would not.
    connection.execute_batch("PRAGMA synchronous=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=FILE;")
}

/// Sets those limits of the plan that are SQLite's own. How far the clone may grow is the clone's.
pub(super) fn set_limits(connection: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    let clamped = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, clamped(limits.value_bytes))?;
    connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, clamped(limits.sql_bytes))?;
    Ok(())
}

/// Sets SQLite's limits that no plan states.
pub(super) fn set_fixed_limits(connection: &Connection) -> rusqlite::Result<()> {
    for (limit, value) in [
        // 0 would forbid VACUUM, which attaches its temporary database.
        (Limit::SQLITE_LIMIT_ATTACHED, 1),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
        // Entries of the parser's stack. `a OR (b OR (…` takes three a level.
        (Limit::SQLITE_LIMIT_PARSER_DEPTH, 1_500),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 500),
        (Limit::SQLITE_LIMIT_VDBE_OP, 25_000_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 127),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 100),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    Ok(())
}
