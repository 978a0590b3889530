//! The program `plain`: SQLite as it comes, in a process of its own.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::figures::median;

/// Where its sources are: a workspace of its own.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/plain");

/// The program, built.
#[derive(Debug)]
pub(crate) struct Plain {
    program: PathBuf,
}

impl Plain {
    /// Builds it, with an SQLite that has an operating system.
    pub(crate) fn build() -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plain");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--release", "--locked"])
            .current_dir(SOURCES)
            .env_remove("LIBSQLITE3_FLAGS")
            .env("CARGO_TARGET_DIR", &target)
            .status()
            .expect("cargo");
        assert!(status.success(), "cargo could not build {SOURCES}");
        Self { program: target.join("release").join("plain") }
    }

    /// Has it do something; how many nanoseconds that took.
    pub(crate) fn run(&self, arguments: &[&str]) -> f64 {
        let output = Command::new(&self.program).args(arguments).output().expect("the program `plain`");
        assert!(output.status.success(), "plain {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of nanoseconds")
    }
}

/// The medians, in nanoseconds, of two things that are done in turn, so that whatever else the machine does meets both.
pub(crate) fn in_turn(rounds: usize, mut one: impl FnMut() -> f64, mut other: impl FnMut() -> f64) -> (f64, f64) {
    let (ones, others): (Vec<_>, Vec<_>) = (0..rounds).map(|_| (one(), other())).unzip();
    (median(ones), median(others))
}
