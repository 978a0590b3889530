//! The digests: those of the definition, whatever was done before; and what each mask is for.

use std::ops::Range;

use rehearsal_clone::{CloneFile, Image};

use crate::{reference, scene::*};

const PAGE_SIZES: [usize; 8] = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

/// A table with as many pages as it takes to have some levels, and a freelist with more than one trunk if `has_free_pages`.
fn tables(page_bytes: usize, has_free_pages: bool) -> Vec<u8> {
    let rows = if page_bytes < 4096 { 300 } else { 40 };
    let drop = if has_free_pages { "DROP TABLE other;" } else { "" };
    database(&format!(
        "PRAGMA page_size = {page_bytes};
         CREATE TABLE t (id INTEGER PRIMARY KEY, x);
         CREATE TABLE other (id INTEGER PRIMARY KEY, x);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {rows})
         INSERT INTO t SELECT i, zeroblob({page_bytes} / 2) FROM n;
         INSERT INTO other SELECT id, x FROM t;
         {drop}"
    ))
}

fn check(image: &Image) {
    let (bytes, page_bytes) = (bytes_of(image), image.page_bytes());
    let digests = (image.bytes_digest().expect("a digest"), image.state_digest().expect("a digest"));
    assert_eq!(digests, (reference::bytes_digest(page_bytes, &bytes), reference::state_digest(page_bytes, &bytes)));
}

/// Changes an image here and there; looks at the digests now and then, and at the end at those of everything that was kept.
fn change_at_random(base: Vec<u8>, seed: u64) {
    let (mut random, store) = (Seeded(seed), store());
    let image = image_of(base);
    let page_bytes = image.page_bytes() as u64;
    let (mut kept, mut image) = (vec![image.clone()], image);
    for _ in 0..60 {
        let pages = image.pages().max(1);
        let near = random.within(0..pages + 2) * page_bytes + random.within(0..page_bytes);
        match random.within(0..10) {
            0..5 => {
                let length = if random.once_in(2) { page_bytes } else { random.within(1..page_bytes * 2) };
                let offset = if random.once_in(2) { near / page_bytes * page_bytes } else { near };
                image.write(&store, offset, &random.bytes(length as usize)).expect("there is room");
            }
            5 => drop(image.resize(&store, near).expect("there is room")),
            6 => {
                // Over a power of sixteen, up or down, with holes.
                let pages = *random.one_of(&[0, 1, 15, 16, 17, if page_bytes <= 1024 { 257 } else { 18 }]);
                image.resize(&store, pages * page_bytes).expect("there is room");
            }
            7 => kept.push(image.clone()),
            8 => image = random.one_of(&kept).clone(),
            _ => check(&image),
        }
    }
    check(&image);
    kept.iter().for_each(check);
}

#[test]
fn digests_are_those_of_the_definition_whatever_was_done_before() {
    for (number, page_bytes) in PAGE_SIZES.into_iter().enumerate() {
        for has_free_pages in [false, true] {
            let whole = tables(page_bytes, has_free_pages);
            assert_eq!(reference::freelist_leaves(page_bytes, &whole).is_empty(), !has_free_pages);
            let ragged = whole[..whole.len() - page_bytes / 2 - 3].to_vec();
            for seed in 0..2 {
                let seed = (number as u64) << 8 | u64::from(has_free_pages) << 4 | seed;
                change_at_random(whole.clone(), seed);
                change_at_random(ragged.clone(), seed + 2);
            }
        }
    }
}

#[test]
fn what_is_no_database_has_digests_too() {
    for length in [0, 1, 27, 28, 99, 100, 4095, 4096, 4097, 70_000] {
        check(&image_of(Seeded(length as u64).bytes(length)));
    }
}

#[test]
fn sql_changes_the_digests_as_the_definition_says() {
    for (page_bytes, auto_vacuum) in [(512, "NONE"), (1024, "FULL"), (4096, "INCREMENTAL"), (65_536, "NONE")] {
        let clone = clone_of(&nothing(), &store());
        open(&clone)
            .execute_batch(&format!("PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {auto_vacuum}; VACUUM"))
            .expect("it works");
        let clone = clone_of(&image_of(bytes_of(&clone.image())), &store());
        let connection = open(&clone);
        for sql in [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, x)",
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) INSERT INTO t SELECT i, hex(zeroblob(i % 50)) FROM n",
            "CREATE INDEX t_x ON t (x)",
            "DELETE FROM t WHERE id % 3 = 0",
            "DROP INDEX t_x",
            "PRAGMA incremental_vacuum(3)",
            "DELETE FROM t",
            "VACUUM",
        ] {
            connection.execute_batch(sql).expect("it works");
            check(&clone.image());
        }
    }
}

