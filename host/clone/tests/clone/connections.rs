//! Connections to one clone, one after another and at the same time: locks, restores under open connections, time.

use rehearsal_clone::{CloneFile, CloneSettings, InUse, OpenMode, Store};
use rusqlite::ffi::{SQLITE_BUSY, SQLITE_IOERR, SQLITE_OK, SQLITE_READONLY, SQLITE_SCHEMA};

use crate::scene::*;

const ONE_ROW: &str = "CREATE TABLE t (x); INSERT INTO t VALUES (10);";

#[test]
fn a_reader_sees_the_old_state_until_the_writer_commits() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let (writer, reader) = (open(&clone), open(&clone));
    writer.execute_batch("PRAGMA cache_size = 2; BEGIN; UPDATE t SET x = 11").expect("it works");
    assert_eq!(number(&reader, "SELECT x FROM t"), 10);
    assert_eq!(number(&writer, "SELECT x FROM t"), 11);
    writer.execute_batch("COMMIT").expect("nobody reads");
    assert_eq!(number(&reader, "SELECT x FROM t"), 11);
}

#[test]
fn a_commit_waits_for_readers_keeps_new_ones_out_and_can_be_tried_again() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let (writer, reader, late) = (open(&clone), open(&clone), open(&clone));
    reader.execute_batch("BEGIN; SELECT * FROM t").expect("it works");
    assert_eq!(number(&reader, "SELECT x FROM t"), 10);
    writer.execute_batch("BEGIN; UPDATE t SET x = 11").expect("a reader does not keep a writer from beginning");
    assert_eq!(code_of(writer.execute_batch("COMMIT")), SQLITE_BUSY);
    assert_eq!(code_of(late.query_row("SELECT x FROM t", [], |_| Ok(()))), SQLITE_BUSY, "a waiting writer comes first");
    assert_eq!(number(&reader, "SELECT x FROM t"), 10);
    reader.execute_batch("COMMIT").expect("it works");
    writer.execute_batch("COMMIT").expect("nobody reads any more");
    assert_eq!((number(&reader, "SELECT x FROM t"), number(&late, "SELECT x FROM t")), (11, 11));
}

#[test]
fn a_commit_that_was_refused_can_be_rolled_back() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let (writer, reader, before) = (open(&clone), open(&clone), clone.image());
    reader.execute_batch("BEGIN; SELECT * FROM t").expect("it works");
    writer.execute_batch("BEGIN; UPDATE t SET x = 11").expect("it works");
    assert_eq!(code_of(writer.execute_batch("COMMIT")), SQLITE_BUSY);
    writer.execute_batch("ROLLBACK").expect("it works");
    assert!(!clone.has_journal());
    reader.execute_batch("COMMIT").expect("it works");
    assert!(bytes_of(&clone.image()) == bytes_of(&before));
    reader.execute_batch("UPDATE t SET x = 12").expect("no lock is left");
}

#[test]
fn there_is_one_writer_at_a_time() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let (first, second) = (open(&clone), open(&clone));
    first.execute_batch("BEGIN IMMEDIATE").expect("it works");
    assert_eq!(code_of(second.execute_batch("BEGIN IMMEDIATE")), SQLITE_BUSY);
    assert_eq!(code_of(second.execute_batch("UPDATE t SET x = 12")), SQLITE_BUSY);
    first.execute_batch("UPDATE t SET x = 11; COMMIT").expect("it works");
    second.execute_batch("UPDATE t SET x = x + 1").expect("it works");
    assert_eq!(number(&first, "SELECT x FROM t"), 12);
    first.execute_batch("BEGIN EXCLUSIVE").expect("it works");
    assert_eq!(code_of(second.query_row("SELECT x FROM t", [], |_| Ok(()))), SQLITE_BUSY);
    drop(first);
    assert_eq!(number(&second, "SELECT x FROM t"), 12, "a connection that is closed leaves no lock");
}

#[test]
fn a_connection_to_read_only_cannot_write() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let (reader, before) = (clone.open(OpenMode::ReadOnly).expect("it opens"), clone.image());
    for sql in ["UPDATE t SET x = 11", "CREATE TABLE u (x)", "DROP TABLE t", "PRAGMA user_version = 5", "VACUUM"] {
        assert_eq!(code_of(reader.execute_batch(sql)), SQLITE_READONLY, "{sql}");
    }
    assert_eq!(number(&reader, "SELECT x FROM t"), 10);
    assert!(clone.image().is(&before));
    assert_eq!(clone.writes(), 0);
    reader.execute_batch("CREATE TEMP TABLE mine (x); INSERT INTO mine VALUES (1)").expect("what is temporary is its own");
}

