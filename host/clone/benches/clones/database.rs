//! The databases that are measured: seeded, and shaped like those of a company that sells something. Forty tables, of which a few
//! hold most rows; seventy indexes; foreign keys and checks.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
};

use rehearsal_clone::{Base, CloneFile, CloneSettings, Image, OpenMode, Store};
use rusqlite::{Connection, params};

use crate::size::Size;

/// What [`Size::bytes`] is not the whole of: the schema, and forty tables of which each has a page for itself and its indexes.
const SCHEMA_BYTES: i64 = 300_000;

/// The tables to look things up in: an id, a code, a label.
const LOOKUPS: [&str; 12] = [
    "countries",
    "currencies",
    "languages",
    "tax_rates",
    "units",
    "carriers",
    "payment_methods",
    "order_kinds",
    "return_reasons",
    "departments",
    "warehouses",
    "channels",
];

/// The tables of things, and how many thousandths of the bytes each has.
const RECORDS: [(&str, i64); 20] = [
    ("orders", 160),
    ("order_lines", 160),
    ("customers", 80),
    ("addresses", 14),
    ("products", 14),
    ("product_variants", 14),
    ("categories", 14),
    ("suppliers", 14),
    ("purchase_orders", 14),
    ("stock_levels", 14),
    ("shipments", 14),
    ("payments", 14),
    ("refunds", 14),
    ("invoices", 14),
    ("coupons", 14),
    ("reviews", 14),
    ("tickets", 14),
    ("employees", 14),
    ("price_lists", 14),
    ("contracts", 14),
];

/// The tables of what happened to things, and how many thousandths of the bytes each has.
const EVENTS: [(&str, i64); 8] = [
    ("audit_log", 160),
    ("page_views", 160),
    ("stock_movements", 24),
    ("status_changes", 24),
    ("mails_sent", 24),
    ("logins", 24),
    ("imports", 24),
    ("jobs", 24),
];

const STATES: [&str; 5] = ["new", "open", "paid", "sent", "closed"];

const WORDS: [&str; 24] = [
    "amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "heron", "inlet", "jetty", "knoll", "larch", "meadow", "north",
    "orchard", "pebble", "quarry", "ridge", "spruce", "thicket", "upland", "valley", "willow", "yarrow",
];

/// How many bytes a row takes, with its share of the indexes: what the generator makes, measured.
const RECORD_BYTES: i64 = 245;
const EVENT_BYTES: i64 = 360;

/// A violation of UNIQUE, found in an index after a search for the end of the table.
pub(crate) const REFUSED_INSERT: &str = "INSERT INTO orders (parent_id, code, name, state, amount_cents, created_at, updated_at, note) \
     VALUES (1, 'orders-1', 'amber basin', 'new', 100, '2030-01-01T00:00:00Z', '2030-01-01T00:00:00Z', '')";

/// The same row under a code that is not taken.
pub(crate) const ALLOWED_INSERT: &str = "INSERT INTO orders (parent_id, code, name, state, amount_cents, created_at, updated_at, note) \
     VALUES (1, 'probe-1', 'amber basin', 'new', 100, '2030-01-01T00:00:00Z', '2030-01-01T00:00:00Z', '')";

/// A row by its key.
pub(crate) const POINT_QUERY: &str = "SELECT name, state, amount_cents FROM orders WHERE id = 101";

/// Every byte of the largest tables: the last columns of rows make SQLite read all of them.
pub(crate) const SCAN: &str = "SELECT (SELECT sum(length(note)) FROM orders), (SELECT sum(length(note)) FROM order_lines), \
     (SELECT sum(length(payload)) FROM audit_log), (SELECT sum(length(payload)) FROM page_views)";

