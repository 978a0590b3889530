//! A small packet, and a fresh copy of it for whoever wants to spoil one.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use rehearsal_packet::{
    Sha256,
    bag::{Bag, CheckError, Drift, PacketPath, check},
};
use tempfile::TempDir;

pub(crate) const MANIFEST: &str = "manifest-sha256.txt";
pub(crate) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";

pub(crate) fn path(text: &str) -> PacketPath {
    PacketPath::new(text).expect("a good path")
}

pub(crate) fn contents() -> BTreeMap<PacketPath, Vec<u8>> {
    let files: [(&str, &[u8]); 8] = [
        ("data/empty", b""),
        ("data/legs/add-email.committed.json", b"{\"leg\":\"committed\"}\n"),
        ("data/legs/add-email.read-only.json", b"{\"leg\":\"read-only\"}\n"),
        ("data/modules/guard.wasm", b"\0asm\x0d\0\x01\0\xff\xfe"),
        ("data/plan.toml", b"name = \"add-email\"\n"),
        ("run/run.json", b"{\"seconds\":\"12\"}\n"),
        ("RERUN.sh", b"#!/bin/sh\nrehearsal rerun .\n"),
        ("commands.sh", b"#!/bin/sh\n"),
    ];
    files.into_iter().map(|(name, bytes)| (path(name), bytes.to_vec())).collect()
}

pub(crate) fn bag() -> Bag {
    Bag::new(contents()).expect("good contents")
}

/// A packet on disk, in a directory of its own; the rest of that directory is for whatever is outside of a packet.
pub(crate) struct Packet {
    pub(crate) outside: TempDir,
    pub(crate) directory: PathBuf,
}

impl Packet {
    pub(crate) fn fresh() -> Self {
        let outside = tempfile::tempdir().expect("a scratch directory");
        let directory = outside.path().join("ID");
        bag().write_new(&directory).expect("a packet is written");
        Self { outside, directory }
    }

    pub(crate) fn at(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.at(file)).expect("a file of the packet")
    }

    pub(crate) fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(file), bytes).expect("a file is written");
    }

    pub(crate) fn remove(&self, file: &str) {
        fs::remove_file(self.at(file)).expect("a file is removed");
    }

    /// Changes the text of a file.
    pub(crate) fn edit(&self, file: &str, edit: impl Fn(&str) -> String) {
        let text = String::from_utf8(self.read(file)).expect("a text file");
        let edited = edit(&text);
        assert_ne!(edited, text, "the edit of {file} changes something");
        self.write(file, edited);
    }

    /// Makes the tag manifest say about a file what the file is, as a careful forger would. A file that is not listed is
    /// listed in its place.
    pub(crate) fn relist(&self, file: &str) {
        let text = String::from_utf8(self.read(TAG_MANIFEST)).expect("a text file");
        let mut lines: BTreeMap<_, _> =
            text.lines().map(|line| line.split_once("  ").expect("two columns")).map(|(digest, path)| (path, digest)).collect();
        let digest = Sha256::of(&self.read(file)).to_hex();
        lines.insert(file, &digest);
        let lines: Vec<_> = lines.iter().map(|(path, digest)| format!("{digest}  {path}\n")).collect();
        self.write(TAG_MANIFEST, lines.concat());
    }

    /// Changes the payload's manifest and covers it up.
    pub(crate) fn edit_manifest(&self, edit: impl Fn(&str) -> String) {
        self.edit(MANIFEST, edit);
        self.relist(MANIFEST);
    }

    pub(crate) fn drifts(&self) -> Vec<Drift> {
        drifts(&self.directory)
    }
}

/// The drifts of a directory that must be refused.
pub(crate) fn drifts(directory: &Path) -> Vec<Drift> {
    match check(directory) {
        Err(CheckError::Drifted { drifts, .. }) => drifts,
        other => panic!("{} should have drifted: {other:?}", directory.display()),
    }
}

/// An error and its causes, as the edge of the program prints them.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

/// The names in a directory, hidden ones included.
pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name().display().to_string();
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}
