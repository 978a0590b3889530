//! What a diff says.

/// How much a diff may take and say. Everything that it counts, it counts whatever these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffBounds {
    /// How many rows of each table are shown.
    pub rows_per_table_max: usize,
    /// How many bytes of one text, blob or statement are shown.
    pub value_bytes_max: usize,
    /// How many bytes are shown in all, over all tables and statements, by what they take in memory.
    pub shown_bytes_max: usize,
    /// How many steps of SQLite's virtual machine reading both images may take: a hostile one could have it read for ever. A row
    /// takes some steps and one more for each column, in each image.
    pub steps_max: u64,
}

/// What differs between two images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// The numbers that belong to the whole database.
    pub settings: Vec<SettingDifference>,
    /// The objects of the schema, in the order of their types and names.
    pub schema: Vec<ObjectDifference>,
    /// The tables whose rows differ, or whose columns do, in the order of their names.
    pub tables: Vec<TableDifference>,
    /// The tables whose rows were renumbered and nothing else, as VACUUM does: no difference, since no column holds the number.
    pub renumbered: Vec<String>,
    /// The tables whose rows were read, because they own a page that changed or their entry in the schema did.
    pub compared: Vec<String>,
}

impl Diff {
    /// Whether both images hold the same.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.schema.is_empty() && self.tables.is_empty()
    }

    /// Whether every row, value and statement that differs is shown, whole.
    pub fn is_complete(&self) -> bool {
        let is_whole = |sql: &Option<Text>| sql.as_ref().is_none_or(|sql| sql.omitted_bytes == 0);
        self.schema.iter().all(|object| is_whole(&object.before_sql) && is_whole(&object.after_sql))
            && self.tables.iter().all(|table| table.is_complete)
    }
}

/// A number that belongs to the whole database, and differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingDifference {
    /// Which one.
    pub setting: Setting,
    /// What it was.
    pub before: i64,
    /// What it is.
    pub after: i64,
}

/// The numbers that belong to the whole database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `PRAGMA user_version`.
    UserVersion,
    /// `PRAGMA application_id`.
    ApplicationId,
    /// How text is stored: 1 is UTF-8, 2 is UTF-16le, 3 is UTF-16be.
    Encoding,
}

/// Whether something came, went or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Only the later image has it.
    Added,
    /// Only the earlier image has it.
    Removed,
    /// Both have it, and not alike.
    Changed,
}

/// An object of the schema that differs. One that was renamed is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectDifference {
    /// What happened to it.
    pub change: Change,
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it belongs to.
    pub table: String,
    /// The statement that made it, before; absent for the index of a constraint.
    pub before_sql: Option<Text>,
    /// The statement that made it, after.
    pub after_sql: Option<Text>,
}

/// A table whose rows differ, or whose columns do.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDifference {
    /// The table.
    pub table: String,
    /// The columns of the key that rows are matched by. None if the rowid has no name that is free; the key of a row is then its
    /// position, counted from 1.
    pub key_columns: Vec<String>,
    /// Whether the two images have different keys. Then no row can be found again: all are removed, and all added.
    pub is_rekeyed: bool,
    /// Columns that only the later image has. Rows are compared by the columns that both have.
    pub columns_added: Vec<String>,
    /// Columns that only the earlier image has.
    pub columns_removed: Vec<String>,
    /// How many rows only the later image has.
    pub added: u64,
    /// How many rows only the earlier image has.
    pub removed: u64,
    /// How many rows both have, with other values.
    pub changed: u64,
    /// Rows that differ, the first ones in the order of their keys.
    pub rows: Vec<RowDifference>,
    /// Whether `rows` are all that differ, with their values whole.
    pub is_complete: bool,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct RowDifference {
    /// What the row is found by.
    pub key: Vec<Value>,
    /// What happened to it.
    pub change: Change,
    /// The values: those that differ if the row changed, and all of them if it came or went.
    pub columns: Vec<ColumnDifference>,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDifference {
    /// The column.
    pub name: String,
    /// What it was; absent if there was no such row.
    pub before: Option<Value>,
    /// What it is; absent if there is no such row.
    pub after: Option<Value>,
}

/// A value, or the beginning of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(Text),
    /// Bytes.
    Blob(Blob),
}

/// Text, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text; what is not valid in its encoding has become U+FFFD.
    pub text: String,
    /// How many bytes follow that are not shown, as they are stored.
    pub omitted_bytes: u64,
}

/// Bytes, or the beginning of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How many follow that are not shown.
    pub omitted_bytes: u64,
}
