//! The schema of an image, as `sqlite_schema` has it.

use std::collections::BTreeMap;

use super::{rows::Rows, stored::Encoding};
use crate::connection::CloneConnection;

/// What an image says of itself: its objects, and the numbers that belong to the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// By type and name, both in UTF-8 unless the database holds something else.
    pub(crate) objects: BTreeMap<(Vec<u8>, Vec<u8>), Object>,
    pub(crate) encoding: Encoding,
    pub(crate) user_version: i64,
    pub(crate) application_id: i64,
}

/// One row of `sqlite_schema`, without its type and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// The table that the object belongs to: a table belongs to itself.
    pub(crate) table: Vec<u8>,
    /// The root page of its b-tree, counted from 1; 0 for none.
    pub(crate) root: u32,
    /// Absent for an index that a constraint makes.
    pub(crate) sql: Option<Vec<u8>>,
}

/// The type of a table in `sqlite_schema`. A virtual table has it too, and no root.
const TABLE: &[u8] = b"table";

/// The root of the b-tree of `sqlite_schema` itself.
const SCHEMA_ROOT: u32 = 1;

impl Schema {
    pub(super) fn read(connection: &CloneConnection) -> rusqlite::Result<Self> {
        let number = |pragma: &str| -> rusqlite::Result<i64> {
            let mut rows = Rows::prepare(connection, pragma.as_bytes())?;
            Ok(if rows.advance()? { rows.integer(0) } else { 0 })
        };
        let (user_version, application_id) = (number("PRAGMA user_version")?, number("PRAGMA application_id")?);
        let mut rows = Rows::prepare(connection, b"PRAGMA encoding")?.in_utf8();
        let encoding = if rows.advance()? { Encoding::from_name(rows.bytes_of(0)) } else { Encoding::Utf8 };
        drop(rows);

        let mut objects = BTreeMap::new();
        let mut rows = Rows::prepare(connection, b"SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema")?.in_utf8();
        while rows.advance()? {
            let [kind, name, table] = [0, 1, 2].map(|column| rows.bytes_of(column).to_vec());
            let sql = rows.bytes_of(4);
            let sql = (!sql.is_empty()).then(|| sql.to_vec());
            objects.insert((kind, name), Object { table, root: u32::try_from(rows.integer(3)).unwrap_or(0), sql });
        }
        Ok(Self { objects, encoding, user_version, application_id })
    }

    /// The tables that have rows of their own, in the order of their names.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&[u8], &Object)> {
        let tables = self.objects.iter().filter(|((kind, _), object)| kind == TABLE && object.root != 0);
        tables.map(|((_, name), object)| (name.as_slice(), object))
    }

    /// A table that has rows of its own.
    pub(crate) fn table(&self, name: &[u8]) -> Option<&Object> {
        self.objects.get(&(TABLE.to_vec(), name.to_vec())).filter(|object| object.root != 0)
    }

    /// The roots of all b-trees: those of tables first, because their pages are asked for most.
    pub(crate) fn roots(&self) -> Vec<u32> {
        let tables = self.tables().map(|(_, table)| table.root);
        let others = self.objects.iter().filter(|((kind, _), object)| kind != TABLE && object.root != 0).map(|(_, object)| object.root);
        std::iter::once(SCHEMA_ROOT).chain(tables).chain(others).collect()
    }
}
