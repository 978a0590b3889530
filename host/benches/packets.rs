//! Sealing and gating the packet of the shop's rehearsal, as it is committed in `fixtures/shop`.
//!
//! ```text
//! cargo bench -p rehearsal --bench packets
//! ```

#[path = "setup/shop.rs"]
mod shop;

use std::path::Path;

use criterion::{BatchSize, Criterion};
use rehearsal::{
    event::Silent,
    rehearse::{Rehearsed, rehearse},
};
use rehearsal_packet::{gate, seal, tree_of};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let admitted = shop::admitted(Path::new(shop::DUMP));
    let Rehearsed { evidence, run } = rehearse(&admitted, 1, &Silent).expect("a rehearsal");
    let mut group = criterion.benchmark_group("packet");

    // What does not touch the disk: the conclusion, the canonical bytes, their digests.
    group.bench_function("tree hash", |bencher| bencher.iter(|| tree_of(&evidence).expect("a packet")));

    group.bench_function("seal", |bencher| {
        let directory = || tempfile::tempdir().expect("a directory for a packet");
        // The directory comes back, so that its deletion is not measured.
        let seal = |directory: tempfile::TempDir| (seal(&evidence, &run, &directory.path().join("packet")).expect("a packet"), directory);
        bencher.iter_batched(directory, seal, BatchSize::PerIteration);
    });

    let directory = tempfile::tempdir().expect("a directory for a packet");
    let packet = directory.path().join("packet");
    seal(&evidence, &run, &packet).expect("a packet");
    group.bench_function("gate", |bencher| bencher.iter(|| gate(&packet).expect("a packet that passes")));
    group.finish();
    criterion.final_summary();
}
