//! The `rehearsal` command. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    rehearsal::cli::main()
}
