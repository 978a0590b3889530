//! ARCHITECTURE.md names the test that holds each invariant: those tests exist.

use std::{fs, path::Path};

#[test]
fn every_invariant_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("the page");
    let table = page.split("## Invariants").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a table of invariants");
    let mut sources = String::new();
    for directory in ["tests/suite", "host/clone/tests", "host/clone/src", "host/packet/tests", "host/packet/src", "host/src"] {
        collect(&root.join(directory), &mut sources);
    }
    let mut rows = 0;
    for row in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let tests = row.split('|').nth(3).expect("three columns");
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).filter(|name| !name.contains(' ')).collect();
        assert!(!names.is_empty() || tests.contains("cargo xtask"), "no test holds: {row}");
        for name in names {
            let is_case = root.join("tests/cases").join(name).is_dir();
            // In a table from which a macro makes tests, a name stands alone on its line.
            let is_test = sources.contains(&format!("fn {name}(")) || sources.contains(&format!(" {name},\n"));
            assert!(is_case || is_test, "there is no test {name}, which should hold: {row}");
        }
        rows += 1;
    }
    assert!(rows >= 20, "the table has {rows} rows");
}

fn collect(directory: &Path, sources: &mut String) {
    for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            collect(&entry, sources);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(&entry).expect("a source"));
        }
    }
}
