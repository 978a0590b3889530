//! What a check gives, and what its refusals say.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{PermissionsExt as _, symlink},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rehearsal_packet::{
    Sha256,
    bag::{Bag, CheckError, DriftClass, ENTRIES_MAX, FILE_BYTES_MAX, PACKET_BYTES_MAX, check},
};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::sample::{MANIFEST, Packet, TAG_MANIFEST, bag, chain, contents, drifts, path};

fn refusal(packet: &Packet) -> String {
    let error = check(&packet.directory).expect_err("it has drifted");
    let directory = packet.directory.display().to_string();
    chain(&error).replace(&directory, "ID")
}

#[test]
fn an_intact_packet_passes_and_gives_its_bytes() {
    let packet = Packet::fresh();
    let checked = check(&packet.directory).expect("it is intact");
    for (file, bytes) in contents() {
        assert_eq!(checked.file(file.as_str()), Some(bytes.as_slice()));
    }
    assert_eq!(checked.file("data/nothing"), None);
    assert_eq!(checked.bag().payload().count(), 5);
    assert_eq!(checked.tree(), Sha256::of(&packet.read(MANIFEST)));
    assert_eq!(checked.tag_tree(), Sha256::of(&packet.read(TAG_MANIFEST)));
}

#[test]
fn the_bytes_that_were_checked_are_the_bytes_that_are_given() {
    let packet = Packet::fresh();
    let checked = check(&packet.directory).expect("it is intact");
    packet.write("data/plan.toml", "changed after the check");
    assert_eq!(checked.file("data/plan.toml"), Some("name = \"add-email\"\n".as_bytes()));
}

#[test]
fn a_consistent_rewrite_is_another_packet_with_another_tree() {
    let mut rewritten = contents();
    rewritten.insert(path("data/plan.toml"), b"name = \"something-else\"\n".to_vec());
    let rewritten = Bag::new(rewritten).expect("good contents");
    assert_ne!(rewritten.tree(), bag().tree());
}

#[test]
fn the_run_record_is_outside_of_the_tree_and_inside_of_the_tag_tree() {
    let mut repeated = contents();
    repeated.insert(path("run/run.json"), b"{\"seconds\":\"13\"}\n".to_vec());
    let repeated = Bag::new(repeated).expect("good contents");
    assert_eq!(repeated.tree(), bag().tree());
    assert_ne!(repeated.tag_tree(), bag().tag_tree());
}

#[test]
fn the_root_may_be_a_link_and_have_any_mode() {
    let packet = Packet::fresh();
    let link = packet.outside.path().join("link");
    symlink(&packet.directory, &link).expect("a link is made");
    fs::set_permissions(&packet.directory, Permissions::from_mode(0o700)).expect("a mode is set");
    check(&link).expect("it is intact");
}

#[test]
fn what_is_not_a_directory_cannot_be_read() {
    let outside = tempfile::tempdir().expect("a scratch directory");
    let error = |name: &str| {
        let error = check(&outside.path().join(name)).expect_err("it is no packet");
        assert!(matches!(error, CheckError::Io { .. }));
        chain(&error).replace(&outside.path().display().to_string(), "OUT")
    };
    fs::write(outside.path().join("file"), "x").expect("a file is written");
    mknodat(CWD, outside.path().join("fifo"), FileType::Fifo, Mode::RUSR, 0).expect("a FIFO is made");
    assert_eq!(error("nothing"), "cannot read `OUT/nothing`, so the packet could not be checked: No such file or directory (os error 2)");
    assert_eq!(error("file"), "cannot read `OUT/file`, so the packet could not be checked: Not a directory (os error 20)");
    assert_eq!(error("fifo"), "cannot read `OUT/fifo`, so the packet could not be checked: Not a directory (os error 20)");
}

#[test]
fn some_other_directory_lacks_what_every_packet_has() {
    let outside = tempfile::tempdir().expect("a scratch directory");
    let found: Vec<_> = drifts(outside.path()).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "bag-info.txt: missing: every packet has this file",
            "bagit.txt: missing: every packet has this file",
            "data: no-payload: a packet without evidence proves nothing",
            "manifest-sha256.txt: missing: every packet has this file",
            "tagmanifest-sha256.txt: missing: every packet has this file",
        ]
    );
}

