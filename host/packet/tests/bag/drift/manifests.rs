//! Manifests that were changed, most of them by a forger who covers it up in the tag manifest.

use rehearsal_packet::bag::DriftClass::*;

use super::{Mutation, PLAN, with, without};
use crate::sample::{MANIFEST, TAG_MANIFEST};

pub(super) const MANIFESTS: &[Mutation] = &[
    ("a duplicate line", |p| p.edit_manifest(|t| format!("{t}{}\n", t.lines().last().unwrap_or(""))), &[(MANIFEST, DuplicateEntry)]),
    ("a conflicting line", |p| p.edit_manifest(|t| format!("{t}{}  {PLAN}\n", "0".repeat(64))), &[(MANIFEST, ConflictingEntry)]),
    (
        "a reordered manifest",
        |p| p.edit_manifest(|t| t.lines().rev().map(|line| format!("{line}\n")).collect()),
        &[(MANIFEST, ManifestNotSorted); 4],
    ),
    (
        "digests in capital letters",
        |p| p.edit_manifest(|t| format!("{}{}", t[..64].to_uppercase(), &t[64..])),
        &[(MANIFEST, ManifestUpperCase)],
    ),
    ("CRLF", |p| p.edit_manifest(|t| t.replace('\n', "\r\n")), &[(MANIFEST, ManifestLineEndings)]),
    ("a byte order mark", |p| p.edit_manifest(|t| format!("\u{feff}{t}")), &[(MANIFEST, ManifestByteOrderMark)]),
    ("no final newline", |p| p.edit_manifest(|t| t.trim_end().to_owned()), &[(MANIFEST, ManifestNoFinalNewline)]),
    ("a final empty line", |p| p.edit_manifest(|t| format!("{t}\n")), &[(MANIFEST, ManifestMalformed)]),
    ("a comment", |p| p.edit_manifest(|t| format!("{t}# checked by me\n")), &[(MANIFEST, ManifestMalformed)]),
    (
        "the mark of a binary file",
        |p| p.edit_manifest(|t| t.replace(&format!("  {PLAN}"), &format!(" *{PLAN}"))),
        &[(PLAN, ExtraPayloadFile), (MANIFEST, ManifestMalformed)],
    ),
    ("a digest that is none", |p| p.edit_manifest(|t| format!("{t}{}  data/x\n", "g".repeat(64))), &[(MANIFEST, ManifestMalformed)]),
    ("a path that climbs", |p| p.edit_manifest(|t| with(t, "data/../../etc/passwd")), &[(MANIFEST, EscapingEntry)]),
    ("a path that begins with ..", |p| p.edit_manifest(|t| with(t, "../secret")), &[(MANIFEST, EscapingEntry)]),
    ("an absolute path", |p| p.edit_manifest(|t| with(t, "/etc/passwd")), &[(MANIFEST, EscapingEntry)]),
    ("a bad name", |p| p.edit_manifest(|t| with(t, "data/\u{e9}")), &[(MANIFEST, BadName)]),
    ("an escaped name", |p| p.edit_manifest(|t| with(t, "data/a%0Ab")), &[(MANIFEST, BadName)]),
    ("a deep name", |p| p.edit_manifest(|t| with(t, "data/2/3/4/5/6/7/8/9")), &[(MANIFEST, TooDeep)]),
    ("a file that is not there", |p| p.edit_manifest(|t| with(t, "data/x")), &[("data/x", Missing)]),
    ("a file of another manifest", |p| p.edit_manifest(|t| with(t, "run/run.json")), &[(MANIFEST, MisplacedEntry)]),
    ("a payload file in the tag manifest", |p| p.relist(PLAN), &[(TAG_MANIFEST, MisplacedEntry)]),
    ("the tag manifest in itself", |p| p.edit(TAG_MANIFEST, |t| with(t, TAG_MANIFEST)), &[(TAG_MANIFEST, MisplacedEntry)]),
    ("a manifest that covers only a part", |p| p.edit_manifest(|t| without(t, PLAN)), &[(PLAN, ExtraPayloadFile)]),
    ("a tag manifest without a tag file", |p| p.edit(TAG_MANIFEST, |t| without(t, "run/run.json")), &[("run/run.json", ExtraTagFile)]),
    (
        "a tag manifest without the manifest",
        |p| p.edit(TAG_MANIFEST, |t| without(t, "  manifest-sha256.txt")),
        &[(TAG_MANIFEST, TagManifestIncomplete)],
    ),
    (
        "an empty tag manifest",
        |p| p.write(TAG_MANIFEST, ""),
        &[
            ("RERUN.sh", ExtraTagFile),
            ("commands.sh", ExtraTagFile),
            ("run/run.json", ExtraTagFile),
            (TAG_MANIFEST, TagManifestIncomplete),
            (TAG_MANIFEST, TagManifestIncomplete),
            (TAG_MANIFEST, TagManifestIncomplete),
        ],
    ),
    ("a tag manifest with CRLF", |p| p.edit(TAG_MANIFEST, |t| t.replace('\n', "\r\n")), &[(TAG_MANIFEST, ManifestLineEndings)]),
    (
        "another version of BagIt, covered up",
        |p| {
            p.edit("bagit.txt", |t| t.replace("1.0", "0.97"));
            p.relist("bagit.txt");
        },
        &[("bagit.txt", BagitDeclaration)],
    ),
    (
        "a wrong count, covered up",
        |p| {
            p.edit("bag-info.txt", |t| t.replace(".5", ".6"));
            p.relist("bag-info.txt");
        },
        &[("bag-info.txt", PayloadOxum)],
    ),
    (
        "a date in the bag's description, covered up",
        |p| {
            p.edit("bag-info.txt", |t| format!("Bagging-Date: 2026-01-01\n{t}"));
            p.relist("bag-info.txt");
        },
        &[("bag-info.txt", BagInfo)],
    ),
];
