//! Signals: whoever stops a rehearsal is left with nothing to clean up.

use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    place::{Place, names},
    tool::{tool, wait},
};

/// Starts a run that would take hours, waits until it has a clone, and sends a signal.
fn interrupt(signal: Signal) {
    let place = Place::new();
    place.write("source.sql", "CREATE TABLE t (x);");
    let limits = "limits = { fuel = 9_000_000_000_000_000_000, call_ms = 86_400_000 }";
    place.write_plan("source.sql", &format!("module = \"guests/step_spin.wasm\"\n{limits}"));
    let mut child = tool(&place, &["run", "rehearsal.toml", "--out", "packet"]).spawn().expect("it starts");
    let has_clone = || names(&place.tmp()).first().is_some_and(|scratch| !names(&place.tmp().join(scratch)).is_empty());
    while !has_clone() {
        assert!(child.try_wait().expect("its status").is_none(), "it ended by itself");
        thread::yield_now();
    }
    kill_process(Pid::from_child(&child), signal).expect("the signal is sent");
    let outcome = wait(child);
    assert_eq!(outcome.signal, Some(signal.as_raw()), "it ends by the signal, as shells expect: {outcome:?}");
    assert!(!place.file("packet").exists(), "there is a packet");
    place.assert_nothing_temporary();
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
