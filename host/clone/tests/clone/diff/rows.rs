//! Rows that come, go and change.

use crate::database::{after, based, bytes_of, diff_after, diff_of, image_of, tables};

const PEOPLE: &str = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age);
    INSERT INTO people VALUES (1, 'Ada', 36), (2, 'Bo', 7), (3, 'Cy', NULL);";

#[test]
fn rows_are_shown_by_their_keys_with_the_columns_that_differ() {
    let diff = diff_after(
        PEOPLE,
        "UPDATE people SET age = 8 WHERE id = 2; DELETE FROM people WHERE id = 1; INSERT INTO people VALUES (-5, 'Di', 1.5);",
    );
    assert_eq!(
        tables(&diff),
        "people +1 -1 ~1
  Added -5 [id: - -> -5, name: - -> 'Di', age: - -> 1.5]
  Removed 1 [id: 1 -> -, name: 'Ada' -> -, age: 36 -> -]
  Changed 2 [age: 7 -> 8]"
    );
    assert_eq!(diff.tables[0].key_columns, ["id"]);
    assert!(diff.is_complete());
    assert_eq!(diff.compared, ["people"]);
}

#[test]
fn an_image_does_not_differ_from_itself() {
    let image = image_of(PEOPLE);
    let diff = diff_of(&image, &image.clone());
    assert!(diff.is_empty());
    assert!(diff.compared.is_empty());
}

#[test]
fn an_update_that_changes_nothing_is_no_difference_though_pages_differ() {
    let before = image_of("CREATE TABLE t (x); CREATE INDEX i ON t (x); INSERT INTO t VALUES (1), (2), (3);");
    let updated = after(&before, "UPDATE t SET x = x + 1; UPDATE t SET x = x - 1;");
    assert!(!updated.changed_pages(&before).expect("both can be read").is_empty());
    assert!(diff_of(&before, &updated).is_empty());
}

#[test]
fn the_same_number_in_another_storage_class_is_another_value() {
    let diff = diff_after(
        "CREATE TABLE t (x); INSERT INTO t VALUES (1), (x'31'), (0.0);",
        "UPDATE t SET x = CASE rowid WHEN 1 THEN 1.0 WHEN 2 THEN '1' ELSE -0.0 END;",
    );
    assert_eq!(
        tables(&diff),
        "t +0 -0 ~3
  Changed 1 [x: 1 -> 1.0]
  Changed 2 [x: x'31' -> '1']
  Changed 3 [x: 0.0 -> -0.0]"
    );
    assert_eq!(diff.tables[0].key_columns, ["rowid"]);
}

#[test]
fn tables_without_rowids_are_matched_by_their_primary_key() {
    let diff = diff_after(
        "CREATE TABLE t (v, b INT, a TEXT COLLATE NOCASE, PRIMARY KEY (a, b DESC)) WITHOUT ROWID; CREATE INDEX i ON t (v, b, a);
         INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'a'), (3, 1, 'B'), (4, 9, 'c'), (5, 3, 'A');",
        "UPDATE t SET v = 'x' WHERE a = 'a' AND b = 2; UPDATE t SET a = 'b' WHERE a = 'B'; DELETE FROM t WHERE a = 'c';
         INSERT INTO t VALUES (7, 1.5, 'A');",
    );
    // Within 'a', the larger number comes first.
    assert_eq!(
        tables(&diff),
        "t +1 -1 ~2
  Changed 'a',2 [v: 2 -> 'x']
  Added 'A',1.5 [v: - -> 7, b: - -> 1.5, a: - -> 'A']
  Changed 'B',1 [a: 'B' -> 'b']
  Removed 'c',9 [v: 4 -> -, b: 9 -> -, a: 'c' -> -]"
    );
    assert_eq!(diff.tables[0].key_columns, ["a", "b"]);
}

#[test]
fn keys_of_every_storage_class_are_in_the_order_of_sqlite() {
    let values = "(-9223372036854775808), (9223372036854775807), (9223372036854775806), (9.3e18), (-9.3e18), (9223372036854775807.0), (1), (1.5), (-1),
        (-1.5), (''), ('a'), ('a '), ('B'), ('ab'), (x''), (x'00'), (x'ff'), (char(0)), ('a' || char(0) || 'x'), ('é'), (1e-300), (4503599627370497), (4503599627370496.5)";
    for collation in ["BINARY", "NOCASE", "RTRIM"] {
        for direction in ["ASC", "DESC"] {
            for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
                let setup = format!(
                    "PRAGMA encoding = '{encoding}'; CREATE TABLE t (k ANY COLLATE {collation}, v INT DEFAULT 0, PRIMARY KEY (k {direction})) WITHOUT ROWID;
                     INSERT OR IGNORE INTO t (k) VALUES {values};"
                );
                let diff = diff_after(&setup, "UPDATE t SET v = 1; DELETE FROM t WHERE k = 1.5;");
                let table = &diff.tables[0];
                let rows = crate::database::count(&setup, "t");
                assert_eq!((table.added, table.removed, table.changed), (0, 1, rows - 1), "{collation} {direction} {encoding}");
            }
        }
    }
}

