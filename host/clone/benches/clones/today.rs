//! What people do today, in turn with what the clone does: the medians of both, and how often the one is the other.

use std::{fs, path::Path, process::Command, time::Instant};

use rehearsal_clone::Store;

use crate::{
    clones::base_digest,
    database::{MIGRATION, POINT_QUERY, REFUSED_INSERT, SCAN},
    figures::{Figures, Target, Unit},
    plain::{Plain, in_turn},
    size::Size,
    subject::{Subject, ask, clone_of, connect, probe},
};

/// How many probes a process of `plain` makes.
const PROBES: u32 = 2000;

/// Compares everything here.
pub(crate) fn run(size: &Size, subject: &Subject, plain: &Plain, figures: &mut Figures) {
    sha256sum(size, subject, figures);
    probes(size, subject, plain, figures);
    scan(size, subject, plain, figures);
    if size.can_be_copied() {
        copies(size, subject, plain, figures);
        migration(size, subject, plain, figures);
    }
}

/// What a routine takes, in nanoseconds.
fn timed(routine: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    routine();
    begin.elapsed().as_nanos() as f64
}

fn sha256sum(size: &Size, subject: &Subject, figures: &mut Figures) {
    let sum = || {
        timed(|| {
            let output = Command::new("sha256sum").arg(&subject.path).output().expect("sha256sum of the GNU core utilities");
            assert!(output.status.success(), "{output:?}");
        })
    };
    let (ours, theirs) = in_turn(size.rounds, || base_digest(subject), sum);
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    figures.note("digest of the base", size, Unit::Time, Target::None, ours);
    figures.note("sha256sum of it", size, Unit::Time, Target::None, theirs);
    // A process takes a millisecond to begin: that says nothing of small files.
    let target = Target::AtMost(1.3);
    figures.note("digest of the base : sha256sum / cores", size, Unit::Ratio, target, ours * cores / theirs);
}

/// A file that is cloned, and one that is copied.
fn copies(size: &Size, subject: &Subject, plain: &Plain, figures: &mut Figures) {
    let file = subject.path.to_string_lossy();
    let copy = format!("{file}-copy");
    let clone = || timed(|| ask(&connect(&subject.fresh()), POINT_QUERY));
    for (name, arguments) in [
        ("cp", vec!["copy", &file, &copy, POINT_QUERY]),
        ("backup API", vec!["backup", &file, &copy, POINT_QUERY]),
        ("VACUUM INTO", vec!["vacuum-into", &file, &copy, POINT_QUERY]),
        ("deserialize", vec!["deserialize", &file, POINT_QUERY]),
    ] {
        let (ours, theirs) = in_turn(size.rounds, clone, || plain.run(&arguments));
        figures.note(&format!("{name}, open, first statement"), size, Unit::Time, Target::None, theirs);
        figures.note(&format!("{name} : clone"), size, Unit::Ratio, Target::None, theirs / ours);
    }
}

/// The same probes on the file itself, where what one of them leaves behind is there for the next.
fn probes(size: &Size, subject: &Subject, plain: &Plain, figures: &mut Figures) {
    let (file, count) = (subject.path.to_string_lossy(), PROBES.to_string());
    let rounds = size.rounds.max(3);
    let mut compare = |name: &str, ours: &dyn Fn(), command: &str, sql: &str| {
        let ours = || timed(|| (0..PROBES).for_each(|_| ours()));
        let (ours, theirs) = in_turn(rounds, ours, || plain.run(&[command, &file, sql, &count]));
        figures.note(&format!("{name} : on a file"), size, Unit::Ratio, Target::None, theirs / ours);
    };
    compare("probes, fresh", &|| probe(&connect(&subject.fresh()), REFUSED_INSERT), "probes-fresh", REFUSED_INSERT);
    let clone = subject.fresh();
    let connection = connect(&clone);
    let restore = || clone.restore(&subject.image).expect("nobody is writing");
    let pooled = || {
        restore();
        probe(&connection, REFUSED_INSERT);
    };
    compare("probes, pooled", &pooled, "probes-pooled", REFUSED_INSERT);
    let query = || {
        restore();
        ask(&connection, POINT_QUERY);
    };
    compare("point queries, pooled", &query, "point-queries", POINT_QUERY);
}

fn scan(size: &Size, subject: &Subject, plain: &Plain, figures: &mut Figures) {
    let file = subject.path.to_string_lossy();
    let clone = subject.fresh();
    let ours = || {
        let connection = connect(&clone);
        // SQLite reads the schema now.
        ask(&connection, POINT_QUERY);
        timed(|| ask(&connection, SCAN))
    };
    let (ours, theirs) = in_turn(size.rounds.max(3), ours, || plain.run(&["query", &file, SCAN]));
    figures.note("scan of large tables", size, Unit::Time, Target::None, ours);
    figures.note("scan : on a file", size, Unit::Ratio, Target::None, ours / theirs);
}

/// The same script, as one transaction, on a clone and on a copy of the file; neither waits for a disk.
fn migration(size: &Size, subject: &Subject, plain: &Plain, figures: &mut Figures) {
    let file = subject.path.with_extension("migrated");
    let script = subject.path.with_extension("sql");
    fs::write(&script, MIGRATION).expect("room for a script");
    let (file_name, script_name) = (file.to_string_lossy(), script.to_string_lossy());
    let theirs = || {
        fs::copy(&subject.path, &file).expect("room for a copy");
        let took = plain.run(&["migrate", &file_name, &script_name]);
        fs::remove_file(&file).expect("the copy");
        took
    };
    let directory = subject.path.parent().unwrap_or(Path::new("."));
    for (name, memory_bytes_max) in [("migration in memory", u64::MAX >> 1), ("migration beyond 64 MB of memory", 64 << 20)] {
        let store = Store::new(directory, memory_bytes_max);
        let ours = || {
            let clone = clone_of(&subject.image, &store);
            let connection = connect(&clone);
            connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF").expect("pragmas");
            timed(|| connection.execute_batch(&format!("BEGIN; {MIGRATION}; COMMIT")).expect("a migration"))
        };
        let (ours, theirs) = in_turn(size.rounds, ours, theirs);
        figures.note(name, size, Unit::Time, Target::None, ours);
        figures.note(&format!("{name} : on a file"), size, Unit::Ratio, Target::AtMost(1.0), ours / theirs);
    }
    fs::remove_file(&script).expect("the script");
}
