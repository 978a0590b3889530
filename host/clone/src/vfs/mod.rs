//! The VFS of a clone: what SQLite takes for its operating system (SQLite, "The OS Interface").
//!
//! Each clone has a VFS of its own, so that whatever SQLite asks, it is clear which clone is meant, and time and files cannot be
//! those of another. SQLite knows it by a name that nothing else has, from the first connection on and until the clone is gone.

mod file;

use std::{
    cell::UnsafeCell,
    ffi::{CStr, CString, c_char, c_int},
    ptr,
    sync::{OnceLock, Weak},
};

use rusqlite::ffi;

use crate::clone_file::{CLONE_NAME, CloneFile};

/// Milliseconds from SQLite's day zero (noon, 24 November 4714 BC, proleptic Gregorian) to the Unix epoch: 2440587.5 days.
pub(crate) const JULIAN_UNIX_EPOCH_MS: i64 = 210_866_760_000_000;

/// The journal of a clone, as SQLite names it.
const JOURNAL_SUFFIX: &str = "-journal";

/// What SQLite keeps of a clone's VFS. It is part of the clone and does not move.
#[derive(Debug)]
pub(crate) struct Vfs {
    name: CString,
    methods: UnsafeCell<ffi::sqlite3_vfs>,
    registered: OnceLock<c_int>,
}

// SAFETY: `pNext` in `methods` is written to by SQLite alone, while it holds its own mutex; everything else in it never changes.
unsafe impl Send for Vfs {}
// SAFETY: as above.
unsafe impl Sync for Vfs {}

impl Vfs {
    /// The VFS of `clone`, which will own it.
    pub(crate) fn new(name: CString, clone: &Weak<CloneFile>) -> Self {
        let methods = ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: c_int::try_from(size_of::<file::VfsFile>()).unwrap_or(c_int::MAX),
            mxPathname: 64,
            pNext: ptr::null_mut(),
            zName: name.as_ptr(),
            pAppData: clone.as_ptr().cast_mut().cast(),
            xOpen: Some(file::open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: Some(last_error),
            xCurrentTimeInt64: Some(current_time_int64),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        };
        Self { name, methods: UnsafeCell::new(methods), registered: OnceLock::new() }
    }

    /// Makes the VFS known to SQLite by its name, if it is not yet: VACUUM looks for it when it makes its temporary database. The
    /// clone is in an `Arc`.
    ///
    /// # Errors
    /// SQLite's result code.
    pub(crate) fn register(&self) -> Result<&CStr, c_int> {
        // SAFETY: the VFS stays where it is for as long as the clone lives, and is taken out of SQLite's list when that ends.
        match self.registered.get_or_init(|| unsafe { ffi::sqlite3_vfs_register(self.methods.get(), 0) }) {
            &ffi::SQLITE_OK => Ok(&self.name),
            code => Err(*code),
        }
    }
}

impl Drop for Vfs {
    fn drop(&mut self) {
        if self.registered.get() == Some(&ffi::SQLITE_OK) {
            // SAFETY: it is registered. No connection uses it: each holds the clone.
            unsafe { ffi::sqlite3_vfs_unregister(self.methods.get()) };
        }
    }
}

/// The clone of a VFS.
///
/// # Safety
/// `vfs` is that of a clone that a connection holds, or that is opening one.
unsafe fn clone_of<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a CloneFile {
    // SAFETY: see above.
    unsafe { &*(*vfs).pAppData.cast::<CloneFile>() }
}

/// Whether a name is that of the clone's journal.
///
/// # Safety
/// `name` is null or NUL-terminated.
unsafe fn is_journal(name: *const c_char) -> bool {
    // SAFETY: see above.
    let name = if name.is_null() { c"" } else { unsafe { CStr::from_ptr(name) } };
    name.to_bytes().strip_prefix(CLONE_NAME.as_bytes()) == Some(JOURNAL_SUFFIX.as_bytes())
}

/// # Safety
/// SQLite calls this with the VFS that it is registered in, and a NUL-terminated name.
unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    // SAFETY: see above.
    let (clone, is_journal) = unsafe { (clone_of(vfs), is_journal(name)) };
    // There is nothing else that could be deleted.
    if is_journal { file::code(clone.delete_journal(sync_directory != 0)) } else { ffi::SQLITE_IOERR_DELETE_NOENT }
}

/// # Safety
/// As [`delete`]; `found` can be written.
unsafe extern "C" fn access(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, _flags: c_int, found: *mut c_int) -> c_int {
    // SAFETY: see above.
    unsafe { *found = c_int::from(is_journal(name) && clone_of(vfs).lock().journal.is_some()) };
    ffi::SQLITE_OK
}

/// # Safety
/// `name` is NUL-terminated, and `out` can be written for `length` bytes.
unsafe extern "C" fn full_pathname(_vfs: *mut ffi::sqlite3_vfs, name: *const c_char, length: c_int, out: *mut c_char) -> c_int {
    // SAFETY: see above.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if name.len() > usize::try_from(length).unwrap_or(0) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `out` has room for the name, which is SQLite's own and lies elsewhere.
    unsafe { ptr::copy_nonoverlapping(name.as_ptr().cast(), out, name.len()) };
    ffi::SQLITE_OK
}

/// Nobody calls this: SQLite asks the default VFS for randomness. It gives none.
///
/// # Safety
/// `out` can be written for `length` bytes.
unsafe extern "C" fn randomness(_vfs: *mut ffi::sqlite3_vfs, length: c_int, out: *mut c_char) -> c_int {
    // SAFETY: see above.
    unsafe { ptr::write_bytes(out, 0, usize::try_from(length).unwrap_or(0)) };
    length
}

extern "C" fn sleep(_vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    // Whoever waits here waits for a lock of another connection of the same clone, mostly on the same thread.
    microseconds
}

/// # Safety
/// As [`delete`]; `out` can be written.
unsafe extern "C" fn current_time_int64(vfs: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: see above.
    unsafe { *out = clone_of(vfs).settings().now_unix_ms.saturating_add(JULIAN_UNIX_EPOCH_MS) };
    ffi::SQLITE_OK
}

/// # Safety
/// As [`current_time_int64`].
unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    const DAY_MS: f64 = 86_400_000.0;
    // SAFETY: see above.
    unsafe { *out = clone_of(vfs).settings().now_unix_ms.saturating_add(JULIAN_UNIX_EPOCH_MS) as f64 / DAY_MS };
    ffi::SQLITE_OK
}

extern "C" fn last_error(_vfs: *mut ffi::sqlite3_vfs, _length: c_int, _out: *mut c_char) -> c_int {
    ffi::SQLITE_OK
}
