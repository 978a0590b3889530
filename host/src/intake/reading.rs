//! Reading a source: its bytes as they lie on the disk, and what they are the text of.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use rehearsal_packet::{Hasher, Sha256};

use super::{IntakeError, Progress, source_error, unfit};

/// An error of reading that is about what the source holds; `problem` goes on where the name of the source stands.
pub(super) fn about_the_source(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

/// Why a source cannot be read: the system's reasons have a code, the others are [`about_the_source`].
pub(super) fn reading_error(path: &Path, error: io::Error) -> IntakeError {
    if error.raw_os_error().is_none() && error.kind() == io::ErrorKind::InvalidData {
        unfit(path, error.to_string())
    } else {
        source_error(path, error)
    }
}

/// Hashes the bytes of a file as they are read through it, and tells how far it is.
pub(super) struct Watched<'a> {
    file: File,
    hasher: Hasher,
    read: u64,
    length: u64,
    progress: Progress<'a>,
}

impl<'a> Watched<'a> {
    /// Reads `file` from where it stands, which has `length` bytes.
    pub(super) fn new(file: File, length: u64, progress: Progress<'a>) -> Self {
        Self { file, hasher: Hasher::default(), read: 0, length, progress }
    }

    /// The digest of what was read.
    ///
    /// # Errors
    /// When it was not all of the file: then somebody is writing to it.
    pub(super) fn finish(mut self) -> io::Result<Sha256> {
        if self.read != self.length || self.read(&mut [0])? > 0 {
            return Err(about_the_source(CHANGED));
        }
        Ok(self.hasher.finish())
    }
}

/// What is wrong with a source that is not twice the same.
pub(super) const CHANGED: &str = "changed while it was read: somebody is writing to it; rehearse on a copy that stands still";

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        if read > 0 {
            self.hasher.update(&buffer[..read]);
            self.read += read as u64;
            (self.progress)(self.read, self.length);
        }
        Ok(read)
    }
}

/// Reads until the buffer is full or there is no more; returns how much there was.
pub(super) fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
