//! The digests of a clone: what its state is, in bytes.
//!
//! The *state digest* is SHA-256 over the bytes of the database file with three kinds of byte replaced by zeros, because
//! SQLite changes them without changing anything that the database holds:
//!
//! - the file change counter (bytes 24 to 27 of the file) and the version-valid-for number with the SQLite version (92 to 99),
//!   which every COMMIT counts up;
//! - the content of pages that the freelist lists as leaves: they hold nothing, ROLLBACK does not restore them
//!   (SQLite file format, section 1.5), and their old bytes come back differently.
//!
//! The freelist's trunk pages are hashed, so the set of free pages is part of the state. The *bytes digest* is SHA-256 over the
//! file as it is.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use rehearsal_packet::{Hasher, Sha256};

/// Both digests of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The state digest.
    pub state: Sha256,
    /// The bytes digest.
    pub bytes: Sha256,
}

/// How much is read at a time: a multiple of every page size.
const CHUNK_BYTES: usize = 1 << 20;

/// The bytes of the header that a COMMIT changes by itself.
const COUNTERS: [std::ops::Range<usize>; 2] = [24..28, 92..100];

/// Digests a database file. An open transaction must have been flushed.
///
/// # Errors
/// Those of reading the file.
pub fn digest(path: &Path) -> io::Result<Digests> {
    let mut file = File::open(path)?;
    let leaves = freelist_leaves(&mut file)?;
    file.seek(SeekFrom::Start(0))?;
    let page_bytes = leaves.page_bytes;
    let (mut state, mut bytes) = (Hasher::default(), Hasher::default());
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let length = read_full(&mut file, &mut chunk)?;
        if length == 0 {
            break;
        }
        let chunk = &mut chunk[..length];
        bytes.update(chunk);
        if offset == 0 {
            for counter in COUNTERS {
                if let Some(counter) = chunk.get_mut(counter) {
                    counter.fill(0);
                }
            }
        }
        if let Some(page_bytes) = page_bytes {
            let first = offset / page_bytes + 1;
            let last = (offset + length as u64).div_ceil(page_bytes);
            for leaf in leaves.pages.range(first..=last) {
                let start = usize::try_from((leaf - 1) * page_bytes - offset).unwrap_or(length).min(length);
                let end = (start + usize::try_from(page_bytes).unwrap_or(length)).min(length);
                chunk[start..end].fill(0);
            }
        }
        state.update(chunk);
        offset += length as u64;
    }
    Ok(Digests { state: state.finish(), bytes: bytes.finish() })
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

#[derive(Debug, Default)]
struct Leaves {
    /// Absent when the file has no header to take it from; then there are no pages either.
    page_bytes: Option<u64>,
    pages: BTreeSet<u64>,
}

/// Walks the freelist (SQLite file format, section 1.5). Stops quietly at what is not a freelist: then more is hashed, not less.
fn freelist_leaves(file: &mut File) -> io::Result<Leaves> {
    let length = file.metadata()?.len();
    let mut header = [0; 100];
    if length < 100 {
        return Ok(Leaves::default());
    }
    file.read_exact(&mut header)?;
    let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => u64::from(size),
        _ => return Ok(Leaves::default()),
    };
    let usable = page_bytes - u64::from(header[20]).min(page_bytes);
    let pages = length.div_ceil(page_bytes);
    let mut leaves = BTreeSet::new();
    let mut trunks = BTreeSet::new();
    let mut trunk = u64::from(be_u32(&header[32..36]));
    let mut page = vec![0; usize::try_from(page_bytes).unwrap_or(0)];
    // Every trunk is visited once: a cycle ends the walk.
    while trunk != 0 && trunk * page_bytes <= length && trunks.insert(trunk) {
        file.seek(SeekFrom::Start((trunk - 1) * page_bytes))?;
        file.read_exact(&mut page)?;
        let count = u64::from(be_u32(&page[4..8])).min((usable / 4).saturating_sub(2));
        for index in 0..usize::try_from(count).unwrap_or(0) {
            let leaf = u64::from(be_u32(&page[8 + 4 * index..12 + 4 * index]));
            // Page 1 is never free; a list that says so is not masked.
            if leaf > 1 && leaf <= pages {
                leaves.insert(leaf);
            }
        }
        trunk = u64::from(be_u32(&page[..4]));
    }
    // A page that is both is a trunk: its bytes decide which leaves there are.
    leaves.retain(|leaf| !trunks.contains(leaf));
    Ok(Leaves { page_bytes: Some(page_bytes), pages: leaves })
}

fn be_u32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
