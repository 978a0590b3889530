//! Two tables, row by row, in the order of their keys.

use std::{cmp::Ordering, ops::ControlFlow};

use super::difference::Change;
use crate::content::{ContentError, Encoding, Key, KeyColumn, Layout, OpenImage, Rows, Stored};

/// How rows of two tables are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matching {
    /// By their keys, which are of the same columns.
    Key,
    /// The first with the first.
    Position,
    /// No row of one is a row of the other.
    Nothing,
}

/// One of the two tables, and the row that it stands on.
pub(super) struct Side<'a> {
    image: &'a OpenImage,
    table: &'a [u8],
    pub(super) layout: &'a Layout,
    rows: Rows<'a>,
    /// How the rows hand text out.
    encoding: Encoding,
    is_on_row: bool,
    /// How many rows there have been.
    position: u64,
    /// The key of the row before, where keys have to be in order.
    last: Last,
}

/// The key of a row that is gone.
enum Last {
    /// There was none.
    None,
    Rowid(i64),
    Columns(Vec<Owned>),
}

/// A value of a key that is kept.
enum Owned {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

/// Is told of every row that differs, with the sides that have it.
pub(super) trait Sink {
    fn row(&mut self, change: Change, before: Option<&Side<'_>>, after: Option<&Side<'_>>) -> ControlFlow<()>;
}

/// Compares two tables, one of which may not be there. `common` are the columns that both have, as each of them counts them.
pub(super) fn merge<'a>(
    mut before: Option<Side<'a>>,
    mut after: Option<Side<'a>>,
    matching: Matching,
    common: &[(usize, usize)],
    sink: &mut impl Sink,
) -> Result<(), ContentError> {
    let is_checked = matching == Matching::Key;
    for side in before.iter_mut().chain(&mut after) {
        side.advance(is_checked)?;
    }
    loop {
        let (here, there) = (before.as_mut().filter(|side| side.is_on_row), after.as_mut().filter(|side| side.is_on_row));
        let told = match (here, there) {
            (None, None) => return Ok(()),
            (Some(here), None) => here.alone(Change::Removed, is_checked, sink)?,
            (None, Some(there)) => there.alone(Change::Added, is_checked, sink)?,
            (Some(here), Some(there)) => {
                let order = match matching {
                    Matching::Key => here.compare_key(there),
                    Matching::Position => Ordering::Equal,
                    Matching::Nothing => Ordering::Less,
                };
                match order {
                    Ordering::Less => here.alone(Change::Removed, is_checked, sink)?,
                    Ordering::Greater => there.alone(Change::Added, is_checked, sink)?,
                    Ordering::Equal => {
                        let is_same = common.iter().all(|(one, other)| here.value(*one).is_same(&there.value(*other)));
                        let told = if is_same { ControlFlow::Continue(()) } else { sink.row(Change::Changed, Some(here), Some(there)) };
                        here.advance(is_checked)?;
                        there.advance(is_checked)?;
                        told
                    }
                }
            }
        };
        if told.is_break() {
            return Ok(());
        }
    }
}

impl<'a> Side<'a> {
    pub(super) fn new(image: &'a OpenImage, table: &'a [u8], layout: &'a Layout, is_in_utf8: bool) -> Result<Self, ContentError> {
        let rows = image.rows(table, layout)?;
        let (rows, encoding) = if is_in_utf8 { (rows.in_utf8(), Encoding::Utf8) } else { (rows, image.schema.encoding) };
        Ok(Self { image, table, layout, rows, encoding, is_on_row: false, position: 0, last: Last::None })
    }

