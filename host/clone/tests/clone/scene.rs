//! What the tests begin with: a store, a database with something in it, a clone of it; and random numbers that are the same every time.

use std::{ops::Range, sync::Arc};

use rehearsal_clone::{Base, CloneConnection, CloneFile, CloneSettings, Image, OpenMode, Store};

/// The present of every clone that does not say otherwise: 2001-09-09T01:46:40Z.
pub(crate) const NOW_UNIX_MS: i64 = 1_000_000_000_000;

pub(crate) const ROOMY: CloneSettings = CloneSettings { now_unix_ms: NOW_UNIX_MS, growth_bytes_max: 1 << 30 };

/// A store that keeps everything in memory.
pub(crate) fn store() -> Arc<Store> {
    Store::new(&std::env::temp_dir(), 1 << 30)
}

/// No bytes at all: an empty database.
pub(crate) fn nothing() -> Image {
    image_of(Vec::new())
}

/// An image whose base are these bytes.
pub(crate) fn image_of(bytes: Vec<u8>) -> Image {
    Image::of(Base::from_bytes(bytes).expect("bytes in memory can be read"))
}

/// A clone of an image, with room for everything.
pub(crate) fn clone_of(image: &Image, store: &Arc<Store>) -> Arc<CloneFile> {
    CloneFile::new(image.clone(), store, ROOMY)
}

pub(crate) fn open(clone: &Arc<CloneFile>) -> CloneConnection {
    clone.open(OpenMode::ReadWrite).expect("a clone opens")
}

/// All bytes of an image.
pub(crate) fn bytes_of(image: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_to(&mut bytes).expect("the image can be read");
    bytes
}

/// The bytes of the database that some SQL makes.
pub(crate) fn database(sql: &str) -> Vec<u8> {
    let clone = clone_of(&nothing(), &store());
    open(&clone).execute_batch(sql).expect("the database is made");
    bytes_of(&clone.image())
}

/// What `PRAGMA integrity_check` says; `ok` if all is well.
pub(crate) fn integrity(connection: &rusqlite::Connection) -> String {
    connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap_or_else(|error| error.to_string())
}

/// The same numbers every time: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of the range.
    pub(crate) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// Whether something that happens once in `times` happens now.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }

    /// One of several.
    pub(crate) fn one_of<'a, T>(&mut self, several: &'a [T]) -> &'a T {
        &several[self.within(0..several.len() as u64) as usize]
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}

/// SQLite's primary result code of what has failed; `SQLITE_OK` of what has not.
pub(crate) fn code_of<T>(result: rusqlite::Result<T>) -> i32 {
    match result {
        Ok(_) => rusqlite::ffi::SQLITE_OK,
        Err(error) => extended_code(&error) & 0xff,
    }
}

/// SQLite's extended result code.
pub(crate) fn extended_code(error: &rusqlite::Error) -> i32 {
    match error {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => error.extended_code,
        other => panic!("this is not from SQLite: {other}"),
    }
}

/// The one number that a query gives.
pub(crate) fn number(connection: &rusqlite::Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).expect("a number")
}

/// The state digest of a clone as it is now.
pub(crate) fn state(clone: &CloneFile) -> rehearsal_packet::Sha256 {
    clone.image().state_digest().expect("a digest")
}
