//! The images that dumps led to, kept for the next run of a plan with the same dump.
//!
//! An entry are two files that are named by a key: the database, and a record of what it must be. The key says everything that an import
//! depends on. An entry is never trusted: its bytes must be those that the record names, and it is checked as any other source. What is
//! not as it should be is removed and made again, and what cannot be read or written is done without.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use rehearsal_clone::{Base, Image};
use rehearsal_packet::{Hasher, Sha256};
use serde::{Deserialize, Serialize};

use super::Read as SourceRead;
use crate::plan::ClonePlan;

/// Counts up whenever an import of the same dump may lead to another image, or an entry is written in another form.
const FORMAT: u32 = 1;

/// Smaller images are built again faster than they are found and checked.
const IMAGE_BYTES_MIN: u64 = 16 << 20;

/// What all entries may take together; the oldest go first.
const CACHE_BYTES_MAX: u64 = 8 << 30;

/// No record is nearly as long.
const RECORD_BYTES_MAX: u64 = 1 << 16;

/// A directory of images.
#[derive(Clone, Debug)]
pub struct ImageCache {
    directory: PathBuf,
}

/// Names an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    dump: Sha256,
    name: Sha256,
}

/// What an image must be.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryRecord {
    format: u32,
    dump_sha256: Sha256,
    bytes: u64,
    page_tree: Sha256,
    notes: Vec<String>,
}

impl Key {
    /// Of a dump with this digest, imported for a plan.
    pub(super) fn new(dump: Sha256, plan: &ClonePlan) -> Self {
        let ClonePlan { foreign_keys, now_unix_ms, seed } = plan;
        let mut hasher = Hasher::default();
        for part in [
            format!("rehearsal image {FORMAT}, tool {}", env!("CARGO_PKG_VERSION")),
            format!("dump {}", dump.to_hex()),
            format!("engine {}", rusqlite::ffi::SQLITE_SOURCE_ID.to_string_lossy()),
            format!("foreign_keys {foreign_keys}, now_unix_ms {now_unix_ms}, seed {seed}"),
        ] {
            hasher.update(part.as_bytes());
            hasher.update(b"\n");
        }
        Self { dump, name: hasher.finish() }
    }
}

impl ImageCache {
    /// The cache of the user: `rehearsal/images` in `$XDG_CACHE_HOME`, or in `.cache` in `$HOME`. None where neither is an absolute path.
    pub fn of_user() -> Option<Self> {
        let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
        Some(Self { directory: caches.join("rehearsal/images") })
    }

    /// The image of a dump of `bytes` bytes, if there is an entry that is what its record says. One that is not is removed.
    pub(super) fn find(&self, key: &Key, bytes: u64) -> Option<SourceRead> {
        if !self.database(key).exists() || !is_private(&self.directory.symlink_metadata().ok()?) {
            return None;
        }
        let found = self.read(key);
        match &found {
            // The oldest entries are removed first: this one is of use.
            Ok((file, _)) => drop(file.set_modified(SystemTime::now())),
            Err(_) => self.remove(key),
        }
        let (_, (image, record)) = found.ok()?;
        Some(SourceRead { image, sha256: key.dump, bytes, notes: record.notes })
    }

    fn read(&self, key: &Key) -> io::Result<(File, (Image, EntryRecord))> {
        let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut text = Vec::new();
        open_private(&self.record(key))?.take(RECORD_BYTES_MAX).read_to_end(&mut text)?;
        let record: EntryRecord = serde_json::from_slice(&text)?;
        let file = open_private(&self.database(key))?;
        if record.format != FORMAT || record.dump_sha256 != key.dump || record.bytes != file.metadata()?.len() {
            return Err(wrong("the entry is of something else"));
        }
        let image = Image::of(Base::from_file(file.try_clone()?)?);
        if image.bytes_digest()? != record.page_tree {
            return Err(wrong("the image is not the one that was written"));
        }
        Ok((file, (image, record)))
    }

    /// Keeps what a dump led to, if it is worth it; the oldest entries make room for it.
    pub(super) fn keep(&self, key: &Key, image: &Image, notes: &[String]) {
        if (IMAGE_BYTES_MIN..=CACHE_BYTES_MAX).contains(&image.bytes()) && self.write(key, image, notes).is_err() {
            self.remove(key);
        }
    }

    fn write(&self, key: &Key, image: &Image, notes: &[String]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        if !is_private(&self.directory.symlink_metadata()?) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.make_room(image.bytes())?;
        let record = EntryRecord {
            format: FORMAT,
            dump_sha256: key.dump,
            bytes: image.bytes(),
            page_tree: image.bytes_digest()?,
            notes: notes.to_vec(),
        };
        // The database first: an entry without its record is none.
        self.write_whole(&self.database(key), |file| image.write_to(file))?;
        self.write_whole(&self.record(key), |file| file.write_all(&serde_json::to_vec(&record)?))
    }

    /// Writes a file that is there as a whole or not at all, whoever else writes it at the same time.
    fn write_whole(&self, path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        // Such files are made with the mode 0600.
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.directory)?;
        write(file.as_file_mut())?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Removes the oldest files until there is room for `bytes` more.
    fn make_room(&self, bytes: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let (name, metadata) = (entry.file_name(), entry.metadata()?);
            if metadata.is_file() && name.to_str().is_some_and(is_ours) {
                files.push((metadata.modified()?, entry.path(), metadata.len()));
            }
        }
        files.sort();
        let mut held: u64 = files.iter().map(|(_, _, length)| length).sum();
        let mut oldest_first = files.into_iter();
        while held.saturating_add(bytes) > CACHE_BYTES_MAX {
            let Some((_, path, length)) = oldest_first.next() else { return Err(io::ErrorKind::StorageFull.into()) };
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => held -= length,
            }
        }
        Ok(())
    }

    /// Removes an entry, or what there is of it.
    pub(super) fn remove(&self, key: &Key) {
        for path in [self.record(key), self.database(key)] {
            // If it cannot be removed it will be found wrong again.
            let _ = fs::remove_file(path);
        }
    }

    fn database(&self, key: &Key) -> PathBuf {
        self.directory.join(format!("{}.db", key.name.to_hex()))
    }

    fn record(&self, key: &Key) -> PathBuf {
        self.directory.join(format!("{}.json", key.name.to_hex()))
    }
}

/// How the names of files begin that are not yet whole.
const UNFINISHED: &str = "unfinished-";

/// Whether a file in the directory is one that this tool writes.
fn is_ours(name: &str) -> bool {
    let key = name.strip_suffix(".db").or_else(|| name.strip_suffix(".json"));
    name.starts_with(UNFINISHED) || key.is_some_and(|key| key.parse::<Sha256>().is_ok())
}

/// Opens a file to read that nobody else can have written, and that is no link.
fn open_private(path: &Path) -> io::Result<File> {
    // Without waiting, where it is a FIFO.
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && is_private(&metadata) { Ok(file) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// Whether something is this user's, and nobody else may write it. A link is not.
fn is_private(metadata: &fs::Metadata) -> bool {
    !metadata.is_symlink() && metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0
}
