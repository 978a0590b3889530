//! What an attack leaves behind it in a session, in the thread and in the engine, where one statement after another does not show it.

use std::{ffi::c_int, fs, path::Path};

use rehearsal::{
    clone_db::{Access, Layer, Session, SessionSettings, SqlValue},
    plan::{Limits, Transactions},
};
use rehearsal_clone::{Base, CloneFile, CloneSettings, Image, OpenMode, Store, engine};
use rehearsal_packet::record::ErrorClass;
use rusqlite::{ffi, types::Value};

use super::{
    harness::{CLONE, LIMITS, clone, run},
    memory,
};

fn step(limits: &Limits) -> Session {
    let settings = SessionSettings { access: Access::Step(Transactions::Host), clone: &CLONE, limits };
    Session::open(&clone(limits), &settings).expect("a session")
}

fn ask(session: &Session, sql: &str) -> SqlValue {
    run(session, &[sql.to_owned()]).expect(sql)
}

#[test]
fn cursors_that_are_kept_open_share_one_budget_of_memory() {
    let session = step(&LIMITS);
    let ((cursors, refusal), peak) = memory::peak_of(|| {
        let mut cursors = Vec::new();
        loop {
            // The row that a cursor stands on is SQLite's memory, and stays there until the cursor goes on.
            let mut cursor = session.query("SELECT length(b) FROM (SELECT randomblob(3000000) b LIMIT 2)", &[]).expect("a query");
            match session.next_rows(&mut cursor, 1, 1) {
                Ok(_) => cursors.push(cursor),
                Err(refusal) => break (cursors, refusal),
            }
            assert!(cursors.len() < 64, "the budget has no end");
        }
    });
    assert_eq!(refusal.class, ErrorClass::Limit);
    assert_eq!(session.overrun().map(|overrun| overrun.limit), Some("sql_memory_bytes"));
    assert!(cursors.len() >= 2, "{}", cursors.len());
    assert!(peak < LIMITS.sql_memory_bytes + 3 * LIMITS.value_bytes, "{peak}");
}

#[test]
fn memory_that_a_cursor_gives_back_can_be_taken_again() {
    let session = step(&LIMITS);
    for _ in 0..20 {
        let mut cursor = session.query("SELECT hex(zeroblob(1500000))", &[]).expect("a query");
        assert_eq!(session.next_rows(&mut cursor, 1, 1).expect("a row").len(), 1);
    }
    assert_eq!(session.overrun(), None);
}

#[test]
fn a_session_that_ran_out_of_memory_takes_none_from_the_next_one() {
    let greedy = step(&Limits { value_bytes: u64::MAX, ..LIMITS });
    run(&greedy, &["SELECT length(hex(zeroblob(100000000)))".into()]).expect_err("there is no room");
    assert_eq!(greedy.overrun().map(|overrun| overrun.limit), Some("sql_memory_bytes"));
    assert_eq!(ask(&step(&LIMITS), "SELECT length(hex(zeroblob(2000000)))"), SqlValue::Integer(4_000_000));
    drop(greedy);
    assert_eq!(ask(&step(&LIMITS), "SELECT length(hex(zeroblob(2000000)))"), SqlValue::Integer(4_000_000));
}

