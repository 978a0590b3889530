//! Where the bytes of clones are: in memory up to a budget, beyond it in a file that has no name.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Holds the changed pages, the journals and the temporary files of clones.
///
/// The first `memory_bytes_max` bytes are in memory, and the piece at the end of each journal and temporary file. What does not fit goes into one file that is made in `directory` when it is
/// needed and has no name there: it is gone with the process, however that ends.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    memory_bytes_max: u64,
    memory_bytes: AtomicU64,
    spill: Mutex<Option<Spill>>,
}

/// The file for what does not fit into memory.
#[derive(Debug)]
struct Spill {
    file: Arc<File>,
    bytes: u64,
    /// Places that were given back, by their size.
    free: BTreeMap<usize, Vec<u64>>,
}

/// Some bytes in a [`Store`]: a page, or a piece of a journal.
#[derive(Debug)]
pub(crate) struct Block {
    store: Arc<Store>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Box<[u8]>),
    Disk { file: Arc<File>, offset: u64, bytes: usize },
}

impl Store {
    /// An empty store.
    pub fn new(directory: &Path, memory_bytes_max: u64) -> Arc<Self> {
        Arc::new(Self { directory: directory.to_owned(), memory_bytes_max, memory_bytes: AtomicU64::new(0), spill: Mutex::new(None) })
    }

    /// How many bytes are in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// How large the file for the rest is: 0 until it is needed.
    pub fn spilled_bytes(&self) -> u64 {
        self.lock_spill().as_ref().map_or(0, |spill| spill.bytes)
    }

    /// A block with the given content.
    pub(crate) fn block(self: &Arc<Self>, content: &[u8]) -> io::Result<Block> {
        let bytes = content.len() as u64;
        let place = if self.memory_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.memory_bytes_max {
            Place::Memory(content.into())
        } else {
            self.memory_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.spill(content)?
        };
        Ok(Block { store: self.clone(), place })
    }

    /// A block of zeros that is in memory whatever the budget says, until it is to [settle](Block::settle): for what is written
    /// in small pieces, one after the other.
    pub(crate) fn unsettled(self: &Arc<Self>, bytes: usize) -> Block {
        self.memory_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Block { store: self.clone(), place: Place::Memory(vec![0; bytes].into()) }
    }

    fn spill(&self, content: &[u8]) -> io::Result<Place> {
        let bytes = content.len();
        let (file, offset) = {
            let mut spill = self.lock_spill();
            if spill.is_none() {
                let file = Arc::new(tempfile::tempfile_in(&self.directory)?);
                *spill = Some(Spill { file, bytes: 0, free: BTreeMap::new() });
            }
            let Some(spill) = spill.as_mut() else { return Err(io::Error::other("the file for clones is gone")) };
            let offset = spill.free.get_mut(&bytes).and_then(Vec::pop).unwrap_or_else(|| {
                let offset = spill.bytes;
                spill.bytes += bytes as u64;
                offset
            });
            (spill.file.clone(), offset)
        };
        if let Err(error) = file.write_all_at(content, offset) {
            self.give_back(bytes, offset);
            return Err(error);
        }
        Ok(Place::Disk { file, offset, bytes })
    }

    fn give_back(&self, bytes: usize, offset: u64) {
        if let Some(spill) = self.lock_spill().as_mut() {
            spill.free.entry(bytes).or_default().push(offset);
        }
    }

    fn lock_spill(&self) -> MutexGuard<'_, Option<Spill>> {
        // Every change of it is one assignment or one push: it is whole whatever thread panicked.
        self.spill.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Block {
    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        match &self.place {
            Place::Memory(content) => content.len(),
            Place::Disk { bytes, .. } => *bytes,
        }
    }

    /// Leaves the memory, if its budget is used up.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        if let Place::Memory(content) = &self.place
            && self.store.memory_bytes() > self.store.memory_bytes_max
        {
            let on_disk = self.store.spill(content)?;
            self.store.memory_bytes.fetch_sub(content.len() as u64, Ordering::Relaxed);
            self.place = on_disk;
        }
        Ok(())
    }

    /// Fills `buffer` from `at` on.
    pub(crate) fn read(&self, at: usize, buffer: &mut [u8]) -> io::Result<()> {
        match &self.place {
            Place::Memory(content) => buffer.copy_from_slice(&content[at..at + buffer.len()]),
            Place::Disk { file, offset, .. } => file.read_exact_at(buffer, offset + at as u64)?,
        }
        Ok(())
    }

    /// Replaces the bytes from `at` on.
    pub(crate) fn write(&mut self, at: usize, content: &[u8]) -> io::Result<()> {
        match &mut self.place {
            Place::Memory(held) => held[at..at + content.len()].copy_from_slice(content),
            Place::Disk { file, offset, .. } => file.write_all_at(content, *offset + at as u64)?,
        }
        Ok(())
    }

    /// All of it, without a copy where it is in memory.
    pub(crate) fn with_content<T>(&self, look: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        match &self.place {
            Place::Memory(content) => Ok(look(content)),
            Place::Disk { bytes, .. } => {
                let mut buffer = vec![0; *bytes];
                self.read(0, &mut buffer)?;
                Ok(look(&buffer))
            }
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        match &self.place {
            Place::Memory(content) => {
                self.store.memory_bytes.fetch_sub(content.len() as u64, Ordering::Relaxed);
            }
            Place::Disk { offset, bytes, .. } => self.store.give_back(*bytes, *offset),
        }
    }
}
