//! The digest of what a database holds.

use rehearsal_clone::{CloneFile, Image, LogicalDigests, OpenMode};
use rehearsal_packet::{Hasher, Sha256};

use crate::database::{SETTINGS, STEPS_MAX, after, image_of, store};

const SETUP: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, x, g AS (x || 'g'), s AS (id + 1) STORED); INSERT INTO t (id, x) VALUES (-1, NULL), (2, 1.5), (3, 'ø'), (4, x'00ff'), (5, 1);
    CREATE TABLE w (v, b, a COLLATE NOCASE, PRIMARY KEY (a, b DESC)) WITHOUT ROWID; INSERT INTO w VALUES (1, 1, 'b'), (2, 2, 'B'), (3, 3, 'a');
    CREATE TABLE plain (x); INSERT INTO plain VALUES ('one'), ('two'), ('three'); CREATE INDEX i ON plain (x); CREATE VIEW v AS SELECT 1; PRAGMA user_version = 3; PRAGMA application_id = -2;";

fn digests(image: &Image) -> LogicalDigests {
    LogicalDigests::of(image, store(), SETTINGS, STEPS_MAX).expect("the image can be read")
}

fn digest(image: &Image) -> Sha256 {
    digests(image).digest()
}

/// A value, as the documentation of the digest has it.
fn value(tag: u8, bytes: &[u8]) -> Vec<u8> {
    match tag {
        0 => vec![0],
        1 | 2 => [&[tag], bytes].concat(),
        _ => [&[tag], &(bytes.len() as u64).to_be_bytes()[..], bytes].concat(),
    }
}

/// The digest of a table, computed with SQL and the documentation alone.
fn table_by_sql(image: &Image, columns: &[&str], rest: &str) -> Sha256 {
    let clone = CloneFile::new(image.clone(), store(), SETTINGS);
    let connection = clone.open(OpenMode::ReadOnly).expect("the image can be opened");
    let list: Vec<_> = columns.iter().map(|column| format!("{column}, CAST({column} AS BLOB)")).collect();
    let mut statement = connection.prepare(&format!("SELECT {} FROM {rest}", list.join(", "))).expect("the statement is right");
    let mut rows = statement.query([]).expect("the statement is right");
    let mut hasher = Hasher::default();
    hasher.update(b"rehearsal logical table 1\0");
    hasher.update(&(columns.len() as u32).to_be_bytes());
    while let Some(row) = rows.next().expect("the table can be read") {
        hasher.update(&[0x52]);
        for column in 0..columns.len() {
            use rusqlite::types::ValueRef;
            let stored: Vec<u8> = row.get::<_, Option<Vec<u8>>>(2 * column + 1).expect("a blob").unwrap_or_default();
            hasher.update(&match row.get_ref(2 * column).expect("there is such a column") {
                ValueRef::Null => value(0, &[]),
                ValueRef::Integer(integer) => value(1, &integer.to_be_bytes()),
                ValueRef::Real(real) => value(2, &real.to_bits().to_be_bytes()),
                ValueRef::Text(_) => value(3, &stored),
                ValueRef::Blob(_) => value(4, &stored),
            });
        }
    }
    hasher.finish()
}

#[test]
fn anybody_can_compute_it_from_its_documentation() {
    for (number, encoding) in [(1, "UTF-8"), (2, "UTF-16le"), (3, "UTF-16be")] {
        let image = image_of(&format!("PRAGMA encoding = '{encoding}'; {SETUP}"));
        let tables = [
            ("plain", table_by_sql(&image, &["x"], "plain ORDER BY rowid")),
            ("t", table_by_sql(&image, &["id", "x", "s"], "t ORDER BY id")),
            ("w", table_by_sql(&image, &["v", "b", "a"], "w ORDER BY a, b DESC")),
        ];
        let found: Vec<_> = digests(&image).tables().collect();
        assert_eq!(found, tables.map(|(name, digest)| (name.to_owned(), digest)), "{encoding}");

        let clone = CloneFile::new(image.clone(), store(), SETTINGS);
        let connection = clone.open(OpenMode::ReadOnly).expect("the image can be opened");
        let mut hasher = Hasher::default();
        hasher.update(b"rehearsal logical 1\0");
        hasher.update(&[number]);
        hasher.update(&3_i32.to_be_bytes());
        hasher.update(&(-2_i32).to_be_bytes());
        hasher.update(&5_u64.to_be_bytes());
        let mut statement =
            connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").expect("it is right");
        let mut rows = statement.query([]).expect("it is right");
        while let Some(row) = rows.next().expect("the schema can be read") {
            for column in 0..4 {
                let text: String = row.get(column).expect("text");
                hasher.update(&value(3, text.as_bytes()));
            }
        }
        hasher.update(&3_u64.to_be_bytes());
        for (name, digest) in tables {
            hasher.update(&value(3, name.as_bytes()));
            hasher.update(digest.as_bytes());
        }
        assert_eq!(digest(&image), hasher.finish(), "{encoding}");
    }
}

