//! Sessions on a clone: what one connection gives a module.

use std::sync::Arc;

use rehearsal::{
    clone_db::{Access, Clones, ImageId, Overrun, Session, SessionPool, SessionSettings, SqlValue},
    plan::{ClonePlan, Limits, Transactions},
};
use rehearsal_clone::{Base, CloneFile, Image, OpenMode, engine};
use rehearsal_packet::record::ErrorClass;

const CLONE: ClonePlan = ClonePlan { foreign_keys: true, now_unix_ms: 1_767_225_600_000, seed: 1 };

const THREE_ROWS: &str = "CREATE TABLE t (x INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);";

/// A clone of a database that some SQL makes.
fn clone_with(sql: &str) -> Arc<CloneFile> {
    let empty = Image::of(Base::from_bytes([]).expect("an empty base"));
    let clone = Clones::new(64 << 20).clone_of(empty, &CLONE, &Limits::STANDARD);
    let connection = clone.open(OpenMode::ReadWrite).expect("a connection");
    connection.execute_batch(sql).expect(sql);
    clone
}

fn session_on(clone: &Arc<CloneFile>, access: Access, limits: &Limits) -> Session {
    Session::open(clone, &SessionSettings { access, clone: &CLONE, limits }).expect("a session")
}

/// A session on a database of three rows.
fn session() -> Session {
    session_on(&clone_with(THREE_ROWS), Access::Case, &Limits::STANDARD)
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
    let session = session();
    let mut cursor = session.query("SELECT x FROM t ORDER BY x", &[]).expect("a query");
    let mut next = || integers(session.next_rows(&mut cursor, 2, usize::MAX).expect("rows"));
    assert_eq!([next(), next(), next(), next()], [vec![1, 2], vec![3], vec![], vec![]]);
}

#[test]
fn a_cursor_whose_last_batch_was_full_stays_at_its_end_too() {
    let session = session();
    let mut cursor = session.query("SELECT x FROM t ORDER BY x", &[]).expect("a query");
    let mut next = || integers(session.next_rows(&mut cursor, 3, usize::MAX).expect("rows"));
    assert_eq!([next(), next(), next()], [vec![1, 2, 3], vec![], vec![]]);
}

#[test]
fn a_cursor_that_failed_does_not_begin_again() {
    let session = session();
    let mut cursor =
        session.query("SELECT abs(CASE x WHEN 2 THEN -9223372036854775808 ELSE x END) FROM t ORDER BY x", &[]).expect("a query");
    assert_eq!(integers(session.next_rows(&mut cursor, 1, usize::MAX).expect("a row")), [1]);
    session.next_rows(&mut cursor, 1, usize::MAX).expect_err("an overflow");
    assert_eq!(integers(session.next_rows(&mut cursor, 1, usize::MAX).expect("nothing more")), [0; 0]);
}

#[test]
fn a_batch_ends_where_its_bytes_are_used_up_and_never_without_a_row() {
    let session = session();
    let mut cursor = session.query("SELECT x FROM t ORDER BY x", &[]).expect("a query");
    let mut next = || integers(session.next_rows(&mut cursor, 100, 1).expect("rows"));
    assert_eq!([next(), next(), next(), next()], [vec![1], vec![2], vec![3], vec![]]);
}

#[test]
fn a_statement_counts_only_the_rows_that_it_changed_itself() {
    let session = session();
    assert_eq!(session.execute("UPDATE t SET x = x + 10", &[]), Ok(3));
    assert_eq!(session.execute("CREATE TABLE other (y)", &[]), Ok(0));
    assert_eq!(session.execute("SELECT * FROM t", &[]), Ok(0));
    assert_eq!(session.execute("DELETE FROM t WHERE x = 99", &[]), Ok(0));
}

/// SQLite's own functions, and those that clones have instead.
fn answers(session: &Session, plain: &rusqlite::Connection, sql: &str) -> (SqlValue, SqlValue) {
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
    let session = session();
    let plain = engine::open_in_memory().expect("a database");
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
    let session = session();
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
    let limits = Limits { sql_steps: 100_000, ..Limits::STANDARD };
    let session = session_on(&clone_with("CREATE TABLE t (x)"), Access::Step(Transactions::Host), &limits);
    session.begin().expect("a transaction");
    let long = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) FROM n";
    assert_eq!(integers(session.host_query(long).expect("the host is not interrupted")), [100_000]);
    session.execute("INSERT INTO t VALUES (1)", &[]).expect("the module has spent nothing yet");
    assert_eq!(session.execute(long, &[]).expect_err("the module is interrupted").class, ErrorClass::Limit);
    assert_eq!(session.overrun(), Some(Overrun { limit: "sql_steps", value: 100_000 }));
    assert_eq!(integers(session.host_query(long).expect("nor is it afterwards")), [100_000]);
    session.rollback().expect("the host can still end what it began");
}

