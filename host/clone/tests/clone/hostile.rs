//! Images that somebody has damaged: they can be refused, but they can neither crash nor hang the process nor take all its memory.

use rehearsal_clone::{CloneConnection, CloneFile, CloneSettings, HeapBudget};
use rusqlite::types::ValueRef;

use crate::{reference, scene::*};

/// How many steps of SQLite's virtual machine, in thousands, one image may take.
const THOUSAND_STEPS_MAX: u32 = 300;

const HEAP_BYTES_MAX: u64 = 48 << 20;

/// Databases with something of everything.
fn sources() -> Vec<Vec<u8>> {
    [(512, "FULL"), (1024, "NONE"), (4096, "INCREMENTAL"), (512, "NONE")]
        .map(|(page_bytes, auto_vacuum)| {
            database(&format!(
                "PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {auto_vacuum};
                 CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, y DEFAULT 5);
                 CREATE INDEX t_x ON t (x);
                 CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
                 CREATE VIRTUAL TABLE f USING fts5 (body);
                 CREATE VIRTUAL TABLE r USING rtree (id, a, b);
                 CREATE TRIGGER t_w AFTER INSERT ON t BEGIN INSERT OR REPLACE INTO w VALUES (new.x, new.id); END;
                 CREATE VIEW v AS SELECT * FROM t JOIN w ON t.x = w.k;
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 120) INSERT INTO t SELECT i, 'row ' || i, hex(i) FROM n;
                 INSERT INTO t (x) VALUES (hex(zeroblob(5000)));
                 INSERT INTO f SELECT x FROM t LIMIT 60;
                 INSERT INTO r SELECT id, id, id + 1 FROM t;
                 CREATE TABLE gone AS SELECT * FROM t; DROP TABLE gone;"
            ))
        })
        .to_vec()
}

/// Does with a damaged image what a rehearsal would do with it, and more. The fuzz target `image` uses it, too.
pub(crate) fn use_it(bytes: Vec<u8>) {
    let image = image_of(bytes.clone());
    let page_bytes = image.page_bytes();
    assert_eq!(image.state_digest().expect("a digest"), reference::state_digest(page_bytes, &bytes));
    assert_eq!(image.bytes_digest().expect("a digest"), reference::bytes_digest(page_bytes, &bytes));
    let budget = HeapBudget::begin(HEAP_BYTES_MAX);
    let settings = CloneSettings { now_unix_ms: 0, growth_bytes_max: 8 << 20 };
    let clone = CloneFile::new(image.clone(), &store(), settings);
    let mut connection = open(&clone);
    let mut steps = 0;
    connection
        .set_progress_handler(1000, move || {
            steps += 1;
            steps > THOUSAND_STEPS_MAX
        })
        .expect("it works");
    for pragma in ["PRAGMA quick_check(1)", "PRAGMA integrity_check(1)", "PRAGMA foreign_key_check"] {
        read_all(&connection, pragma);
    }
    for table in tables(&connection) {
        read_all(&connection, &format!("SELECT * FROM \"{table}\""));
    }
    read_all(&connection, "SELECT * FROM f WHERE f MATCH 'row'");
    read_all(&connection, "SELECT * FROM r WHERE a > 10");
    assert!(clone.image().is(&image), "whoever only reads changes nothing");
    for sql in
        ["INSERT INTO t (x) SELECT x || 'y' FROM t", "DELETE FROM t WHERE id % 3 = 0", "UPDATE w SET v = x'00'", "DROP TABLE w", "VACUUM"]
    {
        drop(connection.execute_batch(sql));
    }
    drop(connection);
    drop(budget);
    clone.image().state_digest().expect("a digest");
    assert!(clone.take_trouble().is_none());
    assert!(clone.taken_bytes() <= settings.growth_bytes_max + 65_536);
}

/// The names that are text, a few of them.
fn tables(connection: &CloneConnection) -> Vec<String> {
    let Ok(mut statement) = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 20") else { return Vec::new() };
    let Ok(mut rows) = statement.query([]) else { return Vec::new() };
    let mut names = Vec::new();
    while let Ok(Some(row)) = rows.next() {
        if let Ok(ValueRef::Text(name)) = row.get_ref(0)
            && let Ok(name) = str::from_utf8(name)
        {
            names.push(name.replace('"', "\"\""));
        }
    }
    names
}

/// Reads as far as it goes.
fn read_all(connection: &CloneConnection, sql: &str) {
    let Ok(mut statement) = connection.prepare(sql) else { return };
    let columns = statement.column_count();
    let Ok(mut rows) = statement.query([]) else { return };
    while let Ok(Some(row)) = rows.next() {
        for column in 0..columns {
            drop(std::hint::black_box(row.get_ref(column)));
        }
    }
}