#[test]
fn clones_of_one_image_on_several_threads_come_to_the_same_as_on_one() {
    let image = image_of(database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) INSERT INTO t SELECT i, hex(i) FROM n",
    ));
    let store = Store::new(&std::env::temp_dir(), 200 << 10);
    let work = |task: u64| {
        let clone = clone_of(&image, &store);
        let connection = open(&clone);
        connection.execute_batch("PRAGMA cache_size = 10").expect("it works");
        let mut digests = Vec::new();
        for step in 0..4 {
            connection
                .execute_batch(&format!(
                    "UPDATE t SET x = x || {step} WHERE id % 7 = {task}; CREATE INDEX i{step} ON t (x);
                     BEGIN; DELETE FROM t WHERE id % 5 = {task}; ROLLBACK;"
                ))
                .expect("it works");
            digests.push((state(&clone), clone.image().bytes_digest().expect("a digest")));
        }
        digests
    };
    let alone: Vec<_> = (0..4).map(work).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|task| scope.spawn(move || work(task))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(together, alone);
    assert_eq!(store.memory_bytes(), 0);
}

#[test]
fn connections_to_one_clone_on_several_threads_lose_no_change() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let connection = open(&clone);
                let mut done = 0;
                while done < 50 {
                    match code_of(connection.execute_batch("UPDATE t SET x = x + 1")) {
                        SQLITE_OK => done += 1,
                        code => assert_eq!(code, SQLITE_BUSY),
                    }
                }
            });
        }
    });
    assert_eq!(number(&open(&clone), "SELECT x FROM t"), 210);
}

#[test]
fn nothing_is_restored_under_somebody_who_holds_a_lock() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let (connection, before) = (open(&clone), clone.image());
    connection.execute_batch("UPDATE t SET x = 11").expect("it works");
    for transaction in ["BEGIN; SELECT * FROM t", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN; UPDATE t SET x = 12"] {
        connection.execute_batch(transaction).expect("it works");
        assert_eq!(clone.restore(&before), Err(InUse), "{transaction}");
        assert_eq!(InUse.to_string(), "the clone is in use: a connection holds a lock on it");
        connection.execute_batch("ROLLBACK").expect("it works");
    }
    assert_eq!(number(&connection, "SELECT x FROM t"), 11);
    let mut statement = connection.prepare("SELECT x FROM t UNION ALL SELECT 1").expect("it is SQL");
    let mut rows = statement.query([]).expect("it works");
    rows.next().expect("it works").expect("a row");
    assert_eq!(clone.restore(&before), Err(InUse), "a statement that is not done");
    drop(rows);
    clone.restore(&before).expect("nobody holds a lock");
    assert_eq!(number(&connection, "SELECT x FROM t"), 10);
}

#[test]
fn a_restored_image_is_seen_though_it_has_the_same_change_counter() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let (connection, other, base) = (open(&clone), open(&clone), clone.image());
    let images: Vec<_> = [21, 22]
        .into_iter()
        .map(|x| {
            clone.restore(&base).expect("nobody holds a lock");
            connection.execute("UPDATE t SET x = ?1", [x]).expect("it works");
            clone.image()
        })
        .collect();
    let counters = images.iter().map(|image| image.page(0).expect("a page")[24..28].to_vec()).collect::<Vec<_>>();
    assert_eq!(counters[0], counters[1], "else SQLite would notice by itself");
    for turn in 0..6 {
        let (image, x) = (&images[turn % 2], 21 + turn as i64 % 2);
        clone.restore(image).expect("nobody holds a lock");
        let mut statement = connection.prepare_cached("SELECT x FROM t").expect("it is SQL");
        assert_eq!(statement.query_row([], |row| row.get::<_, i64>(0)).expect("a row"), x);
        assert_eq!(number(&connection, "SELECT x FROM t"), x, "with a warm cache");
        if turn > 2 {
            assert_eq!(number(&other, "SELECT x FROM t"), x, "a connection that missed some restores");
        }
    }
}

