//! The files of a case that cannot lie in a folder: databases, what is wrong with them, and who is using them.
//!
//! A `setup` file has one operation a line:
//!
//! ```text
//! database FILE SQL           makes a database
//! hold FILE SQL               runs SQL on a connection that stays open while the tool runs
//! bytes FILE TEXT             a file of these bytes; \n, \r, \0 and \xHH are escapes, @LENGTH@ repeats the last byte
//! random FILE LENGTH          a file of random bytes, always the same ones
//! copy FILE FROM              a copy of another file
//! cut FILE LENGTH             keeps the first bytes of a file
//! spoil FILE OFFSET LENGTH    overwrites bytes with 0xa5
//! directory NAME
//! fifo NAME
//! link NAME TARGET            a symbolic link
//! disk NAME OPTIONS           a small file system; where it cannot be mounted the case is skipped
//! ```

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use crate::place::{Place, SmallDisk};

/// What must stay while the tool runs.
#[derive(Default)]
pub(crate) struct Held {
    /// The files that this process has open: to read them would drop its locks.
    pub(crate) files: Vec<PathBuf>,
    _connections: Vec<Connection>,
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
            "database" => {
                let database = Connection::open(&path).expect("a database");
                database.execute_batch(rest).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
            "hold" => {
                let database = Connection::open(&path).expect("a database");
                database.execute_batch(rest).unwrap_or_else(|error| panic!("{line}: {error}"));
                held.files.push(path.clone());
                for sidecar in ["-wal", "-shm", "-journal"] {
                    held.files.push(PathBuf::from(format!("{}{sidecar}", path.display())));
                }
                held._connections.push(database);
            }
            "bytes" => fs::write(&path, unescaped(rest)).expect("a file"),
            "random" => {
                let mut random = fastrand::Rng::with_seed(1);
                let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(number(rest)).collect();
                fs::write(&path, bytes).expect("a file");
            }
            "copy" => {
                fs::copy(place.file(rest), &path).expect("a copy");
            }
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

fn spoil(path: &Path, range: &str) {
    let (offset, length) = range.split_once(' ').expect("an offset and a length");
    let (offset, length) = (number(offset), number(length));
    let mut bytes = fs::read(path).expect("a file to spoil");
    bytes[offset..offset + length].fill(0xa5);
    fs::write(path, bytes).expect("it is spoilt");
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
