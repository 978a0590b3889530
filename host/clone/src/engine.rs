//! SQLite without an operating system.
//!
//! SQLite is compiled with `SQLITE_OS_OTHER` (`.cargo/config.toml`): there is no code in it that opens a file, reads the clock or
//! loads a library. What it asks of an operating system it asks of this module: mutexes, memory
//! (`heap`), and a default VFS that refuses everything. A clone brings a VFS of its own (`vfs`).

use std::{
    ffi::{c_char, c_int, c_void},
    ptr,
    sync::{Mutex, OnceLock, PoisonError},
};

use parking_lot::{RawMutex, RawThreadId, lock_api::RawReentrantMutex};
use rusqlite::ffi;

use crate::heap;

/// SQLite does not start: it was started before, by somebody who did not bring mutexes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SQLite was started without mutexes (code {0}): open the first clone before any other connection")]
pub struct NotStarted(c_int);

/// Starts SQLite, once in a process. Every way to a clone does this by itself; needed only before a connection without one,
/// such as one to `:memory:`.
///
/// # Errors
/// [`NotStarted`].
pub fn start() -> Result<(), NotStarted> {
    static STARTED: Mutex<Option<Result<(), NotStarted>>> = Mutex::new(None);
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    started
        .get_or_insert_with(|| {
            let memory = heap::methods();
            // SAFETY: the arguments are what SQLITE_CONFIG_MUTEX and SQLITE_CONFIG_MALLOC take. SQLite copies them before the calls
            // return.
            let codes = unsafe {
                [
                    ffi::sqlite3_config(ffi::SQLITE_CONFIG_MUTEX, &raw const MUTEXES),
                    ffi::sqlite3_config(ffi::SQLITE_CONFIG_MALLOC, &raw const memory),
                ]
            };
            if let Some(code) = codes.into_iter().find(|code| *code != ffi::SQLITE_OK) {
                return Err(NotStarted(code));
            }
            // SAFETY: may be called from any thread.
            match unsafe { ffi::sqlite3_initialize() } {
                ffi::SQLITE_OK => Ok(()),
                code => Err(NotStarted(code)),
            }
        })
        .clone()
}

/// A connection to a database in memory, outside of any clone: for what is to be compared with one.
///
/// # Errors
/// What SQLite says.
pub fn open_in_memory() -> rusqlite::Result<rusqlite::Connection> {
    start().map_err(|NotStarted(code)| rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(NotStarted(code).to_string())))?;
    let connection = rusqlite::Connection::open_in_memory()?;
    // The default VFS has no files, so there is nowhere else to sort.
    connection.execute_batch("PRAGMA temp_store = MEMORY")?;
    Ok(connection)
}

/// One of SQLite's mutexes. Those that it wants to be recursive are, and so are the static ones; the others it never takes twice.
type RawLock = RawReentrantMutex<RawMutex, RawThreadId>;

/// SQLite's static mutexes have the numbers from 2 on (`SQLITE_MUTEX_STATIC_MAIN`) to 13 (`SQLITE_MUTEX_STATIC_VFS3`).
const STATIC_FIRST: c_int = 2;
const STATIC_COUNT: usize = 12;

static STATIC_LOCKS: [RawLock; STATIC_COUNT] = [const { RawLock::INIT }; STATIC_COUNT];

static MUTEXES: ffi::sqlite3_mutex_methods = ffi::sqlite3_mutex_methods {
    xMutexInit: Some(mutex_nothing),
    xMutexEnd: Some(mutex_nothing),
    xMutexAlloc: Some(mutex_alloc),
    xMutexFree: Some(mutex_free),
    xMutexEnter: Some(mutex_enter),
    xMutexTry: Some(mutex_try),
    xMutexLeave: Some(mutex_leave),
    // Only SQLite's own assertions ask these, and they are compiled out.
    xMutexHeld: None,
    xMutexNotheld: None,
};

extern "C" fn mutex_nothing() -> c_int {
    ffi::SQLITE_OK
}

extern "C" fn mutex_alloc(kind: c_int) -> *mut ffi::sqlite3_mutex {
    match kind {
        ffi::SQLITE_MUTEX_FAST | ffi::SQLITE_MUTEX_RECURSIVE => Box::into_raw(Box::new(RawLock::INIT)).cast(),
        _ => {
            let index = usize::try_from(kind - STATIC_FIRST).ok();
            let lock = index.and_then(|index| STATIC_LOCKS.get(index));
            lock.map_or(ptr::null_mut(), |lock| ptr::from_ref(lock).cast_mut().cast())
        }
    }
}

/// # Safety
/// `mutex` is one that [`mutex_alloc`] boxed, and is not used again. SQLite never frees a static one.
unsafe extern "C" fn mutex_free(mutex: *mut ffi::sqlite3_mutex) {
    // SAFETY: see above.
    drop(unsafe { Box::from_raw(mutex.cast::<RawLock>()) });
}

/// # Safety
/// `mutex` is one that [`mutex_alloc`] gave out.
unsafe extern "C" fn mutex_enter(mutex: *mut ffi::sqlite3_mutex) {
    // SAFETY: see above.
    unsafe { &*mutex.cast::<RawLock>() }.lock();
}

