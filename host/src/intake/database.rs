//! A source that is an SQLite file: checked from its bytes, then read where it is, or where it was unpacked to.

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rehearsal_clone::{Base, Image};
use rehearsal_packet::{Hasher, Sha256};

use super::{
    IntakeError, Progress, Read as SourceRead,
    compressed::Compression,
    disk_error,
    reading::{CHANGED, Watched, read_up_to, reading_error},
    source_error, unfit,
};
use crate::clone_db::Clones;

/// The first bytes of every SQLite database (SQLite file format, section 1.3).
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Checks the source and digests it: as a whole, and page by page for the clones, at the same time.
pub(super) fn open(path: &Path, mut file: File, clones: &Clones, progress: Progress<'_>) -> Result<SourceRead, IntakeError> {
    refuse_sidecars(path)?;
    refuse_writers(path, &file)?;
    let cannot_read = |error| source_error(path, error);
    let length = file.metadata().map_err(cannot_read)?.len();
    let compression = Compression::of(&file).map_err(|error| reading_error(path, error))?;
    if compression != Compression::None {
        return open_compressed(path, file, compression, clones, progress);
    }
    let mut header = [0; 100];
    read_up_to(&mut file, &mut header).map_err(cannot_read)?;
    check_header(path, &header, length)?;

    let base = Base::from_file(file.try_clone().map_err(cannot_read)?).map_err(cannot_read)?;
    let sha256 = std::thread::scope(|scope| {
        let pages = scope.spawn(|| base.digests().map(drop));
        let sha256 = digest(&mut file, length, progress);
        // A thread that panics takes the scope with it.
        pages.join().unwrap_or(Ok(())).and(sha256)
    });
    let sha256 = sha256.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => unfit(path, CHANGED),
        _ => source_error(path, error),
    })?;
    let (image, notes) = image_of(base, &header, clones)?;
    Ok(SourceRead { image, sha256, bytes: length, notes })
}

/// The same for a compressed source, which is unpacked into a file without a name.
fn open_compressed(
    path: &Path,
    file: File,
    compression: Compression,
    clones: &Clones,
    progress: Progress<'_>,
) -> Result<SourceRead, IntakeError> {
    let no_room = |error| disk_error(clones, error);
    let wrong = |error| reading_error(path, error);
    let length = file.metadata().map_err(wrong)?.len();
    let mut watched = Watched::new(file, length, progress);
    let mut unpacked = tempfile::tempfile_in(clones.directory()).map_err(no_room)?;
    let mut bytes = 0;
    let mut header = [0; 100];
    {
        let mut content = compression.reader(&mut watched, length);
        let mut chunk = vec![0; 1 << 20];
        loop {
            let read = read_up_to(&mut content, &mut chunk).map_err(wrong)?;
            if bytes == 0 {
                let there = read.min(header.len());
                header[..there].copy_from_slice(&chunk[..there]);
                // At once: what is no database is not worth a disk full of it.
                check_magic(path, &header, read as u64)?;
            }
            if read == 0 {
                break;
            }
            unpacked.write_all(&chunk[..read]).map_err(no_room)?;
            bytes += read as u64;
        }
    }
    let sha256 = watched.finish().map_err(wrong)?;
    check_header(path, &header, bytes)?;
    let base = Base::from_file(unpacked).map_err(no_room)?;
    base.digests().map_err(no_room)?;
    let (image, notes) = image_of(base, &header, clones)?;
    Ok(SourceRead { image, sha256, bytes: length, notes })
}

/// The image that clones start from, and what was changed for it.
fn image_of(base: Arc<Base>, header: &[u8; 100], clones: &Clones) -> Result<(Image, Vec<String>), IntakeError> {
    let mut image = Image::of(base);
    let mut notes = Vec::new();
    // Write version and read version 2 mean WAL. A clone has a rollback journal: under WAL, a committed change would not be in
    // the image that is digested.
    if header[18] == 2 || header[19] == 2 {
        image.write(clones.store(), 18, &[1, 1]).map_err(|error| disk_error(clones, error))?;
        notes.push("the source is in WAL mode; its clones use a rollback journal (bytes 18 and 19 of the header)".to_owned());
    }
    Ok((image, notes))
}

