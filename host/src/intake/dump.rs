//! A source that is a script of SQL: run into an empty clone, statement by statement, through the same hardened connection
//! that modules get.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    os::unix::fs::FileExt as _,
    path::Path,
};

use rehearsal_packet::{Hasher, Sha256};

use super::{HOST_LIMITS, IntakeError, Progress, clone_error, database::MAGIC, source_error, unfit};
use crate::{
    clone_db::{Access, Image, Session, SessionSettings, SplitError, StatementSplitter},
    plan::ClonePlan,
};

/// Hashes what is read through it, and tells how far it is.
struct Watched<'a> {
    file: File,
    hasher: Hasher,
    read: u64,
    length: u64,
    progress: Progress<'a>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        self.read += read as u64;
        (self.progress)(self.read, self.length);
        Ok(read)
    }
}

/// Runs the dump; returns its digest, its size, and what was noticed.
pub(super) fn import(
    path: &Path,
    file: File,
    base: &Image,
    clone: &ClonePlan,
    progress: Progress<'_>,
) -> Result<(Sha256, u64, Vec<String>), IntakeError> {
    let length = file.metadata().map_err(|error| source_error(path, error))?.len();
    let mut start = [0; MAGIC.len()];
    if file.read_at(&mut start, 0).map_err(|error| source_error(path, error))? == start.len() && start == *MAGIC {
        return Err(unfit(path, "is an SQLite database, not a dump: name it *.db or set `kind = \"sqlite\"` in [source]"));
    }
    let mut watched = Watched { file, hasher: Hasher::default(), read: 0, length, progress };
    {
        let statement_bytes_max = usize::try_from(HOST_LIMITS.sql_bytes).unwrap_or(usize::MAX);
        let mut statements = StatementSplitter::new(BufReader::with_capacity(1 << 16, &mut watched), statement_bytes_max);
        let refused = |line: u64| move |refusal| IntakeError::Statement { path: path.to_owned(), line, refusal };
        let settings = SessionSettings { access: Access::Import, clone, limits: &HOST_LIMITS };
        let session = Session::open(base.path(), &settings).map_err(|refusal| clone_error(base, io::Error::other(refusal)))?;
        // If this fails, the clone is thrown away: a journal on disk would protect nothing.
        session.host_statement("PRAGMA journal_mode=MEMORY").map_err(refused(1))?;
        loop {
            match statements.next_statement() {
                Ok(Some((line, sql))) => {
                    session.execute(&sql, &[]).map_err(refused(line))?;
                }
                Ok(None) => break,
                Err(SplitError::Io { error, .. }) => return Err(source_error(path, error)),
                Err(error) => return Err(IntakeError::Split { path: path.to_owned(), error }),
            }
        }
        if session.in_transaction() {
            return Err(unfit(path, "ends inside a transaction: the dump is cut off; export it again"));
        }
    }
    Ok((watched.hasher.finish(), watched.read, Vec::new()))
}
