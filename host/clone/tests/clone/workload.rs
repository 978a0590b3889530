//! Random SQL from a seed.

use crate::scene::Seeded;

/// What there is before the first random statement.
pub(crate) const TABLES: [&str; 12] = [
    "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INTEGER CHECK (born IS NULL OR born > 0), photo BLOB)",
    "CREATE TABLE account (number TEXT PRIMARY KEY, person REFERENCES person (id) ON DELETE CASCADE ON UPDATE CASCADE, cents INT DEFAULT 0) \
     WITHOUT ROWID",
    "CREATE TABLE log (at INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT, n REAL)",
    "CREATE UNIQUE INDEX person_name ON person (name, born)",
    "CREATE INDEX account_person ON account (person) WHERE cents > 10",
    "CREATE INDEX log_expression ON log (length(what), n DESC)",
    "CREATE VIRTUAL TABLE words USING fts5 (body, tail)",
    "CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1, y0, y1)",
    "CREATE TRIGGER person_log AFTER INSERT ON person BEGIN INSERT INTO log (what, n) VALUES ('new ' || new.name, new.id); END",
    "CREATE TRIGGER person_gone BEFORE DELETE ON person WHEN old.born % 5 = 0 BEGIN SELECT raise(ABORT, 'stays'); END",
    "CREATE TRIGGER account_log AFTER UPDATE OF cents ON account BEGIN INSERT INTO log (what, n) VALUES (old.number, new.cents - old.cents); END",
    "CREATE VIEW rich AS SELECT p.name, sum(a.cents) AS cents FROM person p JOIN account a ON a.person = p.id GROUP BY p.id",
];

/// Makes statements, some of which SQLite refuses.
pub(crate) struct Workload {
    random: Seeded,
    /// Extra tables, by number, made and dropped on the way.
    extra: u64,
}

