//! `cargo xtask tidy`: rules about the layout that no compiler checks.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    external,
    guests::{self, Guest},
};

/// A file that is longer is about two things.
const LINES_MAX: usize = 600;

/// Where sources are, and where they are looked at.
const SOURCES: [&str; 6] = ["fixtures", "guest-sdk", "host", "probes", "tests", "xtask"];

/// Packages that must not be found below others: manifest, package (or the whole workspace), forbidden.
const DIRECTIONS: [(&str, Option<&str>, &[&str]); 4] = [
    // So that a sceptic can read the gate in an afternoon.
    (
        "Cargo.toml",
        Some("rehearsal-packet"),
        &["rehearsal", "rehearsal-clone", "rehearsal-fixtures", "wasmtime", "rusqlite", "libsqlite3-sys", "wit-component"],
    ),
    // So that the clone can be fuzzed and measured alone.
    ("Cargo.toml", Some("rehearsal-clone"), &["rehearsal", "rehearsal-fixtures", "wasmtime", "wit-component"]),
    // So that a guest has nothing that a stranger's guest does not have.
    ("guest-sdk/Cargo.toml", None, &["rehearsal", "rehearsal-clone", "rehearsal-packet", "rehearsal-fixtures", "wasmtime", "rusqlite"]),
    ("probes/Cargo.toml", None, &["rehearsal", "rehearsal-clone", "rehearsal-packet", "rehearsal-fixtures", "wasmtime", "rusqlite"]),
];

/// Checks every rule and tells every breach.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut breaches = untested_guests(&guests::find_guests(root)?, &root.join("tests"))?;
    for directory in SOURCES {
        breaches.extend(long_files(root, Path::new(directory))?);
    }
    for (manifest, package, forbidden) in DIRECTIONS {
        breaches.extend(wrong_directions(root, manifest, package, forbidden)?);
    }
    if !breaches.is_empty() {
        bail!("the layout is not tidy:\n  - {}", breaches.join("\n  - "));
    }
    println!("tidy: every hostile guest has a test, no file is too long, dependencies point one way");
    Ok(())
}

/// Hostile guests that no test mentions. One that nobody runs shows nothing.
fn untested_guests(guests: &[Guest], tests: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    walk(tests, &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs" || extension == "toml") {
            // Some cases are about files that are no text.
            let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(())
    })?;
    let untested = guests.iter().filter(|guest| guest.hostile && !texts.iter().any(|text| mentions(text, &guest.name)));
    Ok(untested.map(|guest| format!("{}: no test in tests/ mentions {}", guest.source, guest.name)).collect())
}

/// Whether the name stands in the text as a word: `step_spin` is not mentioned by `step_spinner`.
fn mentions(text: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].chars().next_back().is_some_and(is_word) && !text[at + name.len()..].chars().next().is_some_and(is_word))
}

fn long_files(root: &Path, directory: &Path) -> anyhow::Result<Vec<String>> {
    let mut long = Vec::new();
    walk(&root.join(directory), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let lines = text.lines().count();
            if lines > LINES_MAX {
                let shown = path.strip_prefix(root).unwrap_or(path).display();
                long.push(format!("{shown}: {lines} lines, at most {LINES_MAX}: what is the second thing that it is about?"));
            }
        }
        Ok(())
    })?;
    long.sort();
    Ok(long)
}

fn wrong_directions(root: &Path, manifest: &str, package: Option<&str>, forbidden: &[&str]) -> anyhow::Result<Vec<String>> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(["tree", "--edges", "normal,build", "--prefix", "none", "--manifest-path", manifest]);
    match package {
        Some(package) => command.args(["--package", package]),
        None => command.arg("--workspace"),
    };
    let tree = external::output(&mut command)?;
    let subject = package.unwrap_or(manifest);
    Ok(found_in_tree(&tree, forbidden).map(|name| format!("{subject} depends on {name}, and must not")).collect())
}

/// The forbidden packages in the output of `cargo tree --prefix none`: one `name version (source)` a line.
fn found_in_tree<'a>(tree: &'a str, forbidden: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let present = |name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    forbidden.iter().copied().filter(move |name| present(name))
}

fn walk(path: &Path, visit: &mut dyn FnMut(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    if path.is_file() {
        return visit(path);
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !["target", "node_modules"].contains(&name.as_str()) && !name.starts_with('.') && !path.is_symlink() {
            walk(&path, visit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_mentioned_by_its_whole_name() {
        assert!(mentions("guest(\"step_spin\")", "step_spin"));
        assert!(!mentions("step_spinner, my_step_spin", "step_spin"));
    }

    #[test]
    fn a_hostile_guest_without_a_test_is_told() {
        let tests = tempfile::tempdir().expect("a directory");
        fs::write(tests.path().join("limits.rs"), "#[test] fn step_spin() {}").expect("a file");
        let guest =
            |name: &str, hostile| Guest { name: name.to_owned(), source: format!("examples/{name}.rs"), artifact: String::new(), hostile };
        let guests = [guest("step_spin", true), guest("step_hog", true), guest("validator", false)];
        assert_eq!(untested_guests(&guests, tests.path()).expect("a list"), ["examples/step_hog.rs: no test in tests/ mentions step_hog"]);
    }

    #[test]
    fn a_long_file_is_told() {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join("host")).expect("a directory");
        fs::write(root.path().join("host/long.rs"), "\n".repeat(LINES_MAX + 1)).expect("a file");
        fs::write(root.path().join("host/short.rs"), "\n".repeat(LINES_MAX)).expect("a file");
        assert_eq!(
            long_files(root.path(), Path::new("host")).expect("a list"),
            ["host/long.rs: 601 lines, at most 600: what is the second thing that it is about?"]
        );
    }

    #[test]
    fn a_dependency_in_the_wrong_direction_is_told() {
        let tree = "rehearsal-packet v0.1.0 (/src)\nserde v1.0.0\nrusqlite v0.41.1\n";
        assert_eq!(found_in_tree(tree, &["rehearsal", "rusqlite"]).collect::<Vec<_>>(), ["rusqlite"]);
    }
}
