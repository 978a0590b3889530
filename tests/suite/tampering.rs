//! A packet that was changed is refused, by the name of the file, whether or not the manifests were made to fit.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _};

use rehearsal_packet::bag::{Bag, PacketPath};

use crate::{
    place::{Entry, Place},
    tool::{Outcome, run},
};

/// How many bytes are flipped, one at a time. The crate `rehearsal-packet` flips every byte of a smaller packet.
const FLIPS: usize = 40;

/// A small packet, and its files.
fn packet() -> (Place, BTreeMap<String, Vec<u8>>) {
    let place = Place::new();
    place.write("source.sql", "CREATE TABLE t (x); INSERT INTO t VALUES (1);");
    place.write_sql_plan("source.sql", "UPDATE t SET x = 2;");
    run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(0);
    let files = files_of_packet(&place);
    (place, files)
}

fn files_of_packet(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let files = place.snapshot(&[]).into_iter().filter_map(|(path, entry)| match (path.strip_prefix("packet/"), entry) {
        (Some(path), Entry::File { content: Some(content), .. }) => Some((path.to_owned(), content)),
        _ => None,
    });
    files.collect()
}

/// Asserts that the gate refuses, and that a rerun does not even begin.
#[track_caller]
fn refused(place: &Place, packet: &str) -> Outcome {
    let gate = run(place, &["gate", packet]).exits(2);
    assert!(gate.stdout.starts_with(&format!("REFUSE {packet}\n")), "{}", gate.stdout);
    let rerun = run(place, &["rerun", packet]).exits(2);
    assert_eq!(rerun.stdout, gate.stdout);
    gate
}

#[test]
fn one_flipped_byte_anywhere_is_refused_by_the_name_of_its_file() {
    let (place, files) = packet();
    let mut random = fastrand::Rng::with_seed(7);
    let names: Vec<&String> = files.keys().collect();
    // Every file once, and then more of them.
    for flip in 0..names.len().max(FLIPS) {
        let name = names[flip % names.len()];
        let mut bytes = files[name].clone();
        let at = random.usize(..bytes.len());
        let bit = 1 << random.u8(..8);
        bytes[at] ^= bit;
        let path = place.file("packet").join(name);
        fs::write(&path, &bytes).expect("a byte is flipped");
        let gate = run(&place, &["gate", "packet"]).exits(2);
        // A wrong manifest may be named as the line that contradicts a file.
        let named = gate.stdout.contains(name.as_str());
        assert!(named, "byte {at} of {name} was flipped by {bit}, but that file is not named:\n{}", gate.stdout);
        fs::write(&path, &files[name]).expect("the byte is flipped back");
    }
    run(&place, &["gate", "packet"]).exits(0);
}

#[test]
fn a_file_that_is_gone_or_too_many_or_executable_is_refused() {
    let (place, files) = packet();
    let verdict = place.file("packet/data/verdict.json");
    fs::remove_file(&verdict).expect("it is removed");
    assert!(refused(&place, "packet").stdout.contains("\n  data/verdict.json: missing: "));
    fs::write(&verdict, &files["data/verdict.json"]).expect("it is back");
    place.write("packet/data/more.json", "{}\n");
    assert!(refused(&place, "packet").stdout.contains("\n  data/more.json: extra-payload-file: "));
    fs::remove_file(place.file("packet/data/more.json")).expect("it is removed");
    fs::set_permissions(&verdict, fs::Permissions::from_mode(0o755)).expect("its mode is changed");
    assert!(refused(&place, "packet").stdout.contains("\n  data/verdict.json: mode-changed: "));
}

/// Changes one file and makes the manifests fit: what somebody would do who knows the format.
#[track_caller]
fn rewritten(file: &str, from: &str, to: &str) -> Outcome {
    let (place, mut files) = packet();
    let text = String::from_utf8(files[file].clone()).expect("text");
    assert!(text.contains(from), "{file} does not hold {from:?}:\n{text}");
    files.insert(file.to_owned(), text.replacen(from, to, 1).into_bytes());
    rewrite(&place, files)
}

#[track_caller]
fn rewrite(place: &Place, files: BTreeMap<String, Vec<u8>>) -> Outcome {
    write_bag(place, files);
    refused(place, "forged")
}

