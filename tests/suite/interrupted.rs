//! Signals: whoever stops a rehearsal is left with nothing to clean up.

use std::{fs, path::Path, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    place::Place,
    tool::{tool, wait},
};

/// Starts a run that would take hours, waits until it has a clone on the disk, and sends a signal.
fn interrupt(signal: Signal) {
    let place = Place::new();
    place.write("source.sql", "CREATE TABLE t (x);");
    let limits = "limits = { fuel = 9_000_000_000_000_000_000, call_ms = 86_400_000 }";
    place.write_plan("source.sql", &format!("module = \"guests/step_spin.wasm\"\n{limits}"));
    let arguments = ["run", "rehearsal.toml", "--memory-mib", "0", "--out", "packet"];
    let mut child = tool(&place, &arguments).spawn().expect("it starts");
    while !has_open_below(child.id(), &place.tmp()) {
        assert!(child.try_wait().expect("its status").is_none(), "it ended by itself");
        thread::yield_now();
    }
    kill_process(Pid::from_child(&child), signal).expect("the signal is sent");
    let outcome = wait(child);
    assert_eq!(outcome.signal, Some(signal.as_raw()), "it ends by the signal, as shells expect: {outcome:?}");
    assert!(!place.file("packet").exists(), "there is a packet");
    place.assert_nothing_temporary();
}

/// Whether a process has a file open in a directory, by whatever name or none.
fn has_open_below(process: u32, directory: &Path) -> bool {
    // A process that ends meanwhile has nothing open.
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|path| path.starts_with(directory)))
}

#[test]
fn nothing_is_left_after_an_interrupt() {
    interrupt(Signal::INT);
}

#[test]
fn nothing_is_left_after_a_request_to_end() {
    interrupt(Signal::TERM);
}

#[test]
fn nothing_is_left_after_the_terminal_is_gone() {
    interrupt(Signal::HUP);
}

#[test]
fn nothing_is_left_after_a_quit() {
    interrupt(Signal::QUIT);
}
