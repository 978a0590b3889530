//! The ways in which a directory is not the packet it should be.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

/// One way in which a directory is not an intact packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The path relative to the packet's directory; bytes other than printable ASCII are escaped.
    pub file: String,
    /// What kind of drift it is.
    pub class: DriftClass,
    /// What was found, and what should be there.
    pub detail: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, class, detail } = self;
        write!(f, "{file}: {}: {detail}", class.name())
    }
}

macro_rules! drift_classes {
    ($($(#[doc = $doc:literal])+ $class:ident = $name:literal,)+) => {
        /// The kinds of drift. Each is provoked in `tests/bag/drift/`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DriftClass {
            $($(#[doc = $doc])+ $class,)+
        }

        impl DriftClass {
            /// Every class.
            pub const ALL: &[DriftClass] = &[$(DriftClass::$class,)+];

            /// The name as it stands in messages and reports.
            pub fn name(self) -> &'static str {
                match self {
                    $(DriftClass::$class => $name,)+
                }
            }
        }
    };
}

drift_classes! {
    /// A file has other bytes than its manifest says: changed, cut short or continued.
    ContentDiffers = "content-differs",
    /// A file that a manifest lists, or that every packet has, is not there.
    Missing = "missing",
    /// A file below `data/` that the manifest does not list.
    ExtraPayloadFile = "extra-payload-file",
    /// A file beside the payload that the tag manifest does not list.
    ExtraTagFile = "extra-tag-file",
    /// A directory with nothing in it. No manifest can list one, so a packet has none.
    EmptyDirectory = "empty-directory",
    /// A file or directory has another mode than its name gives it.
    ModeChanged = "mode-changed",
    /// A symbolic link, to whatever.
    Symlink = "symlink",
    /// A FIFO, a socket or a device.
    SpecialFile = "special-file",
    /// A file with a second name, through which it could change unseen.
    HardLink = "hard-link",
    /// Two names that differ only in case.
    CaseTwin = "case-twin",
    /// A name, on disk or in a manifest, that no file of a packet may have.
    BadName = "bad-name",
    /// Below more directories than a packet may have.
    TooDeep = "too-deep",
    /// A file that is too large, or that makes the packet too large, to be read.
    TooLarge = "too-large",
    /// More files and directories than a packet may have. The rest was not looked at.
    TooManyEntries = "too-many-entries",
    /// A manifest line that is not a digest, two spaces and a path.
    ManifestMalformed = "manifest-malformed",
    /// A manifest whose paths are not in the order of their bytes.
    ManifestNotSorted = "manifest-not-sorted",
    /// A manifest with digests in capital letters.
    ManifestUpperCase = "manifest-upper-case",
    /// A manifest with carriage returns.
    ManifestLineEndings = "manifest-line-endings",
    /// A manifest that begins with a byte order mark.
    ManifestByteOrderMark = "manifest-byte-order-mark",
    /// A manifest whose last line is not ended.
    ManifestNoFinalNewline = "manifest-no-final-newline",
    /// A manifest that lists a file twice, with the same digest.
    DuplicateEntry = "duplicate-entry",
    /// A manifest that lists a file twice, with different digests.
    ConflictingEntry = "conflicting-entry",
    /// A manifest line with an absolute path, or with one that leads out of the packet.
    EscapingEntry = "escaping-entry",
    /// A manifest line for a file that belongs to the other manifest, or to none.
    MisplacedEntry = "misplaced-entry",
    /// The tag manifest does not list a file that every packet has.
    TagManifestIncomplete = "tag-manifest-incomplete",
    /// A `fetch.txt`: a packet is whole, nothing is to be downloaded.
    FetchFile = "fetch-file",
    /// A manifest other than the two of a packet.
    OtherManifest = "other-manifest",
    /// No file below `data/`: a packet without evidence.
    NoPayload = "no-payload",
    /// `bagit.txt` is not the declaration of a packet.
    BagitDeclaration = "bagit-declaration",
    /// `bag-info.txt` is not what a packet's is, the count aside.
    BagInfo = "bag-info",
    /// The count of bytes and files in `bag-info.txt` is not the payload's.
    PayloadOxum = "payload-oxum",
    /// The packet is not what its contents give, and no other class says why: a defect of this crate, reported as a
    /// refusal. No test can provoke it.
    Unexplained = "unexplained",
}

/// Why a directory is not a packet that can be relied on.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It could not be read, so nothing is known about it.
    #[error("cannot read `{path}`, so the packet could not be checked")]
    Io {
        /// What could not be read.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was read, and is not an intact packet.
    #[error("{}", drifted_text(packet, drifts, *omitted))]
    Drifted {
        /// The packet's directory.
        packet: PathBuf,
        /// What was found, sorted by file: never empty, and at most [`CheckError::DRIFTS_MAX`].
        drifts: Vec<Drift>,
        /// How many more were found.
        omitted: usize,
    },
}

impl CheckError {
    /// How many drifts are reported in full.
    pub const DRIFTS_MAX: usize = 100;
}

fn drifted_text(packet: &Path, drifts: &[Drift], omitted: usize) -> String {
    let lines: Vec<_> = drifts.iter().map(|drift| format!("\n  {drift}")).collect();
    let more = match omitted {
        0 => String::new(),
        count => format!("\n  ... and {count} more"),
    };
    let packet = packet.display();
    format!("`{packet}` is not an intact packet; do not rely on it:{}{more}", lines.concat())
}

/// The drifts found so far. However bad a directory is, this stays small.
#[derive(Default)]
pub(super) struct Drifts {
    kept: Vec<Drift>,
    omitted: usize,
}

impl Drifts {
    pub(super) fn add(&mut self, class: DriftClass, file: impl Into<String>, detail: impl Into<String>) {
        if self.kept.len() == CheckError::DRIFTS_MAX {
            self.omitted += 1;
            return;
        }
        let (file, detail) = (file.into(), detail.into());
        self.kept.push(Drift { file, class, detail });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether a drift was found in one of the files that are meant.
    pub(super) fn concern(&self, meant: impl Fn(&str) -> bool) -> bool {
        self.kept.iter().any(|drift| meant(&drift.file))
    }

    pub(super) fn into_error(mut self, packet: PathBuf) -> CheckError {
        self.kept.sort_by(|a, b| a.file.cmp(&b.file));
        CheckError::Drifted { packet, drifts: self.kept, omitted: self.omitted }
    }
}