    /// A column of the row.
    pub(super) fn value(&self, column: usize) -> Stored<'_> {
        self.rows.value(self.layout.first_column() + column)
    }

    /// What the row is found by.
    pub(super) fn key(&self) -> Vec<Stored<'_>> {
        match &self.layout.key {
            Key::Rowid { .. } => vec![self.rows.value(0)],
            Key::Columns(key) => key.iter().map(|column| self.value(column.column)).collect(),
            Key::Position => vec![Stored::Integer(i64::try_from(self.position).unwrap_or(i64::MAX))],
        }
    }

    /// How its text is stored.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Tells of a row that only this side has, and goes on.
    fn alone(&mut self, change: Change, is_checked: bool, sink: &mut impl Sink) -> Result<ControlFlow<()>, ContentError> {
        let told = match change {
            Change::Added => sink.row(change, None, Some(self)),
            Change::Removed | Change::Changed => sink.row(change, Some(self), None),
        };
        self.advance(is_checked)?;
        Ok(told)
    }

    /// Goes to the next row. Its key has to be behind the last one if that is checked: merging goes wrong otherwise, and in a corrupt
    /// image the same rows can come again and again.
    fn advance(&mut self, is_checked: bool) -> Result<(), ContentError> {
        self.is_on_row = self.rows.advance().map_err(|error| self.image.failure(self.table, error))?;
        self.position += 1;
        if !self.is_on_row || !is_checked {
            return Ok(());
        }
        let (is_in_order, last) = match &self.layout.key {
            Key::Rowid { .. } => {
                let Stored::Integer(rowid) = self.rows.value(0) else { return Err(self.out_of_order()) };
                (!matches!(self.last, Last::Rowid(last) if last >= rowid), Last::Rowid(rowid))
            }
            Key::Columns(key) => {
                let is_in_order = match &self.last {
                    Last::Columns(last) => {
                        let pairs = last.iter().zip(key).map(|(last, column)| (last.stored(), self.value(column.column)));
                        compare_keys(key, pairs, self.encoding) == Ordering::Less
                    }
                    Last::None | Last::Rowid(_) => true,
                };
                (is_in_order, Last::Columns(self.key().iter().map(Owned::of).collect()))
            }
            Key::Position => (true, Last::None),
        };
        self.last = last;
        if is_in_order { Ok(()) } else { Err(self.out_of_order()) }
    }

    fn out_of_order(&self) -> ContentError {
        ContentError::OutOfOrder { table: String::from_utf8_lossy(self.table).into_owned() }
    }

    fn compare_key(&self, other: &Self) -> Ordering {
        match (&self.layout.key, &other.layout.key) {
            (Key::Columns(key), Key::Columns(others)) => {
                let pairs = key.iter().zip(others).map(|(one, other_column)| (self.value(one.column), other.value(other_column.column)));
                compare_keys(key, pairs, self.encoding)
            }
            (Key::Rowid { .. } | Key::Position, _) | (Key::Columns(_), _) => match (self.rows.value(0), other.rows.value(0)) {
                (Stored::Integer(one), Stored::Integer(other)) => one.cmp(&other),
                _ => Ordering::Equal,
            },
        }
    }
}

fn compare_keys<'k>(key: &[KeyColumn], pairs: impl Iterator<Item = (Stored<'k>, Stored<'k>)>, encoding: Encoding) -> Ordering {
    key.iter()
        .zip(pairs)
        .map(|(column, (one, other))| {
            let order = one.compare(&other, column.collation, encoding);
            if column.is_descending { order.reverse() } else { order }
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

impl Owned {
    fn of(stored: &Stored<'_>) -> Self {
        match stored {
            Stored::Null => Owned::Null,
            Stored::Integer(integer) => Owned::Integer(*integer),
            Stored::Real(real) => Owned::Real(*real),
            Stored::Text(text) => Owned::Text(text.to_vec()),
            Stored::Blob(blob) => Owned::Blob(blob.to_vec()),
        }
    }

    fn stored(&self) -> Stored<'_> {
        match self {
            Owned::Null => Stored::Null,
            Owned::Integer(integer) => Stored::Integer(*integer),
            Owned::Real(real) => Stored::Real(*real),
            Owned::Text(text) => Stored::Text(text),
            Owned::Blob(blob) => Stored::Blob(blob),
        }
    }
}
