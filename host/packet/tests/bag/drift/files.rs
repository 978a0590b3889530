//! Files that were changed, removed or added.

use std::fs;

use rehearsal_packet::bag::DriftClass::*;

use super::{COMMITTED, Mutation, PLAN, READ_ONLY, WASM, make_directory, without};
use crate::sample::{MANIFEST, TAG_MANIFEST};

pub(super) const CONTENT: &[Mutation] = &[
    ("a byte flipped", |p| p.edit(PLAN, |t| t.replace('a', "A")), &[(PLAN, ContentDiffers)]),
    ("a binary file changed", |p| p.write(WASM, b"\0asm\x0d\0\x01\0\xff\xff"), &[(WASM, ContentDiffers)]),
    ("truncated", |p| p.edit(PLAN, |t| t[..4].to_owned()), &[(PLAN, ContentDiffers)]),
    ("truncated to nothing", |p| p.write(PLAN, ""), &[(PLAN, ContentDiffers)]),
    ("appended", |p| p.edit(PLAN, |t| format!("{t}\n")), &[(PLAN, ContentDiffers)]),
    ("an empty file filled", |p| p.write("data/empty", "x"), &[("data/empty", ContentDiffers)]),
    ("the run record edited", |p| p.edit("run/run.json", |t| t.replace('1', "2")), &[("run/run.json", ContentDiffers)]),
    ("a script edited", |p| p.edit("RERUN.sh", |t| t.replace("rerun", "gate")), &[("RERUN.sh", ContentDiffers)]),
    (
        "the declaration edited",
        |p| p.edit("bagit.txt", |t| t.replace("1.0", "0.97")),
        &[("bagit.txt", ContentDiffers), ("bagit.txt", BagitDeclaration)],
    ),
    (
        "two files swapped",
        |p| {
            let committed = p.read(COMMITTED);
            p.write(COMMITTED, p.read(READ_ONLY));
            p.write(READ_ONLY, committed);
        },
        &[(COMMITTED, ContentDiffers), (READ_ONLY, ContentDiffers)],
    ),
];

pub(super) const MISSING: &[Mutation] = &[
    ("a payload file deleted", |p| p.remove(PLAN), &[(PLAN, Missing)]),
    ("a script deleted", |p| p.remove("RERUN.sh"), &[("RERUN.sh", Missing)]),
    ("the only file of a directory deleted", |p| p.remove("run/run.json"), &[("run", EmptyDirectory), ("run/run.json", Missing)]),
    ("the declaration deleted", |p| p.remove("bagit.txt"), &[("bagit.txt", Missing)]),
    ("the bag's description deleted", |p| p.remove("bag-info.txt"), &[("bag-info.txt", Missing)]),
    ("the manifest deleted", |p| p.remove(MANIFEST), &[(MANIFEST, Missing)]),
    ("the tag manifest deleted", |p| p.remove(TAG_MANIFEST), &[(TAG_MANIFEST, Missing)]),
    (
        "renamed",
        |p| fs::rename(p.at(PLAN), p.at("data/plan-2.toml")).expect("it is renamed"),
        &[("data/plan-2.toml", ExtraPayloadFile), (PLAN, Missing)],
    ),
    (
        "moved out of the payload",
        |p| fs::rename(p.at(PLAN), p.at("plan.toml")).expect("it is renamed"),
        &[(PLAN, Missing), ("plan.toml", ExtraTagFile)],
    ),
    (
        "a file replaced by a directory",
        |p| {
            p.remove(PLAN);
            make_directory(p, PLAN);
        },
        &[(PLAN, EmptyDirectory), (PLAN, Missing)],
    ),
    (
        "the payload deleted",
        |p| fs::remove_dir_all(p.at("data")).expect("it is removed"),
        &[("data", NoPayload), ("data/empty", Missing), (COMMITTED, Missing), (READ_ONLY, Missing), (WASM, Missing), (PLAN, Missing)],
    ),
    (
        "the payload and its lines deleted, and covered up",
        |p| {
            fs::remove_dir_all(p.at("data")).expect("it is removed");
            p.edit_manifest(|_| String::new());
            p.edit("bag-info.txt", |_| "Bag-Software-Agent: rehearsal\nPayload-Oxum: 0.0\n".to_owned());
            p.relist("bag-info.txt");
        },
        &[("data", NoPayload)],
    ),
    (
        "line and file both removed",
        |p| {
            p.remove(PLAN);
            p.edit(MANIFEST, |t| without(t, PLAN));
        },
        &[(MANIFEST, ContentDiffers)],
    ),
    (
        "line and file both removed, and covered up but for the count",
        |p| {
            p.remove(PLAN);
            p.edit_manifest(|t| without(t, PLAN));
        },
        &[("bag-info.txt", PayloadOxum)],
    ),
];

pub(super) const EXTRA: &[Mutation] = &[
    ("an extra payload file", |p| p.write("data/extra", "x"), &[("data/extra", ExtraPayloadFile)]),
    ("a hidden payload file", |p| p.write("data/.hidden", "x"), &[("data/.hidden", BadName)]),
    ("a hidden file beside the payload", |p| p.write(".DS_Store", "x"), &[(".DS_Store", BadName)]),
    ("an extra file beside the payload", |p| p.write("notes.txt", "x"), &[("notes.txt", ExtraTagFile)]),
    (
        "an extra directory beside the payload",
        |p| {
            make_directory(p, "extra");
            p.write("extra/x", "x");
        },
        &[("extra/x", ExtraTagFile)],
    ),
    ("a hidden directory", |p| make_directory(p, ".git"), &[(".git", BadName)]),
    ("an empty directory in the payload", |p| make_directory(p, "data/nothing"), &[("data/nothing", EmptyDirectory)]),
    ("an empty directory beside the payload", |p| make_directory(p, "nothing"), &[("nothing", EmptyDirectory)]),
    (
        "a directory that holds an empty directory",
        |p| {
            make_directory(p, "data/nearly");
            make_directory(p, "data/nearly/nothing");
        },
        &[("data/nearly/nothing", EmptyDirectory)],
    ),
    ("a list of downloads", |p| p.write("fetch.txt", "https://example.com/x 1 data/x\n"), &[("fetch.txt", FetchFile)]),
    (
        "a list of downloads, listed",
        |p| {
            p.write("fetch.txt", "https://example.com/x 1 data/x\n");
            p.relist("fetch.txt");
        },
        &[("fetch.txt", FetchFile)],
    ),
    ("a manifest of a weaker hash", |p| p.write("manifest-md5.txt", ""), &[("manifest-md5.txt", OtherManifest)]),
    (
        "a partial tag manifest of a weaker hash, listed",
        |p| {
            p.write("tagmanifest-md5.txt", "");
            p.relist("tagmanifest-md5.txt");
        },
        &[("tagmanifest-md5.txt", OtherManifest)],
    ),
];
