//! The text of a manifest: written in one form; read in that form, with a reason for everything else.

use std::collections::BTreeMap;

use super::{
    drift::{DriftClass, Drifts},
    path::{BadPath, PacketPath, PathFault},
};
use crate::Sha256;

/// What stands between a digest and its path.
const SEPARATOR: &[u8] = b"  ";
const DIGEST_DIGITS: usize = 64;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Writes a manifest. The entries must come sorted by path, as a `BTreeMap` holds them.
pub(super) fn render<'a>(entries: impl IntoIterator<Item = (&'a PacketPath, Sha256)>) -> Vec<u8> {
    let mut text = String::new();
    let mut previous: Option<&PacketPath> = None;
    for (path, digest) in entries {
        assert!(previous < Some(path), "{path} comes after {previous:?} in a manifest");
        previous = Some(path);
        text.push_str(&format!("{digest}  {path}\n"));
    }
    text.into_bytes()
}

/// What a manifest says about one file.
pub(super) struct Entry {
    pub(super) digest: Sha256,
    /// The line, from 1.
    pub(super) line: usize,
}

/// Reads a manifest that is suspected to be wrong: adds a drift for each departure from the form that [`render`] writes,
/// and returns the entries as far as they can be told, so that the files can be compared with them all the same.
pub(super) fn explain(name: &str, bytes: &[u8], drifts: &mut Drifts) -> BTreeMap<PacketPath, Entry> {
    let mut reader = Reader { name, drifts, entries: BTreeMap::new(), previous: None };
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if text.len() < bytes.len() {
        reader.fault(DriftClass::ManifestByteOrderMark, "it begins with a byte order mark");
    }
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    if body.len() == text.len() && !text.is_empty() {
        reader.fault(DriftClass::ManifestNoFinalNewline, "its last line does not end in a line feed");
    }
    if text.contains(&b'\r') {
        reader.fault(DriftClass::ManifestLineEndings, "it holds carriage returns");
    }
    if !text.is_empty() {
        for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
            reader.line(index + 1, line.strip_suffix(b"\r").unwrap_or(line));
        }
    }
    reader.entries
}

struct Reader<'a> {
    name: &'a str,
    drifts: &'a mut Drifts,
    entries: BTreeMap<PacketPath, Entry>,
    previous: Option<PacketPath>,
}

impl Reader<'_> {
    fn fault(&mut self, class: DriftClass, detail: impl Into<String>) {
        self.drifts.add(class, self.name, detail);
    }

    fn line(&mut self, line: usize, text: &[u8]) {
        let Some((digits, path)) = split(text) else {
            let form = "64 lowercase hexadecimal digits, two spaces and a path";
            self.fault(DriftClass::ManifestMalformed, format!("line {line} is not {form}"));
            return;
        };
        let lower = digits.to_ascii_lowercase();
        if lower != digits {
            let detail = format!("line {line} has its digest in capital letters");
            self.fault(DriftClass::ManifestUpperCase, detail);
        }
        let Ok(digest) = lower.parse() else {
            let detail = format!("line {line} does not begin with 64 lowercase hexadecimal digits");
            self.fault(DriftClass::ManifestMalformed, detail);
            return;
        };
        match PacketPath::from_bytes(path) {
            Ok(path) => self.entry(line, path, digest),
            Err(bad) => self.fault(listed_class(path, &bad), format!("line {line}: {bad}")),
        }
    }

    fn entry(&mut self, line: usize, path: PacketPath, digest: Sha256) {
        if let Some(first) = self.entries.get(&path) {
            let class = match first.digest == digest {
                true => DriftClass::DuplicateEntry,
                false => DriftClass::ConflictingEntry,
            };
            let detail = format!("line {line} lists `{path}`, as line {} does", first.line);
            self.fault(class, detail);
            return;
        }
        if let Some(previous) = self.previous.replace(path.clone())
            && path < previous
        {
            let detail = format!("line {line} lists `{path}`, which belongs before `{previous}`");
            self.fault(DriftClass::ManifestNotSorted, detail);
        }
        self.entries.insert(path, Entry { digest, line });
    }
}

/// Splits a line into its digits and its path.
fn split(line: &[u8]) -> Option<(&str, &[u8])> {
    let (digits, rest) = line.split_at_checked(DIGEST_DIGITS)?;
    Some((str::from_utf8(digits).ok()?, rest.strip_prefix(SEPARATOR)?))
}

fn listed_class(path: &[u8], bad: &BadPath) -> DriftClass {
    let climbs = path.split(|byte| *byte == b'/').any(|component| component == b"..");
    match bad.fault {
        _ if climbs || path.starts_with(b"/") => DriftClass::EscapingEntry,
        PathFault::TooDeep => DriftClass::TooDeep,
        _ => DriftClass::BadName,
    }
}
