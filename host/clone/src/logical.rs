//! The logical digest: SHA-256 over what a database holds, whatever page it is on.
//!
//! It is the same before and after VACUUM, and another one after any change of a value, its storage class, the order of rows, the
//! text of the schema, or the numbers that belong to the application. Anybody can compute it, with SQL alone.
//!
//! # Definition
//! `u64`, `u32` and `i32` are big-endian integers of 8, 4 and 4 bytes, and `+` puts bytes after bytes.
//!
//! A *value* is
//!
//! | value | bytes |
//! |---|---|
//! | NULL | `00` |
//! | integer | `01` + its 64-bit two's complement, big-endian |
//! | floating-point number | `02` + its IEEE 754 binary64, big-endian |
//! | text | `03` + `u64` length in bytes + the bytes in the encoding of the database: `CAST(x AS BLOB)` |
//! | blob | `04` + `u64` length in bytes + the bytes |
//!
//! The digest of a *table* is SHA-256 of `rehearsal logical table 1`, a NUL byte, the `u32` number of stored columns, and all rows,
//! each as `52` + the values of the stored columns in the order of `PRAGMA table_xinfo`, where `hidden` is not 2 (a virtual
//! generated column is not stored). Rows are in the order of the rowid, or for a table WITHOUT ROWID in the order of its primary key,
//! with the collations and directions that it has.
//!
//! The digest of a *database* is SHA-256 of
//!
//! 1. `rehearsal logical 1` + a NUL byte;
//! 2. one byte for the encoding (1 UTF-8, 2 UTF-16le, 3 UTF-16be) + `i32` `PRAGMA user_version` + `i32` `PRAGMA application_id`;
//! 3. `u64` number of rows of `sqlite_schema` + for each its `type`, `name`, `tbl_name` and `sql` as values, their text converted to UTF-8,
//!    and a `sql` that is NULL or empty as NULL. Rows are in the order of the bytes of `type`, then of `name`;
//! 4. `u64` number of tables + for each its name as a value, its text in UTF-8, and the 32 bytes of its digest. Tables are those rows
//!    of `sqlite_schema` whose `type` is `table` and whose `rootpage` is not 0, in the order of the bytes of `name`.
//!
//! # What was decided
//! - A rowid is part of the content only where a column is declared to be it (INTEGER PRIMARY KEY), and then it is there as that
//!   column. VACUUM gives other rowids to tables that have no such column; it keeps the order of their rows, which is hashed.
//! - A virtual table has no rows of its own. Its shadow tables are hashed as the tables that they are: they hold everything that it
//!   answers from, they survive VACUUM as they are, and hashing them runs no code of the module on bytes that may be hostile. So the digest of an
//!   FTS5 index depends on how it was built: the same documents, added in another order or deleted and added again, can make another
//!   digest. A digest that is the same never hides a difference; [`LogicalDigests::tables`] tells which tables another one is due to.

use std::{collections::BTreeMap, sync::Arc};

use rehearsal_packet::{Hasher, Sha256};

use crate::{
    clone_file::CloneSettings,
    content::{ContentError, OpenImage, Schema, StepBudget, Stored, TouchedTables},
    image::Image,
    store::Store,
};

/// The logical digests of the tables of one image.
#[derive(Clone, Debug)]
pub struct LogicalDigests {
    image: Image,
    schema: Schema,
    tables: BTreeMap<Vec<u8>, Sha256>,
    computed: usize,
}