/// SHA-256 of the whole file, which must have `length` bytes.
fn digest(file: &mut File, length: u64, progress: Progress<'_>) -> io::Result<Sha256> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = Hasher::default();
    let mut chunk = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&chunk[..read]);
        done += read as u64;
        progress(done, length);
    }
    if done == length { Ok(hasher.finish()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn check_header(path: &Path, header: &[u8; 100], length: u64) -> Result<(), IntakeError> {
    check_magic(path, header, length)?;
    if length < 100 {
        return Err(unfit(
            path,
            format!("is truncated: {length} bytes are less than the header of a database, which has 100; copy it again"),
        ));
    }
    let page_bytes = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => u64::from(size),
        size => return Err(unfit(path, format!("is damaged: its header gives a page size of {size} bytes, which SQLite does not have"))),
    };
    let counter = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    // The size in the header counts only where the last writer kept it up (SQLite file format, section 1.3.7).
    let pages = u64::from(counter(28));
    if pages > 0 && counter(24) == counter(92) && pages * page_bytes > length {
        return Err(unfit(
            path,
            format!(
                "is truncated: {pages} pages of {page_bytes} bytes make {} bytes, and the file has {length}; copy it again",
                pages * page_bytes
            ),
        ));
    }
    if !length.is_multiple_of(page_bytes) {
        return Err(unfit(
            path,
            format!("is truncated: {length} bytes are not a whole number of pages of {page_bytes} bytes; copy it again"),
        ));
    }
    Ok(())
}

fn check_magic(path: &Path, header: &[u8; 100], length: u64) -> Result<(), IntakeError> {
    if &header[..16] == MAGIC { Ok(()) } else { Err(unfit(path, not_sqlite(header, length))) }
}

/// What a file that does not begin like a database seems to be.
fn not_sqlite(header: &[u8; 100], length: u64) -> String {
    let distinct = header.iter().collect::<std::collections::BTreeSet<_>>().len();
    let text =
        header[..usize::try_from(length).unwrap_or(100).min(100)].iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 32..=126));
    if text {
        "is not an SQLite database but text; if it is a dump, name it *.sql or set `kind = \"dump\"` in [source]".to_owned()
    } else if length.is_multiple_of(512) && length >= 512 && distinct > 60 {
        "is not an SQLite database, or it is encrypted (its header looks random): rehearse on a decrypted copy".to_owned()
    } else {
        "is not an SQLite database: it does not begin with \"SQLite format 3\"".to_owned()
    }
}

/// With a journal or a log beside it, the file alone is not the database.
fn refuse_sidecars(path: &Path) -> Result<(), IntakeError> {
    for (suffix, what, cure) in [
        (
            "-journal",
            "a rollback journal",
            "an interrupted transaction must be rolled back first: open the database once with its application",
        ),
        (
            "-wal",
            "a write-ahead log",
            "part of the data may be in it: close every connection, or take a copy with `sqlite3 DB '.backup COPY'`",
        ),
    ] {
        let mut sidecar = path.as_os_str().to_owned();
        sidecar.push(suffix);
        let sidecar = PathBuf::from(sidecar);
        if sidecar.symlink_metadata().is_ok() {
            return Err(unfit(path, format!("has {what} beside it ({}): {cure}", sidecar.display())));
        }
    }
    Ok(())
}

/// Asks the kernel whether another process holds one of SQLite's write locks. It only asks: a lock of ours would stop the
/// writers of a live database.
#[cfg(unix)]
fn refuse_writers(path: &Path, file: &File) -> Result<(), IntakeError> {
    use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

    // SQLite's os.h: PENDING_BYTE, RESERVED_BYTE, and SHARED_FIRST with SHARED_SIZE 510 behind them.
    const PENDING_BYTE: u64 = 0x4000_0000;
    let question = Flock { start: PENDING_BYTE, length: 2 + 510, pid: None, typ: FlockType::ReadLock, offset_type: FlockOffsetType::Set };
    // A read lock is refused by write locks alone: readers may stay.
    match fcntl_getlk(file, &question) {
        Ok(None) => Ok(()),
        Ok(Some(held)) => {
            let by = held.pid.map_or(String::new(), |pid| format!(" (process {})", pid.as_raw_nonzero()));
            Err(unfit(
                path,
                format!("is in use by a writer{by}: rehearse on a copy, for example one made with `sqlite3 DB '.backup COPY'`"),
            ))
        }
        Err(error) => Err(source_error(path, error.into())),
    }
}

#[cfg(not(unix))]
fn refuse_writers(_path: &Path, _file: &File) -> Result<(), IntakeError> {
    Ok(())
}