impl Workload {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Seeded(seed), extra: 0 }
    }

    /// The next statement.
    pub(crate) fn statement(&mut self) -> String {
        match self.random.within(0..100) {
            0..40 => self.change(),
            40..52 => self.change_of_virtual_tables(),
            52..62 => self.change_of_many(),
            62..78 => self.transaction(),
            78..88 => self.schema(),
            88..98 => self.query(),
            _ => self.upkeep(),
        }
    }

    fn id(&mut self) -> u64 {
        self.random.within(1..200)
    }

    fn word(&mut self) -> String {
        let length = if self.random.once_in(20) { self.random.within(300..4000) } else { self.random.within(1..30) } as usize;
        const LETTERS: [&str; 12] = ["a", "b", "c", "d", "e", " ", "ä", "語", "x", "'' ", "0", "\u{1f980}"];
        (0..length).map(|_| *self.random.one_of(&LETTERS)).collect()
    }

    fn value(&mut self) -> String {
        match self.random.within(0..6) {
            0 => "NULL".to_owned(),
            1 => (self.random.next() as i64 >> self.random.within(0..60)).to_string(),
            2 => format!("{}.5", self.random.within(0..1000)),
            3 => format!("zeroblob({})", self.random.within(0..3000)),
            _ => format!("'{}'", self.word()),
        }
    }

    fn change(&mut self) -> String {
        let (id, other, word, value) = (self.id(), self.id(), self.word(), self.value());
        let or = *self.random.one_of(&["", "", "", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK", "OR ABORT"]);
        match self.random.within(0..10) {
            0 => format!("INSERT {or} INTO person VALUES ({id}, '{word}', {}, {value})", self.random.within(0..9)),
            1 => format!("INSERT {or} INTO person (name, photo) VALUES ('{word}', {value}) RETURNING id"),
            2 => format!("INSERT {or} INTO account VALUES ('{word}', {id}, {other})"),
            3 => format!("UPDATE {or} person SET name = name || '{word}', photo = {value} WHERE id = {id}"),
            4 => format!("UPDATE {or} person SET id = {other} WHERE id = {id}"),
            5 => format!("DELETE FROM person WHERE id = {id}"),
            6 => format!("UPDATE account SET cents = cents + {other} WHERE person = {id} RETURNING number, cents"),
            7 => format!("INSERT INTO account VALUES ({id}, {other}, 1) ON CONFLICT (number) DO UPDATE SET cents = cents * 2"),
            8 => format!("DELETE FROM log WHERE at % 50 = {}", id % 50),
            _ => format!(
                "INSERT {or} INTO log (at, what, n) VALUES ({}, {value}, {value})",
                if id % 4 == 0 { "NULL" } else { "abs(random() % 9) + 1" }.replace("abs(random() % 9) + 1", &other.to_string())
            ),
        }
    }

    fn change_of_virtual_tables(&mut self) -> String {
        let (id, other, word) = (self.id(), self.id(), self.word());
        match self.random.within(0..8) {
            0 | 1 => format!("INSERT INTO words (rowid, body, tail) VALUES ({id}, '{word}', '{}')", self.word()),
            2 => format!("DELETE FROM words WHERE rowid = {id}"),
            3 => format!("UPDATE words SET body = body || ' {word}' WHERE rowid = {id}"),
            4 => "INSERT INTO words (words) VALUES ('optimize')".to_owned(),
            5 => format!("DELETE FROM boxes WHERE x0 > {id} AND y0 < {other}"),
            _ => format!("INSERT OR REPLACE INTO boxes VALUES ({id}, {other}, {other} + 5, {id}, {id} + 1.5)"),
        }
    }

    fn change_of_many(&mut self) -> String {
        let (id, other, value) = (self.id(), self.id(), self.value());
        let count = self.random.within(1..80);
        match self.random.within(0..8) {
            0 => format!(
                "WITH RECURSIVE n (i) AS (SELECT {id} UNION ALL SELECT i + 1 FROM n LIMIT {count}) \
                 INSERT OR REPLACE INTO person SELECT i, 'many ' || i, i % 7 + 1, zeroblob(i * 7) FROM n"
            ),
            1 => format!("UPDATE person SET photo = {value} WHERE id BETWEEN {id} AND {}", id + count),
            2 => format!("DELETE FROM person WHERE id % 11 = {}", id % 11),
            3 => format!("UPDATE OR IGNORE account SET number = number || '{id}', cents = {other} WHERE person % 6 = {}", id % 6),
            4 => format!("INSERT OR IGNORE INTO account SELECT name, id, born FROM person WHERE id > {id}"),
            5 => format!("INSERT INTO log (what, n) SELECT name, born FROM person WHERE id < {id} LIMIT {count}"),
            6 => "DELETE FROM log WHERE at < (SELECT max(at) - 400 FROM log)".to_owned(),
            _ => format!(
                "INSERT OR REPLACE INTO boxes SELECT id, id, id + {other}, born, born + 1 FROM person WHERE born IS NOT NULL LIMIT {count}"
            ),
        }
    }

    fn transaction(&mut self) -> String {
        let name = *self.random.one_of(&["a", "b", "c"]);
        match self.random.within(0..12) {
            0..3 => self.random.one_of(&["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"]).to_string(),
            3..6 => self.random.one_of(&["COMMIT", "END"]).to_string(),
            6 => "ROLLBACK".to_owned(),
            7..9 => format!("SAVEPOINT {name}"),
            9 => format!("RELEASE {name}"),
            _ => format!("ROLLBACK TO {name}"),
        }
    }

    fn schema(&mut self) -> String {
        let (id, number) = (self.id(), self.extra);
        let some = self.random.within(0..number.max(1));
        match self.random.within(0..12) {
            0 | 1 => {
                self.extra += 1;
                let tail = *self.random.one_of(&["", "", " STRICT", " WITHOUT ROWID"]);
                format!("CREATE TABLE extra{number} (a INTEGER PRIMARY KEY, b TEXT, c TEXT DEFAULT 'c{id}'){tail}")
            }
            2 => format!("CREATE TABLE extra{some}_copy AS SELECT * FROM person WHERE id < {id}"),
            3 => format!("DROP TABLE extra{some}"),
            4 => format!("DROP TABLE IF EXISTS extra{some}_copy"),
            5 => format!("ALTER TABLE extra{some} ADD COLUMN d{} INT DEFAULT {id}", id % 4),
            6 => format!("ALTER TABLE extra{some} DROP COLUMN d{}", id % 4),
            7 => format!("ALTER TABLE extra{some} RENAME TO extra{}", self.random.within(0..number.max(1))),
            8 => format!("ALTER TABLE extra{some} RENAME COLUMN b TO b{}", id % 3),
            9 => format!("CREATE INDEX extra_index{} ON extra{some} (b, c)", id % 5),
            10 => format!("DROP INDEX extra_index{}", id % 5),
            _ => format!("INSERT OR REPLACE INTO extra{some} (a, b) SELECT id, name FROM person WHERE id < {id}"),
        }
    }

    fn query(&mut self) -> String {
        let (id, count) = (self.id(), self.random.within(1..60));
        match self.random.within(0..9) {
            0 => format!("SELECT * FROM person ORDER BY name, id LIMIT {count} OFFSET {id}"),
            1 => "SELECT * FROM rich ORDER BY cents, name".to_owned(),
            2 => "SELECT rowid, body FROM words WHERE words MATCH 'a OR b*' ORDER BY rowid".to_owned(),
            3 => format!("SELECT id, x0, y1 FROM boxes WHERE x1 > {id} AND y0 < {count} ORDER BY id"),
            4 => "SELECT count(*), total(n), max(length(what)), group_concat(DISTINCT typeof(what)) FROM log".to_owned(),
            5 => format!("SELECT a.number, p.name FROM account a LEFT JOIN person p ON p.id = a.person WHERE a.cents > {id} ORDER BY 1, 2"),
            6 => "SELECT row_number() OVER (PARTITION BY born ORDER BY id), id FROM person ORDER BY 2".to_owned(),
            7 => "PRAGMA foreign_key_check".to_owned(),
            _ => format!("SELECT * FROM extra{}", self.random.within(0..self.extra.max(1))),
        }
    }

    fn upkeep(&mut self) -> String {
        let id = self.id();
        match self.random.within(0..8) {
            0 | 1 => "VACUUM".to_owned(),
            2 => "REINDEX".to_owned(),
            3 => "ANALYZE".to_owned(),
            4 => format!("PRAGMA incremental_vacuum({id})"),
            5 => format!("PRAGMA user_version = {id}"),
            6 => "PRAGMA page_count".to_owned(),
            _ => "PRAGMA freelist_count".to_owned(),
        }
    }
}
