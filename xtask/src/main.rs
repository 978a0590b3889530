//! What a checkout needs beside cargo itself: `cargo xtask guests`, `cargo xtask test`, `cargo xtask tidy`.
//!
//! [`guests`] builds every module that the tests and the host use; [`test`] does that where needed and runs all tests;
//! [`tidy`] holds the rules about the layout that no compiler checks.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line tool")]

mod external;
mod guests;
mod test;
mod tidy;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds the guests, runs the tests, keeps the layout tidy")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build every guest into target/guests
    ///
    /// Looks for a compiler with the target wasm32-unknown-unknown and installs what is missing: with rustup, or, where that
    /// cannot download it, with Debian's packages.
    Guests {
        /// Also write the committed modules and probes/modules.lock
        #[arg(long, conflicts_with = "check")]
        update: bool,
        /// Compare with the committed modules and probes/modules.lock; exit 1 where something differs
        #[arg(long)]
        check: bool,
        /// Where the standard library for WebAssembly comes from
        #[arg(long, value_enum, default_value_t)]
        std: guests::StdChoice,
    },
    /// Build the guests where their sources changed, then run all tests
    Test {
        /// Arguments for nextest, or for `cargo test` where nextest is not installed
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Check the layout: guests without a test, long files, dependencies that point the wrong way
    Tidy,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let root = root()?;
    match Arguments::parse().command {
        Command::Guests { update: true, std, .. } => guests::update(&root, std),
        Command::Guests { check: true, std, .. } => guests::check(&root, std),
        Command::Guests { std, .. } => guests::build(&root, std).map(|built| built.print_summary()),
        Command::Test { arguments } => test::run(&root, &arguments),
        Command::Tidy => tidy::run(&root),
    }
}

/// The checkout that this program was built in.
fn root() -> anyhow::Result<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).context("xtask has no parent directory")
}