#[test]
fn two_commits_that_take_a_change_back_leave_the_state_but_not_the_bytes() {
    // As another version of SQLite left it.
    let mut base = database("CREATE TABLE t (x); INSERT INTO t VALUES (5);");
    base[96..100].copy_from_slice(&3_008_000_u32.to_be_bytes());
    let clone = clone_of(&image_of(base), &store());
    let (connection, before) = (open(&clone), clone.image());
    connection.execute_batch("UPDATE t SET x = 7").expect("it works");
    assert_ne!(clone.image().state_digest().expect("a digest"), before.state_digest().expect("a digest"));
    connection.execute_batch("UPDATE t SET x = 5").expect("it works");
    let after = clone.image();
    assert_eq!(after.state_digest().expect("a digest"), before.state_digest().expect("a digest"));
    assert_ne!(after.bytes_digest().expect("a digest"), before.bytes_digest().expect("a digest"));
    // Each of the masked numbers has changed, and nothing else.
    let (before, after) = (bytes_of(&before), bytes_of(&after));
    let differing: Vec<usize> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    let counters = [24..28, 92..96, 96..100];
    for counter in &counters {
        assert!(differing.iter().any(|at| counter.contains(at)), "{counter:?} is as it was: why mask it?");
    }
    assert!(differing.iter().all(|at| counters.iter().any(|counter| counter.contains(at))), "{differing:?}");
}

#[test]
fn every_byte_of_the_header_that_is_not_masked_counts() {
    let base = database("CREATE TABLE t (x); INSERT INTO t VALUES (1);");
    let state = |at: Option<usize>| {
        let (mut image, store) = (image_of(base.clone()), store());
        if let Some(at) = at {
            image.write(&store, at as u64, &[!base[at]]).expect("there is room");
        }
        image.state_digest().expect("a digest")
    };
    let masked: Vec<usize> = (0..120).filter(|at| state(Some(*at)) == state(None)).collect();
    let counters: [Range<usize>; 2] = [24..28, 92..100];
    assert_eq!(masked, counters.into_iter().flatten().collect::<Vec<_>>());
}

/// Has a transaction take pages of the freelist and write them to the clone before it is rolled back.
fn roll_back_after_a_spill(clone: &std::sync::Arc<CloneFile>) {
    let connection = open(clone);
    connection
        .execute_batch(
            "PRAGMA cache_size = 5; PRAGMA cache_spill = 1;
             BEGIN;
             INSERT INTO t (x) SELECT randomblob(2000) FROM t;
             UPDATE t SET x = randomblob(2048);
             CREATE TABLE more AS SELECT * FROM t;",
        )
        .expect("it works");
    assert!(clone.writes() > 0, "without a spill there is nothing to roll back");
    connection.execute_batch("ROLLBACK").expect("it works");
    assert_eq!(integrity(&connection), "ok");
}

#[test]
fn a_rollback_after_a_spill_leaves_free_pages_with_other_bytes_and_the_state_as_it_was() {
    let clone = clone_of(&image_of(tables(4096, true)), &store());
    let before = clone.image();
    roll_back_after_a_spill(&clone);
    let after = clone.image();
    assert_ne!(after.bytes_digest().expect("a digest"), before.bytes_digest().expect("a digest"), "why mask the leaves, then?");
    assert_eq!(after.state_digest().expect("a digest"), before.state_digest().expect("a digest"));
    let leaves = reference::freelist_leaves(4096, &bytes_of(&before));
    let differing: Vec<usize> = (1..=before.pages())
        .filter(|page| before.page(page - 1).expect("a page") != after.page(page - 1).expect("a page"))
        .map(|page| page as usize)
        .collect();
    assert!(!differing.is_empty() && differing.iter().all(|page| leaves.contains(page)), "{differing:?} of {leaves:?}");
}

#[test]
fn a_rollback_after_a_spill_gives_every_byte_back_if_no_page_was_free() {
    let clone = clone_of(&image_of(tables(4096, false)), &store());
    let before = clone.image();
    roll_back_after_a_spill(&clone);
    assert_eq!(clone.image().bytes_digest().expect("a digest"), before.bytes_digest().expect("a digest"));
}

