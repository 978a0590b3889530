//! Guests: from sources in `guest-sdk/` and `probes/` to components in `target/guests/`.
//!
//! [`toolchain`] finds a compiler, [`compile`] runs it, [`component`] makes and checks the components, [`sources`] digests
//! what went in and [`lock`] what came out. The bytes depend on the sources and the compiler alone, not on where the
//! checkout is: that is what makes committed modules checkable.

mod compile;
mod component;
mod lock;
mod manifests;
mod sources;
mod toolchain;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use lock::{Lock, LockedModule};
pub(crate) use manifests::{Guest, find as find_guests};
pub(crate) use toolchain::StdChoice;
use toolchain::Toolchain;

/// The modules whose bytes are committed: what the host ships, and what the example plans pin.
const COMMITTED: [(&str, &str); 5] = [
    ("sql-step", "host/modules/sql-step.wasm"),
    ("validator", "host/modules/validator.wasm"),
    ("phone-numbers", "fixtures/shop/modules/phone-numbers.wasm"),
    ("bad-orders", "fixtures/shop/modules/bad-orders.wasm"),
    ("step_fabricate", "fixtures/shop/modules/fabricated.wasm"),
];

const LOCK: &str = "probes/modules.lock";
const UPDATE: &str = "cargo xtask guests --update";

/// What a build leads to.
pub(crate) struct Built {
    toolchain: Toolchain,
    sources: String,
    guests: BTreeMap<String, (Guest, Vec<u8>)>,
    directory: PathBuf,
}

impl Built {
    /// One line a guest.
    pub(crate) fn print_summary(&self) {
        for (name, (_, bytes)) in &self.guests {
            println!("{:>9} bytes  {}  {name}", bytes.len(), &hex(bytes)[..12]);
        }
        println!("{} guests in {}, built by {}", self.guests.len(), self.directory.display(), self.toolchain.rustc);
    }
}

/// Where the components are written. Always under the checkout, whatever `CARGO_TARGET_DIR` says: the tests look there.
fn directory(root: &Path) -> PathBuf {
    root.join("target/guests")
}

/// Builds every guest into `target/guests`.
pub(crate) fn build(root: &Path, std: StdChoice) -> anyhow::Result<Built> {
    let toolchain = Toolchain::find(std)?;
    build_with(root, toolchain)
}

/// Builds unless the guests that are there come from the same sources.
pub(crate) fn build_if_stale(root: &Path) -> anyhow::Result<()> {
    let stamp = directory(root).join("sources.sha256");
    let missing = find_guests(root)?.iter().any(|guest| !directory(root).join(format!("{}.wasm", guest.name)).is_file());
    if !missing && fs::read_to_string(stamp).is_ok_and(|stamp| sources::of_build(root).is_ok_and(|now| now == stamp)) {
        return Ok(());
    }
    build(root, StdChoice::Auto).map(|built| built.print_summary())
}

fn build_with(root: &Path, toolchain: Toolchain) -> anyhow::Result<Built> {
    let _one_at_a_time = lock_build(root)?;
    let guests = find_guests(root)?;
    let stamp = sources::of_build(root)?;
    let sources = sources::of_guests(root)?;
    let core_modules = compile::compile(root, &toolchain)?;
    let directory = directory(root);
    fs::create_dir_all(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    let mut built = BTreeMap::new();
    for guest in guests {
        let core = core_modules.join(&guest.artifact);
        let core = fs::read(&core).with_context(|| format!("cannot read {}: was it compiled?", core.display()))?;
        let component = component::encode(&core).with_context(|| format!("{}: cannot make a component of it", guest.name))?;
        component::check_imports(&guest, &component)?;
        write(&directory.join(format!("{}.wasm", guest.name)), &component)?;
        built.insert(guest.name.clone(), (guest, component));
    }
    remove_others(&directory, &built)?;
    write(&directory.join("sources.sha256"), stamp.as_bytes())?;
    Ok(Built { toolchain, sources, guests: built, directory })
}

/// Two builds at once would pull the stage and the components from under each other.
fn lock_build(root: &Path) -> anyhow::Result<fs::File> {
    let path = root.join("target/guests-build/lock");
    fs::create_dir_all(root.join("target/guests-build"))?;
    let file = fs::File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

/// A guest that was renamed or deleted must not live on in somebody's tests.
fn remove_others(directory: &Path, built: &BTreeMap<String, (Guest, Vec<u8>)>) -> anyhow::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.extension().is_some_and(|extension| extension == "wasm") && !built.contains_key(&name) {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

/// Builds, and writes the committed modules and the lock.
pub(crate) fn update(root: &Path, std: StdChoice) -> anyhow::Result<()> {
    let built = build(root, std)?;
    let mut lock = Lock::new(&built.toolchain, built.sources.clone());
    for (name, path) in COMMITTED {
        let (guest, bytes) = built.guests.get(name).with_context(|| format!("there is no guest {name}"))?;
        write(&root.join(path), bytes)?;
        lock.modules.push(LockedModule {
            name: name.to_owned(),
            source: guest.source.clone(),
            path: path.to_owned(),
            sha256: hex(bytes),
            bytes: bytes.len() as u64,
        });
    }
    write(&root.join(LOCK), lock.to_text()?.as_bytes())?;
    built.print_summary();
    println!("wrote {LOCK} and {} committed modules", COMMITTED.len());
    Ok(())
}

/// Builds, and compares with the committed modules and the lock.
pub(crate) fn check(root: &Path, std: StdChoice) -> anyhow::Result<()> {
    let lock = Lock::read(&root.join(LOCK))?;
    let toolchain = Toolchain::find(std)?;
    let same_toolchain = lock.toolchain == toolchain.recorded();
    let mut differences = lock.differences_on_disk(root, &COMMITTED);
    let built = build_with(root, toolchain)?;
    if built.sources != lock.sources_sha256 {
        differences.push(format!("the sources changed since {LOCK} was written"));
    }
    if same_toolchain {
        for module in &lock.modules {
            let Some((_, bytes)) = built.guests.get(&module.name) else {
                differences.push(format!("{}: {LOCK} has it, and it is no longer built", module.name));
                continue;
            };
            if hex(bytes) != module.sha256 {
                let (now, then) = (hex(bytes), &module.sha256);
                differences.push(format!("{}: its sources now give {now}, {LOCK} says {then}", module.name));
            }
        }
    }
    if !differences.is_empty() {
        bail!(
            "the committed modules are not what the sources say:\n  - {}\nrun `{UPDATE}`, look at what changed, and commit it",
            differences.join("\n  - ")
        );
    }
    if same_toolchain {
        println!("{} committed modules: the sources give the same bytes, with {}", lock.modules.len(), lock.toolchain.rustc);
    } else {
        println!(
            "{} committed modules are those of {LOCK}, and so are the sources. Their bytes COULD NOT BE REPRODUCED HERE:\n  \
             recorded  {}\n  here      {}",
            lock.modules.len(),
            lock.toolchain,
            built.toolchain.recorded()
        );
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file unless it has these bytes already, so that nothing that depends on it is rebuilt for nothing.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
