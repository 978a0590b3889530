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
//!
//! Both are taken of the file. Within a transaction the file is not the whole truth: SQLite never writes page 1 before COMMIT,
//! so that a step that sets nothing but `user_version` would seem to change nothing. There the same state digest is taken of
//! the pages as the connection sees them ([`digest_in_transaction`]).

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use rehearsal_packet::{Hasher, Sha256, record::ErrorClass};

use super::{Session, SqlRefusal, SqlValue};

/// Both digests of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The state digest.
    pub state: Sha256,
    /// The bytes digest.
    pub bytes: Sha256,
}

/// How much of a file is read at a time: a multiple of every page size.
const CHUNK_BYTES: usize = 1 << 20;

/// The bytes of the header that a COMMIT changes by itself.
const COUNTERS: [std::ops::Range<usize>; 2] = [24..28, 92..100];

/// The size of the header.
const HEADER_BYTES: usize = 100;

/// The state digest of a database file outside of any transaction.
///
/// # Errors
/// Those of reading the file.
pub fn digest(path: &Path) -> io::Result<Sha256> {
    digest_file(path, None)
}

/// Both digests of a database file outside of any transaction: twice the work.
///
/// # Errors
/// Those of reading the file.
pub fn digests(path: &Path) -> io::Result<Digests> {
    let mut bytes = Hasher::default();
    let state = digest_file(path, Some(&mut bytes))?;
    Ok(Digests { state, bytes: bytes.finish() })
}

fn digest_file(path: &Path, mut bytes: Option<&mut Hasher>) -> io::Result<Sha256> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut header = [0; HEADER_BYTES];
    let header_read = read_full(&mut file, &mut header)?;
    let header = Header::read(&header[..header_read]);
    let leaves = match header {
        Some(header) => header.freelist_leaves(length.div_ceil(header.page_bytes), |page, buffer| {
            let start = (page - 1) * header.page_bytes;
            // A trunk beyond the end of a damaged file ends the walk.
            if start + header.page_bytes > length {
                return Ok(false);
            }
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(buffer).map(|()| true)
        })?,
        None => BTreeSet::new(),
    };
    let page_bytes = header.map_or(u64::MAX, |header| header.page_bytes);

    file.seek(SeekFrom::Start(0))?;
    let mut state = Hasher::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let length = read_full(&mut file, &mut chunk)?;
        if length == 0 {
            break;
        }
        let chunk = &mut chunk[..length];
        if let Some(bytes) = bytes.as_deref_mut() {
            bytes.update(chunk);
        }
        if offset == 0 {
            mask_counters(chunk);
        }
        let end = offset + length as u64;
        for leaf in leaves.range(offset / page_bytes + 1..=end.div_ceil(page_bytes)) {
            let within = |at: u64| usize::try_from(at.clamp(offset, end) - offset).unwrap_or(length);
            chunk[within((leaf - 1) * page_bytes)..within(leaf * page_bytes)].fill(0);
        }
        state.update(chunk);
        offset = end;
    }
    Ok(state.finish())
}

/// The state digest of what an open transaction sees: what the file would have after COMMIT.
///
/// # Errors
/// What SQLite says, if it cannot show its pages.
pub fn digest_in_transaction(session: &Session) -> Result<Sha256, SqlRefusal> {
    let wrong = |what: &str| SqlRefusal::by_host(ErrorClass::Other, format!("the pages of the clone cannot be read: {what}"));
    let read = |page: u64, buffer: &mut Vec<u8>| -> Result<bool, SqlRefusal> {
        let mut rows = session.host_query(&format!("SELECT data FROM sqlite_dbpage('main') WHERE pgno = {page}"))?;
        match rows.pop().and_then(|mut row| row.pop()) {
            Some(SqlValue::Blob(data)) => *buffer = data,
            _ => return Ok(false),
        }
        Ok(true)
    };
    let mut first = Vec::new();
    read(1, &mut first)?;
    let header = Header::read(&first).ok_or_else(|| wrong("there is no header"))?;
    let mut pages = 0;
    session.host_rows("PRAGMA page_count", &mut |row| {
        if let Some(SqlValue::Integer(count)) = row.first() {
            pages = count.unsigned_abs();
        }
        Ok(())
    })?;
    let leaves = header.freelist_leaves(pages, read)?;
    let mut state = Hasher::default();
    let mut next = 1;
    session.host_rows("SELECT pgno, data FROM sqlite_dbpage('main') ORDER BY pgno", &mut |row| {
        let [SqlValue::Integer(number), SqlValue::Blob(data)] = row.as_mut_slice() else { return Err(wrong("it is not a page")) };
        if number.unsigned_abs() != next {
            return Err(wrong("a page is missing"));
        }
        if next == 1 {
            mask_counters(data);
        }
        if leaves.contains(&next) {
            data.fill(0);
        }
        state.update(data);
        next += 1;
        Ok(())
    })?;
    if next != pages + 1 {
        return Err(wrong("a page is missing"));
    }
    Ok(state.finish())
}

fn mask_counters(page: &mut [u8]) {
    for counter in COUNTERS {
        if let Some(counter) = page.get_mut(counter) {
            counter.fill(0);
        }
    }
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

/// What the walk of the freelist needs of the header.
#[derive(Clone, Copy, Debug)]
struct Header {
    page_bytes: u64,
    /// Bytes of a page that SQLite uses.
    usable: u64,
    first_trunk: u64,
}

impl Header {
    /// Absent when the bytes are not the beginning of a database: then nothing is masked but the counters.
    fn read(start: &[u8]) -> Option<Self> {
        let header = start.get(..HEADER_BYTES)?;
        let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size if size.is_power_of_two() && size >= 512 => u64::from(size),
            _ => return None,
        };
        let usable = page_bytes - u64::from(header[20]);
        Some(Self { page_bytes, usable, first_trunk: be_u32(&header[32..36]) })
    }

    /// The leaves of the freelist (SQLite file format, section 1.5). Stops quietly at what is not a freelist: then more is
    /// hashed, not less. `read` gives one page, or false when there is none.
    fn freelist_leaves<E>(self, pages: u64, mut read: impl FnMut(u64, &mut Vec<u8>) -> Result<bool, E>) -> Result<BTreeSet<u64>, E> {
        let (mut leaves, mut trunks) = (BTreeSet::new(), BTreeSet::new());
        let mut trunk = self.first_trunk;
        let mut page = vec![0; usize::try_from(self.page_bytes).unwrap_or(0)];
        // Every trunk is visited once: a cycle ends the walk.
        while trunk != 0 && trunk <= pages && trunks.insert(trunk) && read(trunk, &mut page)? {
            let words = (self.usable / 4).saturating_sub(2);
            let count = usize::try_from(be_u32(&page[4..8]).min(words)).unwrap_or(0);
            for word in page[8..].chunks_exact(4).take(count) {
                let leaf = be_u32(word);
                // Page 1 is never free; a list that says so is not masked.
                if leaf > 1 && leaf <= pages {
                    leaves.insert(leaf);
                }
            }
            trunk = be_u32(&page[..4]);
        }
        // A page that is both is a trunk: its bytes decide which leaves there are.
        leaves.retain(|leaf| !trunks.contains(leaf));
        Ok(leaves)
    }
}

fn be_u32(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
