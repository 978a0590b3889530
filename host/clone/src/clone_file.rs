//! A clone: one image that SQLite may change, its journal, and the locks of its connections.

use std::{
    cell::Cell,
    ffi::CString,
    io, ptr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::{Connection, OpenFlags};

use crate::{
    connection::CloneConnection,
    crash::{Crash, CrashPoint, Op, Part},
    engine,
    image::Image,
    locks::Locks,
    side_file::SideFile,
    store::Store,
    vfs::Vfs,
};

/// The name of every clone, so that nothing that a statement can ask tells one from another.
pub const CLONE_NAME: &str = "/clone.db";

/// How a clone behaves, where SQLite would ask the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloneSettings {
    /// What SQL takes for the present, in milliseconds since 1970-01-01T00:00:00Z.
    pub now_unix_ms: i64,
    /// How many bytes the clone may take beside the image that it began with: changed pages, the journal, temporary files.
    pub growth_bytes_max: u64,
}

/// A private copy of a database, which SQLite opens through a VFS of the clone's own.
#[derive(Debug)]
pub struct CloneFile {
    store: Arc<Store>,
    settings: CloneSettings,
    vfs: Vfs,
    state: Mutex<State>,
}

/// Why SQLite's reading or writing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IoFailure {
    /// There is no room: the budget of the clone is used up.
    Full,
    /// The machine could not do it; the clone has noted why. Or the disk has crashed, as it was told to.
    Broken,
}

/// What changes while a clone is used.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) image: Image,
    pub(crate) journal: Option<SideFile>,
    pub(crate) locks: Locks,
    /// Counts the restores, so that connections notice that what they remember is of another image; see `connection`.
    pub(crate) epoch: u64,
    /// How many bytes of the store the clone has taken since it began, or was restored.
    taken: u64,
    /// How often the database itself was written to since then.
    writes: u64,
    /// Why the clone could not take what it was allowed to take.
    trouble: Option<io::Error>,
    pub(crate) crash: Option<Crash>,
}

thread_local! {
    /// The clone that this thread is opening a connection to.
    static OPENING: Cell<*const CloneFile> = const { Cell::new(ptr::null()) };
}

/// While this lives, the thread may open the database of a clone. ATTACH may not: it would be the same database by another name.
struct Opening(*const CloneFile);

impl Opening {
    fn begin(clone: &Arc<CloneFile>) -> Self {
        Self(OPENING.replace(Arc::as_ptr(clone)))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        OPENING.set(self.0);
    }
}

/// Why a clone cannot be snapshot or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clone is in use: a connection holds a lock on it")]
pub struct InUse;

/// How a connection opens a clone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// To read only.
    ReadOnly,
    /// To read and write.
    ReadWrite,
}

