//! External commands: run, and quoted in full when they fail.

use std::{
    io::Read as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

/// Runs a command and returns what it wrote to stdout.
///
/// # Errors
/// When it cannot be started or fails; the error shows the command and its output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{shown}`"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed with {}\n{}", output.status, indent(&format!("{stdout}{stderr}")));
    }
    Ok(stdout)
}

/// Runs a command whose output goes straight to the user.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn pass_through(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed with {status}; its output is above");
    }
    Ok(())
}

/// Runs a command that may hang (a download without a network), and ends it after `limit`.
///
/// # Errors
/// When it cannot be started, fails or takes too long.
pub(crate) fn output_within(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    const POLL: Duration = Duration::from_millis(100);
    let shown = show(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let mut stderr = child.stderr.take();
    // Read beside the waiting, so that a full pipe does not stop the command.
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(stderr) = &mut stderr {
            let _ = stderr.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            bail!("`{shown}` took more than {} s", limit.as_secs());
        }
        thread::sleep(POLL);
    };
    if !status.success() {
        bail!("`{shown}` failed with {status}\n{}", indent(&reader.join().unwrap_or_default()));
    }
    Ok(())
}

/// Whether a command can be started and succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    output(command).is_ok()
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_shown_with_its_output() {
        let error = output(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).map_err(|e| e.to_string());
        let expected = "`sh -c echo out; echo err >&2; exit 3` failed with exit status: 3\n    out\n    err";
        assert_eq!(error, Err(expected.to_owned()));
    }

    #[test]
    fn a_missing_command_is_named() {
        let error = output(&mut Command::new("no-such-command-here")).map_err(|e| e.to_string());
        assert_eq!(error, Err("cannot start `no-such-command-here`".to_owned()));
    }

    #[test]
    fn a_hanging_command_is_ended() {
        let error = output_within(Command::new("sleep").arg("60"), Duration::from_millis(1)).map_err(|e| e.to_string());
        assert_eq!(error, Err("`sleep 60` took more than 0 s".to_owned()));
    }
}
