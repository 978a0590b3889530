//! Running the tool, and what it said.

use std::{
    os::unix::process::CommandExt as _,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::place::Place;

/// A tool that is still busy after so long hangs. Nothing waits for this unless a test fails.
const HANGS_AFTER: Duration = Duration::from_secs(100);

/// How the tool ended, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Absent when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let text = |bytes| String::from_utf8(bytes).expect("what the tool says is UTF-8");
        Self { code: output.status.code(), signal: output.status.signal(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Asserts the exit code; returns itself, for what comes next.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The tree hash that a run printed.
    #[track_caller]
    pub(crate) fn tree(&self) -> String {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix("tree")).expect("a run prints its tree hash");
        line.trim().to_owned()
    }
}

/// The tool in a place. Nothing of the environment of the tests reaches it but PATH.
pub(crate) fn tool(place: &Place, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal-under-test"));
    // The name under which people know it: it stands in usage messages.
    command.arg0("rehearsal").args(arguments).current_dir(place.work()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TMPDIR", place.tmp());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the tool in a place.
#[track_caller]
pub(crate) fn run(place: &Place, arguments: &[&str]) -> Outcome {
    finish(tool(place, arguments))
}

/// Starts a command and waits for its end.
#[track_caller]
pub(crate) fn finish(mut command: Command) -> Outcome {
    wait(command.spawn().expect("it starts"))
}

/// Waits for the end of a child that was started, but not for ever.
#[track_caller]
pub(crate) fn wait(child: Child) -> Outcome {
    let pid = Pid::from_child(&child);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(HANGS_AFTER) {
        Ok(output) => Outcome::of(output.expect("its output")),
        Err(_) => {
            let _ = kill_process(pid, Signal::KILL);
            panic!("the tool hangs");
        }
    }
}
