//! Digests over sources, so that a change is seen even where the recorded compiler is not at hand.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::hex;

/// Directories whose files go into guests, wherever they stand below the roots.
const DIRECTORIES: [&str; 3] = ["examples", "src", "wit"];

/// Files that go into guests, wherever they stand below the roots.
const FILES: [&str; 2] = ["Cargo.lock", "Cargo.toml"];

/// The digest of all that guests are made from: what `sha256sum` prints for the sorted files, digested once more.
pub(crate) fn of_guests(root: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    for below in ["guest-sdk", "probes"] {
        collect(root, &PathBuf::from(below), false, &mut files)?;
    }
    // Another checkout may have no lock file beside the SDK, which is not a workspace: it plays no part.
    files.retain(|file| file != "guest-sdk/Cargo.lock");
    digest(root, files)
}

/// The digest of all that the files in `target/guests` depend on: the above, and how they are built.
pub(crate) fn of_build(root: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    collect(root, Path::new("xtask"), false, &mut files)?;
    let how = digest(root, files)?;
    Ok(hex(format!("{}{how}", of_guests(root)?).as_bytes()))
}

fn digest(root: &Path, mut files: Vec<String>) -> anyhow::Result<String> {
    // By their bytes, as `LC_ALL=C sort` does.
    files.sort_unstable();
    let mut listing = String::new();
    for file in files {
        let bytes = fs::read(root.join(&file)).with_context(|| format!("cannot read {file}"))?;
        listing.push_str(&format!("{}  {file}\n", hex(&bytes)));
    }
    Ok(hex(listing.as_bytes()))
}

fn collect(root: &Path, directory: &Path, all: bool, files: &mut Vec<String>) -> anyhow::Result<()> {
    let shown = root.join(directory);
    for entry in fs::read_dir(&shown).with_context(|| format!("cannot read {}", shown.display()))? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().with_context(|| format!("a name in {} is not UTF-8", shown.display()))?;
        let path = directory.join(&name);
        if entry.file_type()?.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                collect(root, &path, all || DIRECTORIES.contains(&name.as_str()), files)?;
            }
        } else if all || FILES.contains(&name.as_str()) {
            files.push(path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let tree = tempfile::tempdir().expect("a directory");
        for (path, text) in [
            ("guest-sdk/Cargo.toml", "sdk"),
            ("guest-sdk/src/lib.rs", "code"),
            ("guest-sdk/wit/world.wit", "world"),
            ("guest-sdk/README.md", "words"),
            ("probes/Cargo.lock", "locked"),
            ("probes/one/src/deep/mod.rs", "deep"),
            ("probes/target/src/junk.rs", "junk"),
        ] {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, text).expect("a file");
        }
        tree
    }

    fn digest_after(change: impl Fn(&Path)) -> String {
        let tree = tree();
        change(tree.path());
        of_guests(tree.path()).expect("a digest")
    }

    #[test]
    fn the_digest_sees_sources_and_nothing_else() {
        let before = digest_after(|_| {});
        assert_eq!(before, digest_after(|_| {}), "it does not depend on where the checkout is");
        let changed = |path: &'static str| digest_after(move |root| fs::write(root.join(path), "new").expect("a file"));
        for unrelated in ["guest-sdk/README.md", "guest-sdk/Cargo.lock", "probes/target/src/junk.rs", "probes/modules.lock"] {
            assert_eq!(changed(unrelated), before, "{unrelated}");
        }
        for source in ["guest-sdk/wit/world.wit", "probes/Cargo.lock", "probes/one/src/deep/mod.rs", "guest-sdk/src/new.rs"] {
            assert_ne!(changed(source), before, "{source}");
        }
    }
}
