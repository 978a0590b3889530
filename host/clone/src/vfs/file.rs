//! The files that SQLite opens through a clone's VFS: the database, its journal, and temporary files without a name.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr, slice,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::ffi;

use super::is_journal;
use crate::{
    clone_file::{CLONE_NAME, CloneFile, IoFailure},
    connection::SCHEMA_FORGOTTEN,
    crash::{Part, SECTOR_BYTES},
    locks::Lock,
    side_file::SideFile,
};

/// Where a database says which version of it this is, and SQLite asks whether what it has cached is still true: the change counter,
/// the size, and the freelist (SQLite file format, section 1.3; `pagerSharedLock` in SQLite's `pager.c`).
const VERSION_AT: i64 = 24;
const VERSION_BYTES: c_int = 16;

/// What SQLite holds of an open file: its own part comes first.
#[repr(C)]
pub(super) struct VfsFile {
    base: ffi::sqlite3_file,
    /// Boxed; null once it is closed.
    open: *mut OpenFile,
}

/// An open file.
struct OpenFile {
    /// The files keep the clone, and with it the VFS, for as long as SQLite may call either.
    clone: Arc<CloneFile>,
    kind: Kind,
}

enum Kind {
    Database {
        /// Tells connections apart, for the locks.
        who: u64,
        lock: Lock,
        is_read_only: bool,
        /// The restore of the clone since which the connection has no page of an earlier content.
        epoch: u64,
        /// The restore of the clone since which the connection has no schema of an earlier content.
        schema_epoch: u64,
    },
    Journal,
    Temporary(SideFile),
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    // No shared memory, so no write-ahead log; no mapping, which gains nothing here.
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// SQLite's code for how something went.
pub(super) fn code(outcome: Result<(), IoFailure>) -> c_int {
    match outcome {
        Ok(()) => ffi::SQLITE_OK,
        Err(IoFailure::Full) => ffi::SQLITE_FULL,
        Err(IoFailure::Broken) => ffi::SQLITE_IOERR,
    }
}

/// # Safety
/// SQLite calls this with the VFS that it is registered in, a name that is null or NUL-terminated, room for a [`VfsFile`] and, unless
/// it is null, an integer to write to.
pub(super) unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    const TEMPORARY: c_int =
        ffi::SQLITE_OPEN_TEMP_DB | ffi::SQLITE_OPEN_TEMP_JOURNAL | ffi::SQLITE_OPEN_TRANSIENT_DB | ffi::SQLITE_OPEN_SUBJOURNAL;
    let file = file.cast::<VfsFile>();
    // SAFETY: see above. Until there are methods, SQLite takes the file for closed.
    unsafe {
        (*file).base.pMethods = ptr::null();
        (*file).open = ptr::null_mut();
    }
    // SAFETY: see above. The clone is in an `Arc` that a connection holds, or that is about to open one: `CloneFile::new` makes
    // nothing else, and has taken the pointer from it. The count is raised for the new `Arc`.
    let clone = unsafe {
        let clone = (*vfs).pAppData.cast::<CloneFile>().cast_const();
        Arc::increment_strong_count(clone);
        Arc::from_raw(clone)
    };
    // SAFETY: see above.
    let (is_clone, is_journal) = unsafe { (!name.is_null() && CStr::from_ptr(name).to_bytes() == CLONE_NAME.as_bytes(), is_journal(name)) };
    let kind = if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 && is_clone && clone.is_opening() {
        let is_read_only = flags & ffi::SQLITE_OPEN_READWRITE == 0;
        let (who, epoch) = (NEXT.fetch_add(1, Ordering::Relaxed), clone.epoch());
        Kind::Database { who, lock: Lock::None, is_read_only, epoch, schema_epoch: epoch }
    } else if flags & ffi::SQLITE_OPEN_MAIN_JOURNAL != 0 && is_journal {
        match clone.open_journal(flags & ffi::SQLITE_OPEN_CREATE != 0) {
            Ok(()) => Kind::Journal,
            Err(failure) => return code(Err(failure)),
        }
    } else if flags & TEMPORARY != 0 && name.is_null() {
        Kind::Temporary(SideFile::default())
    } else {
        return ffi::SQLITE_CANTOPEN;
    };
    // SAFETY: see above. `close` takes the box back.
    unsafe {
        (*file).open = Box::into_raw(Box::new(OpenFile { clone, kind }));
        (*file).base.pMethods = &raw const METHODS;
        if !flags_out.is_null() {
            *flags_out = flags;
        }
    }
    ffi::SQLITE_OK
}

/// The open file behind a pointer of SQLite's.
///
/// # Safety
/// `file` was opened by [`open`] and has not been closed; SQLite uses it on one thread at a time.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut OpenFile {
    // SAFETY: see above.
    unsafe { &mut *(*file.cast::<VfsFile>()).open }
}

/// # Safety
/// As [`opened`]; the file is not used again.
unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see above; the box is the one that `open` made.
    let OpenFile { clone, kind } = unsafe {
        let file = file.cast::<VfsFile>();
        *Box::from_raw(std::mem::replace(&mut (*file).open, ptr::null_mut()))
    };
    match kind {
        Kind::Database { who, lock, .. } => clone.lock().locks.lower(who, lock, Lock::None),
        Kind::Temporary(side) => clone.lock().give_back(side.taken()),
        Kind::Journal => {}
    }
    ffi::SQLITE_OK
}

