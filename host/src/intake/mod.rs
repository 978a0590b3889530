//! Stage 4, intake: the operator's source becomes an isolated clone.
//!
//! In: an admitted plan. Out: an [`Opened`] source: its digest, and the image that every clone starts from. The source is opened
//! read-only and never handed to SQLite: SQLite would roll back a journal that lies beside it. An SQLite file stays where it is, and
//! clones read its pages as they need them; so it must stand still, and is digested once now and once after everything ran. A dump is
//! run into an empty clone, and the image of a large one is kept for the next time. Both may be compressed. What is wrong with a source
//! is an [`IntakeError`]; then nothing is rehearsed.

mod cache;
mod compressed;
mod database;
mod dialect;
mod dump;
mod reading;
mod utf16;

pub use cache::ImageCache;

use std::{
    fs::File,
    io::{self, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use rehearsal_clone::Image;
use rehearsal_packet::{
    Sha256,
    record::{SourceKind, SourceRecord},
};

use crate::{
    admit::Admitted,
    clone_db::{Access, Clones, Session, SessionSettings, SplitError, SqlRefusal, SqlValue},
    plan::{ClonePlan, Limits, Plan},
};
use cache::Key;
use reading::CHANGED;

/// A source that was read whole and found fit, and its image. Only [`open`] makes one.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    image: Image,
    record: SourceRecord,
}

/// Why there is no clone.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The source cannot be read.
    #[error("cannot read the source {}: {error}", .path.display())]
    Source {
        /// The source.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// What does not fit into memory finds no room on the disk either: not the source's fault.
    #[error("no room for the clone beyond --memory-mib, in {}: {error}; set TMPDIR to a directory with more room, or give more memory", .directory.display())]
    Disk {
        /// Where the room was looked for.
        directory: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The bytes are not those that the plan pins, or that the packet was made from.
    #[error("the source {} has SHA-256 {found}, but {pinned} is called for; bring the source with that digest, or change `sha256` in [source]", .path.display())]
    Pin {
        /// The source.
        path: PathBuf,
        /// Its digest.
        found: Sha256,
        /// What is called for.
        pinned: Sha256,
    },
    /// Not fit to be rehearsed on.
    #[error("the source {} {problem}", .path.display())]
    Unfit {
        /// The source.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A statement of a dump was refused.
    #[error("the source {}:{line}: the dump does not run: {refusal}", .path.display())]
    Statement {
        /// The dump.
        path: PathBuf,
        /// The line that the engine points at, or that the statement begins on, from 1.
        line: u64,
        /// Why.
        refusal: SqlRefusal,
    },
    /// A dump cannot be split into statements.
    #[error("the source {}, {error}", .path.display())]
    Split {
        /// The dump.
        path: PathBuf,
        /// Why.
        error: SplitError,
    },
}

impl IntakeError {
    /// Whether the source is to blame; else it is the machine.
    pub fn is_about_the_source(&self) -> bool {
        !matches!(self, IntakeError::Disk { .. })
    }
}

/// Is told how many bytes of the source have been read, and how many there are.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// What the clone may grow to, and so on, while the host itself builds or checks it: only the machine limits that.
const HOST_LIMITS: Limits = Limits {
    call_ms: u32::MAX as u64,
    sql_steps: u64::MAX / 2,
    sql_bytes: 1_000_000_000,
    value_bytes: 1_000_000_000,
    sql_memory_bytes: u64::MAX / 4,
    growth_bytes: u64::MAX / 4,
    ..Limits::STANDARD
};

/// What reading a source comes to.
struct Read {
    image: Image,
    sha256: Sha256,
    bytes: u64,
    notes: Vec<String>,
}

/// Reads the source and makes the image that clones start from; or finds the one that a dump led to before, if there is a cache. What
/// comes out is the same.
///
/// # Errors
/// [`IntakeError`].
pub fn open(admitted: &Admitted, clones: &Clones, cache: Option<&ImageCache>, progress: Progress<'_>) -> Result<Opened, IntakeError> {
    let plan = admitted.plan();
    let path = &plan.source.path;
    let file = open_regular_file(path)?;
    match (plan.source.kind, cache) {
        (SourceKind::Sqlite, _) => checked(plan, clones, database::open(path, file, clones, progress)?),
        (SourceKind::Dump, None) => checked(plan, clones, dump::import(path, file, clones, &plan.clone, progress)?),
        (SourceKind::Dump, Some(cache)) => open_cached(plan, file, clones, cache, progress),
    }
}

/// Digests a dump first, and runs it only if there is no image of it.
fn open_cached(plan: &Plan, file: File, clones: &Clones, cache: &ImageCache, progress: Progress<'_>) -> Result<Opened, IntakeError> {
    let path = &plan.source.path;
    let cannot_read = |error| source_error(path, error);
    let (sha256, bytes) = Sha256::of_reader(file.try_clone().map_err(cannot_read)?).map_err(cannot_read)?;
    let key = Key::new(sha256, &plan.clone);
    if let Some(read) = cache.find(&key, bytes) {
        match checked(plan, clones, read) {
            // The cache is to blame; if it is the dump, that will come out again.
            Err(IntakeError::Unfit { .. }) => cache.remove(&key),
            opened => return opened,
        }
    }
    (&file).seek(SeekFrom::Start(0)).map_err(cannot_read)?;
    let read = dump::import(path, file, clones, &plan.clone, progress)?;
    if read.sha256 != sha256 {
        return Err(unfit(path, CHANGED));
    }
    let opened = checked(plan, clones, read)?;
    cache.keep(&key, opened.image(), &opened.record().notes);
    Ok(opened)
}

/// Whether what was read is what the plan pins, and fit to be rehearsed on.
fn checked(plan: &Plan, clones: &Clones, read: Read) -> Result<Opened, IntakeError> {
    let path = &plan.source.path;
    let Read { image, sha256, bytes, notes } = read;
    if let Some(pinned) = plan.source.sha256
        && pinned != sha256
    {
        return Err(IntakeError::Pin { path: path.clone(), found: sha256, pinned });
    }
    let tables = check_intact(path, &image, clones, &plan.clone)?;
    let state = image.state_digest().map_err(|error| source_error(path, error))?;
    let record = SourceRecord {
        kind: plan.source.kind,
        bytes: bytes.into(),
        sha256_before: sha256,
        // Until the source is read again; see `close`.
        sha256_after: sha256,
        state,
        tables,
        notes,
    };
    Ok(Opened { path: path.clone(), image, record })
}

impl Opened {
    /// What every clone starts from.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// What was found.
    pub fn record(&self) -> &SourceRecord {
        &self.record
    }

    /// Reads the source once more and closes the record. Whether it changed is for the judge.
    ///
    /// # Errors
    /// When the source cannot be read again.
    pub fn close(self) -> Result<SourceRecord, IntakeError> {
        let file = open_regular_file(&self.path)?;
        let (sha256_after, _) = Sha256::of_reader(file).map_err(|error| source_error(&self.path, error))?;
        Ok(SourceRecord { sha256_after, ..self.record })
    }
}

/// Opens the source read-only, whatever the operator could do with it.
fn open_regular_file(path: &Path) -> Result<File, IntakeError> {
    let metadata = path.metadata().map_err(|error| source_error(path, error))?;
    // Asked before opening: opening a FIFO would wait for a writer.
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "is a directory: name an SQLite file or a dump"
        } else {
            "is not a regular file: name an SQLite file or a dump"
        };
        return Err(unfit(path, what));
    }
    if metadata.len() == 0 {
        return Err(unfit(path, "is empty: there is nothing to rehearse on"));
    }
    File::open(path).map_err(|error| source_error(path, error))
}

/// Checks that the image is a sound database with at least one table; returns how many it has.
fn check_intact(path: &Path, image: &Image, clones: &Clones, plan: &ClonePlan) -> Result<u32, IntakeError> {
    let advice = "restore it from a backup, or rebuild it with `sqlite3 DB .recover`";
    let damaged =
        |refusal: SqlRefusal| unfit(path, format!("is damaged: {}; {advice}", rehearsal_packet::printable(&refusal.message, 200)));
    let settings = SessionSettings { access: Access::Read, clone: plan, limits: &HOST_LIMITS };
    let clone = clones.clone_of(image.clone(), plan, &HOST_LIMITS);
    let session = Session::open(&clone, &settings).map_err(damaged)?;
    let problems = session.host_query("PRAGMA quick_check(1)").map_err(damaged)?;
    if let Some(SqlValue::Text(problem)) = problems.first().and_then(|row| row.first())
        && problem != "ok"
    {
        let problem = rehearsal_packet::printable(problem.lines().last().unwrap_or(problem), 200);
        return Err(unfit(path, format!("is damaged: {problem}; {advice}")));
    }
    let tables = session
        .host_query("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        .map_err(damaged)?;
    match tables.first().and_then(|row| row.first()) {
        Some(SqlValue::Integer(count @ 1..)) => Ok(u32::try_from(*count).unwrap_or(u32::MAX)),
        _ => Err(unfit(path, "holds no table: there is nothing to rehearse on")),
    }
}

fn source_error(path: &Path, error: io::Error) -> IntakeError {
    IntakeError::Source { path: path.to_owned(), error }
}

fn disk_error(clones: &Clones, error: io::Error) -> IntakeError {
    IntakeError::Disk { directory: clones.directory().to_owned(), error }
}

fn unfit(path: &Path, problem: impl Into<String>) -> IntakeError {
    IntakeError::Unfit { path: path.to_owned(), problem: problem.into() }
}
