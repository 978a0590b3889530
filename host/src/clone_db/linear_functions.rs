//! `instr`, `replace`, `trim`, `ltrim` and `rtrim` in linear time.
//!
//! SQLite's own take time in proportion to the product of their arguments' lengths, and nothing can interrupt one call of a
//! function: two strings of some megabytes would stop the host for hours, out of reach of every limit. These give the same
//! results (SQLite, `src/func.c`; a test compares them). Raw FFI, because only SQLite itself turns a number or a blob into
//! text as it would have.

use std::{
    collections::HashSet,
    ffi::{CStr, c_int, c_void},
    ptr, slice,
};

use memchr::memmem;
use rusqlite::{Connection, ffi};

type Function = unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);

/// Replaces the functions on one connection.
pub(super) fn install(connection: &Connection) -> rusqlite::Result<()> {
    let functions: [(&CStr, c_int, Function); 8] = [
        (c"instr", 2, instr),
        (c"replace", 3, replace),
        (c"trim", 1, trim::<true, true>),
        (c"trim", 2, trim::<true, true>),
        (c"ltrim", 1, trim::<true, false>),
        (c"ltrim", 2, trim::<true, false>),
        (c"rtrim", 1, trim::<false, true>),
        (c"rtrim", 2, trim::<false, true>),
    ];
    // What SQLite's own are marked as: they may stand in an index, and in the schema of a database that is not trusted.
    let flags = ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC | ffi::SQLITE_INNOCUOUS;
    for (name, arguments, function) in functions {
        // SAFETY: an open connection on its own thread; the name is NUL-terminated and copied; the functions need no state.
        let code = unsafe {
            let state: *mut c_void = ptr::null_mut();
            ffi::sqlite3_create_function_v2(connection.handle(), name.as_ptr(), arguments, flags, state, Some(function), None, None, None)
        };
        if code != ffi::SQLITE_OK {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        }
    }
    Ok(())
}

/// The text of a value as SQLite gives it; `None` for NULL (and out of memory, which SQLite reports by itself).
///
/// # Safety
/// `value` is a live value. The slice is good until the value is asked for something else.
unsafe fn text<'a>(value: *mut ffi::sqlite3_value) -> Option<&'a [u8]> {
    // SAFETY: see above. The text is asked for before its length, as SQLite wants it.
    unsafe {
        let start = ffi::sqlite3_value_text(value);
        let length = usize::try_from(ffi::sqlite3_value_bytes(value)).unwrap_or(0);
        (!start.is_null()).then(|| slice::from_raw_parts(start, length))
    }
}

/// # Safety
/// As [`text`].
unsafe fn blob<'a>(value: *mut ffi::sqlite3_value) -> &'a [u8] {
    // SAFETY: see above. An empty blob has a null pointer, which makes no slice.
    unsafe {
        let start = ffi::sqlite3_value_blob(value).cast::<u8>();
        let length = usize::try_from(ffi::sqlite3_value_bytes(value)).unwrap_or(0);
        if start.is_null() { &[] } else { slice::from_raw_parts(start, length) }
    }
}

/// A copy of a value: asking a blob for its text changes the value, which others may still read.
struct Copied(*mut ffi::sqlite3_value);

impl Copied {
    /// # Safety
    /// `value` is a live value.
    unsafe fn of(value: *mut ffi::sqlite3_value) -> Self {
        // SAFETY: see above. Null when out of memory, which every function of SQLite takes for NULL.
        Self(unsafe { ffi::sqlite3_value_dup(value) })
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        // SAFETY: made by sqlite3_value_dup, and nobody else's.
        unsafe { ffi::sqlite3_value_free(self.0) };
    }
}

