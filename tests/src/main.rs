//! The `rehearsal` command once more, as a binary of this package, so that whoever runs the tests has built what they run.

use std::process::ExitCode;

fn main() -> ExitCode {
    rehearsal::cli::main()
}
