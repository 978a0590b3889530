//! Runs cargo on the probes workspace.
//!
//! Cargo mixes the place of a package into the names of its symbols, relative to the workspace where it lies inside and
//! absolute where it does not. The SDK does not (`probes/` depends on `../guest-sdk`), so the same sources would give other
//! bytes in another checkout. The workspace is therefore built from a [`stage`]: a directory in which links put the SDK
//! inside.

use std::{
    env,
    ffi::OsString,
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use super::toolchain::{Std, TARGET, Toolchain};
use crate::external;

/// Environment variables that would change the bytes, or the compiler.
const FOREIGN: [&str; 8] = [
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "SOURCE_DATE_EPOCH",
];

/// Compiles every guest and returns the directory of the core modules.
pub(crate) fn compile(root: &Path, toolchain: &Toolchain) -> anyhow::Result<PathBuf> {
    // A directory for each way of building: cargo would otherwise mix the two standard libraries.
    let target = root.join("target/guests-build").join(match toolchain.std {
        Std::Installed => "installed",
        Std::FromSource { .. } => "from-source",
    });
    let stage = stage(root)?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&stage);
    let foreign = env::vars_os().map(|(name, _)| name).filter(|name| is_foreign(&name.to_string_lossy()));
    for name in foreign {
        command.env_remove(name);
    }
    command
        .args(["build", "--release", "--locked", "--workspace", "--lib", "--examples", "--target", TARGET])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTC", &toolchain.program)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&stage, toolchain)?);
    if let Std::FromSource { linker, .. } = &toolchain.std {
        command
            .arg("-Zbuild-std=std,panic_abort")
            // The standard library is unstable to build, for every compiler; nothing else here is.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
    }
    external::pass_through(&mut command).context("the guests could not be compiled")?;
    Ok(target.join(TARGET).join("release"))
}

/// The dependency on the SDK, as it stands in `probes/Cargo.toml` and in the stage.
const SDK_BESIDE: &str = "path = \"../guest-sdk\"";
const SDK_INSIDE: &str = "path = \"guest-sdk\"";

/// Lays out the workspace so that the SDK is inside: its manifest with that one path changed, and links to all else.
fn stage(root: &Path) -> anyhow::Result<PathBuf> {
    let stage = root.join("target/guests-build/stage");
    match fs::remove_dir_all(&stage) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", stage.display()));
        }
        _ => {}
    }
    fs::create_dir_all(&stage).with_context(|| format!("cannot create {}", stage.display()))?;
    let probes = root.join("probes");
    let manifest = fs::read_to_string(probes.join("Cargo.toml")).context("cannot read probes/Cargo.toml")?;
    if !manifest.contains(SDK_BESIDE) {
        bail!("probes/Cargo.toml does not say {SDK_BESIDE}: without it the guests would depend on where the checkout is");
    }
    fs::write(stage.join("Cargo.toml"), manifest.replace(SDK_BESIDE, SDK_INSIDE))?;
    fs::copy(probes.join("Cargo.lock"), stage.join("Cargo.lock")).context("cannot copy probes/Cargo.lock")?;
    symlink(root.join("guest-sdk"), stage.join("guest-sdk"))?;
    for entry in fs::read_dir(&probes)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != "target" {
            symlink(entry.path(), stage.join(entry.file_name()))?;
        }
    }
    Ok(stage)
}

fn is_foreign(name: &str) -> bool {
    FOREIGN.contains(&name) || name.starts_with("CARGO_PROFILE_") || name.starts_with("CARGO_TARGET_")
}

/// Panics name the place in the source. Without these flags that place would be a path of whoever built the module, and its
/// digest would differ from machine to machine.
fn flags(stage: &Path, toolchain: &Toolchain) -> anyhow::Result<OsString> {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = match cargo_home {
        Some(home) => home,
        None => env::home_dir().context("there is no home directory, and CARGO_HOME is not set")?.join(".cargo"),
    };
    let mut flags = OsString::new();
    for (from, to) in [(cargo_home.as_path(), "/cargo"), (stage, "/rehearsal"), (&toolchain.sysroot.join("lib/rustlib/src/rust"), "/rust")]
    {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push("--remap-path-prefix=");
        flags.push(from);
        flags.push("=");
        flags.push(to);
    }
    Ok(flags)
}
