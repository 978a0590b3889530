//! Sessions on a clone: what one connection gives a module.

use rehearsal::{
    clone_db::{Access, Session, SessionSettings, SqlValue},
    plan::{ClonePlan, Limits},
};
use rusqlite::Connection;
use tempfile::TempDir;

const CLONE: ClonePlan = ClonePlan { foreign_keys: true, now_unix_ms: 1_767_225_600_000, seed: 1 };

/// A database of three rows, and a session on it.
fn session() -> (TempDir, Session) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("clone.db");
    let database = Connection::open(&path).expect("a database");
    database.execute_batch("CREATE TABLE t (x INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);").expect("a table");
    let settings = SessionSettings { access: Access::Case, clone: &CLONE, limits: &Limits::STANDARD };
    let session = Session::open(&path, &settings).expect("a session");
    (directory, session)
}

fn integers(rows: Vec<Vec<SqlValue>>) -> Vec<i64> {
    let integer = |row: Vec<SqlValue>| match row.as_slice() {
        [SqlValue::Integer(integer)] => *integer,
        other => panic!("{other:?} is not one integer"),
    };
    rows.into_iter().map(integer).collect()
}

#[test]
fn a_cursor_that_has_delivered_all_stays_at_its_end() {
    // `sqlite3_step` begins again after SQLITE_DONE: a module that asks once more than it must would see the rows twice.
    let (_directory, session) = session();
    let mut cursor = session.query("SELECT x FROM t ORDER BY x", &[]).expect("a query");
    let mut next = || integers(session.next_rows(&mut cursor, 2, usize::MAX).expect("rows"));
    assert_eq!([next(), next(), next(), next()], [vec![1, 2], vec![3], vec![], vec![]]);
}

#[test]
fn a_cursor_whose_last_batch_was_full_stays_at_its_end_too() {
    let (_directory, session) = session();
    let mut cursor = session.query("SELECT x FROM t ORDER BY x", &[]).expect("a query");
    let mut next = || integers(session.next_rows(&mut cursor, 3, usize::MAX).expect("rows"));
    assert_eq!([next(), next(), next()], [vec![1, 2, 3], vec![], vec![]]);
}

#[test]
fn a_cursor_that_failed_does_not_begin_again() {
    let (_directory, session) = session();
    let mut cursor =
        session.query("SELECT abs(CASE x WHEN 2 THEN -9223372036854775808 ELSE x END) FROM t ORDER BY x", &[]).expect("a query");
    assert_eq!(integers(session.next_rows(&mut cursor, 1, usize::MAX).expect("a row")), [1]);
    session.next_rows(&mut cursor, 1, usize::MAX).expect_err("an overflow");
    assert_eq!(integers(session.next_rows(&mut cursor, 1, usize::MAX).expect("nothing more")), [0; 0]);
}

#[test]
fn a_batch_ends_where_its_bytes_are_used_up_and_never_without_a_row() {
    let (_directory, session) = session();
    let mut cursor = session.query("SELECT x FROM t ORDER BY x", &[]).expect("a query");
    let mut next = || integers(session.next_rows(&mut cursor, 100, 1).expect("rows"));
    assert_eq!([next(), next(), next(), next()], [vec![1], vec![2], vec![3], vec![]]);
}

#[test]
fn a_statement_counts_only_the_rows_that_it_changed_itself() {
    let (_directory, session) = session();
    assert_eq!(session.execute("UPDATE t SET x = x + 10", &[]), Ok(3));
    assert_eq!(session.execute("CREATE TABLE other (y)", &[]), Ok(0));
    assert_eq!(session.execute("SELECT * FROM t", &[]), Ok(0));
    assert_eq!(session.execute("DELETE FROM t WHERE x = 99", &[]), Ok(0));
}