/// # Safety
/// As [`opened`]; `buffer` can be written for `length` bytes.
unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, buffer: *mut c_void, length: c_int, offset: i64) -> c_int {
    let (Ok(bytes), Ok(at)) = (usize::try_from(length), u64::try_from(offset)) else { return ffi::SQLITE_IOERR_READ };
    // SAFETY: see above.
    let (file, buffer) = unsafe { (opened(file), slice::from_raw_parts_mut(buffer.cast::<u8>(), bytes)) };
    let read = match &mut file.kind {
        Kind::Database { epoch, schema_epoch, .. } => {
            let state = file.clone.lock();
            let read = state.image.read(at, buffer);
            if (offset, length) == (VERSION_AT, VERSION_BYTES) && *epoch != state.epoch {
                if *schema_epoch != state.epoch {
                    return ffi::SQLITE_SCHEMA;
                }
                // The clone was restored. Two images can say that they are the same version and not be: only a version that SQLite
                // has not seen makes it forget what it has cached.
                *epoch = state.epoch;
                buffer.iter_mut().for_each(|byte| *byte = !*byte);
            }
            read
        }
        Kind::Journal => match &file.clone.lock().journal {
            Some(journal) => journal.read(at, buffer),
            None => return ffi::SQLITE_IOERR_READ,
        },
        Kind::Temporary(side) => side.read(at, buffer),
    };
    match read {
        Ok(read) if read == bytes => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(error) => {
            file.clone.lock().note_trouble(error);
            ffi::SQLITE_IOERR_READ
        }
    }
}

/// # Safety
/// As [`opened`]; `content` can be read for `length` bytes.
unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, content: *const c_void, length: c_int, offset: i64) -> c_int {
    let (Ok(bytes), Ok(at)) = (usize::try_from(length), u64::try_from(offset)) else { return ffi::SQLITE_IOERR_WRITE };
    // SAFETY: see above.
    let (file, content) = unsafe { (opened(file), slice::from_raw_parts(content.cast::<u8>(), bytes)) };
    match &mut file.kind {
        Kind::Database { is_read_only: true, .. } => ffi::SQLITE_READONLY,
        Kind::Database { .. } => code(file.clone.write(Part::Database, at, content)),
        Kind::Journal => code(file.clone.write(Part::Journal, at, content)),
        Kind::Temporary(side) => code(file.clone.write_temporary(side, at, content)),
    }
}

/// # Safety
/// As [`opened`].
unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, bytes: i64) -> c_int {
    let Ok(bytes) = u64::try_from(bytes) else { return ffi::SQLITE_IOERR_TRUNCATE };
    // SAFETY: see above.
    let file = unsafe { opened(file) };
    match &mut file.kind {
        Kind::Database { is_read_only: true, .. } => ffi::SQLITE_READONLY,
        Kind::Database { .. } => code(file.clone.resize(Part::Database, bytes)),
        Kind::Journal => code(file.clone.resize(Part::Journal, bytes)),
        Kind::Temporary(side) => code(file.clone.truncate_temporary(side, bytes)),
    }
}

/// # Safety
/// As [`opened`].
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: see above.
    let file = unsafe { opened(file) };
    match file.kind {
        Kind::Database { .. } => code(file.clone.sync(Part::Database)),
        Kind::Journal => code(file.clone.sync(Part::Journal)),
        Kind::Temporary(_) => ffi::SQLITE_OK,
    }
}

/// # Safety
/// As [`opened`]; `size` can be written.
unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    // SAFETY: see above.
    let file = unsafe { opened(file) };
    let bytes = match &file.kind {
        Kind::Database { .. } => file.clone.lock().image.bytes(),
        Kind::Journal => file.clone.lock().journal.as_ref().map_or(0, SideFile::bytes),
        Kind::Temporary(side) => side.bytes(),
    };
    // SAFETY: see above.
    unsafe { *size = i64::try_from(bytes).unwrap_or(i64::MAX) };
    ffi::SQLITE_OK
}

/// # Safety
/// As [`opened`].
unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: see above.
    let file = unsafe { opened(file) };
    let Kind::Database { who, lock, .. } = &mut file.kind else { return ffi::SQLITE_OK };
    let (held, is_wanted) = file.clone.lock().locks.raise(*who, *lock, Lock::from_code(wanted));
    *lock = held;
    if is_wanted { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY }
}

/// # Safety
/// As [`opened`].
unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, wanted: c_int) -> c_int {
    // SAFETY: see above.
    let file = unsafe { opened(file) };
    let Kind::Database { who, lock, .. } = &mut file.kind else { return ffi::SQLITE_OK };
    let wanted = Lock::from_code(wanted);
    if *lock > wanted {
        file.clone.lock().locks.lower(*who, *lock, wanted);
        *lock = wanted;
    }
    ffi::SQLITE_OK
}

/// # Safety
/// As [`opened`]; `reserved` can be written.
unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, reserved: *mut c_int) -> c_int {
    // SAFETY: see above.
    unsafe { *reserved = c_int::from(opened(file).clone.lock().locks.is_reserved()) };
    ffi::SQLITE_OK
}

/// # Safety
/// As [`opened`]; the argument of [`SCHEMA_FORGOTTEN`] is a number.
unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    // SAFETY: see above.
    match &mut unsafe { opened(file) }.kind {
        Kind::Database { schema_epoch, .. } if operation == SCHEMA_FORGOTTEN => {
            // SAFETY: see above.
            *schema_epoch = unsafe { *argument.cast::<u64>() };
            ffi::SQLITE_OK
        }
        _ => ffi::SQLITE_NOTFOUND,
    }
}

extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    SECTOR_BYTES as c_int
}

/// # Safety
/// As [`opened`].
unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: see above.
    match unsafe { opened(file) }.clone.lock().crash {
        Some(_) => 0,
        None => ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE | ffi::SQLITE_IOCAP_SAFE_APPEND | ffi::SQLITE_IOCAP_SEQUENTIAL,
    }
}
