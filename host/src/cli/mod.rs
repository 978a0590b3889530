//! The command line: arguments in, one of the documented exit codes out.

mod args;
mod audit;
mod gate;
mod rerun;
mod run;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser as _;
use rehearsal_packet::printable;

use args::{Arguments, Command, Format};

use crate::{
    admit::{self, Admitted},
    exit,
    plan::{self, FromDirectory, Materials, Plan},
    preflight,
    rehearse::RehearseError,
};

/// Why a command did not do its work, and the exit code that goes with it.
struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { code: exit::UNABLE, error: error.into() }
    }
}

impl Failure {
    fn from_rehearsal(error: RehearseError) -> Self {
        let code = if error.is_about_the_source() { exit::NOT_APPLIED } else { exit::UNABLE };
        Self { code, error: error.into() }
    }
}

/// Reads the arguments, does what they ask, and says how it went.
pub fn main() -> ExitCode {
    // A panic is a defect of this tool: it must not pass for one of the documented outcomes, and the clones must still go.
    std::panic::catch_unwind(run_command).unwrap_or_else(|_| {
        let _ = writeln!(anstream::stderr(), "error: internal: the above is a defect of this tool; do not rely on anything from this run");
        ExitCode::from(exit::UNABLE)
    })
}

fn run_command() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap would exit with 2 for a usage error, which here means that something failed closed.
            let asked_for = !error.use_stderr();
            let _ = error.print();
            return ExitCode::from(if asked_for { exit::CLEAN } else { exit::UNABLE });
        }
    };
    let format = arguments.command.format();
    let outcome = match &arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Gate(arguments) => gate::gate(arguments),
        Command::Rerun(arguments) => rerun::rerun(arguments),
        Command::Audit(arguments) => audit::audit(arguments),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(Failure { code, error }) => {
            // A chain of causes is printed once, in one line. Parts of it are words of the plan, of a module, of the source.
            let error = printable(&format!("{error:#}"), 10_000);
            let _ = writeln!(anstream::stderr(), "error: {error}");
            if format == Format::Json {
                let _ = say_json(&serde_json::json!({ "error": error, "exit_code": code, "decision": "HOLD" }));
            }
            ExitCode::from(code)
        }
    }
}

/// Writes to standard output. A reader that has gone away has seen enough: a broken pipe is no error.
fn say(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

fn say_json(value: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    say(&text)
}

/// The first three stages: from a plan file to a plan whose modules are all admitted.
fn admitted(path: &std::path::Path) -> Result<Admitted, Failure> {
    let materials: &dyn Materials = &FromDirectory::beside(path);
    admitted_plan(plan::load(path, materials)?)
}

fn admitted_plan(plan: Plan) -> Result<Admitted, Failure> {
    Ok(admit::check(preflight::check(plan)?)?)
}
