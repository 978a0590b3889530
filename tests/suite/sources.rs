//! Sources of every shape that SQLite writes: each is cloned, rehearsed on, and left as it was.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{
    database::{write_database, write_database_with},
    place::Place,
    tool::run,
};

const ROWS: &str =
    "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t (x) SELECT 'żółć ' || i FROM n;";

/// Rehearses a trivial step on a database made by some SQL; the source must keep its bytes.
#[track_caller]
fn rehearse(setup: &str) -> Place {
    let place = Place::new();
    write_database(&place.file("source.db"), setup);
    place.write_sql_plan("source.db", "UPDATE t SET x = 'changed' WHERE rowid = 7; CREATE TABLE more (y);");
    let before = place.snapshot(&[]);
    let outcome = run(&place, &["run", "rehearsal.toml", "--out", "packet"]);
    assert_eq!(outcome.code, Some(0), "{setup}\n{outcome:#?}");
    let after = place.snapshot(&[]);
    assert!(before.iter().all(|(path, entry)| after[path] == *entry), "a file was changed");
    place.assert_nothing_temporary();
    place
}

#[test]
fn small_and_large_pages() {
    for bytes in [512, 1024, 8192, 32768, 65536] {
        rehearse(&format!("PRAGMA page_size = {bytes}; CREATE TABLE t (x); {ROWS}"));
    }
}

#[test]
fn text_in_utf16() {
    for encoding in ["UTF-16le", "UTF-16be"] {
        rehearse(&format!("PRAGMA encoding = '{encoding}'; CREATE TABLE t (x TEXT); {ROWS}"));
    }
}

#[test]
fn pages_that_are_vacuumed_by_themselves() {
    for mode in ["FULL", "INCREMENTAL"] {
        rehearse(&format!("PRAGMA auto_vacuum = {mode}; CREATE TABLE t (x); {ROWS} DELETE FROM t WHERE rowid > 300;"));
    }
}

#[test]
fn what_auto_vacuum_moves_on_commit_is_part_of_the_state() {
    // Before COMMIT the free pages are still there, and the last pages where they were.
    let place = Place::new();
    let rows = "CREATE TABLE t (x); WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500)
                INSERT INTO t SELECT zeroblob(900) FROM n; CREATE INDEX t_x ON t (x);";
    write_database(&place.file("source.db"), &format!("PRAGMA auto_vacuum = FULL; {rows}"));
    place.write_sql_plan("source.db", "DELETE FROM t WHERE rowid BETWEEN 50 AND 300; CREATE TABLE more AS SELECT x FROM t LIMIT 20;");
    run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(0);
}

#[test]
fn tables_without_rowid_and_strict_ones() {
    rehearse(&format!(
        "CREATE TABLE t (x TEXT) STRICT; {ROWS}
         CREATE TABLE w (a TEXT, b BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO w SELECT x, zeroblob(10) FROM t;"
    ));
}

#[test]
fn full_text_and_spatial_indexes() {
    rehearse(&format!(
        "CREATE TABLE t (x); {ROWS}
         CREATE VIRTUAL TABLE words USING fts5 (x); INSERT INTO words SELECT x FROM t;
         CREATE VIRTUAL TABLE places USING rtree (id, x0, x1); INSERT INTO places VALUES (1, 0, 1);"
    ));
}

#[test]
fn generated_columns_and_expression_indexes_and_views_and_triggers() {
    rehearse(&format!(
        "CREATE TABLE t (x, upper_x AS (upper(x)) VIRTUAL, length_x AS (length(x)) STORED); {ROWS}
         CREATE INDEX t_lower ON t (lower(x)) WHERE x IS NOT NULL;
         CREATE VIEW v AS SELECT upper_x FROM t;
         CREATE TABLE log (x); CREATE TRIGGER logged AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.x); END;"
    ));
}

#[test]
fn free_pages_and_blobs_and_extremes() {
    rehearse(&format!(
        "CREATE TABLE t (x); {ROWS} DELETE FROM t WHERE rowid > 100;
         INSERT INTO t VALUES (NULL), (x'00ff'), (9223372036854775807), (-9223372036854775808), (1e308), (zeroblob(100000)), ('');"
    ));
}

#[test]
fn reserved_bytes_at_the_end_of_each_page() {
    // What the header calls reserved, encryption and checksum extensions use.
    let place = Place::new();
    write_database_with(&place.file("source.db"), |database| {
        database.execute_batch(&format!("CREATE TABLE t (x); {ROWS}")).expect("a table");
        // SAFETY: an open connection, on its own thread; the pointer is to an int, as SQLITE_FCNTL_RESERVE_BYTES wants it.
        let code = unsafe {
            let mut reserved: i32 = 32;
            let operation = rusqlite::ffi::SQLITE_FCNTL_RESERVE_BYTES;
            rusqlite::ffi::sqlite3_file_control(database.handle(), c"main".as_ptr(), operation, (&raw mut reserved).cast())
        };
        assert_eq!(code, rusqlite::ffi::SQLITE_OK);
        database.execute_batch("VACUUM").expect("the pages are written anew");
    });
    assert_eq!(fs::read(place.file("source.db")).expect("its bytes")[20], 32);
    place.write_sql_plan("source.db", "UPDATE t SET x = 1;");
    run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(0);
}

#[test]
fn a_source_that_nobody_may_write_in_a_directory_that_nobody_may_write() {
    let place = Place::new();
    fs::create_dir(place.file("sealed")).expect("a directory");
    write_database(&place.file("sealed/source.db"), &format!("CREATE TABLE t (x); {ROWS}"));
    place.write_sql_plan("sealed/source.db", "UPDATE t SET x = 1;");
    let mode = |path: &str, mode| fs::set_permissions(place.file(path), fs::Permissions::from_mode(mode)).expect("a mode");
    mode("sealed/source.db", 0o444);
    mode("sealed", 0o555);
    let outcome = run(&place, &["run", "rehearsal.toml", "--out", "packet"]);
    mode("sealed", 0o755);
    outcome.exits(0);
    assert_eq!(crate::place::names(&place.file("sealed")), ["source.db"]);
}

#[test]
fn a_read_only_disk_is_enough_for_a_source() {
    // Root may write where the modes say no; not on a file system that is mounted read-only.
    let place = Place::new();
    fs::create_dir(place.file("disk")).expect("a directory");
    let Some(_disk) = crate::place::SmallDisk::mount(&place.file("disk"), "size=4m") else {
        return;
    };
    write_database(&place.file("disk/source.db"), &format!("CREATE TABLE t (x); {ROWS}"));
    let remounted = std::process::Command::new("mount").args(["-o", "remount,ro"]).arg(place.file("disk")).status();
    if !remounted.is_ok_and(|status| status.success()) {
        return;
    }
    place.write_sql_plan("disk/source.db", "UPDATE t SET x = 1;");
    run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(0);
}
