//! Pages that change, and the tables that own them.

use rehearsal_clone::{Image, diff};

use crate::database::{BOUNDS, Numbers, SETTINGS, after, based, bytes_of, diff_of, image_of, store, tables};

/// A table that is never touched, and has pages of every kind.
const BYSTANDER: &str = "CREATE TABLE bystander (x PRIMARY KEY, y) WITHOUT ROWID;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
    INSERT INTO bystander SELECT i, printf('%.*c', i * 10, '-') FROM n; CREATE INDEX bystanders ON bystander (y);";

#[test]
fn changed_pages_are_those_whose_bytes_differ() {
    let mut numbers = Numbers(1);
    let first = image_of("CREATE TABLE t (id INTEGER PRIMARY KEY, x);");
    let mut images = vec![first];
    for step in 0..12 {
        let last = images.last().expect("there is a first one");
        let rows = numbers.below(400);
        images.push(after(last, &match step % 4 {
            0 | 1 => format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= {rows}) INSERT INTO t (x) SELECT zeroblob(i) FROM n;"),
            2 => "DELETE FROM t WHERE id % 3 = 0; VACUUM;".to_owned(),
            _ => "UPDATE t SET x = x || 'x' WHERE id % 50 = 0".to_owned(),
        }));
    }
    // The same bytes over another base: nothing is shared.
    images.push(based(bytes_of(&images[3])));
    for before in &images {
        for after in &images {
            let changed = after.changed_pages(before).expect("both can be read");
            for page in 0..before.pages().max(after.pages()) + 1 {
                let content = |image: &Image| image.page(page).expect("it can be read");
                assert_eq!(changed.contains(page), content(before) != content(after), "page {page}");
            }
            let counted: u64 = changed.ranges().iter().map(|range| range.end - range.start).sum();
            assert_eq!(counted, changed.count());
            assert_eq!(changed.is_empty(), bytes_of(before) == bytes_of(after));
        }
    }
}

#[test]
fn only_the_tables_that_own_a_changed_page_are_read() {
    let rows = |table: &str, count: u32| {
        format!(
            "CREATE TABLE {table} (id INTEGER PRIMARY KEY, x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             INSERT INTO {table} SELECT i, i FROM n;"
        )
    };
    let setup = format!("{}{}", rows("large", 1_000_000), rows("other", 300_000));
    let before = image_of(&setup);
    let changed = after(&before, "UPDATE large SET x = 'here' WHERE id = 777777;");
    let diff = diff(&before, &changed, store(), SETTINGS, BOUNDS).expect("both can be read");
    assert_eq!(tables(&diff), "large +0 -0 ~1\n  Changed 777777 [x: 777777 -> 'here']");
    assert_eq!(diff.compared, ["large"]);
}

#[test]
fn a_change_in_overflow_pages_alone_is_found() {
    for page_bytes in [512, 4096] {
        for auto_vacuum in [0, 1, 2] {
            for table in ["t (k INTEGER PRIMARY KEY, x)", "t (k PRIMARY KEY, x) WITHOUT ROWID"] {
                let setup = format!(
                    "PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {auto_vacuum}; CREATE TABLE {table}; {BYSTANDER}
                     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
                     INSERT INTO t SELECT i, printf('%.*c', 20000 + i, '-') FROM n;"
                );
                let before = image_of(&setup);
                // Some of these rows are in a leaf, and without rowids some are between the leaves.
                for key in (1..=40).step_by(4) {
                    let changed = after(&before, &format!("UPDATE t SET x = substr(x, 1, length(x) - 1) || 'x' WHERE k = {key};"));
                    let pages = changed.changed_pages(&before).expect("both can be read");
                    // The header of the file, and the end of one chain.
                    assert_eq!(pages.count(), 2, "{setup} {key}");
                    let diff = diff(&before, &changed, store(), SETTINGS, BOUNDS).expect("both can be read");
                    assert_eq!((diff.tables[0].changed, &diff.compared[..]), (1, &["t".to_owned()][..]), "{setup} {key}");
                }
            }
        }
    }
}

#[test]
fn an_overflow_page_of_an_index_reads_no_table() {
    let text = "printf('%.*c', 9000, '-')";
    let before = image_of(&format!("{BYSTANDER} CREATE TABLE t (x); CREATE INDEX i ON t (x || {text}); INSERT INTO t VALUES (1), (2);"));
    let rebuilt = after(&before, "REINDEX i;");
    let diff = diff_of(&before, &rebuilt);
    assert!(diff.compared.is_empty(), "{diff:?}");
}

#[test]
fn pages_that_are_freed_and_used_again_belong_to_whom_they_belong() {
    let setup = format!(
        "{BYSTANDER} CREATE TABLE a (x); CREATE TABLE b (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
         INSERT INTO a SELECT zeroblob(i * 20) FROM n;"
    );
    let before = image_of(&setup);
    let freed = after(&before, "DELETE FROM a WHERE rowid > 10;");
    let used = after(
        &freed,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) INSERT INTO b SELECT zeroblob(i * 200) FROM n;",
    );
    let counts = |before, after| {
        let diff = diff_of(before, after);
        let counts: Vec<_> = diff.tables.iter().map(|table| (table.table.clone(), table.added, table.removed, table.changed)).collect();
        (counts, diff.compared)
    };
    let (a, b) = (("a".to_owned(), 0, 290, 0), ("b".to_owned(), 30, 0, 0));
    assert_eq!(counts(&before, &freed), (vec![a.clone()], vec!["a".to_owned()]));
    assert_eq!(counts(&freed, &used), (vec![b.clone()], vec!["b".to_owned()]));
    assert_eq!(counts(&before, &used), (vec![a, b], vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn vacuum_is_no_difference_whatever_it_makes_of_the_pages() {
    for auto_vacuum in [0, 1, 2] {
        let setup = format!(
            "PRAGMA auto_vacuum = {auto_vacuum}; {BYSTANDER} CREATE TABLE t (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
             INSERT INTO t SELECT zeroblob(i * 9) FROM n; DELETE FROM t WHERE rowid % 3 = 0;"
        );
        let before = image_of(&setup);
        for change in [
            "VACUUM;",
            "PRAGMA page_size = 512; VACUUM;",
            "PRAGMA page_size = 65536; VACUUM;",
            "PRAGMA auto_vacuum = 0; VACUUM;",
            "PRAGMA incremental_vacuum;",
        ] {
            let vacuumed = after(&before, change);
            assert!(diff_of(&before, &vacuumed).is_empty(), "{auto_vacuum} {change}");
            let changed = after(&vacuumed, "UPDATE t SET x = 1 WHERE rowid = (SELECT max(rowid) FROM t);");
            let diff = diff_of(&vacuumed, &changed);
            assert_eq!((diff.tables.len(), diff.tables[0].changed), (1, 1), "{auto_vacuum} {change}");
            // The pages of the tree are those of the base: what shares one of those counts as changed.
            if !change.contains("512") {
                assert_eq!(diff.compared, ["t"], "{auto_vacuum} {change}");
            }
        }
    }
}
