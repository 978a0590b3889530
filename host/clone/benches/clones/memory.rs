//! The most memory that a process has had: of a process of its own, which only opens a base, digests it, and probes clones.

use std::{env, fs, path::Path, process::Command};

use crate::{
    database::REFUSED_INSERT,
    subject::{Subject, connect, probe},
};

/// What the benchmark is called with to be that process.
const ARGUMENT: &str = "--peak-memory-of";

const PROBES: usize = 100;

/// Whether this is that process; then it has done what it is for.
pub(crate) fn was_asked() -> bool {
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_none_or(|argument| argument != ARGUMENT) {
        return false;
    }
    let subject = Subject::open(Path::new(&arguments.next().expect("a database")));
    subject.image.state_digest().expect("a digest");
    for _ in 0..PROBES {
        probe(&connect(&subject.fresh()), REFUSED_INSERT);
    }
    println!("{}", peak_bytes());
    true
}

/// Has that process do it; how many bytes it had at the most.
pub(crate) fn peak_bytes_of(database: &Path) -> f64 {
    let program = env::current_exe().expect("this program");
    let output = Command::new(program).arg(ARGUMENT).arg(database).output().expect("this program again");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of bytes")
}

fn peak_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak of resident memory");
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
    kibibytes * 1024
}
