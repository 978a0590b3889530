//! Disks that stop at every write of a transaction: what is left is what was before it, or after it, and never anything between.
//!
//! The state digest tells which. `REHEARSAL_LONG=1` tries more seeds:
//!
//! ```text
//! REHEARSAL_LONG=1 cargo test --package rehearsal-clone --test clone -- crash
//! ```

use std::sync::Arc;

use rehearsal_clone::{CloneConnection, CloneFile, CloneSettings, CrashPoint, Image, Keeps, OpenMode};
use rehearsal_packet::Sha256;
use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY};

use crate::scene::*;

const TABLES: &str = "PRAGMA page_size = 1024;
    CREATE TABLE t (id INTEGER PRIMARY KEY, x);
    CREATE INDEX t_x ON t (x);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 120) INSERT INTO t SELECT i, hex(zeroblob(60)) || i FROM n;";

/// What is in the database, and a transaction.
const KINDS: [(&str, &str, &str); 5] = [
    ("inserts over many pages", "", "INSERT INTO t SELECT id + 1000, x || 'again' FROM t"),
    (
        "schema changes",
        "CREATE TABLE u (x); CREATE TABLE v AS SELECT * FROM t;",
        "DROP TABLE u; DROP TABLE v; ALTER TABLE t ADD COLUMN y DEFAULT 5; CREATE INDEX t_y ON t (y)",
    ),
    ("a deletion that cuts the file", "PRAGMA auto_vacuum = FULL; VACUUM;", "DELETE FROM t WHERE id > 80"),
    ("large rows", "", "INSERT INTO t VALUES (1000, zeroblob(20000)); UPDATE t SET x = zeroblob(5000) WHERE id = 5"),
    (
        "free pages that are used again",
        "CREATE TABLE u AS SELECT * FROM t; DROP TABLE u;",
        "CREATE TABLE v AS SELECT id, x || 'v' FROM t; DELETE FROM t WHERE id % 2",
    ),
];

fn seeds() -> u64 {
    if std::env::var_os("REHEARSAL_LONG").is_some() { 30 } else { 2 }
}

/// A clone about to crash at a write, with a connection whose cache holds five pages.
fn about_to_crash(image: &Image, synchronous: &str, at_write: u64, keeps: Keeps) -> (Arc<CloneFile>, CloneConnection) {
    let clone = clone_of(image, &store());
    let connection = open(&clone);
    let pragmas = format!("PRAGMA cache_size = 5; PRAGMA cache_spill = 1; PRAGMA synchronous = {synchronous}");
    connection.execute_batch(&pragmas).expect("it works");
    clone.crash_at(CrashPoint { at_write, keeps });
    (clone, connection)
}

/// Opens what a crash has left; its state, if it is a sound database.
fn reopened(clone: &Arc<CloneFile>) -> Result<Sha256, String> {
    assert!(clone.has_crashed());
    clone.recover();
    assert!(!clone.has_crashed());
    let connection = open(clone);
    let said = integrity(&connection);
    if said != "ok" {
        return Err(said);
    }
    assert!(!clone.has_journal(), "whoever reads first rolls back");
    Ok(state(clone))
}

/// The state that a transaction comes to when nothing crashes.
fn committed(image: &Image, transaction: &str) -> Sha256 {
    let clone = clone_of(image, &store());
    let connection = open(&clone);
    connection.execute_batch(&format!("PRAGMA cache_size = 5; PRAGMA cache_spill = 1; {transaction}")).expect("it works");
    state(&clone)
}

/// Crashes a transaction at each of its writes. How many there are, and how many crashes left the database as it was after the transaction.
fn crash_at_each_write(image: &Image, transaction: &str, synchronous: &str, keeps: impl Fn(u64) -> Keeps) -> (u64, u64) {
    let states = [image.state_digest().expect("a digest"), committed(image, transaction)];
    assert_ne!(states[0], states[1]);
    let mut afterwards = 0;
    for at_write in 1.. {
        let keeps = keeps(at_write);
        let (clone, connection) = about_to_crash(image, synchronous, at_write, keeps);
        let outcome = code_of(connection.execute_batch(transaction));
        if !clone.has_crashed() {
            assert_eq!((outcome, state(&clone)), (0, states[1]));
            return (at_write - 1, afterwards);
        }
        let name = format!("write {at_write} of `{transaction}`, synchronous = {synchronous}, {keeps:?}");
        assert!(matches!(outcome, 0 | SQLITE_IOERR | SQLITE_FULL), "{name}: {outcome}");
        // Nothing more can be written, and whoever tries hears of it.
        assert_ne!(code_of(connection.execute_batch("CREATE TABLE more (x)")), 0, "{name}");
        drop(connection);
        let left = reopened(&clone).unwrap_or_else(|said| panic!("{name}: {said}"));
        assert!(states.contains(&left), "{name}: neither as before nor as after");
        afterwards += u64::from(left == states[1]);
    }
    unreachable!("a transaction has an end")
}