/// Two images with the same change counter and the same schema cookie, in which the same page belongs to different tables.
fn twins() -> [rehearsal_clone::Image; 2] {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let base = clone.image();
    ["CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 'a')", "CREATE TABLE b (x); INSERT INTO b VALUES (2)"].map(|sql| {
        clone.restore(&base).expect("nobody holds a lock");
        open(&clone).execute_batch(sql).expect("it works");
        clone.image()
    })
}

#[test]
fn a_restored_image_is_seen_though_another_schema_has_the_same_cookie() {
    let [a, b] = twins();
    let cookies = [&a, &b].map(|image| image.page(0).expect("a page")[40..44].to_vec());
    assert_eq!(cookies[0], cookies[1], "else SQLite would notice by itself");
    let clone = clone_of(&a, &store());
    let connection = open(&clone);
    for _ in 0..2 {
        assert_eq!(number(&connection, "SELECT x FROM a"), 1);
        clone.restore(&b).expect("nobody holds a lock");
        assert_eq!(number(&connection, "SELECT count(*) FROM b"), 1);
        assert!(connection.prepare("SELECT x FROM a").is_err(), "there is no such table any more");
        connection.execute_batch("BEGIN; INSERT INTO b VALUES (3); ROLLBACK").expect("it works");
        clone.restore(&a).expect("nobody holds a lock");
        connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO a VALUES (3, 4); COMMIT").expect("it works");
        assert_eq!(number(&connection, "SELECT count(*) FROM a"), 2);
        assert_eq!(integrity(&connection), "ok");
        clone.restore(&a).expect("nobody holds a lock");
    }
}

#[test]
fn a_statement_of_before_a_restore_never_reads_with_the_old_schema() {
    let [a, b] = twins();
    let clone = clone_of(&a, &store());
    let connection = open(&clone);
    let mut statement = connection.prepare("SELECT x FROM a").expect("it is SQL");
    assert_eq!(statement.query_row([], |row| row.get::<_, i64>(0)).expect("a row"), 1);
    clone.restore(&b).expect("nobody holds a lock");
    assert_eq!(code_of(statement.query_row([], |_| Ok(()))), SQLITE_SCHEMA, "page 3 is of another table now");
    assert_eq!(number(&connection, "SELECT x FROM b"), 2);
    assert_eq!(code_of(statement.query_row([], |_| Ok(()))), rusqlite::ffi::SQLITE_ERROR, "there is no such table");
    clone.restore(&a).expect("nobody holds a lock");
    assert_eq!(number(&connection, "SELECT count(*) FROM a"), 1);
    assert_eq!(statement.query_row([], |row| row.get::<_, i64>(0)).expect("a row"), 1);
}

#[test]
fn an_image_of_nothing_can_be_restored_and_left_again() {
    let clone = clone_of(&nothing(), &store());
    let (connection, empty) = (open(&clone), clone.image());
    for x in 0..3 {
        connection.execute_batch(&format!("CREATE TABLE t (x); INSERT INTO t VALUES ({x})")).expect("it works");
        let full = clone.image();
        clone.restore(&empty).expect("nobody holds a lock");
        assert_eq!(number(&connection, "SELECT count(*) FROM sqlite_schema"), 0);
        clone.restore(&full).expect("nobody holds a lock");
        assert_eq!(number(&connection, "SELECT x FROM t"), x);
        clone.restore(&empty).expect("nobody holds a lock");
    }
}

#[test]
fn sql_takes_for_the_present_what_the_settings_say() {
    let settings = |now_unix_ms| CloneSettings { now_unix_ms, growth_bytes_max: 1 << 20 };
    let clones = [0, NOW_UNIX_MS + 123, -1_000].map(|now| CloneFile::new(nothing(), &store(), settings(now)));
    let connections = [0, 1, 2].map(|number: usize| open(&clones[number]));
    let text = |number: usize, sql: &str| connections[number].query_row(sql, [], |row| row.get::<_, String>(0)).expect("a time");
    for _ in 0..2 {
        assert_eq!(text(0, "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"), "1970-01-01 00:00:00.000");
        assert_eq!(text(1, "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"), "2001-09-09 01:46:40.123");
        assert_eq!(text(2, "SELECT datetime()"), "1969-12-31 23:59:59");
        assert_eq!(text(1, "SELECT current_timestamp"), "2001-09-09 01:46:40");
        assert_eq!(number(&connections[1], "SELECT unixepoch()"), NOW_UNIX_MS / 1000);
    }
    assert_eq!(clones[0].settings(), &settings(0));
}

