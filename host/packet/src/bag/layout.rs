//! What is fixed about a packet: the names of its own files, their modes, and its limits.

/// The largest file, in bytes. A packet is read into memory, so that the bytes that were checked are the bytes that are used.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// All files of a packet together, in bytes.
pub const PACKET_BYTES_MAX: u64 = 256 << 20;
/// All files and directories of a packet together.
pub const ENTRIES_MAX: usize = 1 << 16;

pub(super) const BAGIT: &str = "bagit.txt";
pub(super) const BAG_INFO: &str = "bag-info.txt";
pub(super) const MANIFEST: &str = "manifest-sha256.txt";
pub(super) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
/// The files that follow from all the others.
pub(super) const GENERATED: [&str; 4] = [BAGIT, BAG_INFO, MANIFEST, TAG_MANIFEST];

/// The text of `bagit.txt`.
pub(super) const BAGIT_TEXT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// The text of `bag-info.txt`. It holds no date and no version: the same payload gives the same text.
pub(super) fn bag_info_text(payload_bytes: u64, payload_files: usize) -> String {
    format!("Bag-Software-Agent: rehearsal\nPayload-Oxum: {payload_bytes}.{payload_files}\n")
}

/// The mode of every directory below the root.
pub(super) const DIRECTORY_MODE: u32 = 0o755;

/// The mode of a file. It follows from the name, so that it need not be recorded, and cannot be recorded wrongly.
pub(super) fn file_mode(path: &str) -> u32 {
    match path {
        "RERUN.sh" | "commands.sh" => 0o755,
        _ => 0o644,
    }
}

/// What BagIt gives a meaning to, and a packet has no use for.
pub(super) enum Foreign {
    /// `fetch.txt`: files that somebody should download.
    Fetch,
    /// A manifest other than the two of a packet: of a weaker hash, perhaps of fewer files.
    Manifest,
}

impl Foreign {
    /// Recognizes such a file by its path.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.to_ascii_lowercase();
        if name == "fetch.txt" {
            return Some(Self::Fetch);
        }
        let is_manifest =
            (name.starts_with("manifest-") || name.starts_with("tagmanifest-")) && name.ends_with(".txt") && !name.contains('/');
        (is_manifest && !GENERATED.contains(&path)).then_some(Self::Manifest)
    }
}
