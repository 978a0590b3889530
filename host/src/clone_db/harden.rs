//! The second layer behind the gate: what the engine itself refuses on a connection, and what it cannot find out.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rusqlite::{Connection, config::DbConfig, ffi, functions::FunctionFlags, limits::Limit};

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
    // SAFETY: an open connection, on its own thread; ENABLE_LOAD_EXTENSION, which rusqlite's list lacks, takes an int and a
    // pointer that may be null.
    let code =
        unsafe { ffi::sqlite3_db_config(connection.handle(), ffi::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, std::ptr::null_mut::<i32>()) };
    if code != ffi::SQLITE_OK {
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("extensions cannot be switched off".into())));
    }
    // Durability is of no use to a file that goes with the process; the rollback journal is, and is kept.
    connection.execute_batch("PRAGMA synchronous=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;")
}

/// Sets SQLite's own limits, and how far the clone may grow.
pub(super) fn set_limits(connection: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    let page_bytes: u64 = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.unsigned_abs();
    let pages: u64 = connection.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0))?.unsigned_abs();
    let pages_max = (pages + limits.growth_bytes / page_bytes.max(1)).clamp(1, 4_294_967_294);
    connection.execute_batch(&format!("PRAGMA max_page_count={pages_max}"))?;
    let clamped = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, clamped(limits.value_bytes)),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, clamped(limits.sql_bytes)),
        // 0 would forbid VACUUM, which attaches its temporary database.
        (Limit::SQLITE_LIMIT_ATTACHED, 1),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
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

/// Replaces SQLite's random functions by seeded ones: SQLite's draw from a generator of the whole process.
pub(super) fn seed_randomness(connection: &Connection, seed: u32, value_bytes: u64) -> rusqlite::Result<()> {
    // What the functions may be used in is what the originals may be used in: any part of a schema.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    let state = Arc::new(AtomicU64::new(u64::from(seed)));
    let draw = move || {
        // SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = state.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let draw_integer = draw.clone();
    connection.create_scalar_function(c"random", 0, flags, move |_| Ok(draw_integer().cast_signed()))?;
    connection.create_scalar_function(c"randomblob", 1, flags, move |context| {
        // As SQLite's own: at least one byte, at most what a value may hold.
        let wanted = context.get::<Option<i64>>(0)?.unwrap_or(1).max(1).unsigned_abs();
        if wanted > value_bytes {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None));
        }
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let mut blob = Vec::with_capacity(wanted + 8);
        while blob.len() < wanted {
            blob.extend_from_slice(&draw().to_le_bytes());
        }
        blob.truncate(wanted);
        Ok(blob)
    })
}
