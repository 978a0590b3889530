//! Objects that come, go and change.

use rehearsal_clone::{Change, Diff, Setting};

use crate::database::{diff_after, diff_of, image_of, tables};

fn objects(diff: &Diff) -> Vec<(Change, &str, &str)> {
    diff.schema.iter().map(|object| (object.change, object.kind.as_str(), object.name.as_str())).collect()
}

#[test]
fn objects_are_told_apart_by_type_and_name() {
    let diff = diff_after(
        "CREATE TABLE t (x); CREATE INDEX i ON t (x); CREATE VIEW v AS SELECT 1;",
        "DROP INDEX i; CREATE INDEX i ON t (x DESC); DROP VIEW v; CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END;",
    );
    assert_eq!(objects(&diff), [(Change::Changed, "index", "i"), (Change::Added, "trigger", "r"), (Change::Removed, "view", "v")]);
    let sql = |sql: &Option<rehearsal_clone::Text>| sql.as_ref().map(|sql| sql.text.clone());
    assert_eq!(sql(&diff.schema[0].before_sql).as_deref(), Some("CREATE INDEX i ON t (x)"));
    assert_eq!(sql(&diff.schema[0].after_sql).as_deref(), Some("CREATE INDEX i ON t (x DESC)"));
    assert_eq!((sql(&diff.schema[1].before_sql), diff.schema[1].table.as_str()), (None, "t"));
    assert!(diff.tables.is_empty());
}

#[test]
fn an_index_alone_reads_no_table() {
    let diff = diff_after("CREATE TABLE t (x); INSERT INTO t VALUES (1);", "CREATE INDEX i ON t (x);");
    assert_eq!(objects(&diff), [(Change::Added, "index", "i")]);
    assert!(diff.compared.is_empty());
}

#[test]
fn an_index_that_is_built_anew_is_no_difference() {
    let diff = diff_after(
        "CREATE TABLE t (x UNIQUE); CREATE INDEX i ON t (x, x); INSERT INTO t VALUES (1);",
        "DROP INDEX i; CREATE TABLE s (x); CREATE INDEX i ON t (x, x); DROP TABLE s;",
    );
    assert!(diff.is_empty());
}

#[test]
fn rows_are_compared_by_the_columns_that_both_images_have() {
    let diff = diff_after(
        "CREATE TABLE t (a, b, c); INSERT INTO t VALUES (1, 2, 3), (4, 5, 6);",
        "ALTER TABLE t ADD COLUMN d DEFAULT 7; ALTER TABLE t DROP COLUMN b; UPDATE t SET c = 0 WHERE a = 4;",
    );
    assert_eq!(objects(&diff), [(Change::Changed, "table", "t")]);
    assert_eq!((&diff.tables[0].columns_added[..], &diff.tables[0].columns_removed[..]), (&["d".to_owned()][..], &["b".to_owned()][..]));
    assert_eq!(tables(&diff), "t +0 -0 ~1\n  Changed 2 [c: 6 -> 0]");
}

#[test]
fn an_added_column_alone_changes_no_row() {
    let diff = diff_after("CREATE TABLE t (a); INSERT INTO t VALUES (1);", "ALTER TABLE t ADD COLUMN b NOT NULL DEFAULT 'x';");
    assert_eq!(tables(&diff), "t +0 -0 ~0");
    assert_eq!(diff.tables[0].columns_added, ["b"]);
    assert!(!diff.tables[0].is_rekeyed);
}

#[test]
fn two_columns_that_swap_their_names_swap_their_values() {
    let diff = diff_after(
        "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2), (3, 3);",
        "ALTER TABLE t RENAME a TO c; ALTER TABLE t RENAME b TO a; ALTER TABLE t RENAME c TO b;",
    );
    assert_eq!(tables(&diff), "t +0 -0 ~1\n  Changed 1 [a: 1 -> 2, b: 2 -> 1]");
}

#[test]
fn a_table_that_is_dropped_has_lost_its_rows_and_one_that_is_made_has_them_all() {
    let diff = diff_after(
        "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2);",
        "CREATE TABLE u AS SELECT a + 1 AS b FROM t; DROP TABLE t; CREATE TABLE empty (x);",
    );
    assert_eq!(objects(&diff), [(Change::Added, "table", "empty"), (Change::Removed, "table", "t"), (Change::Added, "table", "u")]);
    assert_eq!(
        tables(&diff),
        "t +0 -2 ~0
  Removed 1 [a: 1 -> -]
  Removed 2 [a: 2 -> -]
u +2 -0 ~0
  Added 1 [b: - -> 2]
  Added 2 [b: - -> 3]"
    );
}

#[test]
fn a_table_that_is_built_anew_with_the_same_rows_is_no_difference() {
    let diff = diff_after(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 2), (3, 4); CREATE TABLE u (x);",
        "CREATE TABLE copy AS SELECT * FROM t; DROP TABLE t; DROP TABLE u; CREATE TABLE t (id INTEGER PRIMARY KEY, x); CREATE TABLE u (x);
         INSERT INTO t SELECT * FROM copy; DROP TABLE copy;",
    );
    assert!(diff.is_empty(), "{diff:?}");
    assert_eq!(diff.compared, ["t", "u"]);
}

#[test]
fn the_numbers_of_the_application_are_part_of_the_content() {
    let diff = diff_after("CREATE TABLE t (x);", "PRAGMA user_version = 7; PRAGMA application_id = -1;");
    let found: Vec<_> = diff.settings.iter().map(|setting| (setting.setting, setting.before, setting.after)).collect();
    assert_eq!(found, [(Setting::UserVersion, 0, 7), (Setting::ApplicationId, 0, -1)]);
}

#[test]
fn an_empty_image_is_an_empty_database() {
    let empty = crate::database::based(Vec::new());
    let diff = diff_of(&empty, &image_of("CREATE TABLE t (x); INSERT INTO t VALUES (1);"));
    assert_eq!(objects(&diff), [(Change::Added, "table", "t")]);
    assert_eq!(tables(&diff), "t +1 -0 ~0\n  Added 1 [x: - -> 1]");
}
