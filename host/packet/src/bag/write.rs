//! Writes a packet, whole or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use tempfile::TempDir;

use super::{
    check::{CheckedBag, check},
    content::Bag,
    drift::CheckError,
    layout,
};

/// Why a packet was not written. Nothing of it is left. Only where the process was killed, or the machine stopped, a
/// directory whose name begins with [`WriteError::UNFINISHED`] may lie beside the place of the packet.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The target cannot be the name of a new directory.
    #[error("`{}` does not end in a name for the packet: choose another --out", target.display())]
    NoName {
        /// The target.
        target: PathBuf,
    },
    /// Something is there already.
    #[error("`{}` exists already, and a packet never replaces anything: choose another --out, or remove it", target.display())]
    Exists {
        /// The target.
        target: PathBuf,
    },
    /// Nothing can be written where the packet should go.
    #[error("cannot write into the directory `{}`: choose an --out in a directory that exists and can be written", directory.display())]
    Directory {
        /// The directory in which the packet should be.
        directory: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The disk, or the quota, is full.
    #[error("no space is left for the packet in `{}`: make room for at least {bytes} bytes, or choose another --out", directory.display())]
    NoSpace {
        /// The directory in which the packet should be.
        directory: PathBuf,
        /// The size of all files of the packet together.
        bytes: u64,
    },
    /// A file or directory of the packet could not be written.
    #[error("cannot write `{path}` of the packet in `{}`", directory.display())]
    File {
        /// The directory in which the packet should be.
        directory: PathBuf,
        /// The path relative to the packet.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The written packet could not be given its name.
    #[error("cannot name the packet `{}`: choose another --out", target.display())]
    Rename {
        /// The target.
        target: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was written could not be read back as the same packet.
    #[error("the packet did not read back as it was written: do not trust the disk that holds `{}`", directory.display())]
    ReadBack {
        /// The directory in which the packet should be.
        directory: PathBuf,
        /// Why; absent where an intact packet came back, but another one.
        #[source]
        source: Option<CheckError>,
    },
}

impl WriteError {
    /// How the name of a packet begins while it is being written.
    pub const UNFINISHED: &str = ".rehearsal-unfinished-";
}

impl Bag {
    /// Writes the packet as a new directory, and returns it as it was read back from the disk.
    ///
    /// It is written beside its place under another name, where nobody else may look, flushed to the disk, checked, and
    /// then renamed: `target` is never seen incomplete, and nothing that exists is ever replaced. Modes do not depend on
    /// the umask.
    ///
    /// # Errors
    /// [`WriteError`]. Nothing is left behind.
    pub fn write_new(&self, target: &Path) -> Result<CheckedBag, WriteError> {
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            let target = target.to_owned();
            return Err(WriteError::NoName { target });
        };
        let directory = match parent == Path::new("") {
            true => Path::new("."),
            false => parent,
        };
        // Without a slash or a dot at its end, which would make the kernel look through a symbolic link.
        let target = &parent.join(name);
        let writing = Writing { bag: self, directory };
        // Asked again by the rename; asked now to fail before the work.
        if target.symlink_metadata().is_ok() {
            return Err(WriteError::Exists { target: target.to_owned() });
        }
        let parent = File::open(directory).map_err(|error| writing.directory_fault(error))?;
        let unfinished = tempfile::Builder::new()
            .prefix(WriteError::UNFINISHED)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(directory)
            // Its own words would name a path that nobody chose.
            .map_err(|error| writing.directory_fault(error.kind().into()))?;
        writing.files(unfinished.path())?;
        writing.directories(unfinished.path())?;
        let checked = writing.read_back(unfinished.path())?;
        finish(&unfinished, &parent, target)?;
        // Whatever happens from here on, the packet stays.
        let _old_name = unfinished.keep();
        Ok(checked)
    }
}

struct Writing<'a> {
    bag: &'a Bag,
    directory: &'a Path,
}

