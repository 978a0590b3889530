//! What goes to standard output and standard error: for people, for programs, for pipes.

use std::io::pipe;

use serde_json::Value;

use crate::{
    place::Place,
    tool::{finish, run, tool},
};

const PLAN: &str = "format = 1\nname = \"small\"\nsource.path = \"source.sql\"\nvalidator.module = \"builtin:validator\"\n\
                    [[step]]\nname = \"s\"\nmodule = \"builtin:sql-step\"\ninputs = { up = \"up.sql\" }\n";

/// A plan that is clean, and one that is not.
fn place() -> Place {
    let place = Place::new();
    place.write("source.sql", "CREATE TABLE t (x); INSERT INTO t VALUES (1);");
    place.write("up.sql", "UPDATE t SET x = 2;");
    place.write("nothing.sql", "SELECT 1;");
    place.write("good.toml", PLAN);
    place.write("bad.toml", PLAN.replace("up.sql", "nothing.sql"));
    place.write("broken.toml", PLAN.replace("format", "fromat"));
    place
}

/// Standard output as one JSON object, and nothing else.
#[track_caller]
fn json(place: &Place, arguments: &[&str], code: i32) -> Value {
    let outcome = run(place, arguments).exits(code);
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"));
    assert!(value.is_object() && outcome.stdout.ends_with("}\n"), "{outcome:#?}");
    value
}

#[test]
fn json_is_one_object_for_every_outcome_of_every_command() {
    let place = place();
    let run_json = |plan, out, code| json(&place, &["run", plan, "--out", out, "--format", "json"], code);
    let good = run_json("good.toml", "good", 0);
    assert_eq!((&good["verdict"], &good["decision"], &good["exit_code"]), (&"PASSED".into(), &"HOLD".into(), &0.into()));
    let bad = run_json("bad.toml", "bad", 2);
    assert_eq!((&bad["verdict"], &bad["decision"], &bad["exit_code"]), (&"FAILED".into(), &"HOLD".into(), &2.into()));
    assert_eq!(bad["findings"][0]["code"], "fabricated-change");
    let broken = run_json("broken.toml", "broken", 1);
    assert_eq!((&broken["exit_code"], &broken["decision"]), (&1.into(), &"HOLD".into()));
    assert!(broken["error"].as_str().is_some_and(|error| error.starts_with("broken.toml:1:1: ")), "{broken}");

    let gate = |packet, code| json(&place, &["gate", packet, "--format", "json"], code);
    let passed = gate("good", 0);
    assert_eq!((&passed["gate"], &passed["tree"], &passed["exit_code"]), (&"PASS".into(), &good["tree"], &0.into()));
    let refused = gate("bad", 2);
    assert_eq!((&refused["gate"], &refused["verdict"]), (&"REFUSE".into(), &"FAILED".into()));
    assert_eq!(gate("nowhere", 1)["exit_code"], 1);
    let rerun = json(&place, &["rerun", "good", "--format", "json"], 0);
    assert_eq!((&rerun["rerun"], &rerun["tree_of_rerun"]), (&"MATCH".into(), &good["tree"]));
    assert_eq!(json(&place, &["audit", "good.toml", "--format", "json"], 0)["name"], "small");
    assert_eq!(json(&place, &["audit", "guests/step_trap.wasm", "--format", "json"], 0)["kind"], "component");
}

#[test]
fn json_is_one_object_for_a_packet_that_cannot_be_rerun() {
    let place = place();
    run(&place, &["run", "good.toml", "--out", "good"]).exits(0);
    place.write("good/data/report.md", "nothing");
    assert_eq!(json(&place, &["rerun", "good", "--format", "json"], 2)["exit_code"], 2);
}

#[test]
fn a_source_that_is_gone_is_told_in_json_with_its_own_code() {
    let place = place();
    std::fs::remove_file(place.file("source.sql")).expect("it is removed");
    assert_eq!(json(&place, &["run", "good.toml", "--out", "out", "--format", "json"], 3)["exit_code"], 3);
}

