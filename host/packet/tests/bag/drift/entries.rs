//! Things that are not the plain files they should be: other modes, other kinds, other names.

use std::fs::{self, File};
use std::os::unix::net::UnixListener;

use rehearsal_packet::bag::{DriftClass::*, FILE_BYTES_MAX};
use rustix::fs::FileType;

use super::{COMMITTED, Mutation, PLAN, READ_ONLY, link, make_directory, make_node, move_out, set_mode, write_name};
use crate::sample::MANIFEST;

pub(super) const KINDS: &[Mutation] = &[
    ("made executable", |p| set_mode(p, PLAN, 0o755), &[(PLAN, ModeChanged)]),
    ("made set-user-ID", |p| set_mode(p, "RERUN.sh", 0o4755), &[("RERUN.sh", ModeChanged)]),
    ("made writable for others", |p| set_mode(p, "run/run.json", 0o646), &[("run/run.json", ModeChanged)]),
    ("a script made inert", |p| set_mode(p, "commands.sh", 0o644), &[("commands.sh", ModeChanged)]),
    ("a manifest made executable", |p| set_mode(p, MANIFEST, 0o755), &[(MANIFEST, ModeChanged)]),
    ("a directory opened to all", |p| set_mode(p, "data/legs", 0o777), &[("data/legs", ModeChanged)]),
    ("a directory made set-group-ID", |p| set_mode(p, "data", 0o2755), &[("data", ModeChanged)]),
    (
        "a file replaced by a link to the same bytes",
        |p| {
            let moved = move_out(p, PLAN);
            link(p, moved, PLAN);
        },
        &[(PLAN, Symlink)],
    ),
    (
        "a directory replaced by a link to the same files",
        |p| {
            let moved = move_out(p, "data/legs");
            link(p, moved, "data/legs");
        },
        &[("data/legs", Symlink), (COMMITTED, Missing), (READ_ONLY, Missing)],
    ),
    ("a dangling link", |p| link(p, "nowhere", "data/dangling"), &[("data/dangling", Symlink)]),
    ("a link within the packet", |p| link(p, "plan.toml", "data/second"), &[("data/second", Symlink)]),
    ("a link to itself", |p| link(p, "loop", "loop"), &[("loop", Symlink)]),
    (
        "a file replaced by a FIFO",
        |p| {
            p.remove(PLAN);
            make_node(p, PLAN, FileType::Fifo, 0);
        },
        &[(PLAN, SpecialFile)],
    ),
    ("a FIFO beside the payload", |p| make_node(p, "pipe", FileType::Fifo, 0), &[("pipe", SpecialFile)]),
    ("a device", |p| make_node(p, "data/null", FileType::CharacterDevice, 0x103), &[("data/null", SpecialFile)]),
    ("a socket", |p| drop(UnixListener::bind(p.at("data/socket")).expect("a socket is bound")), &[("data/socket", SpecialFile)]),
    ("a hard link to outside", |p| fs::hard_link(p.at(PLAN), p.outside.path().join("second")).expect("it is linked"), &[(PLAN, HardLink)]),
    (
        "a hard link within the packet",
        |p| fs::hard_link(p.at(PLAN), p.at("data/second")).expect("it is linked"),
        &[(PLAN, HardLink), ("data/second", HardLink), ("data/second", ExtraPayloadFile)],
    ),
];

pub(super) const NAMES: &[Mutation] = &[
    ("a case twin", |p| p.write("data/PLAN.toml", "x"), &[("data/PLAN.toml", ExtraPayloadFile), (PLAN, CaseTwin)]),
    (
        "a case twin of a directory",
        |p| {
            make_directory(p, "Data");
            p.write("Data/plan.toml", "x");
        },
        &[("Data/plan.toml", ExtraTagFile), ("data", CaseTwin)],
    ),
    ("a case twin of a manifest", |p| p.write("Manifest-sha256.txt", ""), &[("Manifest-sha256.txt", OtherManifest), (MANIFEST, CaseTwin)]),
    ("a composed letter", |p| write_name(p, "data/\u{e9}".as_bytes()), &[(r"data/\xc3\xa9", BadName)]),
    ("a decomposed letter", |p| write_name(p, "data/e\u{301}".as_bytes()), &[(r"data/e\xcc\x81", BadName)]),
    ("not UTF-8", |p| write_name(p, b"data/\xff"), &[(r"data/\xff", BadName)]),
    ("a newline in a name", |p| write_name(p, b"data/a\nb"), &[(r"data/a\nb", BadName)]),
    ("a control character in a name", |p| write_name(p, b"data/\x1b[2J"), &[(r"data/\x1b[2J", BadName)]),
    ("a space in a name", |p| write_name(p, b"run/run .json"), &[("run/run .json", BadName)]),
    ("a backslash in a name", |p| write_name(p, b"data\\plan.toml"), &[(r"data\\plan.toml", BadName)]),
    ("a name that means standard input", |p| p.write("-", "x"), &[("-", BadName)]),
    ("a bad name for a directory", |p| make_directory(p, "data/a b"), &[("data/a b", BadName)]),
    (
        "too deep",
        |p| {
            make_directory(p, "data/2/3/4/5/6/7/8");
            p.write("data/2/3/4/5/6/7/8/9", "x");
        },
        &[("data/2/3/4/5/6/7/8/9", TooDeep)],
    ),
    (
        "too large",
        |p| File::options().write(true).open(p.at(PLAN)).and_then(|f| f.set_len(FILE_BYTES_MAX + 1)).expect("it is grown"),
        &[(PLAN, TooLarge)],
    ),
];
