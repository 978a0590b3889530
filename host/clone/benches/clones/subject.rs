//! What is measured: a database, and clones of it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use rehearsal_clone::{Base, CloneConnection, CloneFile, CloneSettings, Image, OpenMode, Store};

/// How many bytes of clones are in memory.
const MEMORY_BYTES_MAX: u64 = 64 << 20;

/// A database that can be cloned.
#[derive(Debug)]
pub(crate) struct Subject {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its content.
    pub(crate) image: Image,
    /// Where its clones are.
    pub(crate) store: Arc<Store>,
}

impl Subject {
    /// Opens a database.
    pub(crate) fn open(path: &Path) -> Self {
        let directory = path.parent().expect("a file in a directory");
        let store = Store::new(directory, MEMORY_BYTES_MAX);
        Self { path: path.to_owned(), image: Image::of(base(path)), store }
    }

    /// A clone of it.
    pub(crate) fn fresh(&self) -> Arc<CloneFile> {
        clone_of(&self.image, &self.store)
    }
}

/// The bytes of a file, of which nothing is known yet.
pub(crate) fn base(path: &Path) -> Arc<Base> {
    Base::from_file(File::open(path).expect("a database")).expect("a file that can be read")
}

/// A clone of an image.
pub(crate) fn clone_of(image: &Image, store: &Arc<Store>) -> Arc<CloneFile> {
    CloneFile::new(image.clone(), store, CloneSettings { now_unix_ms: 0, growth_bytes_max: 1 << 40 })
}

/// A connection to a clone.
pub(crate) fn connect(clone: &Arc<CloneFile>) -> CloneConnection {
    clone.open(OpenMode::ReadWrite).expect("a clone that opens")
}

/// A statement that must be refused, in a transaction that is rolled back.
pub(crate) fn probe(connection: &CloneConnection, sql: &str) {
    connection.execute_batch("BEGIN").expect("BEGIN");
    match connection.execute(sql, []) {
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::ConstraintViolation => {}
        other => panic!("no violation of a constraint: {other:?}"),
    }
    connection.execute_batch("ROLLBACK").expect("ROLLBACK");
}

/// Steps through every row.
pub(crate) fn ask(connection: &CloneConnection, sql: &str) {
    let mut statement = connection.prepare(sql).expect("a query");
    let mut rows = statement.query([]).expect("a query");
    while rows.next().expect("a row").is_some() {}
}
