//! Statements at random, and what they must have changed.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal_clone::{Change, Image, LogicalDigests, Value};

use crate::database::{Numbers, SETTINGS, STEPS_MAX, after, diff_of, image_of, store};

/// What a table holds: its keys, and the lengths and last letters of its texts.
type Rows = BTreeMap<u64, (u64, char)>;

/// The tables, each with another kind of tree, and what is in them.
#[derive(Clone, Default)]
struct Model {
    tables: [Rows; 3],
}

const TABLES: [&str; 3] = ["r", "w", "q"];

const SCHEMA: &str = "CREATE TABLE r (k INTEGER PRIMARY KEY, x); CREATE INDEX ri ON r (x);
    CREATE TABLE w (k, x, PRIMARY KEY (k DESC)) WITHOUT ROWID; CREATE TABLE q (x, y AS (k + 1), k INTEGER, PRIMARY KEY (k));
    CREATE TABLE bystander (x); INSERT INTO bystander VALUES (zeroblob(50000)), (zeroblob(50));";

impl Model {
    /// Adds a few statements to `sql`; says which tables they touch.
    fn change(&mut self, numbers: &mut Numbers, sql: &mut String) -> BTreeSet<&'static str> {
        let mut touched = BTreeSet::new();
        let tables: Vec<_> = (0..3).filter(|_| numbers.below(2) == 0).collect();
        for table in tables {
            let (name, rows) = (TABLES[table], &mut self.tables[table]);
            touched.insert(name);
            for _ in 0..=numbers.below(6) {
                let key = numbers.below(200);
                match numbers.below(5) {
                    0 | 1 => {
                        let (length, letter) =
                            (if numbers.below(4) == 0 { numbers.below(9_000) } else { numbers.below(60) } + 1, letter(numbers));
                        sql.push_str(&format!("REPLACE INTO {name} (k, x) VALUES ({key}, printf('%.*c', {length}, '-') || '{letter}');\n"));
                        rows.insert(key, (length, letter));
                    }
                    2 => {
                        sql.push_str(&format!("DELETE FROM {name} WHERE k BETWEEN {key} AND {key} + 3;\n"));
                        rows.retain(|row, _| !(key..=key + 3).contains(row));
                    }
                    3 => {
                        // Only the last byte changes: with a long text, in an overflow page alone.
                        let letter = letter(numbers);
                        sql.push_str(&format!(
                            "UPDATE {name} SET x = substr(x, 1, length(x) - 1) || '{letter}' WHERE k >= {key} AND k < {key} + 20;\n"
                        ));
                        rows.range_mut(key..key + 20).for_each(|(_, row)| row.1 = letter);
                    }
                    _ => sql.push_str(&format!("UPDATE {name} SET x = x || '' WHERE k % 3 = 0;\n")),
                }
            }
        }
        touched
    }

    /// What must be found between two of them, by table and key.
    fn differences(&self, later: &Model) -> BTreeMap<(&'static str, u64), Change> {
        let mut differences = BTreeMap::new();
        for (name, (before, after)) in TABLES.into_iter().zip(self.tables.iter().zip(&later.tables)) {
            for key in before.keys().chain(after.keys()) {
                let change = match (before.get(key), after.get(key)) {
                    (None, _) => Change::Added,
                    (_, None) => Change::Removed,
                    (one, other) if one != other => Change::Changed,
                    _ => continue,
                };
                differences.insert((name, *key), change);
            }
        }
        differences
    }
}

fn letter(numbers: &mut Numbers) -> char {
    char::from(b'a' + numbers.below(3) as u8)
}

fn run(seed: u64, page_bytes: u32, auto_vacuum: u32, rounds: u32) {
    let mut numbers = Numbers(seed);
    let mut image: Image = image_of(&format!("PRAGMA page_size = {page_bytes}; PRAGMA auto_vacuum = {auto_vacuum}; {SCHEMA}"));
    let mut model = Model::default();
    let mut digests = LogicalDigests::of(&image, store(), SETTINGS, STEPS_MAX).expect("it can be read");
    for round in 0..rounds {
        let place = format!("seed {seed}, pages of {page_bytes}, auto_vacuum {auto_vacuum}, round {round}");
        let (mut later, mut sql) = (model.clone(), String::new());
        let touched = later.change(&mut numbers, &mut sql);
        let changed = after(&image, &sql);
        let diff = diff_of(&image, &changed);
        let expected = model.differences(&later);
        let found: BTreeMap<_, _> = diff
            .tables
            .iter()
            .flat_map(|table| table.rows.iter().map(move |row| (table, row)))
            .map(|(table, row)| {
                let Value::Integer(key) = row.key[0] else { panic!("{place}: {row:?}") };
                let name = TABLES.into_iter().find(|name| *name == table.table).expect("the tables are known");
                ((name, key.unsigned_abs()), row.change)
            })
            .collect();
        let counted: u64 = diff.tables.iter().map(|table| table.added + table.removed + table.changed).sum();
        assert_eq!(counted, expected.len() as u64, "{place}\n{sql}");
        if diff.tables.iter().all(|table| table.rows.len() < 100) {
            assert_eq!(found, expected, "{place}\n{sql}");
        }
        if auto_vacuum == 0 {
            // Nothing moves pages of other tables, so nothing else is read.
            assert!(diff.compared.iter().all(|table| touched.contains(table.as_str())), "{place}: {:?}\n{sql}", diff.compared);
        }
        let next = digests.after(&changed, store(), SETTINGS, STEPS_MAX).expect("it can be read");
        assert_eq!(next.digest() == digests.digest(), expected.is_empty(), "{place}\n{sql}");
        assert_eq!(next.computed(), diff.compared.len(), "{place}");
        if round % 8 == 0 {
            let anew = LogicalDigests::of(&changed, store(), SETTINGS, STEPS_MAX).expect("it can be read");
            assert_eq!(anew.digest(), next.digest(), "{place}");
        }
        (image, model, digests) = (changed, later, next);
    }
}

#[test]
fn a_diff_finds_what_random_statements_changed() {
    for (seed, (page_bytes, auto_vacuum)) in
        (1..).zip([(512, 0), (512, 1), (512, 2), (1024, 0), (4096, 0), (4096, 1), (65536, 0), (65536, 1)])
    {
        run(seed, page_bytes, auto_vacuum, 40);
    }
}

#[test]
#[ignore = "minutes: by hand, with --ignored"]
fn a_diff_finds_what_many_random_statements_changed() {
    for seed in 100..200 {
        run(seed, [512, 1024, 4096, 65536][seed as usize % 4], seed as u32 / 4 % 3, 200);
    }
}
