//! The names that files of a packet may have.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// The path of a file relative to the packet's directory. A payload path therefore begins with `data/`: a file has one
/// name, in the manifest, in this API and in every message.
///
/// Names are so plain that no tool, file system or locale can read one of them in two ways. They are ordered by their
/// bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketPath(String);

impl PacketPath {
    /// The longest component, in bytes: the limit of the usual file systems.
    pub const COMPONENT_BYTES_MAX: usize = 255;
    /// The most components: `data/a/b` has three. Together with the longest component it keeps a path within `PATH_MAX`.
    pub const DEPTH_MAX: usize = 8;

    /// Takes a path that is fit for a packet.
    ///
    /// # Errors
    /// [`BadPath`], for the first rule that the path breaks.
    pub fn new(path: &str) -> Result<Self, BadPath> {
        Self::from_bytes(path.as_bytes())
    }

    /// Takes a path as the file system has it.
    pub(super) fn from_bytes(path: &[u8]) -> Result<Self, BadPath> {
        let bad = |fault| BadPath { path: path.escape_ascii().to_string(), fault };
        if path.starts_with(b"-") {
            return Err(bad(PathFault::Dash));
        }
        for component in path.split(|byte| *byte == b'/') {
            component_fault(component).map_or(Ok(()), |fault| Err(bad(fault)))?;
        }
        if path.split(|byte| *byte == b'/').count() > Self::DEPTH_MAX {
            return Err(bad(PathFault::TooDeep));
        }
        // Every byte has been seen to be ASCII.
        Ok(Self(path.iter().map(|byte| char::from(*byte)).collect()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the file is part of the payload, that is, below `data/`.
    pub fn is_payload(&self) -> bool {
        self.0.starts_with("data/")
    }

    /// The directories that lead to the file, the outermost first.
    pub(super) fn directories(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

fn component_fault(component: &[u8]) -> Option<PathFault> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._+-".contains(byte);
    match component {
        [] => Some(PathFault::Empty),
        [b'.', ..] => Some(PathFault::Dot),
        _ if !component.iter().all(allowed) => Some(PathFault::Character),
        _ if component.len() > PacketPath::COMPONENT_BYTES_MAX => Some(PathFault::TooLong),
        _ => None,
    }
}

impl fmt::Display for PacketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PacketPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Lets a map of paths be asked for a name.
impl Borrow<str> for PacketPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A path that no file of a packet may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` cannot be the path of a file in a packet: {fault}")]
pub struct BadPath {
    /// The path; bytes other than printable ASCII are escaped.
    pub path: String,
    /// What is wrong with it.
    pub fault: PathFault,
}

/// The rule that a path breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Absolute, or with `//`, or with a `/` at its end, or nothing at all.
    #[error("it has an empty component")]
    Empty,
    /// A hidden file, `.` or `..`.
    #[error("a component begins with a dot")]
    Dot,
    /// `sha256sum -c` would read `-` as its standard input.
    #[error("it begins with a dash")]
    Dash,
    /// A space, a control character, a letter beyond ASCII.
    #[error("a component holds something other than the ASCII characters `A-Z a-z 0-9 . _ + -`")]
    Character,
    /// More than [`PacketPath::COMPONENT_BYTES_MAX`].
    #[error("a component is longer than {} bytes", PacketPath::COMPONENT_BYTES_MAX)]
    TooLong,
    /// More than [`PacketPath::DEPTH_MAX`].
    #[error("it has more than {} components", PacketPath::DEPTH_MAX)]
    TooDeep,
}

/// The pairs of files or directories that would be one on a file system that ignores case.
///
/// Of two directories with equal contents only the directories are a pair, not each file in them as well.
pub(super) fn case_twins<'a>(paths: impl IntoIterator<Item = &'a PacketPath>) -> BTreeSet<(&'a str, &'a str)> {
    let mut first_by_folded: BTreeMap<String, &str> = BTreeMap::new();
    let mut twins = BTreeSet::new();
    for path in paths {
        for name in path.directories().chain([path.as_str()]) {
            let first = *first_by_folded.entry(name.to_ascii_lowercase()).or_insert(name);
            if first != name {
                twins.insert((first, name));
                break;
            }
        }
    }
    twins
}
