//! The folders in `cases/`: each a plan with its files, and what the tool must say to it.
//!
//! | file | what it is |
//! |---|---|
//! | `rehearsal.toml` | the plan, mostly; `@sha256:FILE@` stands for a digest |
//! | `setup` | what to make first, see [`setup`](crate::setup) |
//! | `command` | the arguments, where they are not `run rehearsal.toml --out packet`; `NAME=VALUE` before them is environment |
//! | `expected` | exit code, standard error, and of standard output what the case is about |
//!
//! `build.rs` makes a test of each folder. With `REHEARSAL_UPDATE=1` the tests rewrite `expected`: read the difference.
//! Beside what `expected` says, some things hold for every case: nothing is left behind, no file that was there before has
//! changed, nothing that the tool says or writes moves a cursor, and a packet gates as its verdict says.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rehearsal_packet::Sha256;

use crate::{
    place::{Entry, Place, repository},
    redact::redact,
    setup,
    tool::{Outcome, finish, run, tool},
};

include!(concat!(env!("OUT_DIR"), "/cases.rs"));

fn check(name: &str) {
    let folder = repository().join("tests/cases").join(name);
    let place = Place::new();
    copy(&folder, &place.work());
    copy(&repository().join("tests/shared"), &place.file("shared"));
    let Some(held) = setup::prepare(&place, &fs::read_to_string(folder.join("setup")).unwrap_or_default()) else {
        return;
    };
    fill_digests(&place);
    let command = fs::read_to_string(folder.join("command")).unwrap_or_else(|_| "run rehearsal.toml --out packet".to_owned());

    let before = place.snapshot(&held.files);
    let outcome = run_command(&place, &command);
    let mut after = place.snapshot(&held.files);
    let packet = after.contains_key("packet/manifest-sha256.txt") && !before.contains_key("packet");
    let expected = folder.join("expected");
    let found = shown(&redact(&outcome.stdout, &place), &redact(&outcome.stderr, &place), &outcome, packet);
    if std::env::var_os("REHEARSAL_UPDATE").is_some_and(|value| value == "1") {
        fs::write(&expected, &found).expect("`expected` is written");
    }
    let known = fs::read_to_string(&expected).unwrap_or_default();
    assert_eq!(found, known, "\nfound:\n{found}\n{} says:\n{known}", expected.display());

    if packet {
        after.retain(|path, _| path != "packet" && !path.starts_with("packet/"));
    }
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "something was left behind, or is gone");
    for (path, entry) in &before {
        assert!(after[path] == *entry, "{path} was changed");
    }
    place.assert_nothing_temporary();
    assert_harmless("standard output", &outcome.stdout);
    assert_harmless("standard error", &outcome.stderr);
    assert!(packet || outcome.code != Some(0) || !command.contains("run "), "a clean run writes a packet");
    if packet {
        assert_gates(&place, &outcome);
    }
}

/// The text of `expected`.
fn shown(stdout: &str, stderr: &str, outcome: &Outcome, packet: bool) -> String {
    let mut text = format!("exit {}\n", outcome.code.map_or_else(|| "by a signal".to_owned(), |code| code.to_string()));
    if !stderr.is_empty() {
        text.push_str(&format!("-- standard error\n{stderr}"));
    }
    let stdout = if packet { about_the_verdict(stdout) } else { stdout.to_owned() };
    if !stdout.is_empty() {
        text.push_str(&format!("-- standard output\n{stdout}"));
    }
    text
}

/// Of a run's output: the first line, what the validator did, notes and findings.
fn about_the_verdict(stdout: &str) -> String {
    let mut kept: Vec<&str> = stdout.lines().take(1).collect();
    let from_validator = stdout.lines().skip_while(|line| !line.starts_with("validator "));
    kept.extend(from_validator.take_while(|line| !line.starts_with("packet ")).filter(|line| !line.is_empty()));
    kept.join("\n") + "\n"
}

fn run_command(place: &Place, command: &str) -> Outcome {
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_variable = |word: &&&str| word.split_once('=').is_some_and(|(name, _)| name.bytes().all(|byte| byte.is_ascii_uppercase()));
    let variables = words.iter().take_while(is_variable).count();
    let mut command = tool(place, &words[variables..]);
    for variable in &words[..variables] {
        let (name, value) = variable.split_once('=').expect("it is a variable");
        command.env(name, value);
    }
    finish(command)
}

/// Nothing but plain text: no control character but the line feed, no direction override.
fn assert_harmless(what: &str, text: &str) {
    let wrong = text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    assert_eq!(wrong, None, "{what} holds a character that a terminal takes for its own:\n{text}");
}

/// A packet gates as its verdict says, and what is in it cannot forge anything either.
fn assert_gates(place: &Place, outcome: &Outcome) {
    let gate = run(place, &["gate", "packet"]);
    let findings = place.json("packet/data/verdict.json")["findings"].as_array().expect("a list").len();
    if findings == 0 {
        assert_eq!((outcome.code, gate.code), (Some(0), Some(0)), "{}", gate.stdout);
        assert!(gate.stdout.starts_with("PASS packet\n"), "{}", gate.stdout);
    } else {
        assert_eq!((outcome.code, gate.code), (Some(2), Some(2)), "{}", gate.stdout);
        let s = if findings == 1 { "" } else { "s" };
        let why =
            format!("  data/verdict.json: the packet is whole, and its verdict is FAILED ({findings} finding{s}); see data/report.md");
        assert_eq!(gate.stdout.lines().nth(1), Some(why.as_str()), "{}", gate.stdout);
        assert_eq!(gate.stdout.lines().count(), 3, "{}", gate.stdout);
    }
    for (path, entry) in place.snapshot(&[]) {
        let of_guests = path.starts_with("packet/data/") && !path.starts_with("packet/data/files") && path != "packet/data/plan.toml";
        if let (true, Entry::File { content: Some(content), .. }) = (of_guests, entry) {
            assert_harmless(&path, &String::from_utf8(content).expect("records are UTF-8"));
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a folder of the tests") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_owned();
        if path.is_file() && !["expected", "setup", "command"].iter().any(|own| name == *own) {
            fs::copy(&path, to.join(name)).expect("a copy");
        }
    }
}

/// Writes digests where a plan leaves room for them. What is not text has no such place.
fn fill_digests(place: &Place) {
    let plan = place.file("rehearsal.toml");
    if !plan.is_file() {
        return;
    }
    let Ok(mut text) = fs::read_to_string(&plan) else { return };
    while let Some((before, rest)) = text.split_once("@sha256:") {
        let (file, after) = rest.split_once('@').expect("a sign ends the name");
        let bytes = fs::read(place.file(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        text = format!("{before}{}{after}", Sha256::of(&bytes));
    }
    fs::write(plan, text).expect("the plan is written");
}

#[test]
fn nothing_lies_in_cases_but_folders() {
    let cases: PathBuf = repository().join("tests/cases");
    for entry in fs::read_dir(cases).expect("the cases") {
        let path = entry.expect("an entry").path();
        assert!(
            path.join("expected").is_file(),
            "{}: every case has its `expected`; run the tests with REHEARSAL_UPDATE=1",
            path.display()
        );
    }
}