#[test]
fn it_does_not_depend_on_where_the_pages_are() {
    for auto_vacuum in [0, 1, 2] {
        let setup = format!(
            "PRAGMA auto_vacuum = {auto_vacuum}; {SETUP} CREATE VIRTUAL TABLE f USING fts5 (body); INSERT INTO f VALUES ('one two'), ('three');
             CREATE VIRTUAL TABLE r USING rtree (id, x0, x1); INSERT INTO r VALUES (1, 0, 1), (2, 3, 4);
             CREATE TABLE gaps (x); INSERT INTO gaps VALUES (zeroblob(9000)), (2), (3), (4); DELETE FROM gaps WHERE x = 3; DELETE FROM plain WHERE x = 'two';"
        );
        let image = image_of(&setup);
        for change in [
            "VACUUM;",
            "PRAGMA page_size = 512; VACUUM;",
            "PRAGMA page_size = 65536; VACUUM;",
            "REINDEX;",
            "CREATE TABLE n (x); DROP TABLE n;",
        ] {
            assert_eq!(digest(&after(&image, change)), digest(&image), "{auto_vacuum} {change}");
        }
    }
}

#[test]
fn it_depends_on_every_value_and_on_the_text_of_the_schema() {
    let image = image_of(SETUP);
    let mut seen = vec![digest(&image)];
    for change in [
        "UPDATE t SET x = 2 WHERE id = 5",
        "UPDATE t SET x = 1.0 WHERE id = 5",
        "UPDATE t SET x = '1' WHERE id = 5",
        "UPDATE t SET x = x'31' WHERE id = 5",
        "UPDATE t SET x = '' WHERE id = -1",
        "UPDATE t SET x = x'' WHERE id = -1",
        "UPDATE t SET id = 6 WHERE id = 5",
        "DELETE FROM t WHERE id = 5",
        "UPDATE w SET a = 'A' WHERE a = 'a'",
        "UPDATE plain SET x = CASE x WHEN 'one' THEN 'two' WHEN 'two' THEN 'one' ELSE x END",
        "UPDATE plain SET x = CASE x WHEN 'one' THEN 'onet' WHEN 'two' THEN 'wo' ELSE x END",
        "DROP VIEW v; CREATE VIEW v AS SELECT  1",
        "DROP INDEX i",
        "CREATE TABLE empty (x)",
        "ALTER TABLE plain RENAME TO other",
        "PRAGMA user_version = 4",
        "PRAGMA application_id = 4",
    ] {
        let changed = digest(&after(&image, change));
        assert!(!seen.contains(&changed), "{change}");
        seen.push(changed);
    }
}

#[test]
fn the_digests_of_a_later_image_read_only_the_tables_that_changed() {
    let setup = format!(
        "{SETUP} CREATE TABLE large (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO large SELECT i FROM n;"
    );
    let image = image_of(&setup);
    let before = digests(&image);
    assert_eq!(before.computed(), 4);
    for (change, computed) in [
        ("UPDATE t SET x = 9 WHERE id = 2; INSERT INTO w VALUES (9, 9, 9);", 2),
        ("DROP TABLE plain; CREATE TABLE another (x);", 1),
        ("CREATE INDEX j ON large (x);", 0),
        ("PRAGMA user_version = 9;", 0),
        ("ALTER TABLE t ADD COLUMN y;", 1),
        ("SELECT 1;", 0),
    ] {
        let changed = after(&image, change);
        let derived = before.after(&changed, store(), SETTINGS, STEPS_MAX).expect("the image can be read");
        assert_eq!(derived.computed(), computed, "{change}");
        assert_eq!(derived.digest(), digest(&changed), "{change}");
        assert_eq!(derived.tables().collect::<Vec<_>>(), digests(&changed).tables().collect::<Vec<_>>(), "{change}");
    }
}

#[test]
fn it_may_take_no_more_steps_than_it_is_allowed() {
    let image = image_of(
        "CREATE TABLE t (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i FROM n;",
    );
    let refused = LogicalDigests::of(&image, store(), SETTINGS, 3_000).expect_err("five thousand rows take more");
    assert_eq!(refused.to_string(), "reading the table t takes more than the 3000 steps that it may take");
}
