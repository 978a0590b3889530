//! `probes/modules.lock`: which sources and which compiler the committed modules come from.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::{
    LOCK, UPDATE, hex,
    toolchain::{Recorded, Toolchain},
};

/// The version of the file.
const FORMAT: u32 = 1;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Lock {
    format: u32,
    /// The digest of all sources of all guests.
    pub(crate) sources_sha256: String,
    /// What compiled them.
    pub(crate) toolchain: Recorded,
    /// The committed modules.
    #[serde(rename = "module")]
    pub(crate) modules: Vec<LockedModule>,
}

/// One committed module.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LockedModule {
    /// The guest.
    pub(crate) name: String,
    /// Where its source is.
    pub(crate) source: String,
    /// Where its bytes are.
    pub(crate) path: String,
    /// Their digest.
    pub(crate) sha256: String,
    /// How many they are.
    pub(crate) bytes: u64,
}

impl Lock {
    /// A lock without modules.
    pub(crate) fn new(toolchain: &Toolchain, sources_sha256: String) -> Self {
        Self { format: FORMAT, sources_sha256, toolchain: toolchain.recorded(), modules: Vec::new() }
    }

    /// Reads the file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {LOCK}: `{UPDATE}` writes it"))?;
        let lock: Self = toml::from_str(&text).with_context(|| format!("cannot understand {LOCK}: `{UPDATE}` writes it anew"))?;
        if lock.format != FORMAT {
            bail!("{LOCK} has format {}, and this is for format {FORMAT}: `{UPDATE}` writes it anew", lock.format);
        }
        Ok(lock)
    }

    /// The text of the file.
    pub(crate) fn to_text(&self) -> anyhow::Result<String> {
        Ok(format!("# Written by `{UPDATE}`, held by `cargo xtask guests --check`.\n\n{}", toml::to_string(self)?))
    }

    /// Where the committed files are not those of the lock.
    pub(crate) fn differences_on_disk(&self, root: &Path, committed: &[(&str, &str)]) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, path) in committed {
            if !self.modules.iter().any(|module| module.name == *name && module.path == *path) {
                differences.push(format!("{path}: {LOCK} does not have it"));
            }
        }
        for module in &self.modules {
            match fs::read(root.join(&module.path)) {
                Err(error) => differences.push(format!("{}: cannot read it: {error}", module.path)),
                Ok(bytes) if hex(&bytes) != module.sha256 || bytes.len() as u64 != module.bytes => {
                    let (found, wanted) = (hex(&bytes), &module.sha256);
                    differences.push(format!("{}: its SHA-256 is {found}, {LOCK} says {wanted}", module.path));
                }
                Ok(_) => {}
            }
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        Lock {
            format: FORMAT,
            sources_sha256: hex(b"sources"),
            toolchain: Recorded { rustc: "rustc 1.95.0".into(), std: "as released".into() },
            modules: vec![LockedModule {
                name: "one".into(),
                source: "probes/one".into(),
                path: "one.wasm".into(),
                sha256: hex(b"bytes"),
                bytes: 5,
            }],
        }
    }

    #[test]
    fn a_lock_reads_back_as_it_was_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("modules.lock");
        fs::write(&path, lock().to_text().expect("a text")).expect("a file");
        let read = Lock::read(&path).expect("a lock");
        assert_eq!((read.toolchain, read.modules), (lock().toolchain, lock().modules));
    }

    #[test]
    fn every_difference_on_disk_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let committed = [("one", "one.wasm"), ("two", "two.wasm")];
        let told = |bytes: Option<&[u8]>| {
            if let Some(bytes) = bytes {
                fs::write(directory.path().join("one.wasm"), bytes).expect("a file");
            }
            lock().differences_on_disk(directory.path(), &committed).join("\n")
        };
        assert!(told(None).contains("one.wasm: cannot read it: "));
        assert!(told(Some(b"other")).contains("one.wasm: its SHA-256 is "));
        assert_eq!(told(Some(b"bytes")), "two.wasm: probes/modules.lock does not have it");
    }
}
