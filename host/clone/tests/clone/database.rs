//! Images made by SQL.

use std::sync::{Arc, LazyLock};

use rehearsal_clone::{Base, CloneFile, CloneSettings, Diff, DiffBounds, Image, OpenMode, Store, Value, diff, differs};

pub(crate) const SETTINGS: CloneSettings = CloneSettings { now_unix_ms: 0, growth_bytes_max: 1 << 30 };
pub(crate) const STEPS_MAX: u64 = 1 << 32;
pub(crate) const BOUNDS: DiffBounds =
    DiffBounds { rows_per_table_max: 100, value_bytes_max: 1_000, shown_bytes_max: 1 << 20, steps_max: STEPS_MAX };

pub(crate) fn store() -> &'static Arc<Store> {
    static STORE: LazyLock<Arc<Store>> = LazyLock::new(|| Store::new(&std::env::temp_dir(), 1 << 30));
    &STORE
}

/// The image that some statements make of an empty one.
pub(crate) fn image_of(sql: &str) -> Image {
    let grown = after(&Image::of(Base::from_bytes([]).expect("no bytes are a base")), sql);
    // As a base of its own, so that its pages are as large as the statements made them.
    based(bytes_of(&grown))
}

pub(crate) fn bytes_of(image: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_to(&mut bytes).expect("the image is in memory");
    bytes
}

pub(crate) fn based(bytes: Vec<u8>) -> Image {
    Image::of(Base::from_bytes(bytes).expect("any bytes are a base"))
}

/// The image that some statements make of another one.
pub(crate) fn after(image: &Image, sql: &str) -> Image {
    let clone = CloneFile::new(image.clone(), store(), SETTINGS);
    let connection = clone.open(OpenMode::ReadWrite).expect("the image can be opened");
    connection.execute_batch(sql).expect("the statements are right");
    clone.image()
}

/// The diff, which must agree with `differs` and, turned round, with itself.
pub(crate) fn diff_of(before: &Image, after: &Image) -> Diff {
    let found = diff(before, after, store(), SETTINGS, BOUNDS).expect("both images can be read");
    let is_different = differs(before, after, store(), SETTINGS, STEPS_MAX).expect("both images can be read");
    assert_eq!(is_different, !found.is_empty(), "{found:?}");
    let reverse = diff(after, before, store(), SETTINGS, BOUNDS).expect("both images can be read");
    let counts =
        |diff: &Diff| diff.tables.iter().map(|table| (table.table.clone(), table.added, table.removed, table.changed)).collect::<Vec<_>>();
    let reversed: Vec<_> = counts(&reverse).into_iter().map(|(table, added, removed, changed)| (table, removed, added, changed)).collect();
    assert_eq!(reversed, counts(&found));
    found
}

/// The diff that statements make.
pub(crate) fn diff_after(setup: &str, change: &str) -> Diff {
    let before = image_of(setup);
    diff_of(&before, &after(&before, change))
}

/// The tables that differ, one a line, with the rows that are shown.
pub(crate) fn tables(diff: &Diff) -> String {
    let mut lines = Vec::new();
    for table in &diff.tables {
        lines.push(format!("{} +{} -{} ~{}", table.table, table.added, table.removed, table.changed));
        for row in &table.rows {
            let columns: Vec<_> = row
                .columns
                .iter()
                .map(|column| format!("{}: {} -> {}", column.name, optional(column.before.as_ref()), optional(column.after.as_ref())))
                .collect();
            let key: Vec<_> = row.key.iter().map(text).collect();
            lines.push(format!("  {:?} {} [{}]", row.change, key.join(","), columns.join(", ")));
        }
    }
    lines.join("\n")
}

fn optional(value: Option<&Value>) -> String {
    value.map_or_else(|| "-".to_owned(), text)
}

pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => format!("'{}'{}", text.text, omitted(text.omitted_bytes)),
        Value::Blob(blob) => {
            format!("x'{}'{}", blob.bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), omitted(blob.omitted_bytes))
        }
    }
}

fn omitted(bytes: u64) -> String {
    if bytes == 0 { String::new() } else { format!("+{bytes}") }
}

/// Numbers that look random, the same ones every time (SplitMix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// How many rows a table has.
pub(crate) fn count(setup: &str, table: &str) -> u64 {
    let clone = CloneFile::new(image_of(setup), store(), SETTINGS);
    let connection = clone.open(OpenMode::ReadOnly).expect("the image can be opened");
    connection
        .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
        .expect("there is such a table")
        .unsigned_abs()
}