impl Writing<'_> {
    fn files(&self, root: &Path) -> Result<(), WriteError> {
        for directory in self.bag.directories() {
            let made = DirBuilder::new().mode(0o700).create(root.join(directory));
            made.map_err(|error| self.fault(directory, error))?;
        }
        for (path, bytes) in self.bag.files() {
            let path = path.as_str();
            let written = write_file(&root.join(path), bytes, layout::file_mode(path));
            written.map_err(|error| self.fault(path, error))?;
        }
        Ok(())
    }

    /// Gives the directories their modes and flushes them, children before their parents.
    fn directories(&self, root: &Path) -> Result<(), WriteError> {
        for directory in self.bag.directories().into_iter().rev() {
            let path = root.join(directory);
            flush_directory(&path, layout::DIRECTORY_MODE).map_err(|error| self.fault(directory, error))?;
        }
        Ok(())
    }

    fn read_back(&self, root: &Path) -> Result<CheckedBag, WriteError> {
        let wrong = |source| WriteError::ReadBack { directory: self.directory.to_owned(), source };
        let checked = check(root).map_err(|error| wrong(Some(error)))?;
        // The tag tree covers every file. Equal trees are equal packets.
        match (checked.tree(), checked.tag_tree()) == (self.bag.tree(), self.bag.tag_tree()) {
            true => Ok(checked),
            false => Err(wrong(None)),
        }
    }

    fn fault(&self, path: &str, source: io::Error) -> WriteError {
        let directory = self.directory.to_owned();
        match is_no_space(&source) {
            true => self.no_space(),
            false => WriteError::File { directory, path: path.to_owned(), source },
        }
    }

    fn directory_fault(&self, source: io::Error) -> WriteError {
        let directory = self.directory.to_owned();
        match is_no_space(&source) {
            true => self.no_space(),
            false => WriteError::Directory { directory, source },
        }
    }

    fn no_space(&self) -> WriteError {
        WriteError::NoSpace { directory: self.directory.to_owned(), bytes: self.bag.bytes() }
    }
}

fn is_no_space(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

fn write_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

fn flush_directory(path: &Path, mode: u32) -> io::Result<()> {
    let directory = File::open(path)?;
    directory.set_permissions(Permissions::from_mode(mode))?;
    directory.sync_all()
}

/// Opens the finished directory to others and puts it in its place.
fn finish(unfinished: &TempDir, parent: &File, target: &Path) -> Result<(), WriteError> {
    let cannot = |source| WriteError::Rename { target: target.to_owned(), source };
    flush_directory(unfinished.path(), layout::DIRECTORY_MODE).map_err(cannot)?;
    rename_new(unfinished.path(), target).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => WriteError::Exists { target: target.to_owned() },
        _ => cannot(error),
    })?;
    parent.sync_all().map_err(|error| {
        // It might not survive a power failure, so it must not be there: back to the name that will be removed. Should
        // even that fail, what is left is a whole and checked packet.
        let _ = fs::rename(target, unfinished.path());
        cannot(error)
    })
}

/// Renames a directory, unless the new name is taken.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system cannot promise it. A plain rename could replace an empty directory that somebody makes in
        // between, and nothing else.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match to.symlink_metadata() {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::bag::PacketPath;

    fn bag(content: &[u8]) -> Bag {
        let path = PacketPath::new("data/x").expect("a good path");
        Bag::new(BTreeMap::from([(path, content.to_vec())])).expect("good contents")
    }

    #[test]
    fn what_does_not_read_back_as_it_was_written_is_refused() {
        let outside = tempfile::tempdir().expect("a scratch directory");
        let root = outside.path().join("ID");
        bag(b"other").write_new(&root).expect("it is written");
        let writing = Writing { bag: &bag(b"given"), directory: Path::new("OUT") };

        let another = writing.read_back(&root).expect_err("an intact packet, but another one");
        assert!(matches!(another, WriteError::ReadBack { source: None, .. }));
        fs::write(root.join("data/x"), "damaged").expect("a file is written");
        let damaged = writing.read_back(&root).expect_err("no intact packet");
        assert!(matches!(damaged, WriteError::ReadBack { source: Some(CheckError::Drifted { .. }), .. }));
        let expected = "the packet did not read back as it was written: do not trust the disk that holds `OUT`";
        assert_eq!((another.to_string(), damaged.to_string()), (expected.to_owned(), expected.to_owned()));
    }

    #[test]
    fn the_rename_itself_replaces_nothing() {
        let outside = tempfile::tempdir().expect("a scratch directory");
        let (from, to) = (outside.path().join("from"), outside.path().join("to"));
        fs::create_dir(&from).expect("a directory is made");
        fs::create_dir(&to).expect("a directory is made");
        let error = rename_new(&from, &to).expect_err("an empty directory is not replaced");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(from.is_dir() && to.is_dir());
    }
}
