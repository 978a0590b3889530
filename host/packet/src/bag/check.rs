//! The check of a packet: read it, generate what can be generated, compare.

use std::path::Path;

use super::{
    content::{Bag, Files, generate},
    diagnose::explain,
    drift::{CheckError, DriftClass, Drifts},
    layout, walk,
};
use crate::Sha256;

/// A packet that was read from a directory and found intact. Only [`check`] makes one.
///
/// Its bytes are those that were checked: nothing is read again, so nothing can change in between.
#[derive(Debug)]
pub struct CheckedBag(Bag);

impl CheckedBag {
    /// The packet.
    pub fn bag(&self) -> &Bag {
        &self.0
    }

    /// The tree hash: SHA-256 of `manifest-sha256.txt`.
    pub fn tree(&self) -> Sha256 {
        self.0.tree()
    }

    /// SHA-256 of `tagmanifest-sha256.txt`, which covers every file.
    pub fn tag_tree(&self) -> Sha256 {
        self.0.tag_tree()
    }

    /// The bytes of one file, by its path relative to the packet's directory.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.0.file(path)
    }
}

/// Checks that a directory is an intact packet: exactly the directory that [`Bag::write_new`] makes of the same contents.
///
/// # Errors
/// [`CheckError::Io`] where something could not be read; otherwise [`CheckError::Drifted`] with everything that is wrong.
pub fn check(packet: &Path) -> Result<CheckedBag, CheckError> {
    let mut drifts = Drifts::default();
    let mut found = walk::read(packet, &mut drifts)?;
    if drifts.is_empty() {
        match regenerate(found.files) {
            Ok(bag) => return Ok(CheckedBag(bag)),
            Err(files) => found.files = files,
        }
    }
    // From here on it is refused; what follows finds the words.
    if found.complete {
        explain(&found, &mut drifts);
    }
    if drifts.is_empty() {
        let detail = "the packet is not what its contents give";
        drifts.add(DriftClass::Unexplained, layout::TAG_MANIFEST, detail);
    }
    Err(drifts.into_error(packet.to_owned()))
}

/// Generates the manifests and their companions from the other files, and demands that those found are the same; returns
/// the files where they are not.
fn regenerate(mut files: Files) -> Result<Bag, Files> {
    let mut stated = Files::new();
    for name in layout::GENERATED {
        stated.extend(files.remove_entry(name));
    }
    match generate(&files) {
        Ok(generated) if generated.files == stated => Ok(Bag::with_generated(files, generated)),
        _ => {
            files.extend(stated);
            Err(files)
        }
    }
}
