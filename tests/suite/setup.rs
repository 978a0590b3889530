//! The files of a case that cannot lie in a folder: databases, what is wrong with them, and who is using them.
//!
//! A `setup` file has one operation a line:
//!
//! ```text
//! database FILE SQL           makes a database
//! lock FILE LOCK              holds a lock that a connection of SQLite's would hold: shared, reserved or exclusive
//! bytes FILE TEXT             a file of these bytes; \n, \r, \0 and \xHH are escapes, @LENGTH@ repeats the last byte
//! patch FILE OFFSET TEXT      overwrites bytes with these
//! random FILE LENGTH          a file of random bytes, always the same ones
//! copy FILE FROM              a copy of another file
//! append FILE FROM            the bytes of another file at the end of one
//! comment FILE LENGTH         a zstd archive of a comment of so many mebibytes
//! gzip FILE FROM              an archive of another file; after one that is there already
//! zstd FILE FROM              the same with zstd
//! cut FILE LENGTH             keeps the first bytes of a file
//! spoil FILE OFFSET LENGTH    overwrites bytes with 0xa5
//! directory NAME
//! fifo NAME
//! link NAME TARGET            a symbolic link
//! disk NAME OPTIONS           a small file system; where it cannot be mounted the case is skipped
//! ```

use std::{
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use flate2::write::GzEncoder;

use crate::{
    database::{Lock, write_database},
    place::{Place, SmallDisk},
};

/// What must stay while the tool runs.
#[derive(Default)]
pub(crate) struct Held {
    /// The files that this process has open: to read them would drop its locks.
    pub(crate) files: Vec<PathBuf>,
    _locks: Vec<Lock>,
    _disks: Vec<SmallDisk>,
}

/// Does what a `setup` file says; none where the machine cannot.
pub(crate) fn prepare(place: &Place, setup: &str) -> Option<Held> {
    let mut held = Held::default();
    for line in setup.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (operation, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let path = place.file(name);
        match operation {
            "database" => write_database(&path, rest),
            "lock" => {
                held._locks.push(Lock::take(&path, rest));
                held.files.push(path);
            }
            "bytes" => fs::write(&path, unescaped(rest)).expect("a file"),
            "patch" => patch(&path, rest),
            "random" => {
                let mut random = fastrand::Rng::with_seed(1);
                let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(number(rest)).collect();
                fs::write(&path, bytes).expect("a file");
            }
            "copy" => {
                fs::copy(place.file(rest), &path).expect("a copy");
            }
            "append" => append(&path, &fs::read(place.file(rest)).expect("a file to append")),
            "comment" => fs::write(&path, zstd_comment(number(rest))).expect("a file"),
            "gzip" => append(&path, &gzip(&fs::read(place.file(rest)).expect("a file to compress"))),
            "zstd" => append(&path, &zstd(&fs::read(place.file(rest)).expect("a file to compress"))),
            "cut" => {
                let file = fs::OpenOptions::new().write(true).open(&path).expect("a file to cut");
                file.set_len(number(rest) as u64).expect("it is cut");
            }
            "spoil" => spoil(&path, rest),
            "directory" => fs::create_dir(&path).expect("a directory"),
            "fifo" => {
                rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
            }
            "link" => symlink(rest, &path).expect("a link"),
            "disk" => {
                fs::create_dir(&path).expect("a directory");
                held._disks.push(SmallDisk::mount(&path, rest)?);
            }
            other => panic!("{other}: no such operation"),
        }
    }
    Some(held)
}

fn number(text: &str) -> usize {
    text.trim().parse().unwrap_or_else(|_| panic!("{text:?} is not a number"))
}

/// Some bytes as a gzip archive.
pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("it is compressed");
    encoder.finish().expect("it is compressed")
}

/// Some bytes as a zstd archive.
pub(crate) fn zstd(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

/// One frame of blocks that repeat one byte (RFC 8878, section 3.1.1), four bytes each for 128 KiB: small, and large.
fn zstd_comment(mebibytes: usize) -> Vec<u8> {
    const WINDOW_128_KIB: u8 = 0x38;
    let blocks = mebibytes * 8;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, WINDOW_128_KIB];
    for block in 1..=blocks {
        let header = (128 << 10 << 3) | 0b010 | u32::from(block == blocks);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(b'-');
    }
    frame
}

fn append(path: &Path, content: &[u8]) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).expect("a file");
    file.write_all(content).expect("it is written");
}

fn spoil(path: &Path, range: &str) {
    let (offset, length) = range.split_once(' ').expect("an offset and a length");
    let (offset, length) = (number(offset), number(length));
    let mut bytes = fs::read(path).expect("a file to spoil");
    bytes[offset..offset + length].fill(0xa5);
    fs::write(path, bytes).expect("it is spoilt");
}

fn patch(path: &Path, content: &str) {
    let (offset, text) = content.split_once(' ').expect("an offset and a text");
    let (offset, text) = (number(offset), unescaped(text));
    let mut bytes = fs::read(path).expect("a file to patch");
    bytes[offset..offset + text.len()].copy_from_slice(&text);
    fs::write(path, bytes).expect("it is patched");
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        let escape = if character == '\\' { rest.chars().next() } else { None };
        match (character, escape) {
            (_, Some('n')) => bytes.push(b'\n'),
            (_, Some('r')) => bytes.push(b'\r'),
            (_, Some('0')) => bytes.push(0),
            (_, Some('x')) => {
                bytes.push(u8::from_str_radix(&rest[1..3], 16).expect("two hexadecimal digits"));
                rest = &rest[2..];
            }
            ('@', _) => {
                let (length, after) = rest.split_once('@').expect("a length between two signs");
                bytes.resize(bytes.len() + number(length), bytes.last().copied().unwrap_or_default());
                rest = after;
            }
            _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        if escape.is_some() {
            rest = &rest[1..];
        }
    }
    bytes
}