impl CloneFile {
    /// A clone with the content of an image.
    pub fn new(image: Image, store: &Arc<Store>, settings: CloneSettings) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = CString::new(format!("clone-{}", NEXT.fetch_add(1, Ordering::Relaxed))).unwrap_or_default();
        let state = State { image, journal: None, locks: Locks::default(), epoch: 0, taken: 0, writes: 0, trouble: None, crash: None };
        Arc::new_cyclic(|clone| Self { store: store.clone(), settings, vfs: Vfs::new(name, clone), state: Mutex::new(state) })
    }

    /// Opens a connection. There may be several: they lock each other out as SQLite says.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn open(self: &Arc<Self>, mode: OpenMode) -> rusqlite::Result<CloneConnection> {
        let refused =
            |error: &dyn std::fmt::Display, code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(error.to_string()));
        engine::start().map_err(|error| refused(&error, rusqlite::ffi::SQLITE_MISUSE))?;
        let access = match mode {
            OpenMode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
            OpenMode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let vfs = self.vfs.register().map_err(|code| refused(&"SQLite does not take the VFS of the clone", code))?;
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_PRIVATE_CACHE;
        let connection = {
            let _opening = Opening::begin(self);
            Connection::open_with_flags_and_vfs(CLONE_NAME, flags, vfs)?
        };
        Ok(CloneConnection::new(connection, self.clone()))
    }

    /// The content as it is now: what is committed, if no connection is writing.
    pub fn image(&self) -> Image {
        self.lock().image.clone()
    }

    /// The content as a connection with an open transaction sees it, once it has written everything but the first page into the
    /// clone: that page, which SQLite keeps back until COMMIT, and so many pages.
    ///
    /// # Errors
    /// Those of the store.
    pub fn image_with(&self, first_page: &[u8], pages: u64) -> io::Result<Image> {
        let mut image = self.image();
        image.resize(&self.store, pages * first_page.len() as u64)?;
        image.write(&self.store, 0, first_page)?;
        Ok(image)
    }

    /// Gives the clone the content of an image. Its budget begins again.
    ///
    /// # Errors
    /// [`InUse`]: a transaction would go on over pages that it has never seen.
    pub fn restore(&self, image: &Image) -> Result<(), InUse> {
        let mut state = self.lock();
        if !state.locks.are_free() {
            return Err(InUse);
        }
        if !state.image.is(image) || state.journal.is_some() {
            state.image = image.clone();
            state.journal = None;
            state.epoch += 1;
        }
        state.taken = 0;
        state.writes = 0;
        state.trouble = None;
        state.crash = None;
        Ok(())
    }

    /// How often SQLite has written to the database itself since the clone was made or restored. A ROLLBACK proves nothing if
    /// there was no such write before it.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    /// Whether a journal lies beside the database that the next connection rolls back. SQLite takes one for finished, or for never synced,
    /// that begins with a zero.
    pub fn has_journal(&self) -> bool {
        let mut first = [0];
        let is_read = self.lock().journal.as_ref().is_some_and(|journal| journal.read(0, &mut first).is_ok());
        is_read && first != [0]
    }

    /// How many bytes the clone has taken beside the image that it began with.
    pub fn taken_bytes(&self) -> u64 {
        self.lock().taken
    }

    /// Why the clone could not take what it was allowed to: the disk for what does not fit into memory is full, mostly. Then
    /// nothing that was seen says anything about who used the clone. Asking takes it away.
    pub fn take_trouble(&self) -> Option<io::Error> {
        self.lock().trouble.take()
    }

    /// Ends a crash: what the disk has kept can be opened again.
    pub fn recover(&self) {
        let mut state = self.lock();
        state.crash = None;
        state.epoch += 1;
    }

    /// Whether the crash that was set has happened.
    pub fn has_crashed(&self) -> bool {
        self.lock().crash.as_ref().is_some_and(Crash::has_happened)
    }

    /// From now on, the clone behaves like a disk that stops at the given write.
    pub fn crash_at(&self, point: CrashPoint) {
        let mut state = self.lock();
        let crash = Crash::new(point, &state);
        state.crash = Some(crash);
    }

    /// Whether this thread is opening a connection to this clone.
    pub(crate) fn is_opening(&self) -> bool {
        ptr::eq(OPENING.get(), self)
    }

    /// How often the content was replaced under the connections.
    pub(crate) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    /// How the clone behaves.
    pub fn settings(&self) -> &CloneSettings {
        &self.settings
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // What a panicking thread left half done is a clone that nobody uses again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes to the database or the journal.
    pub(crate) fn write(&self, part: Part, offset: u64, content: &[u8]) -> Result<(), IoFailure> {
        let mut state = self.lock();
        self.perform(
            &mut state,
            || Op::Write { part, offset, content: content.to_vec() },
            |state| match part {
                Part::Database => {
                    state.writes += 1;
                    // A ROLLBACK must go through when the budget is used up. It writes to pages that were written to before, which take
                    // nothing more, and to pages that were only about to be, which are still as they were.
                    let is_held = state.image.holds(offset, content.len());
                    let room = if is_held { Ok(()) } else { self.check_room(state, state.image.page_bytes() as u64) };
                    match room.and_then(|()| Ok(state.image.write(&self.store, offset, content)?)) {
                        Ok(taken) => state.taken += taken,
                        Err(_) if !is_held && state.image.has(offset, content)? => {}
                        Err(refused) => return Err(refused),
                    }
                    Ok(())
                }
                Part::Journal => {
                    let growth = state.journal.get_or_insert_default().growth(offset + content.len() as u64);
                    self.check_room(state, growth)?;
                    let journal = state.journal.get_or_insert_default();
                    let before = journal.taken();
                    let written = journal.write(&self.store, offset, content);
                    // Also when the write has failed: it may have taken something.
                    state.taken += journal.taken() - before;
                    Ok(written?)
                }
            },
        )
    }

    /// Cuts or lengthens the database or the journal.
    pub(crate) fn resize(&self, part: Part, bytes: u64) -> Result<(), IoFailure> {
        let mut state = self.lock();
        self.perform(
            &mut state,
            || Op::Resize { part, bytes },
            |state| {
                let given_back = match part {
                    Part::Database => {
                        let resized = state.image.resize(&self.store, bytes)?;
                        state.taken += resized.taken;
                        resized.given_back
                    }
                    Part::Journal => {
                        let journal = state.journal.get_or_insert_default();
                        let before = journal.taken();
                        journal.truncate(&self.store, bytes)?;
                        before - journal.taken()
                    }
                };
                state.give_back(given_back);
                Ok(())
            },
        )
    }

    /// Makes the journal, if there is none and one may be made.
    pub(crate) fn open_journal(&self, create: bool) -> Result<(), IoFailure> {
        let mut state = self.lock();
        match state.journal {
            Some(_) => Ok(()),
            None if !create => Err(IoFailure::Broken),
            None => self.perform(
                &mut state,
                || Op::CreateJournal,
                |state| {
                    state.journal = Some(SideFile::default());
                    Ok(())
                },
            ),
        }
    }

    /// Deletes the journal, at once if that is to be synced.
    pub(crate) fn delete_journal(&self, is_synced: bool) -> Result<(), IoFailure> {
        let mut state = self.lock();
        self.perform(
            &mut state,
            || Op::DeleteJournal,
            |state| {
                if let Some(journal) = state.journal.take() {
                    state.give_back(journal.taken());
                }
                Ok(())
            },
        )?;
        if is_synced { self.sync_locked(&mut state, Part::Journal) } else { Ok(()) }
    }

    /// Puts everything that was written to the database or the journal on the disk, if there is one that can crash.
    pub(crate) fn sync(&self, part: Part) -> Result<(), IoFailure> {
        self.sync_locked(&mut self.lock(), part)
    }

    fn sync_locked(&self, state: &mut State, part: Part) -> Result<(), IoFailure> {
        let State { crash, image, journal, taken, .. } = state;
        match crash {
            Some(crash) if crash.has_happened() => Err(IoFailure::Broken),
            Some(crash) => {
                *taken = taken.saturating_sub(crash.note_sync(part, image, journal.as_ref()));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Writes to a temporary file.
    pub(crate) fn write_temporary(&self, file: &mut SideFile, offset: u64, content: &[u8]) -> Result<(), IoFailure> {
        let mut state = self.lock();
        let before = file.taken();
        let room = self.check_room(&state, file.growth(offset + content.len() as u64));
        let written = room.and_then(|()| Ok(file.write(&self.store, offset, content)?));
        state.taken += file.taken() - before;
        written.map_err(|refused| state.failure(refused))
    }

    /// Cuts a temporary file.
    pub(crate) fn truncate_temporary(&self, file: &mut SideFile, bytes: u64) -> Result<(), IoFailure> {
        let mut state = self.lock();
        let before = file.taken();
        let cut = file.truncate(&self.store, bytes);
        state.give_back(before - file.taken());
        cut.map_err(|error| state.failure(error.into()))
    }

    /// Does `write`, which `op` describes, unless the disk has crashed or crashes now.
    fn perform(
        &self,
        state: &mut State,
        op: impl FnOnce() -> Op,
        write: impl FnOnce(&mut State) -> Result<(), Refused>,
    ) -> Result<(), IoFailure> {
        let mut noted = None;
        if let Some(crash) = &mut state.crash {
            if crash.has_happened() {
                return Err(IoFailure::Broken);
            }
            if crash.stops_at_next_write() {
                match crash.happen(&self.store, &state.image, state.journal.as_ref(), op()) {
                    Ok((image, journal)) => (state.image, state.journal) = (image, journal),
                    Err(error) => state.note_trouble(error),
                }
                return Err(IoFailure::Broken);
            }
            noted = crash.needs_notes().then(op);
        }
        write(state).map_err(|refused| state.failure(refused))?;
        if let (Some(crash), Some(op)) = (&mut state.crash, noted) {
            crash.note(op);
        }
        Ok(())
    }

    /// Refuses what the budget has no room for.
    fn check_room(&self, state: &State, bytes: u64) -> Result<(), Refused> {
        if state.taken.saturating_add(bytes) > self.settings.growth_bytes_max { Err(Refused::Full) } else { Ok(()) }
    }
}

/// Why a write was refused, before it is known who hears of it.
#[derive(Debug)]
enum Refused {
    Full,
    Io(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Refused::Io(error)
    }
}

impl State {
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.taken = self.taken.saturating_sub(bytes);
    }

    pub(crate) fn note_trouble(&mut self, error: io::Error) {
        self.trouble.get_or_insert(error);
    }

    fn failure(&mut self, refused: Refused) -> IoFailure {
        match refused {
            Refused::Full => IoFailure::Full,
            Refused::Io(error) => {
                self.note_trouble(error);
                IoFailure::Broken
            }
        }
    }
}