#[test]
fn a_table_whose_key_became_another_one_has_lost_all_rows_and_has_new_ones() {
    let diff = diff_after(
        "CREATE TABLE t (a, b, PRIMARY KEY (a)) WITHOUT ROWID; INSERT INTO t VALUES (1, 2);",
        "DROP TABLE t; CREATE TABLE t (a, b, PRIMARY KEY (b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 2), (3, 4);",
    );
    assert!(diff.tables[0].is_rekeyed);
    assert_eq!((diff.tables[0].added, diff.tables[0].removed, diff.tables[0].changed), (2, 1, 0));
}

#[test]
fn where_columns_take_all_names_of_the_rowid_rows_are_matched_by_position() {
    let setup = "CREATE TABLE t (rowid, OID, _rowid_); INSERT INTO t VALUES (1, 2, 3), (1, 5, 6), (1, 8, 9);";
    let diff = diff_after(setup, "UPDATE t SET oid = 'x' WHERE oid = 5;");
    assert_eq!(tables(&diff), "t +0 -0 ~1\n  Changed 2 [OID: 5 -> 'x']");
    assert!(diff.tables[0].key_columns.is_empty());
    // Two of them leave the third.
    let diff = diff_after(
        "CREATE TABLE t (rowid, oid); INSERT INTO t VALUES (1, 2);",
        "DELETE FROM t; INSERT INTO t (_rowid_, oid) VALUES (7, 7);",
    );
    assert_eq!(tables(&diff), "t +1 -1 ~0\n  Removed 1 [rowid: 1 -> -, oid: 2 -> -]\n  Added 7 [rowid: - -> NULL, oid: - -> 7]");
}

#[test]
fn rows_that_only_got_other_rowids_are_no_difference_where_no_column_holds_them() {
    let setup = "CREATE TABLE t (x); INSERT INTO t VALUES (1), (2), (3), (4); DELETE FROM t WHERE x = 2;";
    let diff = diff_after(setup, "VACUUM");
    assert!(diff.is_empty());
    assert_eq!(diff.renumbered, ["t"]);
    // In another order they are.
    let diff = diff_after(setup, "DELETE FROM t; INSERT INTO t VALUES (1), (4), (3);");
    assert_eq!((diff.tables[0].added, diff.tables[0].removed, diff.tables[0].changed), (1, 1, 0));
    // And where a column is declared to be the rowid.
    let diff = diff_after("CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (3, 1);", "UPDATE t SET id = 4");
    assert_eq!((diff.tables[0].added, diff.tables[0].removed, diff.tables[0].changed), (1, 1, 0));
}

#[test]
fn text_is_compared_and_shown_in_every_encoding() {
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let setup = format!("PRAGMA encoding = '{encoding}'; CREATE TABLE t (x); INSERT INTO t VALUES ('Ærø'), ('\u{1f600}'), ('same');");
        let diff = diff_after(&setup, "UPDATE t SET x = x || '!' WHERE x <> 'same'; CREATE TABLE \"ø\" (x);");
        let expected = "t +0 -0 ~2\n  Changed 1 [x: 'Ærø' -> 'Ærø!']\n  Changed 2 [x: '\u{1f600}' -> '\u{1f600}!']";
        assert_eq!(tables(&diff), expected, "{encoding}");
        assert_eq!(diff.schema[0].name, "ø", "{encoding}");
    }
}

#[test]
fn text_that_is_not_valid_differs_though_it_is_shown_alike() {
    for (encoding, one, other) in [("UTF-8", "ff", "fe"), ("UTF-16le", "00d8", "01d8"), ("UTF-16be", "d800", "d801")] {
        let setup = format!("PRAGMA encoding = '{encoding}'; CREATE TABLE t (x); INSERT INTO t VALUES (CAST(x'{one}' AS TEXT));");
        let diff = diff_after(&setup, &format!("UPDATE t SET x = CAST(x'{other}' AS TEXT);"));
        assert_eq!(tables(&diff), "t +0 -0 ~1\n  Changed 1 [x: '\u{fffd}' -> '\u{fffd}']", "{encoding}");
    }
}

