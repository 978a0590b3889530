//! A place of its own for each test: a working directory, and a TMPDIR beside it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{FileTypeExt as _, symlink},
    path::{Path, PathBuf},
    time::SystemTime,
};

use tempfile::TempDir;

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is a directory of the workspace")
}

/// Where `cargo xtask guests` puts them.
pub(crate) fn guests() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_rehearsal-under-test")).parent().and_then(Path::parent);
    let guests = target.expect("the binary is in a profile's directory of the target directory").join("guests");
    assert!(guests.is_dir(), "there are no guests in {}: run `cargo xtask guests`", guests.display());
    guests
}

/// A working directory with `guests/`, the built guests, and `shop/`, the fixture; both are links.
pub(crate) struct Place {
    root: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { root: tempfile::Builder::new().prefix("test-").tempdir().expect("a directory for the test") };
        fs::create_dir(place.work()).expect("a working directory");
        fs::create_dir(place.tmp()).expect("a TMPDIR");
        symlink(guests(), place.file("guests")).expect("a link to the guests");
        symlink(repository().join("fixtures/shop"), place.file("shop")).expect("a link to the shop");
        place
    }

    /// The parent of both.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// The directory that the tool is started in.
    pub(crate) fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// The directory for the tool's temporary files.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// A path in the working directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.file(name), content).unwrap_or_else(|error| panic!("cannot write {name}: {error}"));
    }

    /// Writes `rehearsal.toml`: one step, whose module and inputs are given as TOML, and the built-in validator.
    pub(crate) fn write_plan(&self, source: &str, step: &str) {
        self.write(
            "rehearsal.toml",
            format!(
                "format = 1\nname = \"small\"\nsource.path = \"{source}\"\nvalidator.module = \"builtin:validator\"\n\
                 [[step]]\nname = \"s\"\n{step}\n"
            ),
        );
    }

    /// The same with a step that runs some SQL.
    pub(crate) fn write_sql_plan(&self, source: &str, up: &str) {
        self.write("up.sql", up);
        self.write_plan(source, "module = \"builtin:sql-step\"\ninputs = { up = \"up.sql\" }");
    }

    /// A JSON file in the working directory.
    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        let bytes = fs::read(self.file(name)).unwrap_or_else(|error| panic!("cannot read {name}: {error}"));
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name} is not JSON: {error}"))
    }

    /// Asserts that the tool has left no temporary file behind: no clone, no half of a packet.
    pub(crate) fn assert_nothing_temporary(&self) {
        assert_eq!(names(&self.tmp()), [""; 0], "left behind in TMPDIR");
        let hidden: Vec<String> = names(&self.work()).into_iter().filter(|name| name.starts_with('.')).collect();
        assert_eq!(hidden, [""; 0], "left behind beside the packet");
    }

    /// Everything in the working directory. Links are not followed, and of the files in `metadata_only` only the size and the
    /// time are taken: to open and close a file that this process has locked would drop the lock.
    pub(crate) fn snapshot(&self, metadata_only: &[PathBuf]) -> BTreeMap<String, Entry> {
        let mut found = BTreeMap::new();
        let mut pending = vec![self.work()];
        while let Some(directory) = pending.pop() {
            for name in names(&directory) {
                let path = directory.join(name);
                let entry = Entry::of(&path, metadata_only.contains(&path));
                if matches!(entry, Entry::Directory) {
                    pending.push(path.clone());
                }
                let shown = path.strip_prefix(self.work()).expect("it is below").display().to_string();
                found.insert(shown, entry);
            }
        }
        found
    }
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Directory,
    File { bytes: u64, modified: SystemTime, content: Option<Vec<u8>> },
    Link(PathBuf),
    Fifo,
}

impl Entry {
    fn of(path: &Path, metadata_only: bool) -> Self {
        let metadata = path.symlink_metadata().expect("its metadata");
        let kind = metadata.file_type();
        if kind.is_dir() {
            Entry::Directory
        } else if kind.is_symlink() {
            Entry::Link(fs::read_link(path).expect("a link"))
        } else if kind.is_fifo() {
            Entry::Fifo
        } else {
            let content = (!metadata_only).then(|| fs::read(path).expect("its bytes"));
            Entry::File { bytes: metadata.len(), modified: metadata.modified().expect("its time"), content }
        }
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("cannot list {}: {error}", directory.display()));
    let mut names: Vec<String> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A small file system in memory, mounted in a directory; unmounted when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this process may not mount.
    pub(crate) fn mount(directory: &Path, options: &str) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "rehearsal-test"]).arg(directory).stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(directory.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).stderr(std::process::Stdio::null()).status();
    }
}
