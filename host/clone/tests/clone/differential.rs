//! The same random statements on a plain SQLite in memory and on a clone: the same outcome of each, and the same content.
//!
//! The statements come from a seed: rows, schema, savepoints, VACUUM, full text, rtree, triggers, foreign keys. Some 20,000 of them are
//! tried each time. For a longer run, a few million:
//!
//! ```text
//! REHEARSAL_LONG=1 cargo test --release --package rehearsal-clone --test clone -- differential
//! ```
//!
//! Snapshots are taken and restored on the way. The plain SQLite cannot do that: it is given the dump of what it held when the snapshot was
//! taken, which is the statements since the last one that succeeded, replayed.

use rehearsal_clone::{CloneConnection, CloneFile, Image, Store, engine};
use rusqlite::{Connection, types::Value};

use crate::{
    scene::*,
    workload::{TABLES, Workload},
};

/// How the database of a round begins.
#[derive(Clone, Copy, Debug)]
struct Start {
    page_bytes: u32,
    auto_vacuum: &'static str,
    encoding: &'static str,
    cache_pages: u32,
    store_bytes: u64,
}

const STARTS: [Start; 8] = [
    Start { page_bytes: 4096, auto_vacuum: "NONE", encoding: "UTF-8", cache_pages: 10, store_bytes: 1 << 30 },
    Start { page_bytes: 512, auto_vacuum: "FULL", encoding: "UTF-8", cache_pages: 5, store_bytes: 1 << 30 },
    Start { page_bytes: 1024, auto_vacuum: "INCREMENTAL", encoding: "UTF-16le", cache_pages: 5, store_bytes: 0 },
    Start { page_bytes: 65_536, auto_vacuum: "NONE", encoding: "UTF-8", cache_pages: 5, store_bytes: 1 << 20 },
    Start { page_bytes: 512, auto_vacuum: "NONE", encoding: "UTF-16be", cache_pages: 5, store_bytes: 50_000 },
    Start { page_bytes: 8192, auto_vacuum: "FULL", encoding: "UTF-8", cache_pages: 20, store_bytes: 1 << 30 },
    Start { page_bytes: 2048, auto_vacuum: "NONE", encoding: "UTF-8", cache_pages: 2000, store_bytes: 1 << 30 },
    Start { page_bytes: 16_384, auto_vacuum: "INCREMENTAL", encoding: "UTF-8", cache_pages: 5, store_bytes: 1 << 30 },
];

/// What a statement came to: its rows and how many rows it changed, or the code of its error.
#[derive(Debug, PartialEq)]
enum Outcome {
    Done { rows: Vec<Vec<Value>>, changes: u64, is_autocommit: bool },
    Refused { code: i32, is_autocommit: bool },
}

fn perform(connection: &Connection, sql: &str) -> Outcome {
    let rows = connection.prepare(sql).and_then(|mut statement| {
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
        rows.collect::<rusqlite::Result<Vec<Vec<Value>>>>()
    });
    let is_autocommit = connection.is_autocommit();
    match rows {
        Ok(rows) => Outcome::Done { rows, changes: connection.changes(), is_autocommit },
        Err(error) => Outcome::Refused { code: extended_code(&error), is_autocommit },
    }
}

/// Every row of every table, and the schema: what both must agree on.
fn content(connection: &Connection) -> Vec<(String, Vec<Vec<Value>>)> {
    let query = |sql: &str| match perform(connection, sql) {
        Outcome::Done { rows, .. } => rows,
        refused => panic!("{sql}: {refused:?}"),
    };
    // Shadow tables of virtual tables are among them: their bytes agree, too.
    let mut content = vec![("schema".to_owned(), query("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, sql"))];
    for table in query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name") {
        let Some(Value::Text(name)) = table.first() else { panic!("a table has a name") };
        content.push((name.clone(), query(&format!("SELECT * FROM \"{name}\""))));
    }
    content
}

/// One plain SQLite and one clone.
struct Pair {
    start: Start,
    plain: Connection,
    clone: std::sync::Arc<CloneFile>,
    connection: CloneConnection,
    /// What was done outside of transactions since the start, so that it can be done again.
    done: Vec<String>,
    performed: u64,
    has_written: bool,
}

impl Pair {
    fn new(start: Start) -> Self {
        let Start { page_bytes, auto_vacuum, encoding, cache_pages, store_bytes } = start;
        let store = Store::new(&std::env::temp_dir(), store_bytes);
        let clone = clone_of(&nothing(), &store);
        let base = format!(
            "PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {auto_vacuum}; PRAGMA encoding = '{encoding}'; CREATE TABLE start (x);"
        );
        // The tree's pages are those of the base, so there has to be one; and the encoding is that of the first table.
        open(&clone).execute_batch(&base).expect("it works");
        let clone = clone_of(&image_of(bytes_of(&clone.image())), &store);
        assert_eq!(clone.image().page_bytes(), page_bytes as usize);
        let connection = open(&clone);
        let small = format!("PRAGMA cache_size = {cache_pages}; PRAGMA cache_spill = 1;");
        connection.execute_batch(&small).expect("it works");
        let mut pair = Self { start, plain: plain(&base), clone, connection, done: Vec::new(), performed: 0, has_written: false };
        pair.begin();
        pair
    }

