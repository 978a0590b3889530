//! The memory that SQLite itself takes, with a budget for each call.
//!
//! SQLite's own limit (`PRAGMA hard_heap_limit`) is one for the whole process. Here SQLite allocates through counters of the calling
//! thread, so that one statement that takes too much is refused (SQLITE_NOMEM) and nobody else notices. A connection stays on one
//! thread while it works.

use std::{
    alloc::{self, Layout},
    cell::Cell,
    ffi::{c_int, c_void},
    marker::PhantomData,
    ptr,
};

use rusqlite::ffi;

/// Each allocation begins with its size; sixteen bytes keep the rest aligned for everything.
const HEADER_BYTES: usize = 16;

/// The largest allocation that SQLite asks for (`SQLITE_MAX_ALLOCATION_SIZE`) is below 2 GiB.
const ALIGN: usize = 16;

thread_local! {
    /// What this thread has allocated less what it has freed: negative where it freed what others had allocated.
    static USED: Cell<i64> = const { Cell::new(0) };
    /// How far `USED` may go.
    static MAX: Cell<i64> = const { Cell::new(i64::MAX) };
    /// Whether an allocation was refused since the budget began.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// How much memory SQLite has on this thread at one moment.
#[derive(Clone, Copy, Debug)]
pub struct HeapMark {
    used: i64,
    /// The counters are those of the thread.
    _of_this_thread: PhantomData<*const ()>,
}

impl HeapMark {
    /// At this moment.
    pub fn now() -> Self {
        Self { used: USED.get(), _of_this_thread: PhantomData }
    }
}

/// While this lives, SQLite may take only so many more bytes on this thread than it had at some [`HeapMark`].
#[derive(Debug)]
pub struct HeapBudget {
    max_before: i64,
    refused_before: bool,
    /// The counters are those of the thread.
    _of_this_thread: PhantomData<*const ()>,
}

impl HeapBudget {
    /// Begins a budget of `bytes`. Within another one, the smaller of the two counts.
    pub fn begin(bytes: u64) -> Self {
        Self::begin_since(HeapMark::now(), bytes)
    }

    /// Begins a budget of which what SQLite has taken since the mark is spent already.
    pub fn begin_since(mark: HeapMark, bytes: u64) -> Self {
        let max_before = MAX.get();
        let max = mark.used.saturating_add(i64::try_from(bytes).unwrap_or(i64::MAX));
        MAX.set(max.min(max_before));
        Self { max_before, refused_before: REFUSED.replace(false), _of_this_thread: PhantomData }
    }

    /// Whether SQLite was refused memory since the budget began.
    pub fn is_exceeded(&self) -> bool {
        REFUSED.get()
    }
}

impl Drop for HeapBudget {
    fn drop(&mut self) {
        MAX.set(self.max_before);
        REFUSED.set(self.refused_before);
    }
}

/// How SQLite allocates from now on; given to `sqlite3_config` before SQLite starts.
pub(crate) fn methods() -> ffi::sqlite3_mem_methods {
    ffi::sqlite3_mem_methods {
        xMalloc: Some(allocate),
        xFree: Some(free),
        xRealloc: Some(reallocate),
        xSize: Some(size),
        xRoundup: Some(round_up),
        xInit: Some(begin),
        xShutdown: Some(end),
        pAppData: ptr::null_mut(),
    }
}

/// Counts `bytes` more, if the budget has room for them.
fn charge(bytes: i64) -> bool {
    let used = USED.get().saturating_add(bytes);
    if bytes > 0 && used > MAX.get() {
        REFUSED.set(true);
        return false;
    }
    USED.set(used);
    true
}

/// The layout of an allocation for `bytes` of SQLite's; absent for sizes that no allocator takes.
fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.checked_add(HEADER_BYTES)?, ALIGN).ok()
}

extern "C" fn allocate(bytes: c_int) -> *mut c_void {
    let Some((bytes, layout)) = usize::try_from(bytes).ok().and_then(|bytes| Some((bytes, layout(bytes)?))) else {
        return ptr::null_mut();
    };
    if !charge(bytes as i64) {
        return ptr::null_mut();
    }
    // SAFETY: the layout is not empty.
    let start = unsafe { alloc::alloc(layout) };
    if start.is_null() {
        charge(-(bytes as i64));
        return ptr::null_mut();
    }
    // SAFETY: the allocation begins with room for the size and is aligned for it; what follows is SQLite's.
    unsafe {
        start.cast::<usize>().write(bytes);
        start.add(HEADER_BYTES).cast()
    }
}

/// The start of an allocation, and how many of its bytes are SQLite's.
///
/// # Safety
/// `memory` comes from [`allocate`] or [`reallocate`] and has not been freed.
unsafe fn allocation(memory: *mut c_void) -> (*mut u8, usize) {
    // SAFETY: see above: the header is right before it.
    unsafe {
        let start = memory.cast::<u8>().sub(HEADER_BYTES);
        (start, start.cast::<usize>().read())
    }
}

/// # Safety
/// As [`allocation`], or null.
unsafe extern "C" fn free(memory: *mut c_void) {
    if memory.is_null() {
        return;
    }
    // SAFETY: see above. The layout is the one that it was allocated with.
    unsafe {
        let (start, bytes) = allocation(memory);
        charge(-(bytes as i64));
        alloc::dealloc(start, Layout::from_size_align_unchecked(bytes + HEADER_BYTES, ALIGN));
    }
}

/// # Safety
/// As [`allocation`]: SQLite reallocates nothing that is null.
unsafe extern "C" fn reallocate(memory: *mut c_void, bytes: c_int) -> *mut c_void {
    // SAFETY: see above.
    let (start, before) = unsafe { allocation(memory) };
    let Some((bytes, new)) = usize::try_from(bytes).ok().and_then(|bytes| Some((bytes, layout(bytes)?))) else {
        return ptr::null_mut();
    };
    let more = bytes as i64 - before as i64;
    if !charge(more) {
        return ptr::null_mut();
    }
    // SAFETY: the layout is the one that it was allocated with, and the new size is not zero.
    let moved = unsafe { alloc::realloc(start, Layout::from_size_align_unchecked(before + HEADER_BYTES, ALIGN), new.size()) };
    if moved.is_null() {
        charge(-more);
        return ptr::null_mut();
    }
    // SAFETY: as in `allocate`.
    unsafe {
        moved.cast::<usize>().write(bytes);
        moved.add(HEADER_BYTES).cast()
    }
}

/// # Safety
/// As [`allocation`], or null.
unsafe extern "C" fn size(memory: *mut c_void) -> c_int {
    if memory.is_null() {
        return 0;
    }
    // SAFETY: see above.
    c_int::try_from(unsafe { allocation(memory) }.1).unwrap_or(c_int::MAX)
}

extern "C" fn round_up(bytes: c_int) -> c_int {
    bytes.saturating_add(7) & !7
}

extern "C" fn begin(_: *mut c_void) -> c_int {
    ffi::SQLITE_OK
}

extern "C" fn end(_: *mut c_void) {}
