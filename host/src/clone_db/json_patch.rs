//! `json_patch` and `jsonb_patch`, as far as they are done in a moment.
//!
//! SQLite looks for each key of the patch among all keys of the object, and moves the rest of the object for each that it finds;
//! nothing can interrupt one call of a function, so two objects of some megabytes would stop the host for days. Here a call is
//! refused whose arguments are too large for each other. The others are answered by SQLite's own function, on a connection
//! where it has not been replaced. Raw FFI, because only so a value gets there and back as it is.

use std::{
    cell::OnceCell,
    ffi::{CStr, c_int, c_void},
    ptr, slice,
};

use rehearsal_clone::engine;
use rusqlite::{Connection, ffi};

/// How much work one call may be, about a second. One is a byte moved; a key compared with another was measured to take as long as
/// some 300 of them.
const WORK_MAX: u64 = 10_000_000_000;
const WORK_OF_A_KEY: u64 = 300;

/// The subtype by which SQLite's functions tell JSON from text that happens to look so (SQLite, `JSON_SUBTYPE` in `json.c`).
const JSON_SUBTYPE: u32 = 74;

/// What the functions need of their own: SQLite's, which stand on another connection.
struct Patcher {
    sql: &'static CStr,
    subtype: Option<u32>,
    plain: OnceCell<Connection>,
}

/// Replaces the functions on one connection.
pub(super) fn install(connection: &Connection) -> rusqlite::Result<()> {
    // What SQLite's own are marked as.
    let flags = ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC | ffi::SQLITE_INNOCUOUS | ffi::SQLITE_RESULT_SUBTYPE;
    for (name, sql, subtype) in
        [(c"json_patch", c"SELECT json_patch(?1, ?2)", Some(JSON_SUBTYPE)), (c"jsonb_patch", c"SELECT jsonb_patch(?1, ?2)", None)]
    {
        let patcher = Box::into_raw(Box::new(Patcher { sql, subtype, plain: OnceCell::new() }));
        // SAFETY: an open connection on its own thread; the name is NUL-terminated and copied; `destroy` takes the box back, when the
        // connection is closed or if this fails.
        let code = unsafe {
            let handle = connection.handle();
            ffi::sqlite3_create_function_v2(handle, name.as_ptr(), 2, flags, patcher.cast(), Some(patch), None, None, Some(destroy))
        };
        if code != ffi::SQLITE_OK {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        }
    }
    Ok(())
}

/// # Safety
/// `patcher` is the box that [`install`] gave away, and is not used again.
unsafe extern "C" fn destroy(patcher: *mut c_void) {
    // SAFETY: see above.
    drop(unsafe { Box::from_raw(patcher.cast::<Patcher>()) });
}

/// # Safety
/// Called by SQLite with two live values, and with a context whose user data is a [`Patcher`].
unsafe extern "C" fn patch(context: *mut ffi::sqlite3_context, _count: c_int, values: *mut *mut ffi::sqlite3_value) {
    // SAFETY: see above. SQLite calls the functions of a connection on one thread, one at a time.
    unsafe {
        let (object, by) = (*values, *values.add(1));
        let ((object_keys, object_bytes), (keys, _)) = (size(object), size(by));
        let work = object_keys.saturating_mul(WORK_OF_A_KEY).saturating_add(object_bytes).saturating_mul(keys);
        if work > WORK_MAX {
            let reason = c"json_patch: the object and the patch are too large for each other";
            ffi::sqlite3_result_error(context, reason.as_ptr(), -1);
            ffi::sqlite3_result_error_code(context, ffi::SQLITE_TOOBIG);
            return;
        }
        let patcher = &*ffi::sqlite3_user_data(context).cast::<Patcher>();
        let plain = match patcher.plain.get() {
            Some(plain) => plain,
            None => match engine::open_in_memory() {
                Ok(plain) => patcher.plain.get_or_init(|| plain),
                Err(_) => return ffi::sqlite3_result_error_nomem(context),
            },
        };
        answer(context, plain, patcher, [object, by]);
    }
}

/// How many keys a value can have if it is JSON, and how many bytes.
///
/// # Safety
/// `value` is a live value, and nobody holds its bytes.
unsafe fn size(value: *mut ffi::sqlite3_value) -> (u64, u64) {
    // SAFETY: see above. The content is asked for before its length, as SQLite wants it.
    let (content, is_text) = unsafe {
        let is_text = ffi::sqlite3_value_type(value) == ffi::SQLITE_TEXT;
        let start = if is_text { ffi::sqlite3_value_text(value) } else { ffi::sqlite3_value_blob(value).cast() };
        let length = usize::try_from(ffi::sqlite3_value_bytes(value)).unwrap_or(0);
        (if start.is_null() { &[][..] } else { slice::from_raw_parts(start, length) }, is_text)
    };
    let bytes = content.len() as u64;
    // In text each key is followed by a colon; in SQLite's binary JSON a key and its value have a byte each at least.
    (if is_text { memchr::memchr_iter(b':', content).count() as u64 } else { bytes / 2 }, bytes)
}

/// Has SQLite's own function answer.
///
/// # Safety
/// `context` is that of the call that is being answered, and the values are its arguments.
unsafe fn answer(context: *mut ffi::sqlite3_context, plain: &Connection, patcher: &Patcher, values: [*mut ffi::sqlite3_value; 2]) {
    let mut statement = ptr::null_mut();
    // SAFETY: `plain` is an open connection of this thread, the SQL is NUL-terminated; the values are copied into the statement, and its
    // result into the context, before it is finalized. A null statement can be finalized, too.
    unsafe {
        let handle = plain.handle();
        let mut code = ffi::sqlite3_prepare_v3(handle, patcher.sql.as_ptr(), -1, 0, &mut statement, ptr::null_mut());
        for (index, value) in (1..).zip(values) {
            if code == ffi::SQLITE_OK {
                code = ffi::sqlite3_bind_value(statement, index, value);
            }
        }
        if code == ffi::SQLITE_OK {
            code = ffi::sqlite3_step(statement);
        }
        if code == ffi::SQLITE_ROW {
            let value = ffi::sqlite3_column_value(statement, 0);
            ffi::sqlite3_result_value(context, value);
            if let (Some(subtype), ffi::SQLITE_TEXT) = (patcher.subtype, ffi::sqlite3_column_type(statement, 0)) {
                ffi::sqlite3_result_subtype(context, subtype);
            }
        } else {
            ffi::sqlite3_result_error(context, ffi::sqlite3_errmsg(handle), -1);
            ffi::sqlite3_result_error_code(context, code);
        }
        ffi::sqlite3_finalize(statement);
    }
}