#[test]
fn what_the_machine_cannot_do_is_an_error_of_the_statement_and_said_once() {
    let nowhere = Store::new(std::path::Path::new("/nonexistent/directory"), 0);
    let clone = clone_of(&image_of(database(ONE_ROW)), &nowhere);
    let (connection, before) = (open(&clone), clone.image());
    assert_eq!(code_of(connection.execute_batch("UPDATE t SET x = 11")), SQLITE_IOERR);
    assert_eq!(clone.take_trouble().map(|error| error.kind()), Some(std::io::ErrorKind::NotFound));
    assert!(clone.take_trouble().is_none());
    assert_eq!(number(&connection, "SELECT x FROM t"), 10);
    assert!(bytes_of(&clone.image()) == bytes_of(&before));
}

#[test]
fn a_source_that_is_cut_short_is_an_error_of_the_statement() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("source.db");
    let rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 900) INSERT INTO t SELECT zeroblob(1000) FROM n";
    std::fs::write(&path, database(&format!("{ONE_ROW} {rows}"))).expect("it can be written");
    let base = rehearsal_clone::Base::from_file(std::fs::File::open(&path).expect("it is there")).expect("it can be read");
    let clone = clone_of(&rehearsal_clone::Image::of(base), &store());
    let connection = open(&clone);
    assert_eq!(number(&connection, "SELECT count(*) FROM sqlite_schema"), 1);
    std::fs::OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(8192)).expect("it can be cut");
    assert_eq!(code_of(connection.query_row("SELECT sum(length(x)) FROM t", [], |_| Ok(()))), SQLITE_IOERR);
    assert_eq!(clone.take_trouble().map(|error| error.kind()), Some(std::io::ErrorKind::UnexpectedEof));
    assert!(clone.image().bytes_digest().is_err());
}

#[test]
fn a_restore_holds_whatever_the_journal_mode() {
    let image = image_of(database(ONE_ROW));
    let before = image.state_digest().expect("a digest");
    for mode in ["delete", "truncate", "persist", "memory"] {
        let clone = clone_of(&image, &store());
        let connection = open(&clone);
        let now: String = connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |row| row.get(0)).expect("a mode");
        assert_eq!(now, mode);
        for x in 0..4 {
            connection.execute("UPDATE t SET x = ?1", [x]).expect("it works");
            connection.execute_batch("BEGIN; INSERT INTO t VALUES (1); ROLLBACK").expect("it works");
            assert!(!clone.has_journal(), "{mode}");
            clone.restore(&image).expect("nobody holds a lock");
            assert_eq!(state(&clone), before);
            assert_eq!(number(&connection, "SELECT sum(x) FROM t"), 10);
        }
    }
}

#[test]
fn a_write_ahead_log_cannot_be_turned_on() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let connection = open(&clone);
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).expect("a mode");
    assert_eq!(mode, "delete");
    connection.execute_batch("UPDATE t SET x = 11").expect("it works");
    assert_eq!(clone.image().page(0).expect("a page")[18..20], [1, 1], "its bytes would not be in the image");
}

#[test]
fn a_connection_that_keeps_its_locks_keeps_the_clone_from_being_restored() {
    let clone = clone_of(&image_of(database(ONE_ROW)), &store());
    let (connection, before) = (open(&clone), clone.image());
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; UPDATE t SET x = 11").expect("it works");
    assert_eq!(clone.restore(&before), Err(InUse));
    connection.execute_batch("PRAGMA locking_mode = NORMAL; SELECT * FROM t").expect("it works");
    clone.restore(&before).expect("nobody holds a lock");
    assert_eq!(number(&connection, "SELECT x FROM t"), 10);
}

#[test]
fn many_clones_come_and_go_and_sqlite_forgets_their_names() {
    let (image, store) = (image_of(database(ONE_ROW)), store());
    let clones: Vec<_> = (0..50).map(|_| clone_of(&image, &store)).collect();
    let connections: Vec<_> = clones.iter().map(open).collect();
    for (x, connection) in connections.iter().enumerate() {
        connection.execute("UPDATE t SET x = ?1", [x as i64]).expect("it works");
        connection.execute_batch("VACUUM").expect("it works");
    }
    // The connections keep what they need.
    drop(clones);
    for (x, connection) in connections.iter().enumerate() {
        assert_eq!(number(connection, "SELECT x FROM t"), x as i64);
    }
    drop(connections);
    assert_eq!(store.memory_bytes(), 0);
}