#[test]
fn a_step_that_rolled_the_hosts_transaction_back_is_through_and_nothing_of_it_is_committed() {
    for (before, sql) in [
        ("SELECT 1", "INSERT OR ROLLBACK INTO item VALUES (1, 'again', 1)"),
        ("SELECT 1", "UPDATE OR ROLLBACK item SET id = 2 WHERE id = 1"),
        ("CREATE TABLE once (x UNIQUE ON CONFLICT ROLLBACK)", "INSERT INTO once VALUES (1), (1)"),
        ("CREATE TRIGGER t BEFORE DELETE ON item BEGIN SELECT RAISE(ROLLBACK, 'gone'); END", "DELETE FROM item"),
    ] {
        let clone = clone(&LIMITS);
        let untouched = clone.image().state_digest().expect("a digest");
        let settings = SessionSettings { access: Access::Step(Transactions::Host), clone: &CLONE, limits: &LIMITS };
        let session = Session::open(&clone, &settings).expect("a session");
        session.begin().expect("a transaction");
        session.execute("UPDATE item SET price = price + 1", &[]).expect("a change");
        session.execute(before, &[]).expect(before);
        session.execute(sql, &[]).expect_err(sql);
        let next = session.execute("UPDATE item SET price = 0", &[]).expect_err("it would be committed by itself");
        assert_eq!(
            (next.class, next.message.as_str()),
            (ErrorClass::NotAuthorized, "an earlier statement rolled the host's transaction back")
        );
        session.commit().expect_err("there is nothing to commit");
        drop(session);
        assert_eq!(clone.image().state_digest().expect("a digest"), untouched, "{sql}");
    }
}

#[test]
fn the_characters_to_trim_take_little_memory_however_many_they_are() {
    let session = step(&LIMITS);
    let characters: String = (0x1_0000..0x10_0000).filter_map(char::from_u32).collect();
    let bytes = characters.len() as u64;
    let mut cursor = session.query("SELECT trim('xyz', ?1)", &[SqlValue::Text(characters)]).expect("a query");
    let (rows, peak) = memory::peak_of(|| session.next_rows(&mut cursor, 1, 1).expect("a row"));
    assert_eq!(rows, [[SqlValue::Text("xyz".into())]]);
    assert!(peak < 3 * bytes, "{peak} bytes for {bytes}");
}