/// A migration that writes much: every row of large tables, an index, a table that is rebuilt.
pub(crate) const MIGRATION: &str = "\
UPDATE orders SET amount_cents = amount_cents + 1, updated_at = '2030-01-01T00:00:00Z';
UPDATE order_lines SET note = note || ' (checked)';
UPDATE audit_log SET kind = upper(kind);
CREATE INDEX order_lines_by_name ON order_lines (name, created_at);
CREATE TABLE customers_rebuilt (
  id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, state TEXT NOT NULL,
  amount INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, note TEXT NOT NULL
);
INSERT INTO customers_rebuilt SELECT id, parent_id, code, name, state, amount_cents / 100, created_at, updated_at, note FROM customers;
DROP TABLE customers;
ALTER TABLE customers_rebuilt RENAME TO customers;
CREATE INDEX customers_by_state ON customers (state, created_at);
";

/// Gives `rows` of two tables other bytes of the same length, each on a page of its own where the tables are large enough.
pub(crate) fn touch_scattered(connection: &Connection, rows: i64) {
    const TABLES: [&str; 2] = ["audit_log", "page_views"];
    let last: i64 = connection.query_row("SELECT max(id) FROM page_views", [], |row| row.get(0)).expect("a table with rows");
    let apart = (2 * last / rows).max(1);
    let mut touches = TABLES.map(|table| {
        let touch = format!("UPDATE {table} SET payload = replace(payload, '\"n\"', '\"m\"') WHERE id = ?1");
        connection.prepare_cached(&touch).expect("a statement")
    });
    connection.execute_batch("BEGIN").expect("BEGIN");
    for (row, touch) in (0..rows).zip((0..TABLES.len()).cycle()) {
        touches[touch].execute([1 + row / 2 * apart]).expect("UPDATE");
    }
    connection.execute_batch("COMMIT").expect("COMMIT");
}

/// The database of a size, made if it is not there.
pub(crate) fn at(directory: &Path, size: &Size) -> PathBuf {
    let path = directory.join(format!("rehearsal-clones-{}.db", size.bytes));
    let is_there = fs::metadata(&path).is_ok_and(|file| (size.bytes * 8 / 10..=size.bytes * 12 / 10).contains(&file.len()));
    if !is_there {
        let unfinished = path.with_extension("unfinished");
        let image = filled(directory, size);
        image.write_to(BufWriter::new(File::create(&unfinished).expect("a file for a database"))).expect("room for a database");
        fs::rename(&unfinished, &path).expect("a database under its name");
    }
    path
}

fn filled(directory: &Path, size: &Size) -> Image {
    let store = Store::new(directory, 1 << 30);
    let empty = Image::of(Base::from_bytes([]).expect("no bytes"));
    let clone = CloneFile::new(empty, &store, CloneSettings { now_unix_ms: 0, growth_bytes_max: u64::MAX });
    let connection = clone.open(OpenMode::ReadWrite).expect("an empty clone");
    // Every row that is referred to is there; that SQLite looks takes a third of the time.
    connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN").expect("BEGIN");
    let content_bytes = i64::try_from(size.bytes).expect("a size that SQLite can have") - SCHEMA_BYTES;
    let mut random = Random(0x5eed_0001);
    for table in LOOKUPS {
        lookups(&connection, table, &mut random);
    }
    for (number, (table, share)) in RECORDS.into_iter().enumerate() {
        let rows = (content_bytes * share / 1000 / RECORD_BYTES).max(20);
        records(&connection, table, LOOKUPS[number % LOOKUPS.len()], rows, &mut random);
    }
    for (number, (table, share)) in EVENTS.into_iter().enumerate() {
        let rows = (content_bytes * share / 1000 / EVENT_BYTES).max(20);
        events(&connection, table, RECORDS[number % RECORDS.len()].0, rows, &mut random);
    }
    connection
        .execute_batch(
            "CREATE INDEX orders_by_amount ON orders (state, amount_cents); CREATE INDEX order_lines_by_parent ON order_lines (parent_id)",
        )
        .expect("indexes");
    connection.execute_batch("COMMIT").expect("COMMIT");
    clone.image()
}