#[test]
fn images_that_store_text_differently_are_compared_by_the_text() {
    let sql = "CREATE TABLE t (x, y); INSERT INTO t VALUES ('ø', 1), ('p', 2); CREATE TABLE k (a PRIMARY KEY) WITHOUT ROWID; INSERT INTO k VALUES ('ø');";
    let (before, other) = (image_of(sql), image_of(&format!("PRAGMA encoding = 'UTF-16be'; {sql} UPDATE t SET y = 3 WHERE x = 'p';")));
    let diff = diff_of(&before, &other);
    assert_eq!((diff.settings[0].before, diff.settings[0].after), (1, 3));
    assert_eq!(tables(&diff), "k +1 -1 ~0\n  Removed 'ø' [a: 'ø' -> -]\n  Added 'ø' [a: - -> 'ø']\nt +0 -0 ~1\n  Changed 2 [y: 2 -> 3]");
}

#[test]
fn virtual_generated_columns_are_not_stored_so_they_are_not_compared() {
    let diff = diff_after("CREATE TABLE t (x, v AS (x * 2), s AS (x * 3) STORED); INSERT INTO t (x) VALUES (1);", "UPDATE t SET x = 2");
    assert_eq!(tables(&diff), "t +0 -0 ~1\n  Changed 1 [x: 1 -> 2, s: 3 -> 6]");
}

#[test]
fn virtual_tables_differ_where_their_shadow_tables_do() {
    let setup = "CREATE VIRTUAL TABLE f USING fts5 (body); INSERT INTO f VALUES ('one two'), ('three');
        CREATE VIRTUAL TABLE r USING rtree (id, x0, x1); INSERT INTO r VALUES (1, 0, 1);";
    let diff = diff_after(setup, "INSERT INTO f VALUES ('four');");
    let names: Vec<_> = diff.tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["f_content", "f_data", "f_docsize", "f_idx"]);
    let diff = diff_after(setup, "UPDATE r SET x1 = 2;");
    let names: Vec<_> = diff.tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["r_node"]);
    assert!(diff_after(setup, "VACUUM").is_empty());
}

#[test]
fn the_tables_of_sqlite_itself_are_tables() {
    let setup = "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x); CREATE INDEX i ON t (x); INSERT INTO t (x) VALUES (1); ANALYZE;";
    let diff = diff_after(setup, "INSERT INTO t (x) VALUES (2); ANALYZE;");
    let names: Vec<_> = diff.tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(names, ["sqlite_sequence", "sqlite_stat1", "t"]);
}

#[test]
fn names_may_be_anything() {
    let setup = "CREATE TABLE \"a\"\"b';--\" (\"select\", \"x \"\"y\"\"\", \"'\" PRIMARY KEY) WITHOUT ROWID; INSERT INTO \"a\"\"b';--\" VALUES (1, 2, 3);";
    let diff = diff_after(setup, "UPDATE \"a\"\"b';--\" SET \"x \"\"y\"\"\" = 0;");
    assert_eq!(tables(&diff), "a\"b';-- +0 -0 ~1\n  Changed 3 [x \"y\": 2 -> 0]");
    // Names that SQLite has given to something else.
    let setup =
        "CREATE TABLE pragma_table_xinfo (t, pragma_index_list PRIMARY KEY) WITHOUT ROWID; INSERT INTO pragma_table_xinfo VALUES (1, 2);";
    let diff = diff_after(setup, "UPDATE pragma_table_xinfo SET t = 0;");
    assert_eq!(tables(&diff), "pragma_table_xinfo +0 -0 ~1\n  Changed 2 [t: 1 -> 0]");
}

#[test]
fn names_need_not_be_utf_8() {
    let mark = |image: &rehearsal_clone::Image| {
        let mut bytes = bytes_of(image);
        for at in 0..bytes.len() - 2 {
            if &bytes[at..at + 3] == b"QQQ" {
                bytes[at + 1] = 0xff;
            }
        }
        based(bytes)
    };
    let before = image_of("CREATE TABLE \"tQQQ\" (\"kQQQ\" PRIMARY KEY, \"cQQQ\") WITHOUT ROWID; INSERT INTO tQQQ VALUES (1, 2);");
    let changed = after(&before, "UPDATE tQQQ SET cQQQ = 3;");
    let diff = diff_of(&mark(&before), &mark(&changed));
    assert_eq!(tables(&diff), "tQ\u{fffd}Q +0 -0 ~1\n  Changed 1 [cQ\u{fffd}Q: 2 -> 3]");
}