#[test]
fn what_an_open_transaction_sees_is_what_its_commit_leaves() {
    let clone = clone_with(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, y BLOB);
         WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO t SELECT i, 'row ' || i, zeroblob(i % 300) FROM n;
         CREATE INDEX t_x ON t (x);
         DELETE FROM t WHERE id BETWEEN 500 AND 1500;",
    );
    let start = clone.image();
    let before = start.state_digest().expect("a digest");
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
        clone.restore(&start).expect("nobody uses it");
        let session = session_on(&clone, Access::Step(Transactions::Host), &Limits::STANDARD);
        session.spill_early().expect("a small cache");
        session.begin().expect("a transaction");
        session.execute(change, &[]).expect(change);
        let during = session.flush().expect("an image").state_digest().expect("a digest");
        session.commit().expect("a commit");
        drop(session);
        assert_eq!(during, clone.image().state_digest().expect("a digest"), "{change}");
        assert_eq!(during == before, change == "UPDATE t SET y = y", "{change}");
    }
}

#[test]
fn a_statement_that_takes_too_much_memory_is_refused_and_the_next_one_is_not() {
    let limits = Limits { sql_memory_bytes: 8 << 20, ..Limits::STANDARD };
    let session = session_on(&clone_with(THREE_ROWS), Access::Case, &limits);
    let refusal = session.execute("INSERT INTO t SELECT length(group_concat(zeroblob(20000000))) FROM t", &[]).expect_err("16 MiB");
    assert_eq!(refusal.class, ErrorClass::Limit);
    assert_eq!(session.overrun(), Some(Overrun { limit: "sql_memory_bytes", value: 8 << 20 }));
    assert_eq!(integers(session.host_query("SELECT count(*) FROM t").expect("the connection still works")), [3]);
}

/// Images of one database, and connections that are used again.
struct Pool {
    clones: Clones,
    pool: SessionPool,
    image: ImageId,
}

const POOLED: SessionSettings<'static> = SessionSettings { access: Access::Case, clone: &CLONE, limits: &Limits::STANDARD };

impl Pool {
    fn on(sql: &str) -> Self {
        let clones = Clones::new(64 << 20);
        let image = clones.add(clone_with(sql).image());
        Self { clones, pool: SessionPool::default(), image }
    }

    /// What a session does; then its connection is kept, if it can be.
    fn session<T>(&self, work: impl FnOnce(&Session) -> T) -> T {
        let session = self.pool.session(&self.clones, self.image, &POOLED).expect("a session");
        let done = work(&session);
        if let Some(idle) = session.retire() {
            self.pool.keep(self.image, &POOLED, idle);
        }
        done
    }
}

/// What a statement answers, in a form that can be compared.
fn answer(session: &Session, sql: &str) -> String {
    match session.query(sql, &[]) {
        Ok(mut rows) => format!("{:?}", session.next_rows(&mut rows, 100, 100_000)),
        Err(refusal) => format!("{refusal}"),
    }
}

#[test]
fn a_session_that_is_used_again_cannot_be_told_from_a_fresh_one() {
    let pool = Pool::on(&format!(
        "{THREE_ROWS} CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, x UNIQUE, y DEFAULT (random()));
         INSERT INTO log (x) SELECT x FROM t;"
    ));
    // Each of these would answer otherwise if anything of an earlier session were left.
    let statements = [
        "SELECT changes(), total_changes(), last_insert_rowid()",
        "SELECT random(), hex(randomblob(4)), CURRENT_TIMESTAMP",
        "INSERT INTO log (x) VALUES (100) RETURNING id, y",
        "SELECT changes(), total_changes(), last_insert_rowid()",
        "INSERT INTO log (x) VALUES (100)",
        "UPDATE t SET x = x + 10 RETURNING x",
        "SELECT * FROM t, log ORDER BY 1, 2",
        "SELECT * FROM sqlite_sequence",
        "INSERT INTO t VALUES (9223372036854775807)",
        "INSERT INTO t VALUES (NULL) RETURNING x",
        "SELECT no_such_column FROM t",
        "SELECT changes(), total_changes(), last_insert_rowid()",
    ];
    let record = |session: &Session| (statements.map(|sql| answer(session, sql)), session.record());
    let fresh = pool.session(record);
    assert_eq!(pool.pool.idle(), 1, "the connection is kept");
    for _ in 0..3 {
        assert_eq!(pool.session(record), fresh);
        assert_eq!(pool.pool.idle(), 1, "it is the same connection");
    }
}

