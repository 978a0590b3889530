//! One table in two images.

use std::ops::ControlFlow;

use super::{
    difference::{Change, ColumnDifference, DiffBounds, RowDifference, TableDifference},
    merge::{Matching, Side, Sink, merge},
    sample::Showing,
};
use crate::content::{ContentError, Key, KeyColumn, Layout, OpenImage};

/// A table that at least one of two images has.
pub(super) struct TablePair<'a> {
    name: &'a [u8],
    before: Option<(&'a OpenImage, Layout)>,
    after: Option<(&'a OpenImage, Layout)>,
    matching: Matching,
    /// The columns that both have.
    common: Vec<(usize, usize)>,
    /// Whether the two store text differently, so that it has to be converted to be compared.
    is_in_utf8: bool,
}

/// What came of comparing a table.
pub(super) enum Compared {
    Same,
    /// VACUUM, most likely: the same rows in the same order under other rowids, which nobody declared.
    Renumbered,
    Different(TableDifference),
}

impl<'a> TablePair<'a> {
    pub(super) fn new(name: &'a [u8], before: Option<&'a OpenImage>, after: Option<&'a OpenImage>) -> Result<Self, ContentError> {
        let layout = |image: Option<&'a OpenImage>| image.map(|image| Ok::<_, ContentError>((image, image.layout(name)?))).transpose();
        let (before, after) = (layout(before)?, layout(after)?);
        let mut pair = Self { name, before, after, matching: Matching::Nothing, common: Vec::new(), is_in_utf8: false };
        if let (Some((before, one)), Some((after, other))) = (&pair.before, &pair.after) {
            pair.is_in_utf8 = before.schema.encoding != after.schema.encoding;
            pair.common = (0..).zip(&one.columns).filter_map(|(column, name)| Some((column, other.column(name)?))).collect();
            pair.matching = match (&one.key, &other.key) {
                (Key::Rowid { .. }, Key::Rowid { .. }) => Matching::Key,
                (Key::Columns(one), Key::Columns(other)) if !pair.is_in_utf8 && are_alike(one, other) => Matching::Key,
                (Key::Columns(_), _) | (_, Key::Columns(_)) => Matching::Nothing,
                (Key::Position, _) | (_, Key::Position) => Matching::Position,
            };
        }
        Ok(pair)
    }

    /// Whether anything differs, as far as the first row that does.
    pub(super) fn differs(&self) -> Result<bool, ContentError> {
        let mut first = First(false);
        self.merge(if self.may_be_renumbered() { Matching::Position } else { self.matching }, &mut first)?;
        Ok(first.0)
    }

    pub(super) fn compare(&self, bounds: &DiffBounds, showing: &mut Showing) -> Result<Compared, ContentError> {
        let left = showing.clone();
        let mut sample = Sample { pair: self, rows_max: bounds.rows_per_table_max, showing, is_full: false, found: self.nothing_found() };
        self.merge(self.matching, &mut sample)?;
        let Sample { showing, is_full, mut found, .. } = sample;
        found.is_complete = !is_full && found.rows.iter().all(RowDifference::is_whole);
        let has_other_columns = !found.columns_added.is_empty() || !found.columns_removed.is_empty();
        if found.added > 0 && found.added == found.removed && self.may_be_renumbered() && !has_other_columns && !self.differs()? {
            *showing = left;
            return Ok(Compared::Renumbered);
        }
        let is_same = found.added == 0 && found.removed == 0 && found.changed == 0 && !has_other_columns && !found.is_rekeyed;
        Ok(if is_same { Compared::Same } else { Compared::Different(found) })
    }

    fn merge(&self, matching: Matching, sink: &mut impl Sink) -> Result<(), ContentError> {
        merge(self.side(&self.before)?, self.side(&self.after)?, matching, &self.common, sink)
    }

    fn side<'s>(&'s self, of: &'s Option<(&'a OpenImage, Layout)>) -> Result<Option<Side<'s>>, ContentError> {
        of.as_ref().map(|(image, layout)| Side::new(image, self.name, layout, self.is_in_utf8)).transpose()
    }

    /// Whether rowids are nobody's in both images, so that other ones make no difference.
    fn may_be_renumbered(&self) -> bool {
        let is_undeclared =
            |of: &Option<(&OpenImage, Layout)>| of.as_ref().is_some_and(|(_, layout)| matches!(layout.key, Key::Rowid { declared: None }));
        is_undeclared(&self.before) && is_undeclared(&self.after)
    }

    fn nothing_found(&self) -> TableDifference {
        let names = |layout: &Layout, other: Option<&Layout>| {
            let is_missing = |column: &&Vec<u8>| other.is_some_and(|other| other.column(column).is_none());
            layout.columns.iter().filter(is_missing).map(|name| lossy(name)).collect()
        };
        let (before, after) = (self.before.as_ref().map(|(_, layout)| layout), self.after.as_ref().map(|(_, layout)| layout));
        TableDifference {
            table: lossy(self.name),
            key_columns: before.or(after).map(|layout| key_names(&layout.key)).unwrap_or_default(),
            is_rekeyed: before.is_some() && after.is_some() && self.matching == Matching::Nothing,
            columns_added: after.map(|after| names(after, before)).unwrap_or_default(),
            columns_removed: before.map(|before| names(before, after)).unwrap_or_default(),
            added: 0,
            removed: 0,
            changed: 0,
            rows: Vec::new(),
            is_complete: true,
        }
    }
}

