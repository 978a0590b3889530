//! What grows with the source: reading it in, copying and digesting a clone, legs and cases.
//!
//! A shop of 1 MB is measured always, and one of 100 MB where that is asked for; the latter takes some minutes and about
//! 1 GB in the directory for temporary files:
//!
//! ```text
//! REHEARSAL_BENCH_LARGE=1 cargo bench -p rehearsal --bench clones
//! ```

#[path = "setup/shop.rs"]
mod shop;

use std::{fs, path::Path};

use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, measurement::WallTime};
use rehearsal::{
    clone_db::{Scratch, state},
    run::{LegWork, Work},
};

use shop::{OpenedShop, Size, Sources};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let sources = Sources::new();
    intake(&mut criterion, "intake/dump, 197kB", Path::new(shop::DUMP), 20);
    for size in Size::asked_for() {
        let source = sources.database(size);
        intake(&mut criterion, &format!("intake/database, {}", size.name), &source, size.samples());
        let shop = OpenedShop::new(&source);
        clones(&mut criterion, size, &shop);
        legs(&mut criterion, size, &shop);
    }
    criterion.final_summary();
}

/// From a source to the first clone: a database is copied and a dump is run; then the clone is checked and digested.
fn intake(criterion: &mut Criterion, name: &str, source: &Path, samples: usize) {
    let (admitted, scratch) = (shop::admitted(source), Scratch::new().expect("room for clones"));
    let (group, function) = name.split_once('/').expect("a group and a function");
    let mut group = group_of(criterion, group, samples);
    group.throughput(Throughput::Bytes(fs::metadata(source).expect("a source").len()));
    group.bench_function(function, |bencher| bencher.iter(|| shop::open(&admitted, &scratch)));
    group.finish();
}

/// What every leg and every case does with its clone whatever the module does.
fn clones(criterion: &mut Criterion, size: Size, shop: &OpenedShop) {
    let base = shop.opened.base();
    let mut group = group_of(criterion, "clone", size.samples());
    group.throughput(Throughput::Bytes(fs::metadata(base.path()).expect("a clone").len()));
    group.bench_function(format!("copy, {}", size.name), |bencher| {
        bencher.iter(|| shop.scratch.copy_of(base.id()).expect("room for a clone"))
    });
    group.bench_function(format!("digest, {}", size.name), |bencher| bencher.iter(|| state::digest(base.path()).expect("a clone")));
    group.finish();
}

/// Whole tasks, as the runner gives them: `loyalty` is three statements for all customers, `phone-numbers` a program that
/// reads and writes them one by one.
fn legs(criterion: &mut Criterion, size: Size, shop: &OpenedShop) {
    let worker = shop.worker();
    let base = shop.opened.base().id();
    let mut group = group_of(criterion, "leg", size.samples());
    for name in ["loyalty", "phone-numbers"] {
        let step = shop.step(name);
        let committed = LegWork::Committed { base, transactions: step.transactions };
        for (leg, work) in [("committed", committed), ("transactional", LegWork::Transactional { base })] {
            let task = shop.step_task(step, Work::Leg { step: name.to_owned(), leg: work });
            group.bench_function(format!("{name}, {leg}, {}", size.name), |bencher| bencher.iter(|| shop::perform(&worker, &task)));
        }
    }
    group.finish();

    let migrated = shop.migrated(&worker);
    let task = shop.case_task(&worker, &migrated);
    let mut group = group_of(criterion, "case", size.samples());
    group.bench_function(size.name, |bencher| bencher.iter(|| shop::perform(&worker, &task)));
    group.finish();
}

fn group_of<'a>(criterion: &'a mut Criterion, name: &str, samples: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    // One iteration takes long enough to be a sample: criterion's growing samples are for what takes microseconds.
    group.sampling_mode(SamplingMode::Flat).sample_size(samples);
    group
}