/// # Safety
/// As [`mutex_enter`].
unsafe extern "C" fn mutex_try(mutex: *mut ffi::sqlite3_mutex) -> c_int {
    // SAFETY: see above.
    if unsafe { &*mutex.cast::<RawLock>() }.try_lock() { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
}

/// # Safety
/// `mutex` is one that this thread has entered and not yet left.
unsafe extern "C" fn mutex_leave(mutex: *mut ffi::sqlite3_mutex) {
    // SAFETY: see above.
    unsafe { (*mutex.cast::<RawLock>()).unlock() };
}

/// What SQLite calls to find its operating system.
#[unsafe(no_mangle)]
extern "C" fn sqlite3_os_init() -> c_int {
    static NOWHERE: OnceLock<Registered> = OnceLock::new();
    let registered = NOWHERE.get_or_init(|| Registered(Box::into_raw(Box::new(nowhere()))));
    // SAFETY: the VFS lives for ever and is registered as what it is.
    unsafe { ffi::sqlite3_vfs_register(registered.0, 1) }
}

/// What SQLite calls when it is shut down, which nobody does.
#[unsafe(no_mangle)]
extern "C" fn sqlite3_os_end() -> c_int {
    ffi::SQLITE_OK
}

/// A VFS that SQLite holds, too.
struct Registered(*mut ffi::sqlite3_vfs);

// SAFETY: only the pointer is shared. What it points to belongs to SQLite, which guards its list of VFSs with a mutex.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

/// The default VFS: it opens nothing at all, it is always the beginning of 1970, and its randomness is always the same.
fn nowhere() -> ffi::sqlite3_vfs {
    ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: c_int::try_from(size_of::<ffi::sqlite3_file>()).unwrap_or(c_int::MAX),
        mxPathname: 64,
        pNext: ptr::null_mut(),
        zName: c"nowhere".as_ptr(),
        pAppData: ptr::null_mut(),
        xOpen: Some(open_nothing),
        xDelete: Some(delete_nothing),
        xAccess: Some(find_nothing),
        xFullPathname: Some(full_path_of_nothing),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(fixed_randomness),
        xSleep: Some(no_sleep),
        xCurrentTime: Some(epoch),
        xGetLastError: Some(no_last_error),
        xCurrentTimeInt64: Some(epoch_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }
}

/// # Safety
/// `file` has room for a `sqlite3_file`: the VFS says so.
unsafe extern "C" fn open_nothing(
    _: *mut ffi::sqlite3_vfs,
    _: *const c_char,
    file: *mut ffi::sqlite3_file,
    _: c_int,
    _: *mut c_int,
) -> c_int {
    // SAFETY: see above. Null methods tell SQLite that there is nothing to close.
    unsafe { (*file).pMethods = ptr::null() };
    ffi::SQLITE_CANTOPEN
}

extern "C" fn delete_nothing(_: *mut ffi::sqlite3_vfs, _: *const c_char, _: c_int) -> c_int {
    ffi::SQLITE_IOERR_DELETE
}

/// # Safety
/// `found` can be written.
unsafe extern "C" fn find_nothing(_: *mut ffi::sqlite3_vfs, _: *const c_char, _: c_int, found: *mut c_int) -> c_int {
    // SAFETY: see above.
    unsafe { *found = 0 };
    ffi::SQLITE_OK
}

/// # Safety
/// `out` can be written, one byte at least.
unsafe extern "C" fn full_path_of_nothing(_: *mut ffi::sqlite3_vfs, _: *const c_char, _: c_int, out: *mut c_char) -> c_int {
    // SAFETY: see above.
    unsafe { *out = 0 };
    ffi::SQLITE_CANTOPEN
}

/// The seed of the generator that the whole process shares, and that [`reset_randomness`] begins again.
///
/// # Safety
/// `out` can be written for `length` bytes.
unsafe extern "C" fn fixed_randomness(_: *mut ffi::sqlite3_vfs, length: c_int, out: *mut c_char) -> c_int {
    for index in 0..usize::try_from(length).unwrap_or(0) {
        // SAFETY: see above.
        unsafe { *out.add(index) = (index % 100) as c_char };
    }
    length
}

extern "C" fn no_sleep(_: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

/// # Safety
/// `out` can be written.
unsafe extern "C" fn epoch(_: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: see above.
    unsafe { *out = 2_440_587.5 };
    ffi::SQLITE_OK
}

/// # Safety
/// `out` can be written.
unsafe extern "C" fn epoch_int64(_: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: see above.
    unsafe { *out = crate::vfs::JULIAN_UNIX_EPOCH_MS };
    ffi::SQLITE_OK
}

extern "C" fn no_last_error(_: *mut ffi::sqlite3_vfs, _: c_int, _: *mut c_char) -> c_int {
    ffi::SQLITE_OK
}

/// Begins SQLite's own generator of random numbers again. It serves the whole process: the nonce of journals, and the search for a
/// free rowid in a table that holds the largest one.
pub fn reset_randomness() {
    let nothing: *mut c_void = ptr::null_mut();
    // SAFETY: no bytes are asked for, which only resets the generator.
    unsafe { ffi::sqlite3_randomness(0, nothing) };
}
