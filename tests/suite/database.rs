//! Databases for the tests. SQLite has no operating system in this tree and opens no file: what it writes it writes to a clone
//! in memory, and the bytes of that clone become the file.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    sync::Arc,
};

use rehearsal_clone::{Base, CloneFile, CloneSettings, Image, OpenMode, Store};
use rusqlite::Connection;

/// Makes a database file with some SQL; one that is there is replaced.
#[track_caller]
pub(crate) fn write_database(path: &Path, sql: &str) {
    write_database_with(path, |connection| connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}")));
}

/// Makes a database file with whatever a connection can do.
#[track_caller]
pub(crate) fn write_database_with(path: &Path, fill: impl FnOnce(&Connection)) {
    let clone = clone_of(Base::from_bytes([]).expect("an empty base"));
    let connection = clone.open(OpenMode::ReadWrite).expect("a connection");
    fill(&connection);
    assert!(connection.is_autocommit(), "a transaction was left open: its changes would not be in the file");
    drop(connection);
    let file = File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    clone.image().write_to(file).expect("the database is written");
}

fn clone_of(base: Arc<Base>) -> Arc<CloneFile> {
    const BYTES_MAX: u64 = 64 << 20;
    // Beyond its memory there is nowhere to go: no test needs so much.
    let store = Store::new(Path::new("no/such/directory"), BYTES_MAX);
    CloneFile::new(Image::of(base), &store, CloneSettings { now_unix_ms: 0, growth_bytes_max: BYTES_MAX })
}

/// A lock on a database file as a connection of SQLite's holds it, in this process: for the tool, that is another one.
///
/// SQLite's `os.h` says which bytes stand for what; `os_unix.c` locks them by `fcntl`. They lie at 1 GiB, mostly beyond the end
/// of the file. The kernel drops the lock as soon as this process closes the file, whichever descriptor it was opened by.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// A lock by its name: `shared` while a connection reads, `reserved` from `BEGIN IMMEDIATE` on, `exclusive` while it writes.
    pub(crate) fn take(path: &Path, name: &str) -> Self {
        /// Whoever waits to write holds it, so that no new reader comes in.
        const PENDING_BYTE: i64 = 0x4000_0000;
        /// Whoever is going to write holds it.
        const RESERVED_BYTE: i64 = PENDING_BYTE + 1;
        /// Readers hold a read lock on these, a writer in the end a write lock.
        const SHARED_FIRST: i64 = PENDING_BYTE + 2;
        const SHARED_SIZE: i64 = 510;

        let file = OpenOptions::new().read(true).write(true).open(path).expect("a database to lock");
        let locks: &[_] = match name {
            "shared" => &[(Kind::Read, SHARED_FIRST, SHARED_SIZE)],
            "reserved" => &[(Kind::Read, SHARED_FIRST, SHARED_SIZE), (Kind::Write, RESERVED_BYTE, 1)],
            "exclusive" => &[(Kind::Write, PENDING_BYTE, 1), (Kind::Write, RESERVED_BYTE, 1), (Kind::Write, SHARED_FIRST, SHARED_SIZE)],
            other => panic!("{other}: SQLite has no such lock"),
        };
        for &(kind, start, length) in locks {
            lock_bytes(&file, kind, start, length).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        Self { _file: file }
    }
}

/// What the kernel knows of locks.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Read,
    Write,
}

/// Locks some bytes of a file for this process.
fn lock_bytes(file: &File, kind: Kind, start: i64, length: i64) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    // SAFETY: a structure of integers, for which zeros are good values.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    // Small constants, of which each system has its own type.
    (lock.l_type, lock.l_whence) = match kind {
        Kind::Read => (libc::F_RDLCK as _, libc::SEEK_SET as _),
        Kind::Write => (libc::F_WRLCK as _, libc::SEEK_SET as _),
    };
    lock.l_start = start;
    lock.l_len = length;
    // SAFETY: the descriptor is open, and F_SETLK reads a `flock`, which outlives the call.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