fn crash_every_kind(synchronous: &str, keeps: impl Fn(u64) -> Keeps) {
    for (kind, more, sql) in KINDS {
        let image = image_of(database(&format!("{TABLES} {more}")));
        let (writes, _) = crash_at_each_write(&image, &format!("BEGIN; {sql}; COMMIT"), synchronous, &keeps);
        assert!(writes > 12, "{kind}: {writes}");
    }
}

#[test]
fn a_killed_process_leaves_before_or_after_though_nothing_is_synced() {
    crash_every_kind("OFF", |_| Keeps::Everything);
}

#[test]
fn a_killed_process_leaves_before_or_after() {
    crash_every_kind("FULL", |_| Keeps::Everything);
}

#[test]
fn a_disk_that_keeps_only_what_was_synced_leaves_before_or_after() {
    crash_every_kind("FULL", |_| Keeps::Nothing);
}

#[test]
fn a_write_that_is_torn_leaves_before_or_after() {
    crash_every_kind("FULL", |_| Keeps::HalfOfTheLast);
}

#[test]
fn a_disk_that_keeps_some_writes_and_not_others_leaves_before_or_after() {
    for seed in 0..seeds() {
        crash_every_kind("FULL", |at_write| Keeps::Some { seed: seed << 32 | at_write });
    }
}

#[test]
fn a_disk_that_keeps_only_what_was_synced_destroys_a_database_that_syncs_nothing() {
    let image = image_of(database(TABLES));
    let states = [image.state_digest().expect("a digest"), committed(&image, KINDS[0].2)];
    for keeps in [Keeps::Some { seed: 1 }, Keeps::Some { seed: 2 }] {
        let destroyed = (1..200).any(|at_write| {
            let (clone, connection) = about_to_crash(&image, "OFF", at_write, keeps);
            drop(connection.execute_batch(KINDS[0].2));
            drop(connection);
            clone.has_crashed() && reopened(&clone).map_or(true, |left| !states.contains(&left))
        });
        assert!(destroyed, "{keeps:?}: else this file tests nothing");
    }
}

#[test]
fn a_commit_that_was_not_synced_is_lost_with_the_disk() {
    // Every sync is left out, so the whole transaction has left nothing when the next one crashes.
    let image = image_of(database(TABLES));
    let (clone, connection) = about_to_crash(&image, "OFF", 10_000, Keeps::Nothing);
    connection.execute_batch("UPDATE t SET x = 1").expect("nothing has crashed yet");
    let committed = state(&clone);
    clone.crash_at(CrashPoint { at_write: 2, keeps: Keeps::Nothing });
    assert_eq!(code_of(connection.execute_batch("UPDATE t SET x = 2")), SQLITE_IOERR);
    drop(connection);
    assert_eq!(reopened(&clone), Ok(committed), "what was there when the crash was set is on the disk");
}

