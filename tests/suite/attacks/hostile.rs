//! A database whose schema means harm: names that are not UTF-8, which no SQL that a module sends can hold.

use std::sync::Arc;

use rehearsal::clone_db::{Access, Layer, Session, SessionSettings, SqlValue};
use rehearsal_clone::{Base, CloneFile, CloneSettings, Image, OpenMode, Store};
use rehearsal_packet::record::ErrorClass;

use super::harness::{CLONE, LIMITS, run};

/// Where these two letters stand in the schema, it will hold two bytes that are not UTF-8.
const NAME: &[u8; 2] = b"QQ";

const SCHEMA: &str = "
    CREATE TABLE plain (x);
    CREATE TABLE QQt (QQc INTEGER PRIMARY KEY, y CHECK (y > 0) REFERENCES QQt (QQc));
    CREATE INDEX QQi ON QQt (y) WHERE QQc > 0;
    INSERT INTO QQt VALUES (1, 1);
    CREATE TRIGGER QQg AFTER INSERT ON plain BEGIN INSERT INTO QQt VALUES (new.x, new.x); END;
    CREATE VIEW seen AS SELECT * FROM QQt;
    CREATE VIEW computed AS WITH QQw (QQx) AS (SELECT 1) SELECT QQx FROM QQw;
    CREATE VIEW broken AS SELECT QQf(1);
    CREATE VIEW reaching AS SELECT * FROM pragma_QQp;
    CREATE VIEW collated AS SELECT 'a' COLLATE QQl;
    CREATE VIRTUAL TABLE QQv USING fts5 (QQb);
    INSERT INTO QQv VALUES ('lamp');
    CREATE VIEW words AS SELECT * FROM QQv;";

/// What a statement answers, or the class of its refusal and a part of the reason.
type Expected = Result<SqlValue, (ErrorClass, &'static str)>;

/// A clone of that database, made by changing bytes of one with harmless names.
fn clone() -> Arc<CloneFile> {
    let store = Store::new(&std::env::temp_dir(), 64 << 20);
    let settings = CloneSettings { now_unix_ms: CLONE.now_unix_ms, growth_bytes_max: LIMITS.growth_bytes };
    let harmless = CloneFile::new(Image::of(Base::from_bytes([]).expect("no bytes")), &store, settings);
    harmless.open(OpenMode::ReadWrite).expect("a connection").execute_batch(SCHEMA).expect("the schema");
    let mut bytes = Vec::new();
    harmless.image().write_to(&mut bytes).expect("the bytes");
    let places: Vec<usize> = (0..bytes.len() - 1).filter(|at| &bytes[*at..at + 2] == NAME).collect();
    assert!(places.len() > 30, "{}", places.len());
    for at in places {
        bytes[at..at + 2].copy_from_slice(b"\xff\xfe");
    }
    CloneFile::new(Image::of(Base::from_bytes(bytes).expect("the bytes")), &store, settings)
}

#[test]
fn names_that_are_not_unicode_stop_nobody() {
    let statements: [(&str, Expected); 13] = [
        ("SELECT * FROM seen", Ok(SqlValue::Integer(1))),
        ("INSERT INTO plain VALUES (2)", Ok(SqlValue::Null)),
        ("INSERT INTO plain VALUES (-1)", Err((ErrorClass::Check, "CHECK constraint failed"))),
        ("SELECT count(*) FROM seen", Ok(SqlValue::Integer(2))),
        ("SELECT * FROM computed", Ok(SqlValue::Integer(1))),
        ("SELECT * FROM broken", Err((ErrorClass::Missing, "no such function: \u{fffd}\u{fffd}f"))),
        ("SELECT * FROM reaching", Err((ErrorClass::Missing, "no such table: main.pragma_\u{fffd}\u{fffd}p"))),
        ("SELECT * FROM collated", Err((ErrorClass::Missing, "no such collation sequence: \u{fffd}\u{fffd}l"))),
        ("SELECT * FROM words", Ok(SqlValue::Text("lamp".into()))),
        ("SELECT name FROM sqlite_schema WHERE name LIKE '%t'", Err((ErrorClass::Other, "holds text that is not Unicode"))),
        ("SELECT count(*) FROM pragma_table_list", Ok(SqlValue::Integer(16))),
        ("REINDEX", Ok(SqlValue::Null)),
        ("ALTER TABLE plain RENAME TO simple", Err((ErrorClass::Other, "error in view reaching"))),
    ];
    for missing in [&[][..], &Layer::ALL] {
        let settings = SessionSettings { access: Access::Case, clone: &CLONE, limits: &LIMITS };
        let session = Session::open_without(missing, &clone(), &settings).expect("a session");
        for (sql, expected) in &statements {
            let found = run(&session, &[(*sql).to_owned()]);
            match expected {
                Ok(value) => assert_eq!(found.as_ref(), Ok(value), "{sql}"),
                Err((class, message)) => {
                    let refusal = found.expect_err(sql);
                    assert_eq!(refusal.class, *class, "{sql}: {refusal}");
                    assert!(refusal.message.contains(message), "{sql}: {refusal}");
                }
            }
        }
        assert_eq!(session.overrun(), None);
    }
}

#[test]
fn columns_whose_names_are_not_unicode_have_names_that_are() {
    let settings = SessionSettings { access: Access::Read, clone: &CLONE, limits: &LIMITS };
    let session = Session::open(&clone(), &settings).expect("a session");
    let cursor = session.query("SELECT * FROM seen", &[]).expect("a query");
    assert_eq!(cursor.columns(), ["\u{fffd}\u{fffd}c", "y"]);
}
