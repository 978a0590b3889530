//! What differs between two images, as it is written down: names and keys, no other values.

use std::sync::Arc;

use rehearsal_clone::{Change, CloneSettings, ContentError, Diff, DiffBounds, Image, Setting, Store, Value};
use rehearsal_packet::{Count, Difference, RowChange, RowDifference, TableDifference, printable};

/// The most characters of one name or key.
const NAME_CHARS_MAX: usize = 100;

/// How long comparing may take, in steps of SQLite's virtual machine: some minutes. What takes longer is not compared to its end.
const STEPS_MAX: u64 = 20_000_000_000;

const BOUNDS: DiffBounds =
    DiffBounds { rows_per_table_max: Difference::ROWS_MAX, value_bytes_max: 64, shown_bytes_max: 1 << 20, steps_max: STEPS_MAX };

/// What differs between two images whose states do.
///
/// # Errors
/// Those of reading the images. What SQLite cannot read is a difference that is not complete.
pub(super) fn between(before: &Image, after: &Image, store: &Arc<Store>, settings: CloneSettings) -> std::io::Result<Difference> {
    match rehearsal_clone::diff(before, after, store, settings, BOUNDS) {
        Ok(diff) => Ok(written(&diff)),
        Err(ContentError::Io(error)) => Err(error),
        Err(_) => Ok(Difference::default()),
    }
}

/// Whether any row, or the schema, differs.
///
/// # Errors
/// As [`rehearsal_clone::differs`].
pub(super) fn is_any(before: &Image, after: &Image, store: &Arc<Store>, settings: CloneSettings) -> Result<bool, ContentError> {
    rehearsal_clone::differs(before, after, store, settings, STEPS_MAX)
}

fn written(diff: &Diff) -> Difference {
    let settings = diff.settings.iter().map(|difference| {
        let name = match difference.setting {
            Setting::UserVersion => "user_version",
            Setting::ApplicationId => "application_id",
            Setting::Encoding => "encoding",
        };
        format!("{name} was {} and is {}", difference.before, difference.after)
    });
    let objects = diff.schema.iter().map(|object| format!("{} {} was {}", object.kind, name(&object.name), happened(object.change)));
    let schema: Vec<String> = settings.chain(objects).collect();
    Difference {
        is_complete: schema.len() <= Difference::SCHEMA_MAX && diff.tables.len() <= Difference::TABLES_MAX,
        schema: schema.into_iter().take(Difference::SCHEMA_MAX).collect(),
        tables: diff.tables.iter().take(Difference::TABLES_MAX).map(table).collect(),
    }
}

fn table(difference: &rehearsal_clone::TableDifference) -> TableDifference {
    let rows = difference.rows.iter().take(Difference::ROWS_MAX).map(|row| RowDifference {
        key: key(&difference.key_columns, &row.key),
        kind: match row.change {
            Change::Added => RowChange::Added,
            Change::Removed => RowChange::Removed,
            Change::Changed => RowChange::Changed,
        },
        columns: match row.change {
            Change::Changed => row.columns.iter().map(|column| name(&column.name)).collect(),
            // All of them.
            Change::Added | Change::Removed => Vec::new(),
        },
    });
    TableDifference {
        table: name(&difference.table),
        added: Count(difference.added),
        removed: Count(difference.removed),
        changed: Count(difference.changed),
        rows: rows.collect(),
    }
}

fn key(columns: &[String], values: &[Value]) -> String {
    let value = |value: &Value| match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => format!("{:?}{}", text.text, if text.omitted_bytes > 0 { "…" } else { "" }),
        Value::Blob(blob) => {
            let digits: String = blob.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'{}", if blob.omitted_bytes > 0 { "…" } else { "" })
        }
    };
    let parts: Vec<String> = match columns {
        [] => values.iter().map(|found| format!("row {}", value(found))).collect(),
        columns => columns.iter().zip(values).map(|(column, found)| format!("{column} = {}", value(found))).collect(),
    };
    name(&parts.join(", "))
}

fn happened(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
    }
}

/// Words of the database, for people.
fn name(name: &str) -> String {
    printable(name, NAME_CHARS_MAX)
}
