//! Sessions on a clone: what one connection gives a module.

use rehearsal::{
    clone_db::{Access, Overrun, Session, SessionSettings, SqlValue},
    plan::{ClonePlan, Limits, Transactions},
};
use rehearsal_packet::record::ErrorClass;
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

/// SQLite's own functions, and those that clones have instead.
fn answers(session: &Session, plain: &Connection, sql: &str) -> (SqlValue, SqlValue) {
    let mut rows = session.query(sql, &[]).expect(sql);
    let ours = session.next_rows(&mut rows, 1, 1_000).expect(sql).remove(0).remove(0);
    let theirs = plain.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0)).expect(sql);
    let theirs = match theirs {
        rusqlite::types::Value::Null => SqlValue::Null,
        rusqlite::types::Value::Integer(integer) => SqlValue::Integer(integer),
        rusqlite::types::Value::Real(real) => SqlValue::Real(real),
        rusqlite::types::Value::Text(text) => SqlValue::Text(text),
        rusqlite::types::Value::Blob(blob) => SqlValue::Blob(blob),
    };
    (ours, theirs)
}

#[test]
fn the_linear_functions_answer_as_sqlites_own() {
    let (_directory, session) = session();
    let plain = Connection::open_in_memory().expect("a database");
    let values = [
        "NULL",
        "''",
        "'a'",
        "'aa'",
        "'aaab'",
        "'ab'",
        "'baab'",
        "'  a b '",
        "' '",
        "'żółć'",
        "'łć'",
        "'ó'",
        "'🎉a🎉'",
        "'🎉'",
        "x''",
        "x'61'",
        "x'6162'",
        "x'00'",
        "x'616261'",
        "'a' || char(0) || 'b'",
        "char(0)",
        "12",
        "1.5",
        "2",
        "1e100",
        "-0.0",
        "'1.5e'",
        "'100'",
    ];
    let mut compared = 0;
    let mut same = |sql: String| {
        let (ours, theirs) = answers(&session, &plain, &sql);
        assert_eq!(ours, theirs, "{sql}");
        compared += 1;
    };
    for first in values {
        for function in ["trim", "ltrim", "rtrim"] {
            same(format!("SELECT {function}({first})"));
        }
        for second in values {
            for function in ["instr", "trim", "ltrim", "rtrim"] {
                same(format!("SELECT {function}({first}, {second})"));
                same(format!("SELECT typeof({function}({first}, {second}))"));
            }
            for third in ["NULL", "''", "'xyz'", "'ż'", "7", "x'62'"] {
                same(format!("SELECT replace({first}, {second}, {third})"));
                same(format!("SELECT typeof(replace({first}, {second}, {third}))"));
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
}

#[test]
fn long_strings_do_not_stop_the_host() {
    let (_directory, session) = session();
    // Each would take SQLite's own functions many minutes, in which nothing could interrupt them.
    for sql in [
        "SELECT instr(replace(hex(zeroblob(1000000)), '00', 'aa'), replace(hex(zeroblob(400000)), '00', 'aa') || 'b')",
        "SELECT length(replace(replace(hex(zeroblob(1000000)), '00', 'aa'), replace(hex(zeroblob(400000)), '00', 'aa') || 'b', 'c'))",
        "SELECT length(trim(replace(hex(zeroblob(1000000)), '00', 'aa'), replace(hex(zeroblob(1000000)), '00', 'bb') || 'a'))",
    ] {
        let mut rows = session.query(sql, &[]).expect(sql);
        assert_eq!(session.next_rows(&mut rows, 1, 1_000).expect(sql).len(), 1, "{sql}");
    }
}

#[test]
fn what_the_host_does_by_itself_is_not_taken_from_the_budget_of_the_module() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("clone.db");
    Connection::open(&path).expect("a database").execute_batch("CREATE TABLE t (x)").expect("a table");
    let limits = Limits { sql_steps: 100_000, ..Limits::STANDARD };
    let settings = SessionSettings { access: Access::Step(Transactions::Host), clone: &CLONE, limits: &limits };
    let session = Session::open(&path, &settings).expect("a session");
    session.begin().expect("a transaction");
    let long = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) FROM n";
    assert_eq!(integers(session.host_query(long).expect("the host is not interrupted")), [100_000]);
    session.execute("INSERT INTO t VALUES (1)", &[]).expect("the module has spent nothing yet");
    assert_eq!(session.execute(long, &[]).expect_err("the module is interrupted").class, ErrorClass::Limit);
    assert_eq!(session.overrun(), Some(Overrun { limit: "sql_steps", value: 100_000 }));
    assert_eq!(integers(session.host_query(long).expect("nor is it afterwards")), [100_000]);
    session.rollback().expect("the host can still end what it began");
}
