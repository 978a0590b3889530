//! What of a difference is shown: the first rows, and the beginnings of their values.

use super::difference::{Blob, ColumnDifference, DiffBounds, RowDifference, Text, Value};
use crate::content::{Encoding, Stored};

/// What one value takes beside its own bytes, about.
const VALUE_BYTES: usize = 64;

/// How much may still be shown.
#[derive(Clone, Debug)]
pub(super) struct Showing {
    value_bytes_max: usize,
    left_bytes: usize,
}

impl Showing {
    pub(super) fn new(bounds: &DiffBounds) -> Self {
        Self { value_bytes_max: bounds.value_bytes_max, left_bytes: bounds.shown_bytes_max }
    }

    /// Text of a schema, shown as far as there is room.
    pub(super) fn sql(&mut self, sql: &[u8]) -> Text {
        let text = text(sql, Encoding::Utf8, self.value_bytes_max.min(self.left_bytes));
        self.left_bytes -= text.text.len().min(self.left_bytes);
        text
    }

    /// A value of a row.
    pub(super) fn value(&self, stored: &Stored<'_>, encoding: Encoding) -> Value {
        match stored {
            Stored::Null => Value::Null,
            Stored::Integer(integer) => Value::Integer(*integer),
            Stored::Real(real) => Value::Real(*real),
            Stored::Text(stored) => Value::Text(text(stored, encoding, self.value_bytes_max)),
            Stored::Blob(stored) => {
                let bytes = stored[..stored.len().min(self.value_bytes_max)].to_vec();
                let omitted_bytes = (stored.len() - bytes.len()) as u64;
                Value::Blob(Blob { bytes, omitted_bytes })
            }
        }
    }

    /// Adds a row if there is room for it. A row that there is no room for is the last that is asked for.
    pub(super) fn show(&mut self, rows: &mut Vec<RowDifference>, row: RowDifference) -> bool {
        let bytes = row.key.iter().map(value_bytes).sum::<usize>() + row.columns.iter().map(column_bytes).sum::<usize>();
        match self.left_bytes.checked_sub(bytes) {
            Some(left) => {
                self.left_bytes = left;
                rows.push(row);
                true
            }
            None => {
                self.left_bytes = 0;
                false
            }
        }
    }
}

impl RowDifference {
    /// Whether every value is shown to its end.
    pub(super) fn is_whole(&self) -> bool {
        let columns = self.columns.iter().flat_map(|column| column.before.iter().chain(&column.after));
        self.key.iter().chain(columns).all(|value| match value {
            Value::Null | Value::Integer(_) | Value::Real(_) => true,
            Value::Text(text) => text.omitted_bytes == 0,
            Value::Blob(blob) => blob.omitted_bytes == 0,
        })
    }
}

fn column_bytes(column: &ColumnDifference) -> usize {
    column.name.len() + column.before.iter().chain(&column.after).map(value_bytes).sum::<usize>()
}

fn value_bytes(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::Null | Value::Integer(_) | Value::Real(_) => 0,
            Value::Text(text) => text.text.len(),
            Value::Blob(blob) => blob.bytes.len(),
        }
}

/// The beginning of a text, which does not end within a character.
fn text(stored: &[u8], encoding: Encoding, bytes_max: usize) -> Text {
    let mut end = stored.len().min(bytes_max);
    if end < stored.len() {
        end = match encoding {
            // Four bytes are the longest character.
            Encoding::Utf8 => (end.saturating_sub(3)..=end).rev().find(|at| stored[*at] & 0xc0 != 0x80).unwrap_or(end),
            Encoding::Utf16Le => before_low_surrogate(stored, end & !1, 1),
            Encoding::Utf16Be => before_low_surrogate(stored, end & !1, 0),
        };
    }
    Text { text: encoding.decode(&stored[..end]).into_owned(), omitted_bytes: (stored.len() - end) as u64 }
}

/// `end`, or two bytes less where it parts a surrogate pair; `high` says which byte of a unit is the high one.
fn before_low_surrogate(stored: &[u8], end: usize, high: usize) -> usize {
    let is_low = stored.get(end + high).is_some_and(|byte| byte & 0xfc == 0xdc);
    if is_low { end.saturating_sub(2) } else { end }
}
