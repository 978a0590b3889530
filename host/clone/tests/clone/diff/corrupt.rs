//! Images that are not what they should be: an answer or an error, and always soon.

use rehearsal_clone::{CloneFile, ContentError, DiffBounds, Image, LogicalDigests, OpenMode, diff, differs};

use crate::database::{BOUNDS, Numbers, SETTINGS, based, bytes_of, image_of, store};

const SETUP: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, x); CREATE TABLE w (k PRIMARY KEY, x) WITHOUT ROWID; CREATE INDEX i ON t (x);
    CREATE TABLE quiet (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150) INSERT INTO t SELECT i, printf('%.*c', i * 9 % 700, 'x') FROM n;
    INSERT INTO w SELECT x || id, id FROM t; INSERT INTO quiet SELECT x FROM t; DELETE FROM t WHERE id % 7 = 0;";

/// Enough for every row of a sound image, many times over.
const STEPS_MAX: u64 = 1 << 20;

/// What can be done with two images, without a panic and without an end that does not come. Says whether all answered.
fn read(before: &Image, after: &Image) -> bool {
    let bounds = DiffBounds { steps_max: STEPS_MAX, ..BOUNDS };
    let found = diff(before, after, store(), SETTINGS, bounds);
    let is_different = differs(before, after, store(), SETTINGS, STEPS_MAX);
    if let (Ok(found), Ok(is_different)) = (&found, &is_different) {
        assert_eq!(*is_different, !found.is_empty());
    }
    let digests =
        LogicalDigests::of(before, store(), SETTINGS, STEPS_MAX).and_then(|digests| digests.after(after, store(), SETTINGS, STEPS_MAX));
    found.is_ok() && digests.is_ok()
}

/// Says how often there was an answer, and how often an error.
fn flip_bytes(seed: u64, rounds: u32) -> (u32, u32) {
    let mut numbers = Numbers(seed);
    let (mut answers, mut errors) = (0, 0);
    for auto_vacuum in [0, 1] {
        let good = image_of(&format!("PRAGMA page_size = 512; PRAGMA auto_vacuum = {auto_vacuum}; {SETUP}"));
        let bytes = bytes_of(&good);
        for _ in 0..rounds {
            let mut bad = bytes.clone();
            for _ in 0..=numbers.below(3) {
                let page = numbers.below(good.pages()) as usize * 512;
                // The headers of pages most of all.
                let within = if numbers.below(3) == 0 { numbers.below(512) } else { numbers.below(24) } as usize;
                let at = page + within;
                bad[at] = if numbers.below(2) == 0 { bad[at] ^ (1 << numbers.below(8)) } else { numbers.below(256) as u8 };
            }
            let bad = based(bad);
            let clone = CloneFile::new(bad.clone(), store(), SETTINGS);
            if let Ok(connection) = clone.open(OpenMode::ReadWrite) {
                // Whatever comes of it: a statement that fails has changed nothing.
                drop(connection.execute_batch("UPDATE t SET x = x || 'y' WHERE id = 77; DELETE FROM w WHERE x = 5;"));
            }
            for (before, after) in [(&bad, &clone.image()), (&good, &bad)] {
                *if read(before, after) { &mut answers } else { &mut errors } += 1;
            }
        }
    }
    (answers, errors)
}

#[test]
fn bytes_that_are_wrong_end_in_an_answer_or_an_error() {
    let (answers, errors) = flip_bytes(3, 60);
    assert!(answers > 20 && errors > 20, "{answers} answers, {errors} errors: the bytes hit nothing, or everything");
}

#[test]
#[ignore = "minutes: by hand, with --ignored"]
fn many_bytes_that_are_wrong_end_in_an_answer_or_an_error() {
    for seed in 1_000..1_020 {
        flip_bytes(seed, 100);
    }
}

/// An image of `t` with more than one level of pages, whose root is changed before it becomes a base.
fn with_root(change: impl Fn(&mut [u8])) -> (Image, Image) {
    let good = image_of(&format!("PRAGMA page_size = 512; {SETUP}"));
    let mut bytes = bytes_of(&good);
    // `t` is the first table, on the second page.
    change(&mut bytes[512..1024]);
    (good, based(bytes))
}

#[test]
fn a_tree_that_contains_itself_is_walked_once() {
    let (good, bad) = with_root(|root| {
        assert_eq!(root[0], 5, "an interior page of a table");
        root[8..12].copy_from_slice(&2_u32.to_be_bytes());
    });
    let refused = diff(&good, &bad, store(), SETTINGS, BOUNDS).expect_err("the tree has no end");
    assert_eq!(refused.to_string(), "the rows of the table t are not in the order of their keys: the image is corrupt");
}

#[test]
fn rows_that_come_again_are_out_of_order() {
    let (good, bad) = with_root(|root| {
        // The last child is the first one once more.
        let first = usize::from(u16::from_be_bytes([root[12], root[13]]));
        let child: [u8; 4] = root[first..first + 4].try_into().expect("four bytes");
        root[8..12].copy_from_slice(&child);
    });
    let refused = diff(&good, &bad, store(), SETTINGS, BOUNDS).expect_err("rows come again");
    assert_eq!(refused.to_string(), "the rows of the table t are not in the order of their keys: the image is corrupt");
}

#[test]
fn pages_that_nobody_owns_have_every_table_read() {
    let good =
        image_of("PRAGMA page_size = 512; CREATE TABLE t (x); CREATE TABLE u (x); INSERT INTO t VALUES (1); INSERT INTO u VALUES (2);");
    let bytes = bytes_of(&good);
    // The header counts one page more, which is in no tree and on no list.
    let orphaned = |byte: u8| {
        let mut bytes = bytes.clone();
        bytes[28..32].copy_from_slice(&4_u32.to_be_bytes());
        bytes.extend([byte; 512]);
        based(bytes)
    };
    let diff = diff(&orphaned(1), &orphaned(2), store(), SETTINGS, BOUNDS).expect("both can be read");
    assert_eq!(diff.compared, ["t", "u"]);
    assert!(diff.is_empty());
}

#[test]
fn what_is_no_database_is_refused() {
    let refused = diff(&based(vec![b'x'; 4096]), &image_of("CREATE TABLE t (x);"), store(), SETTINGS, BOUNDS).expect_err("it is none");
    assert!(matches!(refused, ContentError::Sqlite { .. }));
    assert_eq!(refused.to_string(), "SQLite cannot read the schema: file is not a database");
}

#[test]
fn a_key_whose_order_only_the_application_knows_is_refused() {
    let mark = |image: &Image| {
        let mut bytes = bytes_of(image);
        let at = bytes.windows(6).position(|window| window == b"NOCASE").expect("the schema names the collation");
        bytes[at..at + 6].copy_from_slice(b"SECRET");
        based(bytes)
    };
    // An index that is not the table itself is not read, so nobody needs its order.
    let before = image_of("CREATE TABLE t (k PRIMARY KEY COLLATE NOCASE);");
    let changed = mark(&crate::database::after(&before, "INSERT INTO t VALUES ('a');"));
    assert_eq!(diff(&mark(&before), &changed, store(), SETTINGS, BOUNDS).expect("both can be read").tables[0].added, 1);

    let before = image_of("CREATE TABLE t (k PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID;");
    let changed = crate::database::after(&before, "INSERT INTO t VALUES ('a');");
    let refused = diff(&mark(&before), &mark(&changed), store(), SETTINGS, BOUNDS).expect_err("nobody knows the order");
    assert_eq!(refused.to_string(), "the key of the table t is sorted by the collation SECRET, which is not one of SQLite's own");
}
