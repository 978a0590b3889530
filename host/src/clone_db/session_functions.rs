//! The SQL functions whose answers depend on what went before: each session begins with them anew.
//!
//! SQLite's own `random()` draws from a generator of the whole process, and its `changes()` and `total_changes()` remember what an
//! earlier session on the same connection did. With these, a session on a connection that is used again cannot be told from one on
//! a fresh connection.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use rusqlite::{
    Connection, ffi,
    functions::{Context, FunctionFlags},
};

/// What the functions on one connection share.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionFunctions {
    /// The state of the generator.
    random: Arc<AtomicU64>,
    /// `total_changes()` of the connection when the session began.
    changes_before: Arc<AtomicI64>,
}

impl SessionFunctions {
    /// Replaces the functions on a connection.
    pub(super) fn install(connection: &Connection, value_bytes_max: u64) -> rusqlite::Result<Self> {
        let functions = Self::default();
        // What the functions may be used in is what the originals may be used in: any part of a schema.
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
        let random = functions.clone();
        connection.create_scalar_function(c"random", 0, flags, move |_| Ok(random.draw().cast_signed()))?;
        let random = functions.clone();
        connection.create_scalar_function(c"randomblob", 1, flags, move |context| random.blob(context, value_bytes_max))?;
        let before = functions.changes_before.clone();
        connection.create_scalar_function(c"changes", 0, flags, move |context| {
            // What the last statement changed, if that was one of this session.
            let (last, total) = changes(context);
            Ok(if total == before.load(Ordering::Relaxed) { 0 } else { last })
        })?;
        let before = functions.changes_before.clone();
        connection.create_scalar_function(c"total_changes", 0, flags, move |context| {
            let (_, total) = changes(context);
            Ok(total - before.load(Ordering::Relaxed))
        })?;
        Ok(functions)
    }

    /// Begins a session: what an earlier one on the same connection did is forgotten.
    pub(super) fn begin(&self, connection: &Connection, seed: u32) {
        self.random.store(u64::from(seed), Ordering::Relaxed);
        self.changes_before.store(i64::try_from(connection.total_changes()).unwrap_or(i64::MAX), Ordering::Relaxed);
        // SAFETY: the handle is that of an open connection, used on its own thread.
        unsafe { ffi::sqlite3_set_last_insert_rowid(connection.handle(), 0) };
        // One use of SQLite's own generator is left: the search for a free rowid in a table that holds the largest one.
        rehearsal_clone::engine::reset_randomness();
    }

    /// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    fn draw(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.random.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn blob(&self, context: &Context<'_>, bytes_max: u64) -> rusqlite::Result<Vec<u8>> {
        // As SQLite's own: at least one byte, at most what a value may hold.
        let wanted = context.get::<Option<i64>>(0)?.unwrap_or(1).max(1).unsigned_abs();
        if wanted > bytes_max {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_TOOBIG), None));
        }
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        let mut blob = Vec::with_capacity(wanted + 8);
        while blob.len() < wanted {
            blob.extend_from_slice(&self.draw().to_le_bytes());
        }
        blob.truncate(wanted);
        Ok(blob)
    }
}

/// What the last statement on the connection of a call changed, and all of them together.
fn changes(context: &Context<'_>) -> (i64, i64) {
    // SAFETY: the connection is the one that the function is being called on; it is only asked two numbers.
    unsafe {
        let handle = context.get_connection().map_or(std::ptr::null_mut(), |connection| connection.handle());
        if handle.is_null() { (0, 0) } else { (ffi::sqlite3_changes64(handle), ffi::sqlite3_total_changes64(handle)) }
    }
}
