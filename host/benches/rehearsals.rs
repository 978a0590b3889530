//! What a rehearsal is made of: reading the source in, clones, legs and cases, and the packet.
//!
//! A shop of 1 MB is measured always, and one of 1 GB where that is asked for; the latter takes some minutes and 4 GB in the
//! directory for temporary files:
//!
//! ```text
//! REHEARSAL_BENCH_LARGE=1 cargo bench -p rehearsal --bench rehearsals
//! ```
//!
//! Files are written to that directory (`TMPDIR`): the figures are those of its disk too.

#[path = "setup/shop.rs"]
mod shop;

use std::{fs, path::Path};

use criterion::{BatchSize, BenchmarkGroup, Criterion, SamplingMode, Throughput, measurement::WallTime};
use rehearsal::{
    clone_db::Clones,
    event::Silent,
    rehearse::{Rehearsed, Resources, rehearse},
    run::{LegWork, Work},
};
use rehearsal_packet::{gate, seal, tree_of};
use tempfile::TempDir;

use shop::{OpenedShop, Size, Sources};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    packets(&mut criterion);
    intake(&mut criterion, "dump, 197kB", Path::new(shop::DUMP), 20);
    let sources = Sources::new();
    for size in Size::asked_for() {
        let source = sources.database(size);
        intake(&mut criterion, &format!("database, {}", size.name), &source, size.samples());
        let shop = OpenedShop::new(&source);
        legs(&mut criterion, size, &shop);
    }
    criterion.final_summary();
}

/// The packet of the shop's rehearsal, on the committed dump.
fn packets(criterion: &mut Criterion) {
    let admitted = shop::admitted(Path::new(shop::DUMP));
    let Rehearsed { evidence, run } =
        rehearse(&admitted, Resources { jobs: 1, memory_bytes_max: shop::MEMORY_BYTES, image_cache: None }, &Silent).expect("a rehearsal");
    let mut group = criterion.benchmark_group("packet");

    // What does not touch the disk: the conclusion, the canonical bytes, their digests.
    group.bench_function("tree hash", |bencher| bencher.iter(|| tree_of(&evidence).expect("a packet")));

    group.bench_function("seal", |bencher| {
        let directory = || tempfile::tempdir().expect("a directory for a packet");
        // The directory comes back, so that its deletion is not measured.
        let seal = |directory: TempDir| (seal(&evidence, &run, &directory.path().join("packet")).expect("a packet"), directory);
        bencher.iter_batched(directory, seal, BatchSize::PerIteration);
    });

    let directory = tempfile::tempdir().expect("a directory for a packet");
    let packet = directory.path().join("packet");
    seal(&evidence, &run, &packet).expect("a packet");
    group.bench_function("gate", |bencher| bencher.iter(|| gate(&packet).expect("a packet that passes")));
    group.finish();
}

/// From a source to the image of every clone: a database is digested and a dump is run; then the image is checked.
fn intake(criterion: &mut Criterion, name: &str, source: &Path, samples: usize) {
    let (admitted, clones) = (shop::admitted(source), Clones::new(shop::MEMORY_BYTES));
    let mut group = slow_group(criterion, "intake", samples);
    group.throughput(Throughput::Bytes(fs::metadata(source).expect("a source").len()));
    group.bench_function(name, |bencher| bencher.iter(|| shop::open(&admitted, &clones)));
    group.finish();
}

/// Whole tasks, as the runner gives them: `loyalty` is a few statements for all customers, `phone-numbers` a program that
/// reads and writes them one by one.
fn legs(criterion: &mut Criterion, size: Size, shop: &OpenedShop) {
    let worker = shop.worker();
    let base = shop.base();
    let mut group = slow_group(criterion, "leg", size.samples());
    for name in ["loyalty", "phone-numbers"] {
        let step = shop.step(name);
        let committed = LegWork::Committed { base, expected: None, transactions: step.transactions };
        for (leg, work) in [("committed", committed), ("transactional", LegWork::Transactional { base, expected: None })] {
            let task = shop.step_task(step, Work::Leg { step: name.to_owned(), leg: work });
            group.bench_function(format!("{name}, {leg}, {}", size.name), |bencher| bencher.iter(|| shop::perform(&worker, &task)));
        }
    }
    group.finish();

    let migrated = shop.migrated(&worker);
    let task = shop.case_task(&worker, migrated);
    let mut group = slow_group(criterion, "case", size.samples());
    group.bench_function(size.name, |bencher| bencher.iter(|| shop::perform(&worker, &task)));
    group.finish();
}

/// One iteration takes long enough to be a sample: criterion's growing samples are for what takes microseconds.
fn slow_group<'a>(criterion: &'a mut Criterion, name: &str, samples: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(samples);
    group
}
