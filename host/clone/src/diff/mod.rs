//! Which tables and rows differ between two images.
//!
//! Comes in: two images, of one base mostly. Goes out: a [`Diff`], which counts everything and shows as much as its
//! [`DiffBounds`] allow; or, from [`differs`], whether there is anything at all. What can go wrong is a [`ContentError`].
//!
//! Only tables that may differ are read: those whose b-tree owns a page that changed ([`Image::changed_pages`]), in either of the
//! images, and those whose entry in the schema changed. Their rows are read on two connections and merged in the order of
//! their keys: the rowid, or the primary key of a table WITHOUT ROWID. What is in memory is the schemas, the row of each image that
//! is being compared, three bits for each page, and what is shown.
//!
//! What differs is what is stored:
//!
//! - Values differ if their storage classes do: 1, 1.0 and '1' are three values.
//! - Columns are the same if their names are. A virtual generated column is not stored, so it is not compared.
//! - A rowid counts if a column is declared to be it. Otherwise it only finds the row: other rowids for the same rows in the same
//!   order, which is what VACUUM does, are no difference.
//! - A virtual table has no rows. Its shadow tables have; they are tables like all others, so an FTS5 index that was changed and
//!   changed back can differ though every query finds the same.
//! - Where pages are, which are free, how large they are: that is no difference.

mod difference;
mod merge;
mod sample;
mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use difference::{
    Blob, Change, ColumnDifference, Diff, DiffBounds, ObjectDifference, RowDifference, Setting, SettingDifference, TableDifference, Text,
    Value,
};
use sample::Showing;
use table::{Compared, TablePair};

use crate::{
    clone_file::CloneSettings,
    content::{ContentError, Object, OpenImage, Schema, StepBudget, TouchedTables},
    image::Image,
    store::Store,
};

/// What differs between two images: which objects of the schema, which tables, which rows.
///
/// `settings` are those of the clones on which the images are opened; nothing is written there.
///
/// # Errors
/// [`ContentError`]: an image that SQLite refuses or that is corrupt where it had to be read, or one that takes more steps than
/// it may.
pub fn diff(before: &Image, after: &Image, store: &Arc<Store>, settings: CloneSettings, bounds: DiffBounds) -> Result<Diff, ContentError> {
    let mut diff = Diff::default();
    if before.is(after) {
        return Ok(diff);
    }
    let steps = StepBudget::new(bounds.steps_max);
    let pair = Pair::open([before, after], store, settings, &steps)?;
    let mut showing = Showing::new(&bounds);
    diff.settings = pair.settings();
    diff.schema = pair.objects().map(|object| object.show(&mut showing)).collect();
    for table in pair.tables_to_compare(before, after)? {
        let name = || String::from_utf8_lossy(table).into_owned();
        diff.compared.push(name());
        match pair.table(table)?.compare(&bounds, &mut showing)? {
            Compared::Same => {}
            Compared::Renumbered => diff.renumbered.push(name()),
            Compared::Different(difference) => diff.tables.push(difference),
        }
    }
    Ok(diff)
}

/// Whether [`diff`] would find any difference. It ends at the first one.
///
/// # Errors
/// As [`diff`]; `steps_max` is that of [`DiffBounds`].
pub fn differs(before: &Image, after: &Image, store: &Arc<Store>, settings: CloneSettings, steps_max: u64) -> Result<bool, ContentError> {
    if before.is(after) {
        return Ok(false);
    }
    let pair = Pair::open([before, after], store, settings, &StepBudget::new(steps_max))?;
    if !pair.settings().is_empty() || pair.objects().next().is_some() {
        return Ok(true);
    }
    for table in pair.tables_to_compare(before, after)? {
        if pair.table(table)?.differs()? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Two images that are open.
struct Pair {
    before: OpenImage,
    after: OpenImage,
}

/// An object of the schema that differs.
struct DifferingObject<'a> {
    kind: &'a [u8],
    name: &'a [u8],
    before: Option<&'a Object>,
    after: Option<&'a Object>,
}

impl Pair {
    fn open(images: [&Image; 2], store: &Arc<Store>, settings: CloneSettings, steps: &StepBudget) -> Result<Self, ContentError> {
        let [before, after] = images.map(|image| OpenImage::open(image, store, settings, steps));
        Ok(Self { before: before?, after: after? })
    }

    fn settings(&self) -> Vec<SettingDifference> {
        let numbers = |schema: &Schema| [schema.user_version, schema.application_id, schema.encoding.number().into()];
        [Setting::UserVersion, Setting::ApplicationId, Setting::Encoding]
            .into_iter()
            .zip(numbers(&self.before.schema).into_iter().zip(numbers(&self.after.schema)))
            .filter(|(_, (before, after))| before != after)
            .map(|(setting, (before, after))| SettingDifference { setting, before, after })
            .collect()
    }

    /// The objects that differ by more than the place of their b-tree.
    fn objects(&self) -> impl Iterator<Item = DifferingObject<'_>> {
        let mut objects: BTreeMap<_, [Option<&Object>; 2]> = BTreeMap::new();
        for (index, image) in [&self.before, &self.after].into_iter().enumerate() {
            for (name, object) in &image.schema.objects {
                objects.entry(name).or_default()[index] = Some(object);
            }
        }
        let text = |object: Option<&Object>| object.map(|object| (object.table.clone(), object.sql.clone()));
        objects
            .into_iter()
            .filter(move |(_, [before, after])| text(*before) != text(*after))
            .map(|((kind, name), [before, after])| DifferingObject { kind, name, before, after })
    }

    /// The names of the tables whose rows may differ.
    fn tables_to_compare(&self, before: &Image, after: &Image) -> Result<BTreeSet<&[u8]>, ContentError> {
        let schemas = [&self.before.schema, &self.after.schema];
        let touched = TouchedTables::find([before, after], schemas)?;
        Ok(schemas.into_iter().flat_map(Schema::tables).map(|(name, _)| name).filter(|name| touched.contains(name)).collect())
    }

    fn table<'a>(&'a self, name: &'a [u8]) -> Result<TablePair<'a>, ContentError> {
        let image = |image: &'a OpenImage| image.schema.table(name).map(|_| image);
        TablePair::new(name, image(&self.before), image(&self.after))
    }
}

impl DifferingObject<'_> {
    fn show(&self, showing: &mut Showing) -> ObjectDifference {
        let lossy = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        ObjectDifference {
            change: match (self.before, self.after) {
                (None, _) => Change::Added,
                (_, None) => Change::Removed,
                _ => Change::Changed,
            },
            kind: lossy(self.kind),
            name: lossy(self.name),
            table: self.after.or(self.before).map(|object| lossy(&object.table)).unwrap_or_default(),
            before_sql: self.before.and_then(|object| object.sql.as_ref()).map(|sql| showing.sql(sql)),
            after_sql: self.after.and_then(|object| object.sql.as_ref()).map(|sql| showing.sql(sql)),
        }
    }
}