/// Damages some bytes, where it hurts.
fn damage(bytes: &mut Vec<u8>, random: &mut Seeded) {
    let length = bytes.len() as u64;
    let page_bytes = u64::from(u16::from_be_bytes([bytes[16], bytes[17]])).max(512);
    let page = random.within(0..length.div_ceil(page_bytes)) * page_bytes;
    let put = |bytes: &mut Vec<u8>, at: u64, value: &[u8]| {
        if let Some(there) = bytes.get_mut(at as usize..at as usize + value.len()) {
            there.copy_from_slice(value);
        }
    };
    let number = (match random.within(0..4) {
        0 => random.within(0..5),
        1 => length / page_bytes + random.within(0..3),
        2 => u64::from(u32::MAX) - random.within(0..2),
        _ => random.within(0..length / page_bytes + 1),
    } as u32)
        .to_be_bytes();
    let any = random.next() as u8;
    let byte = *random.one_of(&[0, 1, 2, 5, 10, 13, 0x7f, 0x80, 0xff, any]);
    match random.within(0..12) {
        // The header; its numbers; the first page, with the schema.
        0 => put(bytes, random.within(0..100), &[byte]),
        1 => put(bytes, *random.one_of(&[24, 28, 32, 36, 40, 44, 52, 56, 60, 64, 92, 96]), &number),
        2 => put(bytes, random.within(100..page_bytes), &[byte]),
        // The beginning of a page, where b-trees and freelists say what they are; pointers to cells, and to pages.
        3 => put(bytes, page + random.within(0..12), &[byte]),
        4 => put(bytes, page + random.within(0..30) * 2, &number[2..]),
        5 => put(bytes, page + random.within(0..page_bytes / 4) * 4, &number),
        6 => put(bytes, page, &number),
        7 => {
            // One page in the place of another.
            let from = random.within(0..length / page_bytes + 1) * page_bytes;
            let content = bytes[from as usize..(from + page_bytes).min(length) as usize].to_vec();
            put(bytes, page, &content);
        }
        8 => put(bytes, page, &vec![byte; page_bytes as usize]),
        9 => bytes.truncate(random.within(100..length + 1) as usize),
        _ => put(bytes, random.within(0..length), &[byte]),
    }
}

#[test]
fn damaged_images_neither_crash_nor_hang() {
    let (sources, rounds) = (sources(), if std::env::var_os("REHEARSAL_LONG").is_some() { 200_000 } else { 2_000 });
    for seed in 0..rounds {
        let mut random = Seeded(seed);
        let mut bytes = sources[(seed % sources.len() as u64) as usize].clone();
        for _ in 0..random.within(1..8) {
            damage(&mut bytes, &mut random);
        }
        use_it(bytes);
    }
}

#[test]
fn images_that_are_cut_short_anywhere_neither_crash_nor_hang() {
    let source = &sources()[1];
    for length in (0..source.len()).step_by(512) {
        use_it(source[..length].to_vec());
        use_it(source[..length + 100].to_vec());
    }
}

#[test]
fn every_value_of_the_page_size_is_survived() {
    let source = &sources()[1];
    for size in (0..16).map(|bit| 1_u16 << bit).chain([0, 3, 513, 1023, 1025, u16::MAX]) {
        let mut bytes = source.clone();
        bytes[16..18].copy_from_slice(&size.to_be_bytes());
        use_it(bytes);
    }
    for reserved in 0..=u8::MAX {
        let mut bytes = source[..8 * 1024].to_vec();
        bytes[20] = reserved;
        use_it(bytes);
    }
}

#[test]
fn a_freelist_that_goes_in_circles_has_an_end() {
    let source = &sources()[3];
    let at = |offset: usize| u32::from_be_bytes(source[offset..offset + 4].try_into().expect("four bytes"));
    let trunk = at(32);
    let start = (trunk as usize - 1) * 512;
    for next in [trunk, 1, 2, at(start + 8), at(start + 12)] {
        for count in [0, 1, 120, 126, u32::MAX] {
            let mut bytes = source.clone();
            bytes[start..start + 4].copy_from_slice(&next.to_be_bytes());
            bytes[start + 4..start + 8].copy_from_slice(&count.to_be_bytes());
            // The next one leads back.
            let other = (next as usize - 1) * 512;
            if next > 1 {
                bytes[other..other + 4].copy_from_slice(&trunk.to_be_bytes());
            }
            use_it(bytes);
        }
    }
}

#[test]
fn bytes_that_are_no_database_are_refused() {
    for bytes in [b"hello".to_vec(), vec![0; 5000], Seeded(1).bytes(100_000), b"SQLite format 3\0".to_vec(), vec![b'S'; 99]] {
        use_it(bytes);
    }
}
