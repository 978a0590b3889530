//! How much a clone may take, and that a transaction which wants more can be rolled back.

use std::sync::Arc;

use rehearsal_clone::{CloneFile, CloneSettings, Image};
use rusqlite::ffi::{SQLITE_FULL, SQLITE_OK};

use crate::scene::*;

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, x);
    CREATE INDEX t_x ON t (x);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400) INSERT INTO t SELECT i, hex(zeroblob(400 + i)) FROM n";

fn limited(image: &Image, growth_bytes_max: u64) -> Arc<CloneFile> {
    CloneFile::new(image.clone(), &store(), CloneSettings { now_unix_ms: 0, growth_bytes_max })
}

#[test]
fn a_transaction_that_wants_too_much_is_refused_and_rolled_back_whatever_the_budget() {
    let image = image_of(database(TABLE));
    let (before, most) = (image.state_digest().expect("a digest"), 3 << 20);
    let (mut refused, mut left) = (0, 0);
    for growth_bytes_max in (0..most).step_by(150_001) {
        for pragmas in ["cache_size = 5", "cache_size = 60", "cache_size = -8000", "synchronous = OFF", "journal_mode = TRUNCATE"] {
            let clone = limited(&image, growth_bytes_max);
            let connection = open(&clone);
            connection
                .execute_batch(&format!("PRAGMA cache_size = 20; PRAGMA cache_spill = 1; PRAGMA {pragmas}; BEGIN"))
                .expect("it works");
            let sql = "SAVEPOINT a; UPDATE t SET x = 'b' || x; RELEASE a; INSERT INTO t (x) SELECT 'c' || x FROM t";
            match code_of(connection.execute_batch(sql)) {
                SQLITE_OK => {}
                code => {
                    assert_eq!(code, SQLITE_FULL, "with {growth_bytes_max} and {pragmas}");
                    refused += 1;
                }
            }
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK").unwrap_or_else(|error| panic!("{error}: {growth_bytes_max}, {pragmas}"));
            }
            // A write that was refused leaves the journal for whoever comes next, as a full disk does.
            left += u32::from(clone.has_journal());
            assert_eq!(number(&connection, "SELECT count(*) FROM t"), 400);
            assert!(!clone.has_journal(), "with {growth_bytes_max} and {pragmas}");
            assert_eq!(state(&clone), before, "with {growth_bytes_max} and {pragmas}");
            assert_eq!(integrity(&open(&clone)), "ok");
            assert!(clone.take_trouble().is_none());
        }
    }
    assert!(refused > 40 && left > 0, "{refused}, {left}");
}

#[test]
fn a_budget_is_there_again_after_a_restore() {
    let image = image_of(database(TABLE));
    let clone = limited(&image, 1 << 20);
    let (connection, before) = (open(&clone), clone.image());
    for _ in 0..3 {
        assert_eq!(code_of(connection.execute_batch("INSERT INTO t (x) SELECT zeroblob(1000000) FROM t")), SQLITE_FULL);
        assert!(connection.is_autocommit());
        clone.restore(&before).expect("nobody holds a lock");
        assert_eq!(clone.taken_bytes(), 0);
        connection.execute_batch("INSERT INTO t (x) VALUES (zeroblob(200000))").expect("there is room");
        assert!((400_000..600_000).contains(&clone.taken_bytes()), "{}", clone.taken_bytes());
    }
}

#[test]
fn a_page_counts_once_however_often_it_is_written() {
    let clone = limited(&image_of(database(TABLE)), 8 << 20);
    let connection = open(&clone);
    connection.execute_batch("UPDATE t SET id = id WHERE id = 3").expect("there is room");
    let taken = clone.taken_bytes();
    for _ in 0..200 {
        connection.execute_batch("UPDATE t SET id = id WHERE id = 3").expect("there is room");
    }
    assert_eq!(clone.taken_bytes(), taken);
    let full = clone.image().bytes();
    connection.execute_batch("INSERT INTO t (x) VALUES (zeroblob(300000)); DELETE FROM t WHERE id > 400; VACUUM").expect("there is room");
    assert!(clone.image().bytes() <= full);
}

#[test]
fn temporary_files_count_for_as_long_as_they_are_there() {
    let image = image_of(database(TABLE));
    for (sql, name) in [
        ("CREATE TEMP TABLE mine AS SELECT a.x FROM t AS a, t AS b", "a temporary table"),
        ("SELECT count(*) FROM (SELECT a.x FROM t AS a, t AS b ORDER BY a.x || b.id LIMIT 100000)", "a sorter"),
    ] {
        let clone = limited(&image, 4 << 20);
        let connection = open(&clone);
        connection.execute_batch("PRAGMA temp_store = FILE; PRAGMA cache_size = 5; CREATE TEMP TABLE none (x)").expect("it works");
        for turn in 0..40 {
            let outcome = connection.prepare(sql).and_then(|mut statement| statement.query([])?.next().map(drop));
            assert_eq!(code_of(outcome), SQLITE_FULL, "{name}, {turn}");
        }
        connection.execute_batch("DROP TABLE IF EXISTS temp.mine").expect("it works");
        drop(connection);
        assert_eq!(clone.taken_bytes(), 0, "{name}: what is gone does not count");
        open(&clone).execute_batch("UPDATE t SET id = id WHERE id < 9").expect("there is room again");
    }
}
