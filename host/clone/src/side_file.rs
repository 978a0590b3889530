//! A file beside the database: a rollback journal, or one of SQLite's temporary files. Bytes in pieces, in the store.

use std::{io, sync::Arc};

use crate::store::{Block, Store};

/// How large a piece is, in bytes.
const PIECE_BYTES: usize = 1 << 16;

/// The content of such a file. A copy shares its pieces until one of the two changes them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SideFile {
    pieces: Vec<Arc<Block>>,
    bytes: u64,
}

impl SideFile {
    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many bytes of the store it takes.
    pub(crate) fn taken(&self) -> u64 {
        self.pieces.len() as u64 * PIECE_BYTES as u64
    }

    /// Reads from `offset` on; returns how many bytes there were. The rest of the buffer becomes zeros.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let there = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let (mut content, beyond) = buffer.split_at_mut(there);
        beyond.fill(0);
        let mut offset = offset;
        while !content.is_empty() {
            let (piece, within) = place(offset);
            let (part, rest) = content.split_at_mut(content.len().min(PIECE_BYTES - within));
            self.pieces[piece].read(within, part)?;
            offset += part.len() as u64;
            content = rest;
        }
        Ok(there)
    }

    /// What a write up to `end` takes of the store beside what the file has already.
    pub(crate) fn growth(&self, end: u64) -> u64 {
        (end.div_ceil(PIECE_BYTES as u64) * PIECE_BYTES as u64).saturating_sub(self.taken())
    }

    /// Writes from `offset` on.
    pub(crate) fn write(&mut self, store: &Arc<Store>, offset: u64, content: &[u8]) -> io::Result<()> {
        let end = offset + content.len() as u64;
        while self.taken() < end {
            // SQLite appends in writes of four bytes to a page, each of which would be a write to the disk.
            if let Some(full) = self.pieces.last_mut().and_then(Arc::get_mut) {
                full.settle()?;
            }
            self.pieces.push(Arc::new(store.unsettled(PIECE_BYTES)));
        }
        let (mut offset, mut content) = (offset, content);
        while !content.is_empty() {
            let (piece, within) = place(offset);
            let (part, rest) = content.split_at(content.len().min(PIECE_BYTES - within));
            let piece = &mut self.pieces[piece];
            match Arc::get_mut(piece) {
                Some(own) => own.write(within, part)?,
                None => {
                    let mut copy = vec![0; piece.bytes()];
                    piece.read(0, &mut copy)?;
                    copy[within..within + part.len()].copy_from_slice(part);
                    *piece = Arc::new(store.block(&copy)?);
                }
            }
            offset += part.len() as u64;
            content = rest;
        }
        self.bytes = self.bytes.max(end);
        Ok(())
    }

    /// Cuts to so many bytes; SQLite never lengthens one of these files so.
    pub(crate) fn truncate(&mut self, store: &Arc<Store>, bytes: u64) -> io::Result<()> {
        if bytes >= self.bytes {
            return Ok(());
        }
        let (last, within) = place(bytes);
        self.pieces.truncate(last + usize::from(within > 0));
        if within > 0 {
            // What is cut off must not come back when the file grows again.
            self.write(store, bytes, &vec![0; PIECE_BYTES - within])?;
        }
        self.bytes = bytes;
        Ok(())
    }
}

/// Which piece holds the byte at `offset`, and where in it.
fn place(offset: u64) -> (usize, usize) {
    let piece = PIECE_BYTES as u64;
    // A file whose pieces cannot be counted does not fit into any store.
    (usize::try_from(offset / piece).unwrap_or(usize::MAX), (offset % piece) as usize)
}
