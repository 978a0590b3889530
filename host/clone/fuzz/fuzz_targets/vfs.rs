//! Any sequence of operations: on an image, beside a plain vector of bytes that they are done to as well; and of statements on two
//! connections to a clone, with snapshots, restores and crashes in between, after each of which the database is sound.

#![no_main]

#[path = "../../tests/clone/model.rs"]
mod model;
#[path = "../../tests/clone/reference.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod reference;
#[path = "../../tests/clone/scene.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod scene;
#[path = "../../tests/clone/workload.rs"]
mod workload;

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use rehearsal_clone::{CrashPoint, Keeps, Store};

use crate::{
    model::Op,
    scene::*,
    workload::{TABLES, Workload},
};

#[derive(Arbitrary, Debug)]
enum OnImage {
    Write { offset: u32, length: u16, seed: u64 },
    Resize { bytes: u32 },
    Snapshot,
    Restore { which: u8 },
    Read { offset: u32, length: u16 },
    Digests,
}

impl OnImage {
    fn op(&self) -> Op {
        /// Room for three levels of the tree, with pages of 512 bytes.
        const BYTES_MAX: u64 = 300 * 512;
        match *self {
            Self::Write { offset, length, seed } => {
                Op::Write { offset: u64::from(offset) % BYTES_MAX, length: usize::from(length) % 5000, seed }
            }
            Self::Resize { bytes } => Op::Resize { bytes: u64::from(bytes) % BYTES_MAX },
            Self::Snapshot => Op::Snapshot,
            Self::Restore { which } => Op::Restore { which: which.into() },
            Self::Read { offset, length } => Op::Read { offset: u64::from(offset) % BYTES_MAX, length: length.into() },
            Self::Digests => Op::Digests,
        }
    }
}

#[derive(Arbitrary, Debug)]
enum OnClone {
    /// A statement from the seed, by one of the two connections.
    Statement {
        by_second: bool,
    },
    Snapshot,
    Restore {
        which: u8,
    },
    Crash {
        at_write: u8,
        seed: Option<u64>,
    },
    Recover,
    Reopen {
        second: bool,
    },
}

#[derive(Arbitrary, Debug)]
enum Input {
    Image { base_bytes: u16, base_seed: u64, ops: Vec<OnImage> },
    Clone { seed: u64, small_pages: bool, ops: Vec<OnClone> },
}

fuzz_target!(|input: Input| match input {
    Input::Image { base_bytes, base_seed, ops } => {
        let mut base = Seeded(base_seed).bytes(usize::from(base_bytes).max(100));
        base[..18].copy_from_slice(b"SQLite format 3\0\x02\0");
        let ops: Vec<Op> = ops.iter().map(OnImage::op).collect();
        model::run(&base, &ops, &Store::new(&std::env::temp_dir(), 4096));
    }
    Input::Clone { seed, small_pages, ops } => on_clone(seed, if small_pages { 512 } else { 4096 }, &ops),
});

fn on_clone(seed: u64, page_bytes: u32, ops: &[OnClone]) {
    let image = image_of(database(&format!("PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = FULL; {}", TABLES.join(";"))));
    let (clone, mut workload) = (clone_of(&image, &store()), Workload::new(seed));
    let open = || {
        let connection = open(&clone);
        drop(connection.execute_batch("PRAGMA cache_size = 5; PRAGMA cache_spill = 1; PRAGMA synchronous = FULL"));
        connection
    };
    let mut connections = [open(), open()];
    let mut snapshots = vec![(image.clone(), image.bytes_digest().expect("a digest"))];
    for op in ops {
        match op {
            OnClone::Statement { by_second } => drop(connections[usize::from(*by_second)].execute_batch(&workload.statement())),
            OnClone::Snapshot if connections.iter().all(|connection| connection.is_autocommit()) && !clone.has_crashed() => {
                let image = clone.image();
                let digest = image.bytes_digest().expect("a digest");
                snapshots.push((image, digest));
            }
            OnClone::Restore { which } => drop(clone.restore(&snapshots[usize::from(*which) % snapshots.len()].0)),
            OnClone::Crash { at_write, seed } => {
                let keeps = seed.map_or(Keeps::HalfOfTheLast, |seed| if seed == 0 { Keeps::Nothing } else { Keeps::Some { seed } });
                clone.crash_at(CrashPoint { at_write: (*at_write).into(), keeps });
            }
            OnClone::Recover if clone.has_crashed() => {
                // The machine went down, and every process with it.
                drop(connections);
                clone.recover();
                connections = [open(), open()];
                assert_eq!(integrity(&connections[0]), "ok");
            }
            OnClone::Reopen { second } => connections[usize::from(*second)] = open(),
            OnClone::Snapshot | OnClone::Recover => {}
        }
    }
    drop(connections);
    clone.recover();
    assert_eq!(integrity(&open()), "ok");
    for (image, digest) in &snapshots {
        assert_eq!(image.bytes_digest().expect("a digest"), *digest, "a snapshot never changes");
    }
}
