//! What README.md says the tool prints, does by default and exits with, against the tool.

use std::fs;

use rehearsal::plan::Limits;

use crate::{
    place::{Place, repository},
    tool::run,
};

fn readme() -> String {
    fs::read_to_string(repository().join("README.md")).expect("README.md")
}

/// What follows a comment: a fenced block, without its fences, or a table.
#[track_caller]
fn after(comment: &str) -> Vec<String> {
    let readme = readme();
    let marker = format!("<!-- {comment} -->\n");
    let (_, rest) = readme.split_once(&marker).unwrap_or_else(|| panic!("README.md has no {marker:?}"));
    let lines = rest.lines().skip_while(|line| line.is_empty());
    let block: Vec<String> = if rest.trim_start().starts_with("```") {
        lines.skip(1).take_while(|line| !line.starts_with("```")).map(str::to_owned).collect()
    } else {
        lines.take_while(|line| line.starts_with('|')).map(str::to_owned).collect()
    };
    assert!(!block.is_empty(), "nothing follows {marker:?} in README.md");
    block
}

/// The rows of a table below its head, as cells.
fn cells(table: &[String]) -> Vec<Vec<String>> {
    let cells = |row: &String| row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
    table.iter().skip(2).map(cells).collect()
}

#[test]
fn the_output_of_command_one_is_what_the_tool_prints() {
    let place = Place::new();
    let outcome = run(&place, &["run", "shop/rehearsal.toml", "--out", "packet"]).exits(0);
    // The name of a packet has the time in it, and the tree hash is what a reader is to compare.
    let redacted = |lines: Vec<String>| -> Vec<String> {
        let named = |line: &str| ["packet     ", "tree       "].into_iter().find(|name| line.starts_with(name)).map(str::to_owned);
        lines.into_iter().map(|line| named(&line).unwrap_or(line)).collect()
    };
    let printed = redacted(outcome.stdout.lines().map(str::to_owned).collect());
    let block = redacted(after("output: run fixtures/shop/rehearsal.toml"));
    assert_eq!(block, printed, "\nREADME.md should say:\n{}", outcome.stdout);
}

#[test]
fn the_table_of_exit_codes_is_the_tools() {
    let known: Vec<Vec<String>> =
        rehearsal::exit::ALL.iter().map(|(code, meaning)| vec![code.to_string(), (*meaning).to_owned()]).collect();
    assert_eq!(cells(&after("exit codes")), known);
}

#[test]
fn the_table_of_limits_is_the_tools() {
    let stated: Vec<(String, u64)> = cells(&after("limits"))
        .into_iter()
        .map(|row| (row[0].clone(), row[1].replace([',', '_'], "").parse().unwrap_or_else(|_| panic!("{row:?} has no number"))))
        .collect();
    let known: Vec<(String, u64)> = Limits::STANDARD.entries().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(stated, known);
}
