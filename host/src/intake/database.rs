//! A source that is an SQLite file: checked from its bytes, then copied.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use rehearsal_packet::{Hasher, Sha256};

use super::{IntakeError, Progress, clone_error, source_error, unfit};
use crate::clone_db::Image;

/// The first bytes of every SQLite database (SQLite file format, section 1.3).
pub(super) const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Checks and copies the source; returns its digest, its size, and what was changed in the clone.
pub(super) fn copy(path: &Path, mut file: File, base: &Image, progress: Progress<'_>) -> Result<(Sha256, u64, Vec<String>), IntakeError> {
    refuse_sidecars(path)?;
    refuse_writers(path, &file)?;
    let length = file.metadata().map_err(|error| source_error(path, error))?.len();
    let mut header = [0; 100];
    read_up_to(&mut file, &mut header).map_err(|error| source_error(path, error))?;
    check_header(path, &header, length)?;
    file.seek(SeekFrom::Start(0)).map_err(|error| source_error(path, error))?;

    let mut clone = OpenOptions::new().write(true).create_new(true).open(base.path()).map_err(|error| clone_error(base, error))?;
    let mut hasher = Hasher::default();
    let mut chunk = vec![0; 1 << 20];
    let mut copied = 0;
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(source_error(path, error)),
        };
        hasher.update(&chunk[..read]);
        clone.write_all(&chunk[..read]).map_err(|error| clone_error(base, error))?;
        copied += read as u64;
        progress(copied, length);
    }
    if copied != length {
        return Err(unfit(path, "changed its size while it was read: somebody is writing to it; rehearse on a copy that stands still"));
    }
    let mut notes = Vec::new();
    // Write version and read version 2 mean WAL. A clone has a rollback journal: under WAL, a committed change would not be in
    // the file that is digested.
    if header[18] == 2 || header[19] == 2 {
        clone.seek(SeekFrom::Start(18)).and_then(|_| clone.write_all(&[1, 1])).map_err(|error| clone_error(base, error))?;
        notes.push("the source is in WAL mode; its clones use a rollback journal (bytes 18 and 19 of the header)".to_owned());
    }
    Ok((hasher.finish(), length, notes))
}

fn check_header(path: &Path, header: &[u8; 100], length: u64) -> Result<(), IntakeError> {
    if &header[..16] != MAGIC {
        return Err(unfit(path, not_sqlite(header, length)));
    }
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

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(())
}
