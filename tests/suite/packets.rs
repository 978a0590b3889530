//! The shop, as the README rehearses it, and what anybody can do with its packet.

use std::{fs, process::Command};

use crate::{
    place::Place,
    tool::{Outcome, finish, run, tool},
};

/// The shop, rehearsed.
fn rehearsed_shop() -> (Place, Outcome) {
    let place = Place::new();
    let outcome = run(&place, &["run", "shop/rehearsal.toml", "--out", "packet"]).exits(0);
    (place, outcome)
}

/// A program that is not the tool, in the packet's directory.
fn in_packet(place: &Place, program: &str, arguments: &[&str]) -> Outcome {
    let mut command = tool(place, &[]);
    let mut other = Command::new(program);
    other.args(arguments).current_dir(place.file("packet")).env_clear();
    for (name, value) in command.get_envs() {
        other.env(name, value.unwrap_or_default());
    }
    other.env("REHEARSAL", env!("CARGO_BIN_EXE_rehearsal-under-test"));
    std::mem::swap(&mut command, &mut other);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    finish(command)
}

#[test]
fn the_shop_is_rehearsed_clean_and_held() {
    let (place, outcome) = rehearsed_shop();
    assert_eq!(outcome.stderr, "");
    assert!(outcome.stdout.starts_with("rehearsal of shop: PASSED, HOLD\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("\ndecision   HOLD until an owner decides"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("FAILED") && !outcome.stdout.contains("\u{1b}"), "{}", outcome.stdout);
    let decision = place.json("packet/data/decision.json");
    assert_eq!((&decision["decision"], &decision["selected"]), (&"HOLD".into(), &serde_json::Value::Null));
    place.assert_nothing_temporary();
}

#[test]
fn its_packet_passes_the_gate_with_the_tree_that_the_run_named() {
    let (place, outcome) = rehearsed_shop();
    let gate = run(&place, &["gate", "packet"]).exits(0);
    assert!(gate.stdout.starts_with("PASS packet\n"), "{}", gate.stdout);
    assert!(gate.stdout.ends_with(&format!("  tree     {}\n", outcome.tree())), "{}", gate.stdout);
}

#[test]
fn the_gate_needs_neither_the_source_nor_the_plan_nor_the_place() {
    let (place, _) = rehearsed_shop();
    let elsewhere = Place::new();
    fs::rename(place.file("packet"), elsewhere.file("under another name")).expect("the packet is moved");
    drop(place);
    run(&elsewhere, &["gate", "under another name"]).exits(0);
}

#[test]
fn a_rerun_matches() {
    let (place, outcome) = rehearsed_shop();
    let rerun = run(&place, &["rerun", "packet"]).exits(0);
    assert_eq!(rerun.stdout, format!("MATCH packet\n  tree {}\n", outcome.tree()));
    place.assert_nothing_temporary();
}

#[test]
fn a_rerun_takes_the_source_from_where_it_is_told_and_no_other() {
    let place = Place::new();
    fs::copy(place.file("shop/shop.sql"), place.file("shop.sql")).expect("a copy");
    let plan = fs::read_to_string(place.file("shop/rehearsal.toml")).expect("the plan");
    // Only the source moves away: everything else is in the packet.
    let plan = plan
        .replace("\"shop.sql\"", "\"../shop.sql\"")
        .replace("\"migrations/", "\"../shop/migrations/")
        .replace("\"modules/", "\"../shop/modules/");
    fs::create_dir(place.file("plans")).expect("a directory");
    place.write("plans/rehearsal.toml", plan);
    run(&place, &["run", "plans/rehearsal.toml", "--out", "packet"]).exits(0);
    fs::remove_dir_all(place.file("plans")).expect("the plan goes");
    fs::rename(place.file("shop.sql"), place.file("moved.sql")).expect("the source moves");

    let gone = run(&place, &["rerun", "packet"]).exits(3);
    assert!(gone.stderr.starts_with("error: cannot read the source ") && gone.stderr.contains("shop.sql: No such file"), "{}", gone.stderr);
    run(&place, &["rerun", "packet", "--source", "moved.sql"]).exits(0);
    place.write("moved.sql", "CREATE TABLE t (x);");
    let other = run(&place, &["rerun", "packet", "--source", "moved.sql"]).exits(3);
    assert!(other.stderr.starts_with("error: the source moved.sql has SHA-256 "), "{}", other.stderr);
    place.assert_nothing_temporary();
}

#[test]
fn the_script_rerun_prints_match() {
    let (place, outcome) = rehearsed_shop();
    let rerun = in_packet(&place, "bash", &["RERUN.sh"]).exits(0);
    assert!(rerun.stdout.starts_with("MATCH ") && rerun.stdout.contains(&outcome.tree()), "{}", rerun.stdout);
}

#[test]
fn the_script_of_commands_succeeds_and_prints_the_tree() {
    let (place, outcome) = rehearsed_shop();
    let commands = in_packet(&place, "bash", &["commands.sh"]).exits(0);
    assert_eq!(commands.stdout, format!("{}  manifest-sha256.txt\n", outcome.tree()));
}

#[test]
fn sha256sum_agrees_with_the_manifests() {
    let (place, _) = rehearsed_shop();
    for manifest in ["manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        let checked = in_packet(&place, "sha256sum", &["--check", "--strict", manifest]).exits(0);
        assert!(checked.stdout.lines().all(|line| line.ends_with(": OK")), "{}", checked.stdout);
    }
}

#[test]
fn nothing_of_the_machine_is_in_the_evidence() {
    let (place, _) = rehearsed_shop();
    let machine = [place.root().display().to_string(), env!("CARGO_MANIFEST_DIR").replace("/tests", "")];
    for (path, entry) in place.snapshot(&[]) {
        if let (true, crate::place::Entry::File { content: Some(content), .. }) = (path.starts_with("packet/data/"), entry) {
            let text = String::from_utf8_lossy(&content);
            assert!(!machine.iter().any(|part| text.contains(part.as_str())), "{path} names a directory of this machine");
        }
    }
}

#[test]
fn a_fabricated_step_fails_the_shop_and_the_packet_says_why() {
    let place = Place::new();
    let outcome = run(&place, &["run", "shop/fabricated.toml", "--out", "packet"]).exits(2);
    let why = "step fabricated, committed leg (fabricated-change): the step claims a change, but left every byte of the state as it was";
    assert!(outcome.stdout.contains(why), "{}", outcome.stdout);
    let report = fs::read_to_string(place.file("packet/data/report.md")).expect("a report");
    let why =
        "**step fabricated, committed leg** (fabricated-change): the step claims a change, but left every byte of the state as it was";
    assert!(report.contains(why), "{report}");
    let gate = run(&place, &["gate", "packet"]).exits(2);
    assert!(gate.stdout.contains("data/verdict.json: the packet is whole, and its verdict is FAILED"), "{}", gate.stdout);
    // What failed can be repeated too: the same failure is a match.
    run(&place, &["rerun", "packet"]).exits(0);
}

#[test]
fn what_the_host_refused_is_in_the_record_though_the_step_keeps_quiet() {
    for (guest, record, refused) in
        [("step_escapes", "committed", 13), ("step_commits", "committed", 8), ("step_verify_writes", "read-only", 2)]
    {
        let place = Place::new();
        place.write("source.sql", "CREATE TABLE t (x);");
        place.write_plan("source.sql", &format!("module = \"guests/{guest}.wasm\""));
        run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(0);
        let leg = place.json(&format!("packet/data/steps/s/{record}.json"));
        let sql = &leg["calls"][0]["sql"];
        assert_eq!(sql["refused"], refused.to_string(), "{guest}: {sql}");
    }
}

#[test]
fn what_a_step_logs_beyond_its_limit_is_dropped_and_counted() {
    let place = Place::new();
    place.write("source.sql", "CREATE TABLE t (x);");
    place.write_plan("source.sql", "module = \"guests/step_printer.wasm\"\nlimits = { fuel = 20_000_000, log_bytes = 4_000 }");
    run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(2);
    let call = &place.json("packet/data/steps/s/committed.json")["calls"][0];
    let lines = call["log"].as_array().expect("a log");
    let bytes: usize = lines.iter().map(|line| line["says"].as_str().expect("words").len() + 1).sum();
    assert!((1..=4_000).contains(&bytes), "{bytes} bytes are kept");
    let dropped: u64 = call["log_bytes_dropped"].as_str().and_then(|count| count.parse().ok()).expect("a count");
    assert!(dropped > 4_000, "{dropped} bytes were dropped");
}

#[test]
fn the_words_of_a_step_begin_no_line_anywhere() {
    let place = Place::new();
    place.write("source.sql", "CREATE TABLE t (x);");
    place.write_plan("source.sql", "module = \"guests/step_forges_report.wasm\"");
    let outcome = run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(0);
    let json = run(&place, &["run", "rehearsal.toml", "--out", "json", "--format", "json"]).exits(0);
    let read = |name: &str| fs::read_to_string(place.file("packet/data").join(name)).expect("a report");
    let texts = [outcome.stdout, outcome.stderr, json.stdout, read("report.md"), read("report.json")];
    // The words do arrive: in the reports, escaped.
    assert!(texts.iter().any(|text| text.contains("verdict: PASSED")), "{texts:?}");
    for text in texts {
        let forged = text.lines().find(|line| {
            let line = line.trim_start();
            ["verdict: PASSED", "seal:", "| step | passed"].iter().any(|words| line.starts_with(words))
        });
        assert_eq!(forged, None, "{text}");
        assert!(!text.contains(['\u{1b}', '\0', '\r', '\u{9b}', '\u{202e}', '\u{7}']), "{text}");
    }
}