#[test]
fn a_refusal_says_everything_that_is_wrong() {
    let packet = Packet::fresh();
    packet.write("data/plan.toml", "name = \"other\"\n");
    packet.write("data/\u{1b}[2J", "x");
    packet.write("fetch.txt", "");
    packet.write("manifest-md5.txt", "");
    fs::rename(packet.at("data/modules/guard.wasm"), packet.at("data/modules/renamed.wasm")).expect("it is renamed");
    fs::set_permissions(packet.at("commands.sh"), Permissions::from_mode(0o4644)).expect("a mode is set");
    fs::hard_link(packet.at("RERUN.sh"), packet.outside.path().join("second")).expect("it is linked");
    fs::create_dir(packet.at("nothing")).expect("a directory is made");
    fs::set_permissions(packet.at("nothing"), Permissions::from_mode(0o777)).expect("a mode is set");
    mknodat(CWD, packet.at("pipe"), FileType::Fifo, Mode::RUSR, 0).expect("a FIFO is made");
    symlink("run.json", packet.at("run/link")).expect("a link is made");
    assert_eq!(
        refusal(&packet),
        r"`ID` is not an intact packet; do not rely on it:
  RERUN.sh: hard-link: it has 2 names, and may change through any of them
  commands.sh: mode-changed: its mode is 4644 and must be 0755
  data/\x1b[2J: bad-name: a component holds something other than the ASCII characters `A-Z a-z 0-9 . _ + -`
  data/modules/guard.wasm: missing: line 4 of manifest-sha256.txt lists it
  data/modules/renamed.wasm: extra-payload-file: manifest-sha256.txt does not list it; `data/modules/guard.wasm` should have these bytes
  data/plan.toml: content-differs: its 15 bytes have the SHA-256 3720f4c509cc..., line 5 of manifest-sha256.txt says cafc46a104e5...
  fetch.txt: fetch-file: a packet is whole: nothing is to be downloaded
  manifest-md5.txt: other-manifest: a packet has no manifests but `manifest-sha256.txt` and `tagmanifest-sha256.txt`
  nothing: mode-changed: its mode is 0777 and must be 0755
  nothing: empty-directory: it has nothing in it; remove it
  pipe: special-file: it is a FIFO
  run/link: symlink: it is a symbolic link"
    );
}

#[test]
fn a_refusal_of_a_manifest_names_the_line() {
    let packet = Packet::fresh();
    packet.edit(MANIFEST, |text| {
        let (digest, path) = text.lines().last().and_then(|line| line.split_once("  ")).expect("a line");
        let (upper, zeros) = (digest.to_uppercase(), "0".repeat(64));
        format!("\u{feff}{text}{upper}  {path}\r\n{zeros}  {path}\nno digest\n{}  data/x\n{zeros}  ../x\n{zeros}  data/a", "g".repeat(64))
    });
    packet.relist(MANIFEST);
    packet.relist("data/plan.toml");
    assert_eq!(
        refusal(&packet),
        "`ID` is not an intact packet; do not rely on it:
  data/a: missing: line 11 of manifest-sha256.txt lists it
  manifest-sha256.txt: manifest-byte-order-mark: it begins with a byte order mark
  manifest-sha256.txt: manifest-no-final-newline: its last line does not end in a line feed
  manifest-sha256.txt: manifest-line-endings: it holds carriage returns
  manifest-sha256.txt: manifest-upper-case: line 6 has its digest in capital letters
  manifest-sha256.txt: duplicate-entry: line 6 lists `data/plan.toml`, as line 5 does
  manifest-sha256.txt: conflicting-entry: line 7 lists `data/plan.toml`, as line 5 does
  manifest-sha256.txt: manifest-malformed: line 8 is not 64 lowercase hexadecimal digits, two spaces and a path
  manifest-sha256.txt: manifest-malformed: line 9 does not begin with 64 lowercase hexadecimal digits
  manifest-sha256.txt: escaping-entry: line 10: `../x` cannot be the path of a file in a packet: a component begins with a dot
  manifest-sha256.txt: manifest-not-sorted: line 11 lists `data/a`, which belongs before `data/plan.toml`
  tagmanifest-sha256.txt: misplaced-entry: line 5 lists `data/plan.toml`, which does not belong there"
    );
}

#[test]
fn a_refusal_of_the_packets_own_files_says_what_they_must_be() {
    let packet = Packet::fresh();
    packet.write("bagit.txt", "BagIt-Version: 0.97\n");
    packet.write("bag-info.txt", "Payload-Oxum: 69.5\n");
    packet.relist("bagit.txt");
    packet.edit(TAG_MANIFEST, |text| text.lines().filter(|line| !line.ends_with("bag-info.txt")).map(|line| format!("{line}\n")).collect());
    assert_eq!(
        refusal(&packet),
        r#"`ID` is not an intact packet; do not rely on it:
  bag-info.txt: bag-info: with the payload that is there it must be exactly "Bag-Software-Agent: rehearsal\nPayload-Oxum: 69.5\n"
  bagit.txt: bagit-declaration: it must be exactly "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
  tagmanifest-sha256.txt: tag-manifest-incomplete: it does not list `bag-info.txt`, which every packet has"#
    );
}

#[test]
fn many_drifts_are_counted_and_not_all_printed() {
    let packet = Packet::fresh();
    for number in 0..CheckError::DRIFTS_MAX + 23 {
        packet.write(&format!("data/extra-{number:03}"), "x");
    }
    let text = refusal(&packet);
    assert_eq!(text.lines().count(), 1 + CheckError::DRIFTS_MAX + 1);
    assert!(text.ends_with("  ... and 23 more"), "{text}");
}

#[test]
fn too_many_files_are_not_looked_at() {
    let packet = Packet::fresh();
    for number in 0..ENTRIES_MAX {
        File::create(packet.at(&format!("data/legs/{number}"))).expect("a file is made");
    }
    let expected = format!("data/legs: too-many-entries: a packet has at most {ENTRIES_MAX} files and directories");
    let found: Vec<_> = packet.drifts().iter().map(ToString::to_string).collect();
    assert_eq!(found, [expected]);
}

#[test]
fn a_packet_that_is_too_large_together_is_not_read_to_its_end() {
    let packet = Packet::fresh();
    let files = PACKET_BYTES_MAX / FILE_BYTES_MAX;
    for number in 0..files {
        let file = File::create(packet.at(&format!("data/sparse-{number}"))).expect("a file is made");
        file.set_len(FILE_BYTES_MAX).expect("it is grown");
    }
    let too_large: Vec<_> = packet.drifts().into_iter().filter(|drift| drift.class == DriftClass::TooLarge).collect();
    let detail = "a file has at most 67108864 bytes, and all files of a packet at most 268435456";
    assert_eq!(too_large.len(), 1);
    assert_eq!((too_large[0].file.as_str(), too_large[0].detail.as_str()), ("data/sparse-3", detail));
}

#[test]
fn a_packet_that_changes_while_it_is_read_passes_with_the_right_bytes_or_not_at_all() {
    let packet = Packet::fresh();
    let original = packet.read("data/plan.toml");
    let spare = packet.outside.path().join("spare");
    let secret = packet.outside.path().join("secret");
    fs::write(&secret, "not of this packet").expect("a file is written");
    let put = |make: &dyn Fn()| {
        make();
        fs::rename(&spare, packet.at("data/plan.toml")).expect("it is put in place");
    };
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                put(&|| symlink(&secret, &spare).expect("a link is made"));
                put(&|| fs::write(&spare, &original).expect("a file is written"));
                put(&|| mknodat(CWD, &spare, FileType::Fifo, Mode::from_raw_mode(0o644), 0).expect("a FIFO is made"));
                put(&|| fs::write(&spare, &original).expect("a file is written"));
            }
        });
        for _ in 0..1_000 {
            // That it returns at all is half of the test: a FIFO that is opened to be read waits for a writer.
            if let Ok(checked) = check(&packet.directory) {
                assert_eq!(checked.file("data/plan.toml"), Some(original.as_slice()));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}
