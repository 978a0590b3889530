//! A VFS whose clock stands still.
//!
//! SQLite's time functions ask the connection's VFS for the time. A step that writes `CURRENT_TIMESTAMP` would give other
//! bytes each time it is rehearsed; so clones are opened through a copy of the system's VFS in which the two functions that
//! tell the time give the plan's.

use std::{
    collections::BTreeMap,
    ffi::{CString, c_int},
    ptr,
    sync::Mutex,
};

use rusqlite::ffi;

/// Milliseconds from SQLite's day zero (noon, 24 November 4714 BC, proleptic Gregorian) to the Unix epoch:
/// 2440587.5 days.
const JULIAN_UNIX_EPOCH_MS: i64 = 210_866_760_000_000;

/// The VFS that clones copy. It takes no locks: each clone is a private file that one session uses at a time, and digests
/// read the file beside it, which would drop POSIX locks anyway.
const BASE_VFS: &std::ffi::CStr = c"unix-none";

/// A VFS with its clock. `base` comes first, so that a pointer to one is a pointer to the other.
#[repr(C)]
struct FrozenVfs {
    base: ffi::sqlite3_vfs,
    julian_ms: i64,
}

/// The names of the VFSs registered so far, by the time that they tell.
static REGISTERED: Mutex<BTreeMap<i64, CString>> = Mutex::new(BTreeMap::new());

/// The name of the VFS for which it is always `now_unix_ms`; registers it at first use.
pub(super) fn vfs_for(now_unix_ms: i64) -> Result<CString, String> {
    let mut registered = REGISTERED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(name) = registered.get(&now_unix_ms) {
        return Ok(name.clone());
    }
    let name = CString::new(format!("rehearsal-{now_unix_ms}")).map_err(|error| error.to_string())?;
    // SAFETY: sqlite3_initialize may be called from any thread at any time.
    let code = unsafe { ffi::sqlite3_initialize() };
    if code != ffi::SQLITE_OK {
        return Err(format!("SQLite does not start (code {code})"));
    }
    // SAFETY: the argument is a NUL-terminated string; the result is null or a VFS that SQLite keeps for ever.
    let found = unsafe { ffi::sqlite3_vfs_find(BASE_VFS.as_ptr()) };
    if found.is_null() {
        return Err(format!("SQLite has no VFS {BASE_VFS:?} on this system"));
    }
    // SAFETY: `found` is not null and points to a registered VFS, whose fields other than `pNext` never change.
    let mut base = unsafe { ptr::read(found) };
    base.zName = name.as_ptr();
    base.pNext = ptr::null_mut();
    base.xCurrentTime = Some(current_time);
    base.xCurrentTimeInt64 = Some(current_time_int64);
    // SQLite keeps the pointer for as long as the process lives, and so do we: there is one for each time that a plan states.
    let vfs = Box::leak(Box::new(FrozenVfs { base, julian_ms: now_unix_ms + JULIAN_UNIX_EPOCH_MS }));
    // SAFETY: `vfs` lives for ever, and so does the name, which goes into `REGISTERED` and is never removed. The other functions
    // of the VFS are those of the system's, and find what they need in `pAppData`, which was copied with them.
    let code = unsafe { ffi::sqlite3_vfs_register(&mut vfs.base, 0) };
    if code != ffi::SQLITE_OK {
        return Err(format!("SQLite does not take the VFS (code {code})"));
    }
    // It is the original that SQLite points to, and that the map keeps: moving a CString does not move its bytes.
    let copy = name.clone();
    registered.insert(now_unix_ms, name);
    Ok(copy)
}

/// # Safety
/// `vfs` is the `base` of a [`FrozenVfs`] and `out` can be written: SQLite calls this with the VFS that it is registered in.
unsafe extern "C" fn current_time_int64(vfs: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: see above; `base` is the first field of a `repr(C)` struct.
    unsafe { *out = (*vfs.cast::<FrozenVfs>()).julian_ms };
    ffi::SQLITE_OK
}

/// # Safety
/// As [`current_time_int64`].
unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    const DAY_MS: f64 = 86_400_000.0;
    // SAFETY: see above.
    unsafe { *out = (*vfs.cast::<FrozenVfs>()).julian_ms as f64 / DAY_MS };
    ffi::SQLITE_OK
}
