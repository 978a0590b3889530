//! `instr`, `replace`, `trim`, `ltrim`, `rtrim` and `unhex` in linear time.
//!
//! SQLite's own take time in proportion to the product of their arguments' lengths, and nothing can interrupt one call of a
//! function: two strings of some megabytes would stop the host for hours, out of reach of every limit. These give the same
//! results (SQLite, `src/func.c`; a test compares them). Raw FFI, because only SQLite itself turns a number or a blob into
//! text as it would have.

use std::{
    ffi::{CStr, c_int, c_void},
    ptr, slice,
};

use memchr::memmem;
use rusqlite::{Connection, ffi};

type Function = unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);

/// Replaces the functions on one connection.
pub(super) fn install(connection: &Connection) -> rusqlite::Result<()> {
    let functions: [(&CStr, c_int, Function); 9] = [
        (c"instr", 2, instr),
        (c"replace", 3, replace),
        (c"trim", 1, trim::<true, true>),
        (c"trim", 2, trim::<true, true>),
        (c"ltrim", 1, trim::<true, false>),
        (c"ltrim", 2, trim::<true, false>),
        (c"rtrim", 1, trim::<false, true>),
        (c"rtrim", 2, trim::<false, true>),
        (c"unhex", 2, unhex),
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
        let count = memmem::find_iter(whole, pattern).count();
        let bytes = (whole.len() - count * pattern.len()).saturating_add(count.saturating_mul(by.len()));
        let Some(mut room) = Room::new(context, bytes) else { return };
        let mut done = 0;
        for at in memmem::find_iter(whole, pattern) {
            room.push(&whole[done..at]);
            room.push(by);
            done = at + pattern.len();
        }
        room.push(&whole[done..]);
        room.into_text();
    }
}

/// Memory of SQLite's own for a result whose length is known, so that it counts as SQLite's and is not copied.
struct Room {
    context: *mut ffi::sqlite3_context,
    start: *mut u8,
    bytes: usize,
    used: usize,
}

impl Room {
    /// Room for so many bytes; without a result if SQLite has none, or they are more than a value may have: then that is the answer.
    ///
    /// # Safety
    /// `context` is that of the call that is being answered.
    unsafe fn new(context: *mut ffi::sqlite3_context, bytes: usize) -> Option<Self> {
        // SAFETY: see above. What is allocated is freed by `into_text`.
        unsafe {
            let most = ffi::sqlite3_limit(ffi::sqlite3_context_db_handle(context), ffi::SQLITE_LIMIT_LENGTH, -1);
            if usize::try_from(most).is_ok_and(|most| bytes > most) {
                ffi::sqlite3_result_error_toobig(context);
                return None;
            }
            // At least one byte: SQLite takes a request for none for a failure.
            let start = ffi::sqlite3_malloc64(bytes as u64 + 1).cast::<u8>();
            if start.is_null() {
                ffi::sqlite3_result_error_nomem(context);
                return None;
            }
            Some(Self { context, start, bytes, used: 0 })
        }
    }

    fn push(&mut self, content: &[u8]) {
        assert!(content.len() <= self.bytes - self.used, "a result is longer than was counted");
        // SAFETY: there is room for it, see above, and the memory is nobody else's.
        unsafe { ptr::copy_nonoverlapping(content.as_ptr(), self.start.add(self.used), content.len()) };
        self.used += content.len();
    }

    /// Makes it the answer of the call.
    fn into_text(self) {
        let (text, bytes) = (self.start.cast(), self.used as u64);
        // SAFETY: so many bytes are initialized, and SQLite frees them itself.
        unsafe { ffi::sqlite3_result_text64(self.context, text, bytes, Some(ffi::sqlite3_free), ffi::SQLITE_UTF8 as u8) };
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
        let set = Set::of(characters(set));
        // No character of the set begins with NUL, and as a number it would be the character after it.
        let is_in_set = |bytes: &[u8]| bytes.first() != Some(&0) && set.contains(key(bytes));
        while let (true, Some(length)) = (LEFT, (1..=4).find(|length| rest.get(..*length).is_some_and(is_in_set))) {
            rest = &rest[length..];
        }
        let ends_with = |rest: &[u8], length: usize| rest.len() >= length && is_in_set(&rest[rest.len() - length..]);
        while let (true, Some(length)) = (RIGHT, (1..=4).find(|length| ends_with(rest, *length))) {
            rest = &rest[..rest.len() - length];
        }
        result_text(context, rest);
    }
}

