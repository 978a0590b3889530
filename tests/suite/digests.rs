//! The state digest: equal when a clone holds the same, different when anything in it differs.

use std::path::Path;

use rehearsal::{
    clone_db::{
        Access, Session, SessionSettings,
        state::{self, Digests},
    },
    plan::{ClonePlan, Limits, Transactions},
};
use rusqlite::Connection;
use tempfile::TempDir;

/// A database of a thousand rows with an index and free pages.
fn database() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("clone.db");
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, y BLOB);
        WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO t SELECT i, 'row ' || i, zeroblob(i % 300) FROM n;
        CREATE INDEX t_x ON t (x);
        DELETE FROM t WHERE id BETWEEN 500 AND 1500;";
    let database = open(&path);
    database.execute_batch(setup).expect("a table");
    let free: i64 = database.query_row("PRAGMA freelist_count", [], |row| row.get(0)).expect("a count");
    assert!(free > 5, "there are {free} free pages");
    (directory, path)
}

fn open(path: &Path) -> Connection {
    let database = Connection::open(path).expect("a database");
    // So small a cache that changes are written before COMMIT.
    database.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = 5; PRAGMA cache_spill = 1;").expect("settings");
    database
}

fn digests(path: &Path) -> Digests {
    state::digests(path).expect("a digest")
}

#[test]
fn a_rollback_gives_the_state_back_though_pages_were_spilt_and_freed_and_taken() {
    for change in [
        "UPDATE t SET x = x || ' changed', y = zeroblob(500)",
        "DELETE FROM t",
        "DROP TABLE t",
        "INSERT INTO t SELECT id + 10000, x, zeroblob(900) FROM t",
        "CREATE TABLE more AS SELECT * FROM t; DELETE FROM t WHERE id > 1000; DROP INDEX t_x",
    ] {
        let (_directory, path) = database();
        let before = digests(&path);
        let database = open(&path);
        database.execute_batch(&format!("BEGIN IMMEDIATE; {change};")).expect(change);
        database.cache_flush().expect("pages are written");
        assert_ne!(digests(&path).state, before.state, "{change}: nothing was written before the ROLLBACK");
        database.execute_batch("ROLLBACK").expect("a rollback");
        assert_eq!(digests(&path).state, before.state, "{change}");
    }
}

#[test]
fn a_commit_without_effect_leaves_the_state() {
    for change in ["UPDATE t SET y = y", "DELETE FROM t WHERE id < 0", "CREATE TEMP TABLE aside (x)"] {
        let (_directory, path) = database();
        let before = digests(&path);
        open(&path).execute_batch(&format!("BEGIN IMMEDIATE; {change}; COMMIT;")).expect(change);
        assert_eq!(digests(&path).state, before.state, "{change}");
    }
}

#[test]
fn a_change_that_was_taken_back_leaves_the_state_but_not_the_bytes() {
    let (_directory, path) = database();
    let before = digests(&path);
    let database = open(&path);
    database.execute_batch("PRAGMA user_version = 1").expect("a change");
    assert_ne!(digests(&path).state, before.state);
    database.execute_batch("PRAGMA user_version = 0").expect("the change is taken back");
    assert_eq!(digests(&path).state, before.state);
    // The header counts the changes.
    assert_ne!(digests(&path).bytes, before.bytes);
}

#[test]
fn every_change_of_any_row_or_of_the_schema_is_another_state() {
    let (_directory, path) = database();
    let database = open(&path);
    let mut seen = vec![digests(&path).state];
    let mut changes: Vec<String> = (0..30).map(|number| format!("UPDATE t SET x = 'new' WHERE id = {}", number * 16 + 3)).collect();
    changes.extend(
        [
            "UPDATE t SET y = zeroblob(0) WHERE id = 8",
            "DELETE FROM t WHERE id = 13",
            "INSERT INTO t VALUES (-1, NULL, NULL)",
            "PRAGMA user_version = 1",
            "PRAGMA application_id = 1",
            "CREATE VIEW v AS SELECT 1",
            "ALTER TABLE t ADD COLUMN z",
            "DROP VIEW v",
            "VACUUM",
        ]
        .map(str::to_owned),
    );
    for change in changes {
        database.execute_batch(&change).unwrap_or_else(|error| panic!("{change}: {error}"));
        let state = digests(&path).state;
        assert!(!seen.contains(&state), "{change} left a state that was there before");
        seen.push(state);
    }
}

#[test]
fn what_is_not_a_database_has_a_digest_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("x");
    for content in [&b""[..], b"x", &[0; 99], &[0xff; 5000]] {
        std::fs::write(&path, content).expect("a file");
        assert_eq!(digests(&path).bytes, rehearsal_packet::Sha256::of(content));
    }
}

#[test]
fn a_freelist_that_runs_in_a_circle_is_digested_all_the_same() {
    let (_directory, path) = database();
    let mut bytes = std::fs::read(&path).expect("its bytes");
    let trunk = u32::from_be_bytes(bytes[32..36].try_into().expect("four bytes"));
    let at = (trunk as usize - 1) * 4096;
    bytes[at..at + 4].copy_from_slice(&trunk.to_be_bytes());
    std::fs::write(&path, &bytes).expect("a circle");
    assert_eq!(digests(&path).bytes, rehearsal_packet::Sha256::of(&bytes));
}

#[test]
fn what_an_open_transaction_sees_is_what_its_commit_leaves() {
    let clone = ClonePlan { foreign_keys: true, now_unix_ms: 0, seed: 1 };
    let settings = SessionSettings { access: Access::Step(Transactions::Host), clone: &clone, limits: &Limits::STANDARD };
    for change in [
        // SQLite holds the first page back until COMMIT: these touch no other.
        "ALTER TABLE t ADD COLUMN z",
        "PRAGMA user_version = 7",
        "UPDATE t SET x = x || ' changed', y = zeroblob(500)",
        "DELETE FROM t",
        "DROP TABLE t",
        "CREATE TABLE more AS SELECT * FROM t",
        "UPDATE t SET y = y",
    ] {
        let (_directory, path) = database();
        let before = digests(&path).state;
        let session = Session::open(&path, &settings).expect("a session");
        session.begin().expect("a transaction");
        session.execute(change, &[]).expect(change);
        let during = state::digest_in_transaction(&session).expect("a digest");
        session.commit().expect("a commit");
        drop(session);
        assert_eq!(during, digests(&path).state, "{change}");
        assert_eq!(during == before, change == "UPDATE t SET y = y", "{change}");
    }
}
