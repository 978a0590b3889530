//! The modules that are committed, against the lock file that ties them to their source.

use std::{collections::BTreeMap, fs};

use rehearsal::plan::BUILTIN_MODULES;
use rehearsal_packet::Sha256;

use crate::place::repository;

/// Path and digest of each module in the lock file, by its name.
fn locked() -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(repository().join("probes/modules.lock")).expect("the lock file");
    let lock: toml::Table = text.parse().expect("TOML");
    let modules = lock["module"].as_array().expect("a list of modules");
    let text = |module: &toml::Value, key: &str| module[key].as_str().expect("a text").to_owned();
    modules.iter().map(|module| (text(module, "name"), (text(module, "path"), text(module, "sha256")))).collect()
}

#[test]
fn the_modules_inside_the_tool_are_those_of_the_lock_file() {
    let locked = locked();
    for (name, bytes) in BUILTIN_MODULES {
        let (path, sha256) = locked.get(name).unwrap_or_else(|| panic!("{name} is not in probes/modules.lock"));
        assert_eq!((path, &Sha256::of(bytes).to_hex()), (&format!("host/modules/{name}.wasm"), sha256), "{name}");
    }
}

#[test]
fn every_committed_module_is_locked_and_has_its_digest() {
    let locked = locked();
    for directory in ["host/modules", "fixtures/shop/modules"] {
        for name in crate::place::names(&repository().join(directory)) {
            let path = format!("{directory}/{name}");
            let found = Sha256::of(&fs::read(repository().join(&path)).expect("a module")).to_hex();
            let known = locked.values().find(|(known, _)| *known == path).map(|(_, sha256)| sha256.as_str());
            assert_eq!(known, Some(found.as_str()), "{path}: run `cargo xtask guests --update`");
        }
    }
}
