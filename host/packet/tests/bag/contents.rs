//! What can be put into a packet.

use std::collections::BTreeMap;

use rehearsal_packet::bag::{Bag, ENTRIES_MAX, FILE_BYTES_MAX, PacketPath};

use crate::sample::{MANIFEST, TAG_MANIFEST, bag, contents, path};

fn refusal(extra: &[&str]) -> String {
    let mut contents = contents();
    contents.extend(extra.iter().map(|name| (path(name), Vec::new())));
    Bag::new(contents).expect_err("they cannot be contents of a packet").to_string()
}

#[test]
fn the_generated_files_are_these() {
    let bag = bag();
    let text = |file| str::from_utf8(bag.file(file).expect("it was generated")).expect("a text file");
    assert_eq!(text("bagit.txt"), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    assert_eq!(text("bag-info.txt"), "Bag-Software-Agent: rehearsal\nPayload-Oxum: 69.5\n");
    // Made with `find`, `sort` and `sha256sum`. Frozen: packets that were sealed must stay what they are.
    assert_eq!(
        text(MANIFEST),
        "\
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  data/empty
9b8104d20be4d4d7b0a5ce68b2fc069db6bc50152302d5a80472e060cdd9b6b7  data/legs/add-email.committed.json
03b5eca9430e66455c832bc81f0ef9a7673aaf8581594ca38f0a6acacbfb7e93  data/legs/add-email.read-only.json
630968cd19c8871f4c768777f89488d593a6958445506850b3d82d8720285e8c  data/modules/guard.wasm
cafc46a104e5ad484fb0a5bcf21dd5f9e0934ddb205a887886abd877c8ff12f2  data/plan.toml
"
    );
    assert_eq!(
        text(TAG_MANIFEST),
        "\
3a7000e56998e555cfc8d6e089d79e379a0d40083d41d42584ae7520838b1ed7  RERUN.sh
84fca4be62e07038adaa991bd3cd06424680cb5954ebbe7a62a8197601d3b3c3  bag-info.txt
1712ecfb074bf29c4188ad3421032509159a09739fd604f8fe57038b4ddefcc9  bagit.txt
a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf  commands.sh
1b3eb4853888ff4f25f93033b1b4b26adfc96d81abe573ebeaa73b82651a7e83  manifest-sha256.txt
4df6bfdd9bb70b1b06b9f170ccbb15654fdb9a73f890611a9df20a96a55cc7ea  run/run.json
"
    );
    assert_eq!(bag.tree().to_hex(), "1b3eb4853888ff4f25f93033b1b4b26adfc96d81abe573ebeaa73b82651a7e83");
    assert_eq!(bag.tag_tree().to_hex(), "1a61d25cbf7bb364d8c71fa4eca9a483643fdb5ac89a3dd996438dfcb280f944");
}

#[test]
fn the_order_of_a_manifest_is_that_of_bytes() {
    let names = ["data/a", "data/a-b", "data/a/b", "data/a.b", "data/B", "data/a+b"];
    let contents = names.into_iter().filter(|name| *name != "data/a").map(|name| (path(name), Vec::new()));
    let bag = Bag::new(contents.collect()).expect("good contents");
    let order: Vec<_> = bag.payload().map(|(path, _)| path.as_str()).collect();
    assert_eq!(order, ["data/B", "data/a+b", "data/a-b", "data/a.b", "data/a/b"]);
}

#[test]
fn contents_that_cannot_be_a_packet_are_refused_by_name() {
    assert_eq!(
        Bag::new(BTreeMap::from([(path("run/run.json"), Vec::new())])).expect_err("no payload").to_string(),
        "a packet must hold at least one file below `data/`"
    );
    for name in ["bagit.txt", MANIFEST, TAG_MANIFEST, "fetch.txt", "manifest-md5.txt", "TagManifest-SHA512.txt"] {
        let expected = format!("`{name}` cannot be put into a packet: BagIt gives that name a meaning of its own");
        assert_eq!(refusal(&[name]), expected);
    }
    assert_eq!(refusal(&["data/plan.toml/x"]), "`data/plan.toml` cannot be both a file and a directory");
    assert_eq!(refusal(&["bagit.txt/x"]), "`bagit.txt` cannot be both a file and a directory");
    assert_eq!(refusal(&["data"]), "`data` cannot be both a file and a directory");
    assert_eq!(refusal(&["data/PLAN.toml"]), "`data/PLAN.toml` and `data/plan.toml` differ only in case: rename one of them");
    assert_eq!(refusal(&["Run/other.json"]), "`Run` and `run` differ only in case: rename one of them");
    assert_eq!(refusal(&["BagIt.txt"]), "`BagIt.txt` and `bagit.txt` differ only in case: rename one of them");
}

#[test]
fn contents_beyond_the_limits_are_refused() {
    let large = |count: u8, bytes: u64| {
        let file = |number| (path(&format!("data/{number}")), vec![0; usize::try_from(bytes).expect("64 bits")]);
        Bag::new((0..count).map(file).collect()).expect_err("too large").to_string()
    };
    assert_eq!(large(1, FILE_BYTES_MAX + 1), "`data/0` has 67108865 bytes: a file of a packet has at most 67108864");
    assert_eq!(large(4, FILE_BYTES_MAX), "the files have 268436099 bytes together: a packet has at most 268435456");
    let many = (0..ENTRIES_MAX - 4).map(|number| (path(&format!("data/{number}")), Vec::new()));
    assert_eq!(
        Bag::new(many.collect()).expect_err("too many").to_string(),
        "there are 65537 files and directories: a packet has at most 65536"
    );
}

#[test]
fn good_paths_are_taken_as_they_are() {
    let longest = "a".repeat(PacketPath::COMPONENT_BYTES_MAX);
    for good in ["a", "a.b", "a..b", "data/a+b_c-D.9", "1/2/3/4/5/6/7/8", "_", "a/-", &longest] {
        assert_eq!(path(good).as_str(), good);
    }
    assert!(path("data/a").is_payload());
    assert!(!path("data").is_payload() && !path("database/a").is_payload());
}

#[test]
fn bad_paths_are_refused_by_the_rule_that_they_break() {
    let long = "a".repeat(PacketPath::COMPONENT_BYTES_MAX + 1);
    let empty = "it has an empty component";
    let dot = "a component begins with a dot";
    let character = "a component holds something other than the ASCII characters `A-Z a-z 0-9 . _ + -`";
    let table = [
        ("", "", empty),
        ("/etc/passwd", "/etc/passwd", empty),
        ("data/", "data/", empty),
        ("data//a", "data//a", empty),
        (".", ".", dot),
        ("data/../x", "data/../x", dot),
        ("data/.hidden", "data/.hidden", dot),
        ("-", "-", "it begins with a dash"),
        ("a b", "a b", character),
        ("a\\b", r"a\\b", character),
        ("C:a", "C:a", character),
        ("a\nb", r"a\nb", character),
        ("a\0b", r"a\x00b", character),
        ("\u{e9}", r"\xc3\xa9", character),
        ("e\u{301}", r"e\xcc\x81", character),
        ("\u{202e}", r"\xe2\x80\xae", character),
        (&long, &long, "a component is longer than 255 bytes"),
        ("1/2/3/4/5/6/7/8/9", "1/2/3/4/5/6/7/8/9", "it has more than 8 components"),
    ];
    for (bad, shown, fault) in table {
        let expected = format!("`{shown}` cannot be the path of a file in a packet: {fault}");
        assert_eq!(PacketPath::new(bad).expect_err("a bad path").to_string(), expected);
    }
}