/// # Safety
/// Called by SQLite with as many live values as [`install`] says.
unsafe extern "C" fn instr(context: *mut ffi::sqlite3_context, _count: c_int, values: *mut *mut ffi::sqlite3_value) {
    // SAFETY: see above; the slices are read before the values are asked for anything else.
    unsafe {
        let (haystack, needle) = (*values, *values.add(1));
        let types = (ffi::sqlite3_value_type(haystack), ffi::sqlite3_value_type(needle));
        if types.0 == ffi::SQLITE_NULL || types.1 == ffi::SQLITE_NULL {
            return;
        }
        let place = if types == (ffi::SQLITE_BLOB, ffi::SQLITE_BLOB) {
            memmem::find(blob(haystack), blob(needle)).map(|at| at + 1)
        } else {
            let (haystack, needle) = (Copied::of(haystack), Copied::of(needle));
            let (Some(haystack), Some(needle)) = (text(haystack.0), text(needle.0)) else { return };
            // Counted in characters: bytes that continue one do not count.
            memmem::find(haystack, needle).map(|at| haystack[..at].iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1)
        };
        ffi::sqlite3_result_int64(context, place.map_or(0, |place| i64::try_from(place).unwrap_or(i64::MAX)));
    }
}

/// # Safety
/// As [`instr`].
unsafe extern "C" fn replace(context: *mut ffi::sqlite3_context, _count: c_int, values: *mut *mut ffi::sqlite3_value) {
    // SAFETY: as in `instr`; each value is asked for its text once.
    unsafe {
        let (Some(whole), Some(pattern)) = (text(*values), text(*values.add(1))) else { return };
        // A pattern that begins with NUL is an empty one to SQLite too.
        if pattern.first().is_none_or(|first| *first == 0) {
            result_text(context, whole);
            return;
        }
        let Some(by) = text(*values.add(2)) else { return };
        let most = ffi::sqlite3_limit(ffi::sqlite3_context_db_handle(context), ffi::SQLITE_LIMIT_LENGTH, -1);
        let most = usize::try_from(most).unwrap_or(0);
        let mut replaced = Vec::with_capacity(whole.len().min(most));
        let mut done = 0;
        for at in memmem::find_iter(whole, pattern) {
            replaced.extend_from_slice(&whole[done..at]);
            replaced.extend_from_slice(by);
            done = at + pattern.len();
            if replaced.len() > most {
                ffi::sqlite3_result_error_toobig(context);
                return;
            }
        }
        replaced.extend_from_slice(&whole[done..]);
        result_text(context, &replaced);
    }
}

/// # Safety
/// As [`instr`].
unsafe extern "C" fn trim<const LEFT: bool, const RIGHT: bool>(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as in `instr`; there is a second value where `count` says so.
    unsafe {
        if ffi::sqlite3_value_type(*values) == ffi::SQLITE_NULL {
            return;
        }
        let Some(mut rest) = text(*values) else { return };
        let set = if count == 1 { Some(&b" "[..]) } else { text(*values.add(1)) };
        let Some(set) = set else { return };
        let set = characters(set);
        while let (true, Some(length)) = (LEFT, (1..=4).find(|length| rest.get(..*length).is_some_and(|start| set.contains(start)))) {
            rest = &rest[length..];
        }
        let ends_with = |rest: &[u8], length: usize| rest.len() >= length && set.contains(&rest[rest.len() - length..]);
        while let (true, Some(length)) = (RIGHT, (1..=4).find(|length| ends_with(rest, *length))) {
            rest = &rest[..rest.len() - length];
        }
        result_text(context, rest);
    }
}

/// The characters of a text up to its first NUL, as SQLite tells them apart: a byte from 0xC0 on and the continuation bytes after it, or any other
/// byte by itself. None of valid Unicode has more than four bytes.
fn characters(text: &[u8]) -> HashSet<&[u8]> {
    let mut characters = HashSet::new();
    let mut rest = text;
    while let Some(first) = rest.first().filter(|first| **first != 0) {
        let continued = if *first >= 0xc0 { rest[1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count() } else { 0 };
        let (character, after) = rest.split_at(1 + continued);
        characters.insert(character);
        rest = after;
    }
    characters
}

/// # Safety
/// `context` is that of the call that is being answered.
unsafe fn result_text(context: *mut ffi::sqlite3_context, text: &[u8]) {
    // SAFETY: see above; SQLITE_TRANSIENT makes SQLite copy the bytes before the call returns.
    unsafe {
        ffi::sqlite3_result_text64(context, text.as_ptr().cast(), text.len() as u64, ffi::SQLITE_TRANSIENT(), ffi::SQLITE_UTF8 as u8);
    }
}
