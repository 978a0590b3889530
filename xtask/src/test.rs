//! `cargo xtask test`: the guests where they are stale, then every test.

use std::{env, path::Path, process::Command};

use crate::{external, guests};

/// Builds and tests.
pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    guests::build_if_stale(root)?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.current_dir(root);
    if external::succeeds(Command::new(&cargo).args(["nextest", "--version"])) {
        command.args(["nextest", "run", "--workspace"]);
    } else {
        command.args(["test", "--workspace"]);
    }
    external::pass_through(command.args(arguments))
}
