//! One connection to one clone, and what it must forget when the clone is given another content.
//!
//! A connection remembers pages and the schema. SQLite itself notices that they are out of date by two numbers in the file, the change
//! counter and the schema cookie, and two images can agree in both and in nothing else. So a restore is noticed here: before the
//! connection is used again, it forgets the schema, and its file learns that it has ([`SCHEMA_FORGOTTEN`]); and when SQLite asks
//! the file for the change counter, it is told one that it has not seen, so that it forgets the pages (`vfs::file`). A statement
//! that is stepped without the connection, of which nobody can know before, fails with SQLITE_SCHEMA.

use std::{cell::Cell, ffi::c_int, ops::Deref, ptr, sync::Arc};

use rusqlite::{Connection, ffi};

use crate::clone_file::CloneFile;

/// Tells a clone's VFS that the connection of a file has forgotten its schema, at the epoch to which the argument points. Numbers from
/// 100 on are for whoever makes a VFS (SQLite, `sqlite3_file_control`).
pub(crate) const SCHEMA_FORGOTTEN: c_int = 0x434c_4f4e;

/// A connection, and the clone that it is open on.
#[derive(Debug)]
pub struct CloneConnection {
    // The order matters: SQLite is done with the clone's VFS before the clone can go.
    connection: Connection,
    clone: Arc<CloneFile>,
    /// The restore of the clone that the connection has last noticed.
    epoch: Cell<u64>,
}

impl CloneConnection {
    pub(crate) fn new(connection: Connection, clone: Arc<CloneFile>) -> Self {
        let epoch = Cell::new(clone.epoch());
        Self { connection, clone, epoch }
    }

    /// The clone.
    pub fn clone_file(&self) -> &Arc<CloneFile> {
        &self.clone
    }

    /// Forgets the schema if the clone was restored, or has recovered, since this was last called.
    fn notice_restores(&self) {
        let mut now = self.clone.epoch();
        if self.epoch.replace(now) == now {
            return;
        }
        // SAFETY: the connection is open, and used on this thread alone: it is not `Sync`. With these arguments, the first call does nothing
        // but forget the schema of every database of the connection, which `PRAGMA writable_schema = RESET` does, too, if no
        // authorizer minds. The second ends in `vfs::file`, which reads a number.
        unsafe {
            let connection = self.connection.handle();
            ffi::sqlite3_test_control(ffi::SQLITE_TESTCTRL_IMPOSTER, connection, c"main".as_ptr(), 0, 1);
            ffi::sqlite3_file_control(connection, c"main".as_ptr(), SCHEMA_FORGOTTEN, ptr::from_mut(&mut now).cast());
        }
    }

    /// Has `handler` asked every so many steps of SQLite's virtual machine whether to interrupt what is running.
    ///
    /// # Errors
    /// What rusqlite says.
    pub fn set_progress_handler(&mut self, steps: i32, handler: impl FnMut() -> bool + Send + 'static) -> rusqlite::Result<()> {
        // Nothing else hands the connection out to be changed: one that was swapped for another could outlive its clone.
        self.connection.progress_handler(steps, Some(handler))
    }
}

impl Deref for CloneConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.notice_restores();
        &self.connection
    }
}
