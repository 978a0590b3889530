//! A packet in memory: its files, and the four that are generated from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    layout::{self, ENTRIES_MAX, FILE_BYTES_MAX, Foreign, PACKET_BYTES_MAX},
    manifest,
    path::{PacketPath, case_twins},
};
use crate::Sha256;

/// The files of a packet by their paths.
pub(super) type Files = BTreeMap<PacketPath, Vec<u8>>;

/// A packet, whole and well-formed, in memory.
pub struct Bag {
    files: Files,
    tree: Sha256,
    tag_tree: Sha256,
}

impl Bag {
    /// Makes a packet of its contents: the payload below `data/`, and tag files such as `run/run.json` or `RERUN.sh`. The
    /// two manifests, `bagit.txt` and `bag-info.txt` are added here.
    ///
    /// # Errors
    /// [`NotABag`], where the contents cannot be a packet that [`check`](super::check()) accepts.
    pub fn new(contents: BTreeMap<PacketPath, Vec<u8>>) -> Result<Self, NotABag> {
        let generated = generate(&contents)?;
        Ok(Self::with_generated(contents, generated))
    }

    /// Puts the contents and what was generated from them together.
    pub(super) fn with_generated(mut contents: Files, generated: Generated) -> Self {
        contents.extend(generated.files);
        Self { files: contents, tree: generated.tree, tag_tree: generated.tag_tree }
    }

    /// The tree hash: SHA-256 of `manifest-sha256.txt`. Equal trees are equal payloads.
    pub fn tree(&self) -> Sha256 {
        self.tree
    }

    /// SHA-256 of `tagmanifest-sha256.txt`. It covers every file: the others directly, the payload through the tree hash.
    pub fn tag_tree(&self) -> Sha256 {
        self.tag_tree
    }

    /// The bytes of one file, by its path relative to the packet's directory.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// All files, the generated ones included, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = (&PacketPath, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path, bytes.as_slice()))
    }

    /// The files of the payload, sorted by path.
    pub fn payload(&self) -> impl Iterator<Item = (&PacketPath, &[u8])> {
        self.files().filter(|(path, _)| path.is_payload())
    }

    /// The size of all files together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }

    /// The directories below the root, parents before their children.
    pub(super) fn directories(&self) -> BTreeSet<&str> {
        self.files.keys().flat_map(PacketPath::directories).collect()
    }
}

impl fmt::Debug for Bag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, tree, tag_tree } = self;
        write!(f, "Bag({} files, tree {tree}, tag tree {tag_tree})", files.len())
    }
}

/// Why files cannot be the contents of a packet.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotABag {
    /// A packet that holds no evidence would pass every check of it.
    #[error("a packet must hold at least one file below `data/`")]
    NoPayload,
    /// A name that is the format's own.
    #[error("`{path}` cannot be put into a packet: BagIt gives that name a meaning of its own")]
    Reserved {
        /// The name.
        path: PacketPath,
    },
    /// A file where another file needs a directory.
    #[error("`{path}` cannot be both a file and a directory")]
    FileAndDirectory {
        /// The path.
        path: PacketPath,
    },
    /// Two names that some file systems take for one.
    #[error("`{first}` and `{second}` differ only in case: rename one of them")]
    CaseTwins {
        /// The first, in the order of bytes.
        first: String,
        /// The second.
        second: String,
    },
    /// More than [`FILE_BYTES_MAX`].
    #[error("`{path}` has {bytes} bytes: a file of a packet has at most {FILE_BYTES_MAX}")]
    FileTooLarge {
        /// The path.
        path: PacketPath,
        /// Its size.
        bytes: u64,
    },
    /// More than [`PACKET_BYTES_MAX`].
    #[error("the files have {bytes} bytes together: a packet has at most {PACKET_BYTES_MAX}")]
    TooLarge {
        /// Their size.
        bytes: u64,
    },
    /// More than [`ENTRIES_MAX`].
    #[error("there are {entries} files and directories: a packet has at most {ENTRIES_MAX}")]
    TooManyEntries {
        /// How many.
        entries: usize,
    },
}

/// The four files that follow from the contents, and the hashes that name them.
pub(super) struct Generated {
    pub(super) files: Files,
    pub(super) tree: Sha256,
    pub(super) tag_tree: Sha256,
}

/// Generates them. This is the format: whatever [`Bag::new`] writes and [`check`](super::check()) accepts, it came out of here.
pub(super) fn generate(contents: &Files) -> Result<Generated, NotABag> {
    if let Some(path) = contents.keys().find(|path| is_reserved(path.as_str())) {
        return Err(NotABag::Reserved { path: path.clone() });
    }
    let payload = || contents.iter().filter(|(path, _)| path.is_payload());
    if payload().next().is_none() {
        return Err(NotABag::NoPayload);
    }

    let payload_bytes = payload().map(|(_, bytes)| bytes.len() as u64).sum();
    let bag_info = layout::bag_info_text(payload_bytes, payload().count());
    let manifest = manifest::render(payload().map(|(path, bytes)| (path, Sha256::of(bytes))));
    let tree = Sha256::of(&manifest);

    let mut files = Files::from([
        (own(layout::BAGIT), layout::BAGIT_TEXT.into()),
        (own(layout::BAG_INFO), bag_info.into_bytes()),
        (own(layout::MANIFEST), manifest),
    ]);
    let tags = contents.iter().filter(|(path, _)| !path.is_payload()).chain(&files);
    let digests: BTreeMap<_, _> = tags.map(|(path, bytes)| (path, Sha256::of(bytes))).collect();
    let tag_manifest = manifest::render(digests);
    let tag_tree = Sha256::of(&tag_manifest);
    files.insert(own(layout::TAG_MANIFEST), tag_manifest);

    refuse_clashes(contents, &files)?;
    refuse_excess(contents, &files)?;
    Ok(Generated { files, tree, tag_tree })
}

fn own(name: &str) -> PacketPath {
    PacketPath::new(name).expect("the names of the layout are fit for a packet")
}

fn is_reserved(path: &str) -> bool {
    layout::GENERATED.contains(&path) || Foreign::of(path).is_some()
}

fn refuse_clashes(contents: &Files, generated: &Files) -> Result<(), NotABag> {
    let paths = || contents.keys().chain(generated.keys());
    for directory in paths().flat_map(PacketPath::directories) {
        for files in [contents, generated] {
            if let Some((path, _)) = files.get_key_value(directory) {
                return Err(NotABag::FileAndDirectory { path: path.clone() });
            }
        }
    }
    match case_twins(paths()).first() {
        None => Ok(()),
        Some((first, second)) => Err(NotABag::CaseTwins { first: (*first).to_owned(), second: (*second).to_owned() }),
    }
}

fn refuse_excess(contents: &Files, generated: &Files) -> Result<(), NotABag> {
    let files = || contents.iter().chain(generated);
    for (path, content) in files() {
        let bytes = content.len() as u64;
        if bytes > FILE_BYTES_MAX {
            return Err(NotABag::FileTooLarge { path: path.clone(), bytes });
        }
    }
    let bytes = files().map(|(_, content)| content.len() as u64).sum();
    if bytes > PACKET_BYTES_MAX {
        return Err(NotABag::TooLarge { bytes });
    }
    let directories: BTreeSet<_> = contents.keys().flat_map(PacketPath::directories).collect();
    let entries = files().count() + directories.len();
    if entries > ENTRIES_MAX {
        return Err(NotABag::TooManyEntries { entries });
    }
    Ok(())
}
