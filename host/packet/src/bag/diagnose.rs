//! Why a directory is not an intact packet. It is refused already; nothing here can let it pass.

use std::collections::BTreeMap;

use super::{
    drift::{DriftClass, Drifts},
    layout::{self, BAG_INFO, BAGIT, Foreign, MANIFEST, TAG_MANIFEST},
    manifest::{self, Entry},
    path::{PacketPath, case_twins},
    walk::Found,
};
use crate::Sha256;

/// Adds everything that is wrong with a packet beyond what was seen while reading it.
pub(super) fn explain(found: &Found, drifts: &mut Drifts) {
    let missing: Vec<_> = layout::GENERATED.into_iter().filter(|name| !is_there(found, name)).collect();
    for name in missing {
        drifts.add(DriftClass::Missing, name, "every packet has this file");
    }
    for (first, second) in case_twins(found.files.keys().chain(&found.unread)) {
        drifts.add(DriftClass::CaseTwin, second, format!("it differs from `{first}` only in case"));
    }
    let payload = found.files.iter().filter(|(path, _)| path.is_payload());
    if payload.clone().next().is_none() {
        drifts.add(DriftClass::NoPayload, "data", "a packet without evidence proves nothing");
    }
    explain_foreign(found, drifts);
    Comparison::of_payload(found).explain(drifts);
    Comparison::of_tags(found).explain(drifts);
    explain_tag_files(found, drifts);
}

fn is_there(found: &Found, path: &str) -> bool {
    found.files.contains_key(path) || found.unread.contains(path)
}

fn explain_foreign(found: &Found, drifts: &mut Drifts) {
    for path in found.files.keys() {
        match Foreign::of(path.as_str()) {
            Some(Foreign::Fetch) => {
                let detail = "a packet is whole: nothing is to be downloaded";
                drifts.add(DriftClass::FetchFile, path.as_str(), detail);
            }
            Some(Foreign::Manifest) => {
                let detail = format!("a packet has no manifests but `{MANIFEST}` and `{TAG_MANIFEST}`");
                drifts.add(DriftClass::OtherManifest, path.as_str(), detail);
            }
            None => {}
        }
    }
}

fn explain_tag_files(found: &Found, drifts: &mut Drifts) {
    if let Some(bytes) = found.files.get(BAGIT)
        && bytes != layout::BAGIT_TEXT.as_bytes()
    {
        let detail = format!("it must be exactly {:?}", layout::BAGIT_TEXT);
        drifts.add(DriftClass::BagitDeclaration, BAGIT, detail);
    }
    // A payload with a drift of its own has another size as a rule: it would be said twice.
    let payload_has_drifted = drifts.concern(|file| file.starts_with("data") || file == MANIFEST);
    if let Some(bytes) = found.files.get(BAG_INFO) {
        let sizes = || found.files.iter().filter(|(path, _)| path.is_payload()).map(|(_, bytes)| bytes.len() as u64);
        let expected = layout::bag_info_text(sizes().sum(), sizes().count());
        if bytes != expected.as_bytes() {
            let detail = format!("with the payload that is there it must be exactly {expected:?}");
            match is_bag_info(bytes) {
                false => drifts.add(DriftClass::BagInfo, BAG_INFO, detail),
                true if payload_has_drifted => {}
                true => drifts.add(DriftClass::PayloadOxum, BAG_INFO, detail),
            }
        }
    }
}

/// Whether the bytes are what some packet's `bag-info.txt` is.
fn is_bag_info(bytes: &[u8]) -> bool {
    let oxum = str::from_utf8(bytes).ok().and_then(|text| text.lines().last()?.strip_prefix("Payload-Oxum: "));
    let counts = oxum.and_then(|oxum| oxum.split_once('.'));
    let counts = counts.and_then(|(bytes, files)| Some((bytes.parse().ok()?, files.parse().ok()?)));
    counts.is_some_and(|(payload_bytes, files)| bytes == layout::bag_info_text(payload_bytes, files).as_bytes())
}

/// One manifest and the files that it should list.
struct Comparison<'a> {
    found: &'a Found,
    manifest: &'static str,
    belongs: fn(&str) -> bool,
    extra: DriftClass,
    /// The files that every such manifest lists.
    always: &'static [&'static str],
}

impl<'a> Comparison<'a> {
    fn of_payload(found: &'a Found) -> Self {
        Self { found, manifest: MANIFEST, belongs: |path| path.starts_with("data/"), extra: DriftClass::ExtraPayloadFile, always: &[] }
    }

    fn of_tags(found: &'a Found) -> Self {
        Self {
            found,
            manifest: TAG_MANIFEST,
            belongs: |path| !path.starts_with("data/") && path != TAG_MANIFEST,
            extra: DriftClass::ExtraTagFile,
            always: &[BAGIT, BAG_INFO, MANIFEST],
        }
    }

    fn explain(&self, drifts: &mut Drifts) {
        // Without the manifest every file would be an extra one, which says less than that the manifest is missing.
        let Some(bytes) = self.found.files.get(self.manifest) else {
            return;
        };
        let entries = manifest::explain(self.manifest, bytes, drifts);
        for (path, entry) in &entries {
            if !(self.belongs)(path.as_str()) {
                let detail = format!("line {} lists `{path}`, which does not belong there", entry.line);
                drifts.add(DriftClass::MisplacedEntry, self.manifest, detail);
            } else if !is_there(self.found, path.as_str()) {
                // The generated files have been reported.
                if !layout::GENERATED.contains(&path.as_str()) {
                    let detail = format!("line {} of {} lists it", entry.line, self.manifest);
                    drifts.add(DriftClass::Missing, path.as_str(), detail);
                }
            }
        }
        self.explain_files(&entries, drifts);
    }

    fn explain_files(&self, entries: &BTreeMap<PacketPath, Entry>, drifts: &mut Drifts) {
        let manifest = self.manifest;
        let by_digest: BTreeMap<_, _> = entries.iter().map(|(path, entry)| (entry.digest, path)).collect();
        for (path, bytes) in &self.found.files {
            if !(self.belongs)(path.as_str()) {
                continue;
            }
            let digest = Sha256::of(bytes);
            // Says it when a file was renamed, or has changed places with another.
            let origin = match by_digest.get(&digest) {
                Some(other) if *other != path => format!("; `{other}` should have these bytes"),
                _ => String::new(),
            };
            match entries.get(path) {
                Some(entry) if entry.digest == digest => {}
                Some(Entry { digest: stated, line }) => {
                    let (count, digest, stated) = (bytes.len(), digest.short(), stated.short());
                    let detail =
                        format!("its {count} bytes have the SHA-256 {digest}..., line {line} of {manifest} says {stated}...{origin}");
                    drifts.add(DriftClass::ContentDiffers, path.as_str(), detail);
                }
                None if self.always.contains(&path.as_str()) => {
                    let detail = format!("it does not list `{path}`, which every packet has");
                    drifts.add(DriftClass::TagManifestIncomplete, manifest, detail);
                }
                None if Foreign::of(path.as_str()).is_some() => {}
                None => {
                    let detail = format!("{manifest} does not list it{origin}");
                    drifts.add(self.extra, path.as_str(), detail);
                }
            }
        }
    }
}