    /// Begins with two contents that are the same.
    fn begin(&mut self) {
        // Makes both say the same of how many rows the last statement changed, which outlives a restore.
        self.both("UPDATE start SET x = 1");
        for pragma in ["encoding", "page_size", "auto_vacuum", "foreign_keys = ON", "recursive_triggers = ON"] {
            self.both(&format!("PRAGMA {pragma}"));
        }
    }

    /// Performs a statement on both.
    fn both(&mut self, sql: &str) {
        let (expected, outcome) = (perform(&self.plain, sql), perform(&self.connection, sql));
        assert!(outcome == expected, "{:?}, statement {}: {sql}\nplain: {expected:?}\nclone: {outcome:?}", self.start, self.performed);
        self.done.push(sql.to_owned());
        self.performed += 1;
    }

    fn compare(&self) {
        let (expected, found) = (content(&self.plain), content(&self.connection));
        for (expected, found) in expected.iter().zip(&found) {
            let (table, count) = (&expected.0, (expected.1.len(), found.1.len()));
            let first = expected.1.iter().zip(&found.1).find(|(expected, found)| expected != found);
            assert!(expected == found, "{:?}, after {} statements: {table}: {count:?} rows, first {first:?}", self.start, self.performed);
        }
        assert_eq!(expected.len(), found.len());
        for connection in [&self.plain, &*self.connection] {
            assert_eq!(integrity(connection), "ok", "{:?}, after {} statements", self.start, self.performed);
        }
    }

    /// Gives both what they held when a snapshot was taken.
    fn restore(&mut self, (image, done): &(Image, Vec<String>)) {
        // A restore begins the count of writes again.
        self.has_written |= self.clone.writes() > 0;
        self.clone.restore(image).expect("no transaction is open");
        let Start { page_bytes, auto_vacuum, encoding, .. } = self.start;
        self.plain = plain(&format!(
            "PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {auto_vacuum}; PRAGMA encoding = '{encoding}'; CREATE TABLE start (x);"
        ));
        self.done.clone_from(done);
        for sql in done {
            perform(&self.plain, sql);
        }
        // What ANALYZE has found in a transaction that was rolled back is still in use until the schema is read anew, and chooses the order
        // in which rows are visited. A clone reads it anew only if it was restored to something else. So both do, now and when this
        // is replayed.
        const READ_ANEW: &str = "PRAGMA writable_schema = RESET";
        for connection in [&self.plain, &*self.connection] {
            perform(connection, READ_ANEW);
        }
        self.done.push(READ_ANEW.to_owned());
        self.compare();
        self.begin();
    }
}

fn plain(pragmas: &str) -> Connection {
    let plain = engine::open_in_memory().expect("it opens");
    plain.execute_batch(pragmas).expect("it works");
    plain
}

/// A round: so many statements from a seed.
fn round(start: Start, seed: u64, statements: u64) {
    let (mut pair, mut workload, mut random) = (Pair::new(start), Workload::new(seed), Seeded(seed ^ 0x5eed));
    let mut kept: Option<(Image, Vec<String>)> = None;
    for sql in TABLES {
        pair.both(sql);
    }
    while pair.performed < statements {
        pair.both(&workload.statement());
        if random.once_in(150) {
            pair.compare();
        }
        if !pair.connection.is_autocommit() {
            continue;
        }
        if random.once_in(400) {
            kept = Some((pair.clone.image(), pair.done.clone()));
        } else if random.once_in(400)
            && let Some(kept) = kept.take()
        {
            pair.compare();
            let digest = kept.0.bytes_digest().expect("a digest");
            pair.restore(&kept);
            assert_eq!(kept.0.bytes_digest().expect("a digest"), digest, "a snapshot never changes");
        }
    }
    pair.both(if pair.connection.is_autocommit() { "SELECT 1" } else { "COMMIT" });
    pair.compare();
    assert!(pair.clone.take_trouble().is_none());
    assert!(pair.has_written || pair.clone.writes() > 0);
}

/// The rounds of one start.
fn rounds(number: usize) {
    let (rounds, statements) = if std::env::var_os("REHEARSAL_LONG").is_some() { (100, 4_000) } else { (1, 2_800) };
    for seed in 0..rounds {
        round(STARTS[number], (number as u64) << 32 | seed, statements);
    }
}

/// One test for each start, so that they run at the same time and the name says which one failed.
macro_rules! starts {
    ($($number:literal $name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            rounds($number);
        }
    )*};
}

starts! {
    0 statements_do_the_same_with_pages_of_4096,
    1 statements_do_the_same_with_pages_of_512_and_full_auto_vacuum,
    2 statements_do_the_same_with_pages_of_1024_in_a_file_without_a_name_and_utf_16,
    3 statements_do_the_same_with_pages_of_65536,
    4 statements_do_the_same_with_pages_of_512_and_utf_16_big_endian,
    5 statements_do_the_same_with_pages_of_8192_and_full_auto_vacuum,
    6 statements_do_the_same_with_pages_of_2048_and_a_cache_for_all_of_them,
    7 statements_do_the_same_with_pages_of_16384_and_incremental_auto_vacuum,
}
