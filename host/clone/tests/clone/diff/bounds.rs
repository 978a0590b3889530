//! What a diff may take and show.

use rehearsal_clone::{DiffBounds, diff, differs};

use crate::database::{BOUNDS, SETTINGS, STEPS_MAX, after, image_of, store, tables, text};

const MANY: &str = "CREATE TABLE t (x); CREATE TABLE u (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO t SELECT i FROM n;
    INSERT INTO u SELECT * FROM t;";

#[test]
fn rows_beyond_the_bound_are_counted_and_not_shown() {
    let before = image_of(MANY);
    let changed = after(&before, "UPDATE t SET x = -x; DELETE FROM u WHERE x <= 3;");
    let bounds = DiffBounds { rows_per_table_max: 3, ..BOUNDS };
    let diff = diff(&before, &changed, store(), SETTINGS, bounds).expect("both can be read");
    let [t, u] = &diff.tables[..] else { panic!("{diff:?}") };
    assert_eq!((t.changed, t.rows.len(), t.is_complete), (1000, 3, false));
    assert_eq!((u.removed, u.rows.len(), u.is_complete), (3, 3, true));
    assert!(!diff.is_complete());
}

#[test]
fn long_values_are_cut_between_characters_and_say_so() {
    for (encoding, expected) in [
        ("UTF-8", ["'abcd'+4", "'aø'+3", "'\u{1f600}'+4", "x'01020304'+1", "'ab'"]),
        ("UTF-16le", ["'ab'+12", "'aø'+4", "'\u{1f600}'+4", "x'01020304'+1", "'ab'"]),
        ("UTF-16be", ["'ab'+12", "'aø'+4", "'\u{1f600}'+4", "x'01020304'+1", "'ab'"]),
    ] {
        let before = image_of(&format!("PRAGMA encoding = '{encoding}'; CREATE TABLE t (id INTEGER PRIMARY KEY, x);"));
        let changed = after(&before, "INSERT INTO t (x) VALUES ('abcdefgh'), ('aøøb'), ('\u{1f600}\u{1f601}'), (x'0102030405'), ('ab');");
        let bounds = DiffBounds { value_bytes_max: 4, ..BOUNDS };
        let diff = diff(&before, &changed, store(), SETTINGS, bounds).expect("both can be read");
        let shown: Vec<_> = diff.tables[0].rows.iter().map(|row| row.columns[1].after.as_ref().map(text).unwrap_or_default()).collect();
        assert_eq!(shown, expected, "{encoding}");
        assert!(!diff.tables[0].is_complete);
    }
}

#[test]
fn what_is_shown_in_all_is_bounded_over_all_tables_and_statements() {
    let before = image_of("CREATE TABLE t (id INTEGER PRIMARY KEY, x);");
    let changed = after(
        &before,
        "CREATE TABLE u (x); INSERT INTO t SELECT 1, hex(zeroblob(400)) UNION SELECT 2, hex(zeroblob(400)); INSERT INTO u VALUES (1);",
    );
    let bounds = DiffBounds { shown_bytes_max: 2_000, ..BOUNDS };
    let shown = diff(&before, &changed, store(), SETTINGS, bounds).expect("both can be read");
    let counts: Vec<_> = shown.tables.iter().map(|table| (table.added, table.rows.len(), table.is_complete)).collect();
    assert_eq!(counts, [(2, 1, false), (1, 0, false)]);
    let bounds = DiffBounds { shown_bytes_max: 8, ..BOUNDS };
    let shown = diff(&before, &changed, store(), SETTINGS, bounds).expect("both can be read");
    let sql = shown.schema[0].after_sql.as_ref().expect("a table has a statement");
    assert_eq!((sql.text.as_str(), sql.omitted_bytes), ("CREATE T", 10));
    assert!(!shown.is_complete());
}

#[test]
fn work_beyond_the_bound_is_refused() {
    let before = image_of(MANY);
    let changed = after(&before, "UPDATE u SET x = -x WHERE x = 1000;");
    let bounds = DiffBounds { steps_max: 2_000, ..BOUNDS };
    let refused = diff(&before, &changed, store(), SETTINGS, bounds).expect_err("a thousand rows take more steps");
    assert_eq!(refused.to_string(), "reading the table u takes more than the 2000 steps that it may take");
    let refused = differs(&before, &changed, store(), SETTINGS, 2_000).expect_err("the last row is the one that differs");
    assert_eq!(refused.to_string(), "reading the table u takes more than the 2000 steps that it may take");
}

#[test]
fn whether_images_differ_is_known_at_the_first_row_that_does() {
    let before = image_of(MANY);
    let changed = after(&before, "UPDATE t SET x = -x;");
    assert!(differs(&before, &changed, store(), SETTINGS, 2_000).expect("the first row is near"));
    // Where the schema differs, no row is needed; and what was deleted at the beginning of a table is found there.
    let other = after(&before, "UPDATE t SET x = -x WHERE x = 1000; CREATE VIEW v AS SELECT 1;");
    assert!(differs(&before, &other, store(), SETTINGS, 2_000).expect("the schema is small"));
    assert!(!differs(&before, &after(&changed, "UPDATE t SET x = -x;"), store(), SETTINGS, STEPS_MAX).expect("both can be read"));
}

#[test]
fn a_sample_is_the_first_rows_in_the_order_of_their_keys() {
    let before = image_of("CREATE TABLE t (k PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES (5);");
    let changed = after(&before, "INSERT INTO t VALUES (9), (1), ('a'), (3);");
    let bounds = DiffBounds { rows_per_table_max: 2, ..BOUNDS };
    let diff = diff(&before, &changed, store(), SETTINGS, bounds).expect("both can be read");
    assert_eq!(tables(&diff), "t +4 -0 ~0\n  Added 1 [k: - -> 1]\n  Added 3 [k: - -> 3]");
}
