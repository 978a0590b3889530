//! Finds a compiler that can build for `wasm32-unknown-unknown`, and installs what is missing.
//!
//! In this order: the target that is installed beside the active toolchain; the target that rustup can add to it; Debian's
//! compiler for the web, which brings the source of the standard library but not the library.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::external;

/// What guests are compiled for: no operating system, so no way to one.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Where the standard library for WebAssembly comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StdChoice {
    /// The first that there is, or can be installed.
    #[default]
    Auto,
    /// Installed beside the active toolchain, by rustup if need be.
    Installed,
    /// Built from the source in Debian's packages.
    Debian,
}

/// A compiler that can build guests.
#[derive(Clone, Debug)]
pub(crate) struct Toolchain {
    /// The compiler.
    pub(crate) program: PathBuf,
    /// The first line of its `--version`.
    pub(crate) rustc: String,
    /// Its directory.
    pub(crate) sysroot: PathBuf,
    /// Where the standard library comes from.
    pub(crate) std: Std,
}

/// The standard library for WebAssembly.
#[derive(Clone, Debug)]
pub(crate) enum Std {
    /// It is there, compiled.
    Installed,
    /// It is built from source, and linked by this program.
    FromSource {
        /// The linker.
        linker: PathBuf,
        /// Its version.
        linker_version: String,
    },
}

/// The toolchain as the lock file records it: what bytes depend on, and nothing about the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    /// The first line of `rustc --version`.
    pub(crate) rustc: String,
    /// How there came to be a standard library.
    pub(crate) std: String,
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, std: {}", self.rustc, self.std)
    }
}

impl Toolchain {
    /// Finds one, and installs what is missing.
    pub(crate) fn find(choice: StdChoice) -> anyhow::Result<Self> {
        let mut tried = Vec::new();
        if choice != StdChoice::Debian {
            match installed() {
                Ok(found) => return Ok(found),
                Err(error) => tried.push(format!("{error:#}")),
            }
        }
        if choice != StdChoice::Installed {
            match debian() {
                Ok(found) => return Ok(found),
                Err(error) => tried.push(format!("{error:#}")),
            }
        }
        bail!(
            "no compiler for {TARGET}:\n  - {}\nWith rustup and a network, `rustup target add {TARGET}` is all that is needed; \
             on Debian, `apt-get install {}` as root",
            tried.join("\n  - "),
            DEBIAN_PACKAGES.join(" ")
        )
    }

    /// What goes into the lock file.
    pub(crate) fn recorded(&self) -> Recorded {
        let std = match &self.std {
            Std::Installed => format!("as released for {TARGET}"),
            Std::FromSource { linker_version, .. } => {
                format!("built from source (std, panic_abort), linked by {linker_version}")
            }
        };
        Recorded { rustc: self.rustc.clone(), std }
    }
}

/// The active toolchain, with the target.
fn installed() -> anyhow::Result<Toolchain> {
    let program = PathBuf::from(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let sysroot = sysroot(&program)?;
    if !has_target(&sysroot) {
        eprintln!("the active toolchain has no {TARGET}: asking rustup for it");
        external::output_within(Command::new("rustup").args(["target", "add", TARGET]), RUSTUP_LIMIT)
            .context("rustup could not add the target")?;
    }
    if !has_target(&sysroot) {
        bail!("rustup added {TARGET} to another toolchain than {}", sysroot.display());
    }
    Ok(Toolchain { rustc: version(&program)?, program, sysroot, std: Std::Installed })
}

fn has_target(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

/// Debian's compiler, never used for anything but guests.
fn debian() -> anyhow::Result<Toolchain> {
    let program = PathBuf::from(DEBIAN_RUSTC);
    if !Path::new(DEBIAN_SOURCE).is_file() || !program.is_file() {
        let packages = DEBIAN_PACKAGES.join(" ");
        if !external::succeeds(Command::new("apt-get").arg("--version")) {
            bail!("this is not Debian, whose packages {packages} would do");
        }
        if external::output(Command::new("id").arg("-u"))?.trim() != "0" {
            bail!("the packages {packages} are missing: run `apt-get install {packages}` as root");
        }
        eprintln!("installing Debian's {packages}");
        let apt = || {
            let mut apt = Command::new("apt-get");
            apt.env("DEBIAN_FRONTEND", "noninteractive");
            apt
        };
        // A new machine has no list of packages, or an old one. Without a network the list at hand may still do.
        if let Err(error) = external::output(apt().arg("update")) {
            eprintln!("apt-get update failed, going on with the lists at hand: {error:#}");
        }
        external::output(apt().args(["install", "-y", "--no-install-recommends"]).args(DEBIAN_PACKAGES))
            .context("the packages could not be installed")?;
    }
    let (linker, linker_version) = linker()?;
    Ok(Toolchain { rustc: version(&program)?, sysroot: sysroot(&program)?, program, std: Std::FromSource { linker, linker_version } })
}

/// The linker of the active toolchain, which every released one has, or that of an `lld` package.
fn linker() -> anyhow::Result<(PathBuf, String)> {
    let mut candidates = Vec::new();
    if let Ok(sysroot) = sysroot(Path::new("rustc")) {
        let host = external::output(Command::new("rustc").args(["--print", "host-tuple"]))?;
        candidates.push(sysroot.join("lib/rustlib").join(host.trim()).join("bin/rust-lld"));
    }
    candidates.push(PathBuf::from("wasm-ld"));
    for linker in candidates {
        if let Ok(version) = external::output(Command::new(&linker).args(["-flavor", "wasm", "--version"])) {
            // "LLD 22.1.2 (/checkout/src/llvm-project/llvm 1cb4e3…)": what stands in brackets is about the builder.
            let version = version.split(" (").next().unwrap_or_default().trim().to_owned();
            return Ok((linker, version));
        }
    }
    bail!("no linker for WebAssembly: neither rust-lld in the active toolchain nor wasm-ld (`apt-get install lld`)")
}

fn sysroot(program: &Path) -> anyhow::Result<PathBuf> {
    Ok(PathBuf::from(external::output(Command::new(program).args(["--print", "sysroot"]))?.trim()))
}

fn version(program: &Path) -> anyhow::Result<String> {
    let text = external::output(Command::new(program).arg("--version"))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
