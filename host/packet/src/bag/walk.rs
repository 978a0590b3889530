//! Reads a directory of unknown origin, without following a link, blocking on a FIFO, or holding more than a packet may.
//!
//! Everything below the root is opened relative to its parent's descriptor and judged by what the kernel says about the
//! open descriptor, so that replacing a file or a directory meanwhile cannot make this read something else than it judged.
//! Each file is read once.

use std::{
    collections::BTreeSet,
    ffi::{CStr, CString},
    fs::File,
    io::{self, Read as _},
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::Path,
};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

use super::{
    content::Files,
    drift::{CheckError, DriftClass, Drifts},
    layout::{self, ENTRIES_MAX, FILE_BYTES_MAX, PACKET_BYTES_MAX},
    path::{PacketPath, PathFault},
};

/// What lies in a directory.
pub(super) struct Found {
    /// The files, as far as they were read.
    pub(super) files: Files,
    /// The paths at which something lies that was not read, because it is no file or too large.
    pub(super) unread: BTreeSet<PacketPath>,
    /// Whether everything was looked at.
    pub(super) complete: bool,
}

/// The bits of a mode that a packet fixes: permissions, set-user-ID, set-group-ID, sticky.
const MODE_BITS: u32 = 0o7777;
/// How everything below the root is opened. A FIFO that replaces a file between two calls does not block.
const OPEN: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Reads all files. The root itself may be reached through a symbolic link: which directory to check is the caller's word,
/// what is in it is not.
pub(super) fn read(packet: &Path, drifts: &mut Drifts) -> Result<Found, CheckError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(packet, flags, Mode::empty())
        .map_err(|errno| CheckError::Io { path: packet.display().to_string(), source: errno.into() })?;
    let mut walk = Walk {
        packet,
        drifts,
        found: Found { files: Files::new(), unread: BTreeSet::new(), complete: true },
        entries: 0,
        bytes_left: PACKET_BYTES_MAX,
    };
    walk.directory(&root, None)?;
    Ok(walk.found)
}

struct Walk<'a> {
    packet: &'a Path,
    drifts: &'a mut Drifts,
    found: Found,
    entries: usize,
    bytes_left: u64,
}

