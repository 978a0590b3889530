//! Sources that are compressed: gzip and zstd, by their first bytes and not by their names.
//!
//! What is wrong with an archive is an [`io::Error`] without a code of the system, whose text is a sentence about the source; see
//! [`reading`](super::reading).

use std::{
    error::Error,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::FileExt as _,
};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::reading::about_the_source;

/// How much of an archive is read at a time.
const CHUNK_BYTES: usize = 1 << 18;

/// How a source is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// What the file begins like.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let mut start = [0; 6];
        let length = file.read_at(&mut start, 0)?;
        match &start[..length] {
            [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
            // A frame, or one that is to be skipped (RFC 8878, section 3.1).
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Compression::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Err(foreign("xz")),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Err(foreign("bzip2")),
            [b'P', b'K', 3, 4, ..] => Err(foreign("zip")),
            _ => Ok(Compression::None),
        }
    }

    /// What is in the archive. `archive_bytes` is its size.
    pub(super) fn reader<'a>(self, archive: impl Read + 'a, archive_bytes: u64) -> Box<dyn Read + 'a> {
        let archive = BufReader::with_capacity(CHUNK_BYTES, archive);
        let decoder: Box<dyn Read + 'a> = match self {
            Compression::None => return Box::new(archive),
            Compression::Gzip => Box::new(Gzip(MultiGzDecoder::new(archive))),
            Compression::Zstd => Box::new(Zstd { archive, decoder: Box::default(), within_frame: false }),
        };
        Box::new(Bounded { unpacked: decoder, bytes_max: unpacked_bytes_max(archive_bytes), bytes: 0 })
    }
}

/// How much an archive may unpack to: real dumps and databases stay far below, and what is made to fill a disk does not get far.
fn unpacked_bytes_max(archive_bytes: u64) -> u64 {
    archive_bytes.saturating_mul(1_000).clamp(1 << 30, 1 << 40)
}

fn foreign(format: &str) -> io::Error {
    about_the_source(format!("is compressed with {format}, which this tool does not read: unpack it, or compress it with gzip or zstd"))
}

/// An error of a decoder, as one about the source unless the file itself could not be read.
fn wrong_archive(format: &str, error: &(dyn Error + 'static)) -> io::Error {
    let mut cause = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<io::Error>() {
            Some(system) if system.raw_os_error().is_some() => {
                return io::Error::from_raw_os_error(system.raw_os_error().unwrap_or_default());
            }
            Some(end) if end.kind() == io::ErrorKind::UnexpectedEof => {
                return about_the_source(format!("is cut off: the {format} archive goes on where the file ends; copy it again"));
            }
            // What an `io::Error` holds is not its source.
            Some(other) if other.get_ref().is_some() => cause = other.get_ref().map(|held| held as _),
            _ => cause = error.source(),
        }
    }
    about_the_source(format!("is a damaged {format} archive ({error}); copy it again"))
}

/// All members of a gzip archive, and nothing else after them.
struct Gzip<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => wrong_archive("gzip", &error),
        })
    }
}

/// All frames of a zstd archive, and nothing else after them.
struct Zstd<R> {
    archive: R,
    decoder: Box<FrameDecoder>,
    within_frame: bool,
}

impl<R: BufRead> Zstd<R> {
    /// Begins the next frame; false at the end of the archive.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.archive.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.archive) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut self.archive.by_ref().take(length.into()), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(wrong_archive("zstd", &io::Error::from(io::ErrorKind::UnexpectedEof)));
                    }
                }
                // The first frame has the right one: by that the archive was recognised.
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_))) => {
                    return Err(about_the_source("goes on after the zstd archive with something that is none; copy it again"));
                }
                Err(FrameDecoderError::DictNotProvided { .. }) => {
                    return Err(about_the_source("is compressed with a dictionary, which is not in it: compress it without one"));
                }
                Err(FrameDecoderError::WindowSizeTooBig { .. }) => {
                    return Err(about_the_source("is compressed with a window of more than 128 MiB: compress it without `--long`"));
                }
                Err(error) => return Err(wrong_archive("zstd", &error)),
            }
        }
        Ok(false)
    }

    /// Compares the checksum of the frame that has just ended, if it has one.
    fn end_frame(&mut self) -> io::Result<()> {
        self.within_frame = false;
        match self.decoder.get_checksum_from_data() {
            Some(written) if self.decoder.get_calculated_checksum() != Some(written) => {
                Err(about_the_source("is a damaged zstd archive (its checksum is another one); copy it again"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within_frame {
                self.within_frame = self.begin_frame()?;
                if !self.within_frame {
                    return Ok(0);
                }
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let blocks = self.decoder.decode_blocks(&mut self.archive, BlockDecodingStrategy::UptoBlocks(1));
                blocks.map_err(|error| wrong_archive("zstd", &error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.end_frame()?;
        }
    }
}

/// Ends with an error where an archive unpacks to more than it may.
struct Bounded<R> {
    unpacked: R,
    bytes_max: u64,
    bytes: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.unpacked.read(buffer)?;
        self.bytes += read as u64;
        if self.bytes > self.bytes_max {
            return Err(about_the_source(format!(
                "unpacks to more than {} bytes, which is more than an archive of its size may: unpack it yourself if that is right",
                self.bytes_max
            )));
        }
        Ok(read)
    }
}