/// Whether keys are of the same columns, in the same order.
fn are_alike(one: &[KeyColumn], other: &[KeyColumn]) -> bool {
    let is_alike = |(one, other): (&KeyColumn, &KeyColumn)| {
        one.name.eq_ignore_ascii_case(&other.name) && one.collation == other.collation && one.is_descending == other.is_descending
    };
    one.len() == other.len() && one.iter().zip(other).all(is_alike)
}

fn key_names(key: &Key) -> Vec<String> {
    match key {
        Key::Rowid { declared } => vec![declared.as_ref().map_or_else(|| "rowid".to_owned(), |name| lossy(name))],
        Key::Columns(columns) => columns.iter().map(|column| lossy(&column.name)).collect(),
        Key::Position => Vec::new(),
    }
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// Only wants to know whether there is a row that differs.
struct First(bool);

impl Sink for First {
    fn row(&mut self, _: Change, _: Option<&Side<'_>>, _: Option<&Side<'_>>) -> ControlFlow<()> {
        self.0 = true;
        ControlFlow::Break(())
    }
}

/// Counts rows, and shows as many as it may.
struct Sample<'a, 's> {
    pair: &'a TablePair<'a>,
    rows_max: usize,
    showing: &'s mut Showing,
    /// Whether a row was not shown.
    is_full: bool,
    found: TableDifference,
}

impl Sink for Sample<'_, '_> {
    fn row(&mut self, change: Change, before: Option<&Side<'_>>, after: Option<&Side<'_>>) -> ControlFlow<()> {
        *match change {
            Change::Added => &mut self.found.added,
            Change::Removed => &mut self.found.removed,
            Change::Changed => &mut self.found.changed,
        } += 1;
        self.is_full = self.is_full || self.found.rows.len() >= self.rows_max;
        if !self.is_full {
            let row = self.difference(change, before, after);
            self.is_full = !self.showing.show(&mut self.found.rows, row);
        }
        ControlFlow::Continue(())
    }
}

impl Sample<'_, '_> {
    fn difference(&self, change: Change, before: Option<&Side<'_>>, after: Option<&Side<'_>>) -> RowDifference {
        let show = |side: &Side<'_>, column| self.showing.value(&side.value(column), side.encoding());
        let columns = match (before, after) {
            (Some(before), Some(after)) => {
                let differing = self.pair.common.iter().filter(|(one, other)| !before.value(*one).is_same(&after.value(*other)));
                differing
                    .map(|(one, other)| ColumnDifference {
                        name: lossy(&after.layout.columns[*other]),
                        before: Some(show(before, *one)),
                        after: Some(show(after, *other)),
                    })
                    .collect()
            }
            _ => before
                .into_iter()
                .chain(after)
                .flat_map(|side| {
                    side.layout.columns.iter().enumerate().map(|(column, name)| {
                        let value = |of: Option<&Side<'_>>| of.map(|side| show(side, column));
                        ColumnDifference { name: lossy(name), before: value(before), after: value(after) }
                    })
                })
                .collect(),
        };
        let key = before.or(after).map(|side| side.key().iter().map(|value| self.showing.value(value, side.encoding())).collect());
        RowDifference { key: key.unwrap_or_default(), change, columns }
    }
}