/// The characters of a text up to its first NUL, as SQLite's `trim` tells them apart: a byte from 0xC0 on and the continuation bytes
/// after it, or any other byte by itself. None of valid Unicode has more than four bytes; those that have are left out.
fn characters(text: &[u8]) -> impl Iterator<Item = u32> {
    let mut rest = text;
    let next = move || {
        let first = rest.first().filter(|first| **first != 0)?;
        let continued = if *first >= 0xc0 { rest[1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count() } else { 0 };
        let (character, after) = rest.split_at(1 + continued);
        rest = after;
        Some(character)
    };
    std::iter::from_fn(next).filter(|character| character.len() <= 4).map(key)
}

/// Up to four bytes as a number. The first one of a character is never zero, so no two characters give the same.
fn key(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |key, byte| key << 8 | u32::from(*byte))
}

/// # Safety
/// As [`instr`].
unsafe extern "C" fn unhex(context: *mut ffi::sqlite3_context, _count: c_int, values: *mut *mut ffi::sqlite3_value) {
    // SAFETY: as in `instr`; each value is asked for its text once.
    unsafe {
        let (Some(digits), Some(ignored)) = (text(*values), text(*values.add(1))) else { return };
        let Some(bytes) = bytes_of_digits(digits, ignored) else { return };
        ffi::sqlite3_result_blob64(context, bytes.as_ptr().cast(), bytes.len() as u64, ffi::SQLITE_TRANSIENT());
    }
}

/// The bytes that pairs of hexadecimal digits stand for, up to a NUL. Between the pairs there may be characters of `ignored`, and nothing
/// else.
fn bytes_of_digits(digits: &[u8], ignored: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut ignored_rest = ignored;
    let ignored = Set::of(std::iter::from_fn(|| code_point(&mut ignored_rest)));
    let mut rest = &digits[..digits.iter().position(|byte| *byte == 0).unwrap_or(digits.len())];
    let mut bytes = Vec::with_capacity(rest.len() / 2);
    while let Some(high) = rest.first() {
        if let Some(high) = digit(high) {
            let low = rest.get(1).and_then(digit)?;
            bytes.push((high << 4 | low) as u8);
            rest = &rest[2..];
        } else if !code_point(&mut rest).is_some_and(|character| ignored.contains(character)) {
            return None;
        }
    }
    Some(bytes)
}

/// Takes the next character off a text, as SQLite reads UTF-8, be it valid or not (SQLite, `sqlite3Utf8Read` in `utf.c`).
fn code_point(text: &mut &[u8]) -> Option<u32> {
    const REPLACEMENT: u32 = 0xfffd;
    let (first, mut rest) = text.split_first()?;
    let mut character = u32::from(*first);
    if *first >= 0xc0 {
        // What is left of the first byte when the ones that it begins with, and the zero after them, are gone; 0xFE and 0xFF leave nothing.
        character = if *first >= 0xfe { 0 } else { u32::from(first & (0x7f >> first.leading_ones())) };
        while let Some((next, after)) = rest.split_first().filter(|(next, _)| **next & 0xc0 == 0x80) {
            character = character << 6 | u32::from(next & 0x3f);
            rest = after;
        }
        if character < 0x80 || character & 0xffff_f800 == 0xd800 {
            character = REPLACEMENT;
        }
    }
    *text = rest;
    Some(character)
}

/// A set of numbers that takes little memory however often each of them comes.
struct Set {
    low: [bool; 256],
    /// Sorted.
    high: Vec<u32>,
}

impl Set {
    fn of(numbers: impl Iterator<Item = u32>) -> Self {
        let mut set = Self { low: [false; 256], high: Vec::new() };
        for number in numbers {
            if let Some(low) = usize::try_from(number).ok().and_then(|number| set.low.get_mut(number)) {
                *low = true;
                continue;
            }
            if set.high.len() == set.high.capacity() {
                set.sort();
                // Room for as many again, so that sorting comes rarely.
                set.high.reserve(set.high.len().max(64));
            }
            set.high.push(number);
        }
        set.sort();
        set
    }

    fn sort(&mut self) {
        self.high.sort_unstable();
        self.high.dedup();
    }

    fn contains(&self, number: u32) -> bool {
        usize::try_from(number)
            .ok()
            .and_then(|number| self.low.get(number))
            .copied()
            .unwrap_or_else(|| self.high.binary_search(&number).is_ok())
    }
}

/// # Safety
/// `context` is that of the call that is being answered.
unsafe fn result_text(context: *mut ffi::sqlite3_context, text: &[u8]) {
    // SAFETY: see above; SQLITE_TRANSIENT makes SQLite copy the bytes before the call returns.
    unsafe {
        ffi::sqlite3_result_text64(context, text.as_ptr().cast(), text.len() as u64, ffi::SQLITE_TRANSIENT(), ffi::SQLITE_UTF8 as u8);
    }
}
