//! An image that is open for reading.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rusqlite::ffi;

use super::{
    error::ContentError,
    layout::{Layout, NoLayout},
    rows::Rows,
    schema::Schema,
};
use crate::{
    clone_file::{CloneFile, CloneSettings, OpenMode},
    connection::CloneConnection,
    image::Image,
    store::Store,
};

/// How often SQLite is asked to stop, in steps of its virtual machine.
const STEPS_AT_A_TIME: i32 = 1_000;

/// How many steps of SQLite's virtual machine are left, for all the images that share it.
#[derive(Clone, Debug)]
pub(crate) struct StepBudget {
    steps_max: u64,
    taken: Arc<AtomicU64>,
}

impl StepBudget {
    pub(crate) fn new(steps_max: u64) -> Self {
        Self { steps_max, taken: Arc::new(AtomicU64::new(0)) }
    }
}

/// An image, open on a connection of its own that only reads.
#[derive(Debug)]
pub(crate) struct OpenImage {
    connection: CloneConnection,
    steps: StepBudget,
    pub(crate) schema: Schema,
}

impl OpenImage {
    /// Opens an image and reads its schema.
    ///
    /// # Errors
    /// [`ContentError`].
    pub(crate) fn open(image: &Image, store: &Arc<Store>, settings: CloneSettings, steps: &StepBudget) -> Result<Self, ContentError> {
        const WHAT: &str = "the schema";
        let clone = CloneFile::new(image.clone(), store, settings);
        let failed = |source| failure(&clone, steps, WHAT, source);
        let mut connection = clone.open(OpenMode::ReadOnly).map_err(failed)?;
        let StepBudget { steps_max, taken } = steps.clone();
        let is_over = move || taken.fetch_add(STEPS_AT_A_TIME.unsigned_abs().into(), Ordering::Relaxed) >= steps_max;
        connection.set_progress_handler(STEPS_AT_A_TIME, is_over).map_err(failed)?;
        let schema = Schema::read(&connection).map_err(failed)?;
        Ok(Self { connection, steps: steps.clone(), schema })
    }

    /// How the rows of a table are read.
    ///
    /// # Errors
    /// [`ContentError`].
    pub(crate) fn layout(&self, table: &[u8]) -> Result<Layout, ContentError> {
        Layout::read(&self.connection, table).map_err(|no_layout| match no_layout {
            NoLayout::Sqlite(source) => self.failure(table, source),
            NoLayout::Collation(collation) => {
                ContentError::Collation { table: lossy(table), collation: String::from_utf8_lossy(&collation).into_owned() }
            }
        })
    }

    /// The rows of a table.
    ///
    /// # Errors
    /// [`ContentError`].
    pub(crate) fn rows(&self, table: &[u8], layout: &Layout) -> Result<Rows<'_>, ContentError> {
        Rows::prepare(&self.connection, &layout.select).map_err(|source| self.failure(table, source))
    }

    /// What a failure of SQLite with one of the tables means.
    pub(crate) fn failure(&self, table: &[u8], source: rusqlite::Error) -> ContentError {
        failure(self.connection.clone_file(), &self.steps, &format!("the table {}", lossy(table)), source)
    }
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn failure(clone: &CloneFile, steps: &StepBudget, what: &str, source: rusqlite::Error) -> ContentError {
    let what = what.to_owned();
    match (clone.take_trouble(), source.sqlite_error()) {
        (Some(trouble), _) => ContentError::Io(trouble),
        (None, Some(error)) if error.extended_code == ffi::SQLITE_INTERRUPT => {
            ContentError::TooMuchWork { what, steps_max: steps.steps_max }
        }
        (None, _) => ContentError::Sqlite { what, source },
    }
}
