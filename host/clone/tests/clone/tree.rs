//! An image against a plain vector of bytes: whatever is written, cut, grown, copied and taken back.

use proptest::{collection::vec, prelude::*, test_runner::RngSeed};
use rehearsal_clone::{Resized, Store};

use crate::{
    model::{Op, run},
    scene::*,
};

const PAGE: u64 = 512;

/// Places near the borders of pages and of nodes, and anywhere.
fn place() -> impl Strategy<Value = u64> {
    let borders = (prop::sample::select(vec![0, 1, 2, 15, 16, 17, 31, 32, 255, 256, 257, 300]), -3_i64..=3);
    prop_oneof![
        borders.prop_map(|(page, beside)| (page * PAGE).saturating_add_signed(beside)),
        0..24 * PAGE,
        (0..300_u64).prop_map(|page| page * PAGE),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let length = prop_oneof![Just(PAGE as usize), 0..40_usize, 0..1500_usize];
    prop_oneof![
        5 => (place(), length, any::<u64>()).prop_map(|(offset, length, seed)| Op::Write { offset, length, seed }),
        3 => place().prop_map(|bytes| Op::Resize { bytes }),
        2 => Just(Op::Snapshot),
        2 => any::<usize>().prop_map(|which| Op::Restore { which }),
        2 => (place(), 0..3000_usize).prop_map(|(offset, length)| Op::Read { offset, length }),
        3 => Just(Op::Digests),
    ]
}

/// A base of so many bytes whose header says that pages have 512: a whole number of pages or not.
fn base() -> impl Strategy<Value = Vec<u8>> {
    (prop_oneof![Just(100), place().prop_filter("room for a header", |bytes| *bytes >= 100)], any::<u64>()).prop_map(|(bytes, seed)| {
        let mut content = Seeded(seed).bytes(bytes as usize);
        content[..18].copy_from_slice(b"SQLite format 3\0\x02\0");
        content
    })
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(if std::env::var_os("REHEARSAL_LONG").is_some() { 20_000 } else { 300 }))]

    #[test]
    fn an_image_holds_what_was_written_to_it_and_a_snapshot_never_changes(base in base(), ops in vec(op(), 0..60)) {
        run(&base, &ops, &store());
    }

    #[test]
    fn pages_that_do_not_fit_into_memory_are_the_same_from_a_file_without_a_name(base in base(), ops in vec(op(), 0..40)) {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::new(directory.path(), 3 * PAGE);
        run(&base, &ops, &store);
        prop_assert_eq!(store.memory_bytes(), 0);
        let spilled = store.spilled_bytes();
        run(&base, &ops, &store);
        prop_assert_eq!(store.spilled_bytes(), spilled, "what was given back is used again");
        prop_assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
    }
}

#[test]
fn only_what_does_not_fit_into_memory_is_spilled_and_the_place_is_used_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = Store::new(directory.path(), 10 * 4096);
    let mut image = nothing();
    for page in 0..30 {
        image.write(&store, page * 4096, &[page as u8 + 1; 4096]).expect("there is room");
    }
    assert_eq!((store.memory_bytes(), store.spilled_bytes()), (10 * 4096, 20 * 4096));
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0, "the file has no name");
    let snapshot = image.clone();
    let resized = image.resize(&store, 4096).expect("it can be cut");
    assert_eq!(resized, Resized::default(), "the snapshot has the pages still");
    drop(snapshot);
    assert_eq!((store.memory_bytes(), store.spilled_bytes()), (4096, 20 * 4096));
    for page in 1..30 {
        image.write(&store, page * 4096, &[7; 4096]).expect("there is room");
    }
    assert_eq!((store.memory_bytes(), store.spilled_bytes()), (10 * 4096, 20 * 4096));
    assert_eq!(image.resize(&store, 0).expect("it can be cut"), Resized { taken: 0, given_back: 30 * 4096 });
    assert_eq!(store.memory_bytes(), 0);
}

#[test]
fn an_image_can_be_no_longer_than_a_database() {
    let (mut image, store) = (nothing(), store());
    let most = 4096_u64 << 32;
    for end in [most + 1, u64::MAX] {
        assert_eq!(image.resize(&store, end).expect_err("too long").kind(), std::io::ErrorKind::FileTooLarge);
        assert_eq!(image.write(&store, end, &[1, 2]).expect_err("too long").kind(), std::io::ErrorKind::FileTooLarge);
    }
    assert_eq!(image.bytes(), 0);
    image.write(&store, most - 1, &[9]).expect("the last byte of the longest database");
    let mut last = [1; 3];
    assert_eq!(image.read(most - 2, &mut last).expect("it can be read"), 2);
    assert_eq!((last, store.memory_bytes()), ([0, 9, 0], 4096));
}
