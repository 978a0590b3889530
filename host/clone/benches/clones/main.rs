//! What a clone costs, at any size of its source, and what people do today without one.
//!
//! A database of 1 MB is measured always, larger ones where that is asked for:
//!
//! ```text
//! cargo bench -p rehearsal-clone                                  # 2 minutes
//! REHEARSAL_BENCH_LARGE=1 cargo bench -p rehearsal-clone          # and 1 GB: 10 minutes more, 5 GB of disk
//! REHEARSAL_BENCH_HUGE=1 cargo bench -p rehearsal-clone           # and 10 GB: 30 GB of disk
//! ```
//!
//! The databases are made once, in the directory `REHEARSAL_BENCH_DIR` (the one for temporary files, if that is not set), and stay
//! there; delete `rehearsal-clones-*.db` when the generator has changed. An argument chooses among criterion's
//! measurements as usual; the comparisons are made unless `REHEARSAL_BENCH_ALONE=1`. They are with the program in `benches/plain`, which is built on an SQLite with an
//! operating system, and come in turn with what the clone does, so that whatever else the machine does meets both. The table at the end
//! has the medians of everything, and what they should be.
//!
//! Where others use the machine as well, `REHEARSAL_BENCH_CLOCK=thread` has criterion count the time for which the thread had a
//! processor. The comparisons go by the clock on the wall in any case.
//!
//! Files of 10 GB are neither copied nor migrated.
#![allow(clippy::print_stdout, reason = "the table is for whoever has called this")]

mod clones;
mod database;
mod figures;
mod measure;
mod memory;
mod plain;
mod size;
mod subject;
mod today;

use std::{env, path::PathBuf};

use criterion::Criterion;

use crate::{
    clones::{CREATE, FRESH, OPEN, POOLED},
    figures::{Figures, Target, Unit},
    measure::{Clock, Measure},
    plain::Plain,
    size::Size,
    subject::Subject,
};

fn main() {
    if memory::was_asked() {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    let directory = env::var_os("REHEARSAL_BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    let is_alone = env::var_os("REHEARSAL_BENCH_ALONE").is_some_and(|value| value == "1");
    let plain = (!is_alone).then(Plain::build);
    let mut figures = Figures::default();
    for size in Size::asked_for() {
        let subject = Subject::open(&database::at(&directory, &size));
        clones::run(&mut Measure { criterion: &mut criterion, clock: Clock::asked_for(), size }, &subject, &mut figures);
        if let Some(plain) = &plain {
            today::run(&size, &subject, plain, &mut figures);
        }
        let peak = memory::peak_bytes_of(&subject.path);
        figures.note("most memory: base, digest, 100 probes", &size, Unit::Bytes, Target::AtMost(200e6), peak);
        slopes(&size, &mut figures);
    }
    criterion.final_summary();
    println!("{figures}");
}

/// What must not grow with the source, against the smallest size.
fn slopes(size: &Size, figures: &mut Figures) {
    for (name, is_time) in [(CREATE, true), (OPEN, true), (FRESH, false), (POOLED, false)] {
        let (Some(small), Some(this)) = (figures.get(name, &Size::ALL[0]), figures.get(name, size)) else { continue };
        let slower = if is_time { this / small } else { small / this };
        figures.note(&format!("{name}: time against 1 MB"), size, Unit::Ratio, Target::AtMost(1.25), slower);
    }
}