#[test]
fn bytes_of_digits_are_those_of_sqlites_own_unhex() {
    let session = step(&Limits { sql_steps: u64::MAX, ..LIMITS });
    let plain = engine::open_in_memory().expect("a database");
    // Some are not UTF-8, too long for what they say, surrogates, or broken off.
    let values = [
        "NULL",
        "''",
        "'4'",
        "'41'",
        "'4142'",
        "'41 42'",
        "'4 1'",
        "'  41'",
        "'41-'",
        "'-'",
        "'żółć'",
        "'41ż42'",
        "'ż'",
        "'41🎉'",
        "'🎉 '",
        "'aF'",
        "'zz'",
        "x''",
        "x'34'",
        "x'3431ff'",
        "x'ff'",
        "x'c0af'",
        "x'c1'",
        "x'3431eda0803432'",
        "x'eda080'",
        "x'efbfbd'",
        "x'3431fc808080803432'",
        "x'fc80808080'",
        "x'3431f8'",
        "x'80'",
        "x'34318080'",
        "'41' || char(0) || '42'",
        "char(0)",
        "' ' || char(0)",
        "12",
        "4.25",
        "-1",
    ];
    let mut found = 0;
    for digits in values {
        for ignored in values {
            let sql = format!("SELECT quote(unhex(CAST({digits} AS TEXT), CAST({ignored} AS TEXT)))");
            let theirs: String = plain.query_row(&sql, [], |row| row.get(0)).expect(&sql);
            found += u32::from(theirs != "NULL");
            assert_eq!(ask(&session, &sql), SqlValue::Text(theirs), "{sql}");
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn patches_are_those_of_sqlites_own_json_patch() {
    let session = step(&Limits { sql_steps: u64::MAX, ..LIMITS });
    let plain = engine::open_in_memory().expect("a database");
    let values = [
        "NULL",
        "1",
        "2.5",
        "''",
        "'null'",
        "'[1, 2]'",
        "'{}'",
        "'{\"a\": 1}'",
        "'{\"a\": null}'",
        "'{\"a\": {\"b\": [1], \"c\": null}}'",
        "'{\"ż\": \"🎉\", \"a\": {\"b\": 2}}'",
        "'{a: +1, /* JSON5 */}'",
        "'{'",
        "'\"a\"'",
        "jsonb('{\"a\": {\"d\": 1}}')",
        "jsonb('[]')",
        "x'ff'",
        "x''",
        "json('{\"a\": 3}')",
    ];
    let mut found = 0;
    for object in values {
        for patch in values {
            for sql in [
                format!("SELECT quote(json_patch({object}, {patch}))"),
                format!("SELECT quote(jsonb_patch({object}, {patch}))"),
                // JSON within JSON is not quoted, if it is known to be JSON.
                format!("SELECT json_array(json_patch({object}, {patch}))"),
            ] {
                let theirs = plain.query_row(&sql, [], |row| row.get::<_, String>(0)).map_err(|error| error.to_string());
                found += u32::from(theirs.is_ok());
                let ours = run(&session, std::slice::from_ref(&sql));
                match (ours, theirs) {
                    (Ok(SqlValue::Text(ours)), Ok(theirs)) => assert_eq!(ours, theirs, "{sql}"),
                    (Err(ours), Err(theirs)) => assert_eq!(ours.message, theirs, "{sql}"),
                    (ours, theirs) => panic!("{sql}: {ours:?}, and SQLite itself: {theirs:?}"),
                }
            }
        }
    }
    assert!(found > 400, "{found}");
}

#[test]
fn a_patch_of_a_few_keys_fits_a_large_object() {
    let session = step(&LIMITS);
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        SELECT json_extract(json_patch(json_group_object('key ' || i, i), 
            '{\"key 1\": 0, \"more\": [1, 2, 3], \"key 2\": null}'), '$.more[2]') FROM n";
    assert_eq!(ask(&session, sql), SqlValue::Integer(3));
}

#[test]
fn no_setting_brings_extensions_back() {
    let connection = clone(&LIMITS).open(OpenMode::ReadWrite).expect("a connection");
    let (on, mut is_on): (c_int, c_int) = (1, -1);
    // SAFETY: the handle is that of an open connection; this setting takes an integer and a pointer to one.
    unsafe { ffi::sqlite3_db_config(connection.handle(), ffi::SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, on, &raw mut is_on) };
    let refused = connection.query_row("SELECT load_extension('x')", [], |row| row.get::<_, Value>(0)).expect_err("no such function");
    assert!(refused.to_string().starts_with("no such function: load_extension"), "{refused}");
}

#[test]
fn the_connection_of_a_session_without_a_layer_serves_no_other_session() {
    let settings = SessionSettings { access: Access::Case, clone: &CLONE, limits: &LIMITS };
    // Nor does that of one on a clone with virtual tables; this has none.
    let store = Store::new(&std::env::temp_dir(), 1 << 20);
    let plain = || {
        let empty = Image::of(Base::from_bytes([]).expect("no bytes"));
        CloneFile::new(empty, &store, CloneSettings { now_unix_ms: 0, growth_bytes_max: 1 << 20 })
    };
    assert!(Session::open(&plain(), &settings).expect("a session").retire().is_some());
    for layer in Layer::ALL {
        assert!(Session::open_without(&[layer], &plain(), &settings).expect("a session").retire().is_none(), "{layer:?}");
    }
}

#[test]
fn nothing_in_the_tool_opens_a_session_without_a_layer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src");
    let mut sources = vec![root];
    let mut found = Vec::new();
    while let Some(path) = sources.pop() {
        if path.is_dir() {
            sources.extend(fs::read_dir(&path).expect("a directory").map(|entry| entry.expect("an entry").path()));
        } else {
            let text = fs::read_to_string(&path).expect("a source");
            found.extend(text.lines().filter(|line| line.contains("open_without(")).map(|line| line.trim().to_owned()));
        }
    }
    found.sort();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("Self::open_without(&[], "), "{found:?}");
    assert!(found[1].starts_with("pub fn open_without("), "{found:?}");
}