#[test]
fn a_session_that_has_left_traces_is_not_used_again() {
    for traces in [
        "PRAGMA foreign_keys = OFF",
        "PRAGMA case_sensitive_like = ON",
        "PRAGMA user_version = 3",
        "CREATE TEMP TABLE aside (x)",
        "CREATE TABLE more (x)",
        "DROP TABLE t",
        "CREATE VIRTUAL TABLE words USING fts5 (x)",
        "ANALYZE",
    ] {
        let pool = Pool::on(THREE_ROWS);
        pool.session(|session| session.execute(traces, &[]).map(drop)).expect(traces);
        assert_eq!(pool.pool.idle(), 0, "{traces}");
        assert_eq!(pool.session(|session| answer(session, "SELECT count(*) FROM t")), "Ok([[Integer(3)]])", "{traces}");
    }
}

#[test]
fn a_session_on_virtual_tables_or_with_a_broken_statement_is_not_used_again() {
    let pool = Pool::on("CREATE VIRTUAL TABLE words USING fts5 (x); INSERT INTO words VALUES ('one');");
    assert_eq!(pool.session(|session| answer(session, "SELECT x FROM words WHERE words MATCH 'one'")), "Ok([[Text(\"one\")]])");
    assert_eq!(pool.pool.idle(), 0);
    let pool = Pool::on(THREE_ROWS);
    let endless = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let limits = Limits { sql_steps: 100_000, ..Limits::STANDARD };
    let session = pool.pool.session(&pool.clones, pool.image, &SessionSettings { limits: &limits, ..POOLED }).expect("a session");
    session.execute(endless, &[]).expect_err("it is interrupted");
    assert!(session.retire().is_none());
}

#[test]
fn a_connection_serves_one_purpose() {
    let pool = Pool::on(THREE_ROWS);
    pool.session(|session| session.execute("DELETE FROM t", &[]).map(drop)).expect("a change");
    assert_eq!(pool.pool.idle(), 1);
    // Other limits, and another image, are other purposes; the first connection goes on waiting.
    let limits = Limits { rows: 2, ..Limits::STANDARD };
    let session = pool.pool.session(&pool.clones, pool.image, &SessionSettings { limits: &limits, ..POOLED }).expect("a session");
    assert_eq!(answer(&session, "SELECT count(*) FROM t"), "Ok([[Integer(3)]])");
    let other = pool.clones.add(clone_with("CREATE TABLE t (x); INSERT INTO t VALUES ('other');").image());
    let session = pool.pool.session(&pool.clones, other, &POOLED).expect("a session");
    assert_eq!(answer(&session, "SELECT x FROM t"), "Ok([[Text(\"other\")]])");
    assert_eq!(pool.pool.idle(), 1);
}

#[test]
fn an_image_that_is_forgotten_gives_back_what_only_it_has_changed() {
    let clones = Clones::new(64 << 20);
    let image = |sql: &str, from: &ImageId| {
        let clone = clones.clone_of(clones.image(*from).expect("an image"), &CLONE, &Limits::STANDARD);
        clone.open(OpenMode::ReadWrite).expect("a connection").execute_batch(sql).expect(sql);
        clones.add(clone.image())
    };
    let empty = clones.add(Image::of(Base::from_bytes([]).expect("an empty base")));
    let first = image("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(1000000));", &empty);
    let second = image("CREATE TABLE u (x); INSERT INTO u VALUES (zeroblob(2000000));", &first);
    let held = clones.store().memory_bytes();
    clones.forget(second);
    assert!(clones.image(second).is_err());
    let left = clones.store().memory_bytes();
    assert!((2_000_000..2_100_000).contains(&(held - left)), "{held} bytes, then {left}");
    clones.forget(first);
    assert_eq!(clones.store().memory_bytes(), 0);
}