/// Writes a packet of these files, with manifests that fit.
fn write_bag(place: &Place, files: BTreeMap<String, Vec<u8>>) {
    let generated = ["bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"];
    let contents = files.into_iter().filter(|(path, _)| !generated.contains(&path.as_str()));
    let contents = contents.map(|(path, bytes)| (PacketPath::new(&path).expect("a path"), bytes));
    let bag = Bag::new(contents.collect()).expect("the files make a bag");
    bag.write_new(&place.file("forged")).expect("it is written");
}

#[test]
fn a_verdict_that_does_not_follow_from_the_evidence_is_refused() {
    let place = Place::new();
    run(&place, &["run", "shop/fabricated.toml", "--out", "packet"]).exits(2);
    let mut files = files_of_packet(&place);
    let verdict = files.get_mut("data/verdict.json").expect("a verdict");
    *verdict = b"{\"caveats\":[],\"findings\":[],\"format\":1,\"verdict\":\"PASSED\"}\n".to_vec();
    let gate = rewrite(&place, files);
    assert!(gate.stdout.contains("\n  data/verdict.json: it is not what the evidence in this packet gives\n"), "{}", gate.stdout);
}

#[test]
fn a_changed_record_of_a_leg_is_refused() {
    let gate = rewritten("data/steps/s/committed.json", "\"claim\":\"changed\"", "\"claim\":\"unchanged\"");
    // The verdict that was written is not the one that follows from the new record.
    assert!(gate.stdout.contains("\n  data/verdict.json: it is not what the evidence in this packet gives\n"), "{}", gate.stdout);
}

#[test]
fn a_record_in_other_bytes_or_with_another_key_is_refused() {
    let gate = rewritten("data/steps/s/committed.json", ",", ", ");
    assert!(gate.stdout.contains("\n  data/steps/s/committed.json: the JSON is not in its canonical form"), "{}", gate.stdout);
    let gate = rewritten("data/source.json", "{", "{\"aside\":1,");
    assert!(gate.stdout.contains("\n  data/source.json: unknown field `aside`"), "{}", gate.stdout);
}

#[test]
fn another_report_or_decision_or_script_is_refused() {
    for (file, from, to) in [
        ("data/report.md", "PASSED", "Passed"),
        ("data/decision.json", "\"selected\":null", "\"selected\":\"HOLD\""),
        ("RERUN.sh", "set -euo pipefail", "set -uo pipefail"),
        ("commands.sh", "set -euo pipefail", "curl example.com"),
    ] {
        let gate = rewritten(file, from, to);
        assert!(gate.stdout.contains(&format!("\n  {file}: it is not what the evidence in this packet gives\n")), "{}", gate.stdout);
    }
}

#[test]
fn another_input_than_the_plan_names_is_refused() {
    let (place, mut files) = packet();
    let up = rehearsal_packet::Sha256::of(b"UPDATE t SET x = 2;");
    files.insert(format!("data/files/{up}"), b"UPDATE t SET x = 3;".to_vec());
    let gate = rewrite(&place, files);
    assert!(gate.stdout.contains(&format!("\n  data/files/{up}: its name is not the digest of its bytes\n")), "{}", gate.stdout);
}

#[test]
fn a_file_without_a_place_is_refused_though_the_manifest_lists_it() {
    let (place, mut files) = packet();
    files.insert("data/approval.json".to_owned(), b"{}\n".to_vec());
    let gate = rewrite(&place, files);
    assert!(gate.stdout.contains("\n  data/approval.json: it has no place in a packet\n"), "{}", gate.stdout);
}

#[test]
fn evidence_that_was_rewritten_whole_gates_and_does_not_survive_a_rerun() {
    // A gate cannot know that evidence was made up when all of it hangs together: there is no signature yet. Whoever repeats
    // the rehearsal does.
    let (place, mut files) = packet();
    let text = String::from_utf8(files["data/plan.json"].clone()).expect("text");
    files.insert("data/plan.json".to_owned(), text.replacen("\"fuel\":\"5000000000\"", "\"fuel\":\"1\"", 1).into_bytes());
    write_bag(&place, files);
    run(&place, &["gate", "forged"]).exits(0);
    let rerun = run(&place, &["rerun", "forged"]).exits(2);
    assert!(
        rerun.stdout.starts_with("DIFFERS forged\n") && rerun.stdout.contains("\n  data/plan.json came out differently\n"),
        "{}",
        rerun.stdout
    );
}