#[test]
fn restoring_gives_every_byte_back() {
    let clone = clone_of(&image_of(tables(1024, true)), &store());
    let (before, bytes) = (clone.image(), bytes_of(&clone.image()));
    open(&clone)
        .execute_batch("INSERT INTO t (x) SELECT x FROM t; CREATE TABLE more (x); DELETE FROM t WHERE id < 20; VACUUM;")
        .expect("it works");
    assert_ne!(clone.image().bytes_digest().expect("a digest"), before.bytes_digest().expect("a digest"));
    clone.restore(&before).expect("nobody holds a lock");
    assert!(bytes_of(&clone.image()) == bytes);
    assert_eq!(clone.image().bytes_digest().expect("a digest"), reference::bytes_digest(1024, &bytes));
}

#[test]
fn which_pages_are_free_is_part_of_the_state() {
    let base = tables(4096, true);
    let at = |offset: usize| u32::from_be_bytes(base[offset..offset + 4].try_into().expect("four bytes"));
    let trunk = (at(32) as usize - 1) * 4096;
    let (free, store) = (image_of(base.clone()), store());
    let mut taken = free.clone();
    taken.write(&store, trunk as u64 + 4, &(at(trunk + 4) - 1).to_be_bytes()).expect("there is room");
    assert_ne!(taken.state_digest().expect("a digest"), free.state_digest().expect("a digest"));
    // What is free holds nothing, what is not free does.
    let last = u64::from(at(trunk + 4 + at(trunk + 4) as usize * 4) - 1) * 4096;
    for (image, counts) in [(free, false), (taken, true)] {
        let mut written = image.clone();
        written.write(&store, last, b"something").expect("there is room");
        assert_eq!(written.state_digest().expect("a digest") != image.state_digest().expect("a digest"), counts);
    }
}

#[test]
fn what_lies_beyond_the_pages_that_the_header_counts_is_no_part_of_the_state() {
    let base = tables(1024, true);
    let (mut image, store, before) = (image_of(base.clone()), store(), image_of(base.clone()));
    image.write(&store, base.len() as u64, &[7; 5000]).expect("there is room");
    assert_eq!(image.state_digest().expect("a digest"), before.state_digest().expect("a digest"));
    assert_ne!(image.bytes_digest().expect("a digest"), before.bytes_digest().expect("a digest"));
    check(&image);
    // A count that SQLite does not believe is not believed: all there is belongs to the database.
    let mut version = base[92..96].to_vec();
    version[3] ^= 1;
    image.write(&store, 92, &version).expect("there is room");
    assert_ne!(image.state_digest().expect("a digest"), before.state_digest().expect("a digest"));
    check(&image);
}

#[test]
fn a_freelist_that_lies_is_believed_in_the_same_way_in_every_image() {
    let whole = tables(512, true);
    let trunk = (u32::from_be_bytes(whole[32..36].try_into().expect("four bytes")) as usize - 1) * 512;
    let pages = (whole.len() / 512) as u32;
    // The next trunk; how many leaves; the first leaf. Beyond the end, nonsense, the same again.
    for lies in [[0, 1, pages + 5], [pages + 3, 2, 3], [0, u32::MAX, 5], [trunk as u32 / 512 + 1, 200, 5], [2, 3, 1]] {
        let mut base = whole.clone();
        for (number, lie) in lies.into_iter().enumerate() {
            base[trunk + 4 * number..trunk + 4 * number + 4].copy_from_slice(&lie.to_be_bytes());
        }
        let (mut image, store) = (image_of(base), store());
        check(&image);
        image.resize(&store, u64::from(pages + 8) * 512).expect("there is room");
        check(&image);
        image.write(&store, u64::from(pages + 2) * 512, &[1; 2048]).expect("there is room");
        check(&image);
    }
}

#[test]
fn a_short_page_that_becomes_whole_is_digested_again() {
    let (mut image, store) = (image_of(vec![1; 15 * 4096 + 100]), store());
    check(&image);
    image.write(&store, 0, &[2]).expect("there is room");
    check(&image);
    let short = image.clone();
    image.write(&store, 16 * 4096, &[3]).expect("there is room");
    check(&image);
    image.resize(&store, 15 * 4096 + 200).expect("there is room");
    check(&image);
    check(&short);
}