impl LogicalDigests {
    /// Computes them from every row of an image. Reading may take `steps_max` steps of SQLite's virtual machine: a hostile image
    /// could have it read for ever.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn of(image: &Image, store: &Arc<Store>, settings: CloneSettings, steps_max: u64) -> Result<Self, ContentError> {
        let open = OpenImage::open(image, store, settings, &StepBudget::new(steps_max))?;
        Self::compute(image, &open, |_| None)
    }

    /// Those of another image of the same base: only tables that own a page that changed, or whose entry in the schema did, are
    /// read.
    ///
    /// # Errors
    /// As [`LogicalDigests::of`].
    pub fn after(&self, image: &Image, store: &Arc<Store>, settings: CloneSettings, steps_max: u64) -> Result<Self, ContentError> {
        let open = OpenImage::open(image, store, settings, &StepBudget::new(steps_max))?;
        let (old, new) = (&self.schema, &open.schema);
        let touched = TouchedTables::find([&self.image, image], [old, new])?;
        Self::compute(image, &open, |name| if touched.contains(name) { None } else { self.tables.get(name).copied() })
    }

    fn compute(image: &Image, open: &OpenImage, known: impl Fn(&[u8]) -> Option<Sha256>) -> Result<Self, ContentError> {
        let (mut tables, mut computed) = (BTreeMap::new(), 0);
        for (name, _) in open.schema.tables() {
            let digest = match known(name) {
                Some(digest) => digest,
                None => {
                    computed += 1;
                    table(open, name)?
                }
            };
            tables.insert(name.to_vec(), digest);
        }
        Ok(Self { image: image.clone(), schema: open.schema.clone(), tables, computed })
    }

    /// The digest of the database.
    pub fn digest(&self) -> Sha256 {
        let mut hasher = Hasher::default();
        let text = |hasher: &mut Hasher, text: &[u8]| hash_value(hasher, &Stored::Text(text));
        hasher.update(b"rehearsal logical 1\0");
        hasher.update(&[self.schema.encoding.number()]);
        for number in [self.schema.user_version, self.schema.application_id] {
            // Both are 32 bits in the header of the file.
            hasher.update(&(number as i32).to_be_bytes());
        }
        hash_length(&mut hasher, self.schema.objects.len());
        for ((kind, name), object) in &self.schema.objects {
            for part in [kind, name, &object.table] {
                text(&mut hasher, part);
            }
            hash_value(&mut hasher, &object.sql.as_deref().map_or(Stored::Null, Stored::Text));
        }
        hash_length(&mut hasher, self.tables.len());
        for (name, digest) in &self.tables {
            text(&mut hasher, name);
            hasher.update(digest.as_bytes());
        }
        hasher.finish()
    }

    /// The tables with their digests, in the order of their names. A name that is not UTF-8 is shown with U+FFFD.
    pub fn tables(&self) -> impl Iterator<Item = (String, Sha256)> {
        self.tables.iter().map(|(name, digest)| (String::from_utf8_lossy(name).into_owned(), *digest))
    }

    /// How many tables were read for these digests: the others were known.
    pub fn computed(&self) -> usize {
        self.computed
    }
}

/// The digest of the rows of one table.
fn table(image: &OpenImage, name: &[u8]) -> Result<Sha256, ContentError> {
    let layout = image.layout(name)?;
    let mut rows = image.rows(name, &layout)?;
    let mut hasher = Hasher::default();
    hasher.update(b"rehearsal logical table 1\0");
    hasher.update(&u32::try_from(layout.columns.len()).unwrap_or(u32::MAX).to_be_bytes());
    let columns = layout.first_column()..layout.first_column() + layout.columns.len();
    while rows.advance().map_err(|error| image.failure(name, error))? {
        hasher.update(b"R");
        for column in columns.clone() {
            hash_value(&mut hasher, &rows.value(column));
        }
    }
    Ok(hasher.finish())
}

fn hash_value(hasher: &mut Hasher, value: &Stored<'_>) {
    match value {
        Stored::Null => hasher.update(&[0]),
        Stored::Integer(integer) => hash_number(hasher, 1, integer.to_be_bytes()),
        Stored::Real(real) => hash_number(hasher, 2, real.to_bits().to_be_bytes()),
        Stored::Text(bytes) => hash_bytes(hasher, 3, bytes),
        Stored::Blob(bytes) => hash_bytes(hasher, 4, bytes),
    }
}

fn hash_number(hasher: &mut Hasher, tag: u8, number: [u8; 8]) {
    let mut encoded = [tag; 9];
    encoded[1..].copy_from_slice(&number);
    hasher.update(&encoded);
}

fn hash_bytes(hasher: &mut Hasher, tag: u8, bytes: &[u8]) {
    hash_number(hasher, tag, (bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

fn hash_length(hasher: &mut Hasher, length: usize) {
    hasher.update(&(length as u64).to_be_bytes());
}