impl Walk<'_> {
    /// Looks at a directory's entries. The recursion ends, since no [`PacketPath`] is deeper than its limit.
    fn directory(&mut self, directory: &OwnedFd, path: Option<&PacketPath>) -> Result<(), CheckError> {
        let shown = path.map_or("", PacketPath::as_str);
        let names = self.names(directory).map_err(|error| self.unreadable(shown, error))?;
        if let (Some(path), []) = (path, names.as_slice()) {
            let detail = "it has nothing in it; remove it";
            self.drifts.add(DriftClass::EmptyDirectory, path.as_str(), detail);
        }
        for name in names {
            if self.found.complete && self.entries == ENTRIES_MAX {
                let detail = format!("a packet has at most {ENTRIES_MAX} files and directories");
                let file = if shown.is_empty() { "." } else { shown };
                self.drifts.add(DriftClass::TooManyEntries, file, detail);
                self.found.complete = false;
            }
            if !self.found.complete {
                return Ok(());
            }
            self.entries += 1;
            self.entry(directory, path, &name)?;
        }
        Ok(())
    }

    /// The names in a directory in the order of their bytes; one more than there may be, where there are too many.
    fn names(&self, directory: &OwnedFd) -> io::Result<Vec<CString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(directory)? {
            let entry = entry?;
            if ![c".", c".."].contains(&entry.file_name()) {
                names.push(entry.file_name().to_owned());
            }
            if names.len() + self.entries > ENTRIES_MAX {
                break;
            }
        }
        names.sort();
        Ok(names)
    }

    fn entry(&mut self, directory: &OwnedFd, parent: Option<&PacketPath>, name: &CStr) -> Result<(), CheckError> {
        let full = match parent {
            Some(parent) => [parent.as_str().as_bytes(), name.to_bytes()].join(&b'/'),
            None => name.to_bytes().to_owned(),
        };
        let path = match PacketPath::from_bytes(&full) {
            Ok(path) => path,
            Err(bad) => {
                let class = match bad.fault {
                    PathFault::TooDeep => DriftClass::TooDeep,
                    _ => DriftClass::BadName,
                };
                self.drifts.add(class, bad.path, bad.fault.to_string());
                return Ok(());
            }
        };
        let status =
            rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| self.unreadable(path.as_str(), errno.into()))?;
        let unread = match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => return self.regular_file(directory, name, path),
            FileType::Directory => return self.subdirectory(directory, name, &path),
            FileType::Symlink => (DriftClass::Symlink, "it is a symbolic link"),
            FileType::Fifo => (DriftClass::SpecialFile, "it is a FIFO"),
            FileType::Socket => (DriftClass::SpecialFile, "it is a socket"),
            FileType::BlockDevice | FileType::CharacterDevice => (DriftClass::SpecialFile, "it is a device"),
            FileType::Unknown => (DriftClass::SpecialFile, "it is neither a file nor a directory"),
        };
        self.leave_unread(path, unread.0, unread.1);
        Ok(())
    }

    fn subdirectory(&mut self, parent: &OwnedFd, name: &CStr, path: &PacketPath) -> Result<(), CheckError> {
        let opened = rustix::fs::openat(parent, name, OPEN | OFlags::DIRECTORY, Mode::empty());
        let status = opened.and_then(|directory| Ok((rustix::fs::fstat(&directory)?, directory)));
        let (status, directory) = status.map_err(|errno| self.unreadable(path.as_str(), errno.into()))?;
        self.expect_mode(path, status.st_mode, layout::DIRECTORY_MODE);
        self.directory(&directory, Some(path))
    }

    fn regular_file(&mut self, parent: &OwnedFd, name: &CStr, path: PacketPath) -> Result<(), CheckError> {
        let opened = rustix::fs::openat(parent, name, OPEN, Mode::empty()).map_err(io::Error::from);
        let file = opened.map(File::from).and_then(|file| Ok((file.metadata()?, file)));
        let (status, file) = file.map_err(|error| self.unreadable(path.as_str(), error))?;
        if !status.is_file() {
            let detail = "it was replaced by something else while the packet was read";
            self.leave_unread(path, DriftClass::SpecialFile, detail);
            return Ok(());
        }
        self.expect_mode(&path, status.mode(), layout::file_mode(path.as_str()));
        if status.nlink() != 1 {
            let detail = format!("it has {} names, and may change through any of them", status.nlink());
            self.drifts.add(DriftClass::HardLink, path.as_str(), detail);
        }
        match self.content(file, status.len()).map_err(|error| self.unreadable(path.as_str(), error))? {
            Some(bytes) => {
                self.bytes_left -= bytes.len() as u64;
                self.found.files.insert(path, bytes);
            }
            None => {
                let detail = format!("a file has at most {FILE_BYTES_MAX} bytes, and all files of a packet at most {PACKET_BYTES_MAX}");
                self.leave_unread(path, DriftClass::TooLarge, &detail);
            }
        }
        Ok(())
    }

    /// The bytes of a file, unless they are too many. The size that the kernel states is no promise: reading has its own bound.
    fn content(&self, file: File, size: u64) -> io::Result<Option<Vec<u8>>> {
        let bytes_max = self.bytes_left.min(FILE_BYTES_MAX);
        if size > bytes_max {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
    }

    fn expect_mode(&mut self, path: &PacketPath, mode: u32, expected: u32) {
        let found = mode & MODE_BITS;
        if found != expected {
            let detail = format!("its mode is {found:04o} and must be {expected:04o}");
            self.drifts.add(DriftClass::ModeChanged, path.as_str(), detail);
        }
    }

    fn leave_unread(&mut self, path: PacketPath, class: DriftClass, detail: &str) {
        self.drifts.add(class, path.as_str(), detail);
        self.found.unread.insert(path);
    }

    fn unreadable(&self, path: &str, source: io::Error) -> CheckError {
        let path = self.packet.join(path).display().to_string();
        CheckError::Io { path, source }
    }
}
