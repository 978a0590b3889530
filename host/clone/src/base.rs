//! What clones are made from: the bytes of a source, which nothing here can write.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    sync::{Arc, OnceLock},
};

use rehearsal_packet::Sha256;

use crate::{
    digest::BaseState,
    merkle::{self, FANOUT},
};

/// The page size of what has no header that gives one.
const PAGE_BYTES_STANDARD: usize = 4096;

/// The read-only bytes below every clone.
///
/// A file is read where and when it is needed. It is not mapped: a file that somebody cuts short would end the process with a
/// signal, and the pages that were read would count as the process's own memory.
#[derive(Debug)]
pub struct Base {
    content: Content,
    bytes: u64,
    page_bytes: usize,
    digests: OnceLock<Vec<Vec<Sha256>>>,
    pub(crate) state: OnceLock<BaseState>,
    zero_page: OnceLock<Sha256>,
}

#[derive(Debug)]
enum Content {
    File(File),
    Memory(Box<[u8]>),
}

impl Base {
    /// The bytes of a file, as many as it has now. The file is only read.
    ///
    /// # Errors
    /// Those of reading it.
    pub fn from_file(file: File) -> io::Result<Arc<Self>> {
        let bytes = file.metadata()?.len();
        Self::new(Content::File(file), bytes)
    }

    /// Bytes in memory: no bytes are an empty database.
    ///
    /// # Errors
    /// None; the signature is that of [`Base::from_file`].
    pub fn from_bytes(content: impl Into<Box<[u8]>>) -> io::Result<Arc<Self>> {
        let content = content.into();
        let bytes = content.len() as u64;
        Self::new(Content::Memory(content), bytes)
    }

    fn new(content: Content, bytes: u64) -> io::Result<Arc<Self>> {
        let mut base = Self {
            content,
            bytes,
            page_bytes: PAGE_BYTES_STANDARD,
            digests: OnceLock::new(),
            state: OnceLock::new(),
            zero_page: OnceLock::new(),
        };
        let mut size = [0; 2];
        if bytes >= 100 {
            base.read(16, &mut size)?;
            // SQLite file format, section 1.3.2: 1 stands for 65536.
            base.page_bytes = match u16::from_be_bytes(size) {
                1 => 65_536,
                size if size.is_power_of_two() && size >= 512 => usize::from(size),
                _ => PAGE_BYTES_STANDARD,
            };
        }
        Ok(Arc::new(base))
    }

    /// How many bytes there are.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The size of a page: what the header says, or 4096 where there is none that makes sense.
    pub fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// How many pages there are, the last one perhaps short.
    pub fn pages(&self) -> u64 {
        self.bytes.div_ceil(self.page_bytes as u64)
    }

    /// Reads from `offset` on; what lies beyond the end is zeros.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let (content, beyond) = buffer.split_at_mut(there);
        beyond.fill(0);
        if content.is_empty() {
            return Ok(());
        }
        match &self.content {
            Content::File(file) => file.read_exact_at(content, offset),
            Content::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                content.copy_from_slice(&bytes[start..start + there]);
                Ok(())
            }
        }
    }

    /// Digests every page, on as many threads as there are processors; done once.
    ///
    /// Level 0 of the result are the pages, each level above has a node for `FANOUT` of the level below, and the last level has
    /// at most one digest.
    ///
    /// # Errors
    /// Those of reading.
    pub fn digests(&self) -> io::Result<&[Vec<Sha256>]> {
        if let Some(digests) = self.digests.get() {
            return Ok(digests);
        }
        let pages = usize::try_from(self.pages()).map_err(io::Error::other)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut level = vec![merkle::ABSENT; pages];
        let share = pages.div_ceil(threads).next_multiple_of(FANOUT).max(FANOUT);
        std::thread::scope(|scope| {
            let workers: Vec<_> = level
                .chunks_mut(share)
                .enumerate()
                .map(|(number, digests)| scope.spawn(move || self.digest_pages((number * share) as u64, digests)))
                .collect();
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked"))))
        })?;
        let mut levels = vec![level];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below.chunks(FANOUT).map(merkle::node).collect();
            levels.push(above);
        }
        Ok(self.digests.get_or_init(|| levels))
    }

    /// The digest of a page of zeros.
    pub(crate) fn zero_page(&self) -> Sha256 {
        *self.zero_page.get_or_init(|| merkle::leaf(&vec![0; self.page_bytes]))
    }

    fn digest_pages(&self, first: u64, digests: &mut [Sha256]) -> io::Result<()> {
        const PAGES_AT_A_TIME: usize = 64;
        let page_bytes = self.page_bytes as u64;
        let mut buffer = vec![0; PAGES_AT_A_TIME * self.page_bytes];
        for (number, digests) in digests.chunks_mut(PAGES_AT_A_TIME).enumerate() {
            let start = (first + (number * PAGES_AT_A_TIME) as u64) * page_bytes;
            let length = (self.bytes - start).min((digests.len() * self.page_bytes) as u64);
            let buffer = &mut buffer[..usize::try_from(length).map_err(io::Error::other)?];
            self.read(start, buffer)?;
            for (page, digest) in buffer.chunks(self.page_bytes).zip(digests) {
                *digest = merkle::leaf(page);
            }
        }
        Ok(())
    }
}