#[test]
fn several_transactions_in_a_row_leave_the_state_of_one_of_them() {
    let image = image_of(database(TABLES));
    let transactions =
        ["UPDATE t SET x = x || 'a' WHERE id % 9 = 0", "INSERT INTO t VALUES (500, 5)", "UPDATE t SET x = x || 'b' WHERE id % 20 = 0"];
    let states: Vec<_> = (0..=transactions.len())
        .map(|count| {
            let clone = clone_of(&image, &store());
            transactions[..count].iter().for_each(|sql| open(&clone).execute_batch(sql).expect("it works"));
            state(&clone)
        })
        .collect();
    let mut seen = [0; 4];
    for synchronous in ["FULL", "EXTRA"] {
        for seed in 0..4 * seeds() {
            for at_write in 1..400 {
                let (clone, connection) = about_to_crash(&image, synchronous, at_write, Keeps::Some { seed: seed << 32 | at_write });
                let committed = transactions.iter().take_while(|sql| connection.execute_batch(sql).is_ok()).count();
                if !clone.has_crashed() {
                    break;
                }
                drop(connection);
                let left = reopened(&clone).unwrap_or_else(|said| panic!("write {at_write}, seed {seed}, {synchronous}: {said}"));
                let which = states.iter().position(|state| *state == left);
                let which = which.unwrap_or_else(|| panic!("write {at_write}, seed {seed}, {synchronous}: none of them"));
                // Only EXTRA syncs that the journal is gone: without, the last commit may come undone.
                let least = if synchronous == "EXTRA" { committed } else { committed.saturating_sub(1) };
                assert!(
                    (least..=committed + 1).contains(&which),
                    "write {at_write}, seed {seed}, {synchronous}: {which} after {committed}"
                );
                seen[which] += 1;
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn a_crash_in_a_rollback_leaves_what_was_before() {
    for keeps in [Keeps::Everything, Keeps::Nothing, Keeps::HalfOfTheLast, Keeps::Some { seed: 7 }, Keeps::Some { seed: 8 }] {
        for (kind, more, sql) in KINDS {
            let image = image_of(database(&format!("{TABLES} {more}")));
            let before = image.state_digest().expect("a digest");
            let mut crashes = 0;
            for at_write in 1.. {
                let (clone, connection) = about_to_crash(&image, "FULL", u64::MAX, keeps);
                connection.execute_batch(&format!("BEGIN; {sql}")).expect("it works");
                // What was written so far is on the disk; only what the rollback writes can be lost.
                clone.crash_at(CrashPoint { at_write, keeps });
                drop(connection.execute_batch("ROLLBACK"));
                if !clone.has_crashed() {
                    break;
                }
                crashes += 1;
                drop(connection);
                assert_eq!(reopened(&clone), Ok(before), "{kind}, {keeps:?}, write {at_write} of the rollback");
            }
            assert!(crashes > 0, "{kind}");
        }
    }
}

#[test]
fn a_crash_while_a_crash_is_being_recovered_from_leaves_what_was_before() {
    let image = image_of(database(TABLES));
    let before = image.state_digest().expect("a digest");
    for keeps in [Keeps::Everything, Keeps::Nothing, Keeps::HalfOfTheLast, Keeps::Some { seed: 7 }] {
        let mut crashes = 0;
        for at_write in 1.. {
            let (clone, connection) = about_to_crash(&image, "FULL", 40, Keeps::Everything);
            assert_eq!(code_of(connection.execute_batch(KINDS[0].2)), SQLITE_IOERR);
            drop(connection);
            clone.recover();
            assert!(clone.has_journal());
            clone.crash_at(CrashPoint { at_write, keeps });
            drop(integrity(&open(&clone)));
            if !clone.has_crashed() {
                break;
            }
            crashes += 1;
            assert_eq!(reopened(&clone), Ok(before), "{keeps:?}, write {at_write} of the recovery");
        }
        assert!(crashes > 2, "{crashes}");
    }
}

#[test]
fn a_crash_that_is_still_to_come_takes_no_more_with_every_commit() {
    let image = image_of(database(TABLES));
    let settings = CloneSettings { growth_bytes_max: 300 << 10, ..ROOMY };
    let clone = CloneFile::new(image, &store(), settings);
    clone.crash_at(CrashPoint { at_write: u64::MAX, keeps: Keeps::Nothing });
    let connection = open(&clone);
    for x in 0..300 {
        connection.execute("UPDATE t SET x = ?1 WHERE id % 20 = 0", [x]).expect("there is room");
    }
    assert!(clone.taken_bytes() < 200 << 10, "{}", clone.taken_bytes());
}

#[test]
fn whoever_only_reads_cannot_recover() {
    let (clone, connection) = about_to_crash(&image_of(database(TABLES)), "FULL", 40, Keeps::Everything);
    assert_eq!(code_of(connection.execute_batch(KINDS[0].2)), SQLITE_IOERR);
    drop(connection);
    clone.recover();
    let reader = clone.open(OpenMode::ReadOnly).expect("it opens");
    assert_eq!(code_of(reader.query_row("SELECT count(*) FROM t", [], |_| Ok(()))), SQLITE_READONLY);
    assert!(clone.has_journal());
    assert_eq!(number(&open(&clone), "SELECT count(*) FROM t"), 120);
    assert_eq!(number(&reader, "SELECT count(*) FROM t"), 120);
}

#[test]
fn a_connection_that_was_open_when_its_disk_crashed_sees_what_is_left() {
    let image = image_of(database(TABLES));
    let (clone, connection) = about_to_crash(&image, "FULL", 40, Keeps::Nothing);
    assert_eq!(number(&connection, "SELECT count(*) FROM t"), 120);
    assert_eq!(code_of(connection.execute_batch("BEGIN; INSERT INTO t SELECT id + 1000, x || 'again' FROM t")), SQLITE_IOERR);
    drop(connection.execute_batch("ROLLBACK"));
    clone.recover();
    assert_eq!(number(&connection, "SELECT count(*) FROM t"), 120);
    assert_eq!(integrity(&connection), "ok");
    assert_eq!(state(&clone), image.state_digest().expect("a digest"));
    connection.execute_batch("INSERT INTO t SELECT id + 1000, x || 'again' FROM t").expect("the disk works again");
}