fn lookups(connection: &Connection, table: &str, random: &mut Random) {
    let create = format!(
        "CREATE TABLE {table} (id INTEGER PRIMARY KEY, code TEXT NOT NULL, label TEXT NOT NULL);
         CREATE UNIQUE INDEX {table}_by_code ON {table} (code);"
    );
    connection.execute_batch(&create).expect("a table");
    for row in 1..=20 {
        let insert = format!("INSERT INTO {table} (code, label) VALUES (?1, ?2)");
        connection.execute(&insert, params![format!("{table}-{row}"), random.words(2)]).expect("a row");
    }
}

fn records(connection: &Connection, table: &str, parent: &str, rows: i64, random: &mut Random) {
    let create = format!(
        "CREATE TABLE {table} (
           id INTEGER PRIMARY KEY,
           parent_id INTEGER NOT NULL REFERENCES {parent} (id),
           code TEXT NOT NULL,
           name TEXT NOT NULL,
           state TEXT NOT NULL CHECK (state IN ('new', 'open', 'paid', 'sent', 'closed')),
           amount_cents INTEGER NOT NULL CHECK (amount_cents >= 0),
           created_at TEXT NOT NULL,
           updated_at TEXT NOT NULL,
           note TEXT NOT NULL
         )"
    );
    connection.execute_batch(&create).expect("a table");
    let insert = format!(
        "INSERT INTO {table} (parent_id, code, name, state, amount_cents, created_at, updated_at, note) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    );
    let mut insert = connection.prepare(&insert).expect("a statement");
    for row in 1..=rows {
        let (name, created_at, updated_at) = (random.words(2), random.time(), random.time());
        let words = random.below(14);
        let note = random.words(words);
        let state = STATES[random.below(5) as usize];
        let (parent, amount_cents) = (1 + random.below(20), random.below(1_000_000));
        insert.execute(params![parent, format!("{table}-{row}"), name, state, amount_cents, created_at, updated_at, note]).expect("a row");
    }
    let indexes =
        format!("CREATE UNIQUE INDEX {table}_by_code ON {table} (code); CREATE INDEX {table}_by_state ON {table} (state, created_at);");
    connection.execute_batch(&indexes).expect("indexes");
}

fn events(connection: &Connection, table: &str, of: &str, rows: i64, random: &mut Random) {
    let create = format!(
        "CREATE TABLE {table} (
           id INTEGER PRIMARY KEY,
           of_id INTEGER NOT NULL REFERENCES {of} (id),
           kind TEXT NOT NULL,
           at TEXT NOT NULL,
           payload TEXT NOT NULL
         )"
    );
    connection.execute_batch(&create).expect("a table");
    let mut insert =
        connection.prepare(&format!("INSERT INTO {table} (of_id, kind, at, payload) VALUES (?1, ?2, ?3, ?4)")).expect("a statement");
    let things: i64 = connection.query_row(&format!("SELECT max(id) FROM {of}"), [], |row| row.get(0)).expect("a table with rows");
    for row in 1..=rows {
        let words = 20 + random.below(36);
        let payload = format!("{{\"n\":{row},\"text\":\"{}\"}}", random.words(words));
        let (of, kind, at) = (1 + random.below(things), random.words(1), random.time());
        insert.execute(params![of, kind, at, payload]).expect("a row");
    }
    let indexes = format!("CREATE INDEX {table}_by_of ON {table} (of_id); CREATE INDEX {table}_by_kind ON {table} (kind, at);");
    connection.execute_batch(&indexes).expect("indexes");
}

/// SplitMix64 (Steele, Lea and Flood, 2014): enough for rows that differ.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: i64) -> i64 {
        (self.next() % end.unsigned_abs()).cast_signed()
    }

    fn words(&mut self, count: i64) -> String {
        let mut text = String::new();
        for number in 0..count {
            if number > 0 {
                text.push(' ');
            }
            text.push_str(WORDS[self.below(WORDS.len() as i64) as usize]);
        }
        text
    }

    fn time(&mut self) -> String {
        let mut text = String::new();
        let (month, day, hour, minute) = (1 + self.below(12), 1 + self.below(28), self.below(24), self.below(60));
        write!(text, "{}-{month:02}-{day:02}T{hour:02}:{minute:02}:00Z", 2015 + self.below(11)).expect("a string takes all text");
        text
    }
}