#[test]
fn there_is_no_colour_in_a_pipe_whatever_the_environment_says_of_the_terminal() {
    let place = place();
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color"), ("COLORTERM", "truecolor")] {
        for (plan, code) in [("bad.toml", 2), ("broken.toml", 1)] {
            let mut command = tool(&place, &["run", plan, "--out", &format!("{name}-{plan}")]);
            command.env(name, value);
            let outcome = finish(command).exits(code);
            assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'), "{outcome:#?}");
        }
    }
}

#[test]
fn no_progress_line_goes_to_a_pipe() {
    let place = place();
    assert_eq!(run(&place, &["run", "good.toml", "--out", "packet"]).exits(0).stderr, "");
}

#[test]
fn a_reader_that_has_gone_away_changes_nothing_but_what_is_read() {
    let place = place();
    for (arguments, code) in [
        (vec!["run", "good.toml", "--out", "good"], 0),
        (vec!["run", "bad.toml", "--out", "bad", "--format", "json"], 2),
        (vec!["gate", "good"], 0),
        (vec!["gate", "bad"], 2),
        (vec!["audit", "good.toml"], 0),
        (vec!["run", "broken.toml", "--out", "x", "--format", "json"], 1),
        (vec!["--help"], 0),
    ] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let mut command = tool(&place, &arguments);
        command.stdout(writer);
        let outcome = finish(command).exits(code);
        let expected = if code == 1 { "error: broken.toml:1:1: unknown field `fromat`" } else { "" };
        let said = outcome.stderr.split(',').next().unwrap_or_default();
        assert_eq!(said, expected, "{arguments:?}");
    }
}

#[test]
fn nobody_need_listen_to_errors() {
    let place = place();
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let mut command = tool(&place, &["run", "broken.toml", "--out", "x"]);
    command.stderr(writer);
    finish(command).exits(1);
}

#[test]
fn help_teaches_the_exit_codes_and_every_command() {
    let place = place();
    let help = run(&place, &["--help"]).exits(0).stdout;
    for (code, meaning) in rehearsal::exit::ALL {
        assert!(help.contains(&format!("\n  {code}  {meaning}\n")), "{help}");
    }
    for (command, teaches) in [
        ("run", "The plan is a TOML file"),
        ("gate", "Passes (0) when"),
        ("rerun", "MATCH (0) means"),
        ("audit", "A plan (TOML) or a module (WebAssembly)"),
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let own = run(&place, &[command, "--help"]).exits(0).stdout;
        assert!(own.contains(teaches) && own.contains(&format!("Usage: rehearsal {command} ")), "{own}");
    }
}

#[test]
fn usage_errors_exit_with_1_and_say_how_it_is_used() {
    let place = place();
    for arguments in
        [&["rehearse"][..], &["run"], &["run", "a", "b"], &["gate"], &["run", "a", "--format", "xml"], &["run", "a", "--jobs", "0"]]
    {
        let outcome = run(&place, arguments).exits(1);
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        assert!(outcome.stderr.starts_with("error: ") && outcome.stderr.contains("--help"), "{arguments:?}: {}", outcome.stderr);
    }
    let nothing = run(&place, &[]).exits(1);
    assert!(nothing.stderr.contains("Usage: rehearsal <COMMAND>"), "{nothing:#?}");
}

#[test]
fn the_version_is_the_packages() {
    let place = place();
    assert_eq!(run(&place, &["--version"]).exits(0).stdout, concat!("rehearsal ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn without_out_the_packet_goes_below_rehearsals() {
    let place = place();
    let outcome = run(&place, &["run", "good.toml"]).exits(0);
    let packets = crate::place::names(&place.file("rehearsals"));
    assert_eq!(packets.len(), 1, "{packets:?}");
    assert!(packets[0].starts_with("small-2") && outcome.stdout.contains(&format!("rehearsals/{}\n", packets[0])), "{}", outcome.stdout);
    run(&place, &["run", "good.toml"]).exits(0);
    assert_eq!(crate::place::names(&place.file("rehearsals")).len(), 2, "a second one in the same second finds a name too");
}
