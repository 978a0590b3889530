//! The columns of a table, its key, and the statement that reads its rows in the order of that key.

use super::{rows::Rows, stored::Collation};
use crate::connection::CloneConnection;

/// How the rows of a table are read.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The names of the columns that are stored, in their order. A virtual generated column is not.
    pub(crate) columns: Vec<Vec<u8>>,
    pub(crate) key: Key,
    /// Yields the rowid, if that is the key, and then the columns.
    pub(crate) select: Vec<u8>,
}

/// What a row is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The rowid. It is part of the content only if a column is declared to be it: VACUUM changes others.
    Rowid { declared: Option<Vec<u8>> },
    /// The primary key of a table without rowids.
    Columns(Vec<KeyColumn>),
    /// The rowid, which no name is left for: the columns have taken all three.
    Position,
}

/// One column of a primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyColumn {
    /// Which of the columns it is.
    pub(crate) column: usize,
    pub(crate) name: Vec<u8>,
    pub(crate) collation: Collation,
    pub(crate) is_descending: bool,
}

/// Why a table has no layout.
#[derive(Debug)]
pub(super) enum NoLayout {
    Sqlite(rusqlite::Error),
    Collation(Vec<u8>),
}

impl From<rusqlite::Error> for NoLayout {
    fn from(error: rusqlite::Error) -> Self {
        NoLayout::Sqlite(error)
    }
}

impl Layout {
    pub(super) fn read(connection: &CloneConnection, table: &[u8]) -> Result<Self, NoLayout> {
        const GENERATED_VIRTUAL: i64 = 2;
        let [name, primary_key, hidden] = [1, 5, 6];
        let mut rows = pragma(connection, "table_xinfo", table)?;
        let (mut columns, mut names, mut primary) = (Vec::new(), Vec::new(), None);
        while rows.advance()? {
            let name = rows.bytes_of(name).to_vec();
            if rows.integer(primary_key) > 0 {
                primary = Some(name.clone());
            }
            if rows.integer(hidden) != GENERATED_VIRTUAL {
                columns.push(name.clone());
            }
            names.push(name);
        }
        drop(rows);
        let index = primary_index(connection, table)?;
        let table_key = index.as_ref().map(|index| table_key(connection, index, &columns)).transpose()?.flatten();
        let mut select = b"SELECT ".to_vec();
        let mut order: Vec<u8> = Vec::new();
        let key = match (primary, index, table_key) {
            (_, Some(index), Some(key)) => {
                order = in_key_order(&index, &key);
                Key::Columns(key)
            }
            // A rowid table whose primary key needs no index has the rowid for it.
            (Some(declared), None, _) => rowid_key(&mut select, &mut order, qualified(&declared), Some(declared)),
            _ => match free_rowid_name(&names) {
                Some(name) => rowid_key(&mut select, &mut order, format!("t.{name}").into_bytes(), None),
                None => {
                    order = b" NOT INDEXED".to_vec();
                    Key::Position
                }
            },
        };
        let list: Vec<_> = columns.iter().map(|column| qualified(column)).collect();
        // A table may store nothing at all: CREATE TABLE t (a AS (1)) is refused, but what is in the file need not have been.
        select.extend(if list.is_empty() { b"NULL".to_vec() } else { list.join(&b", "[..]) });
        select.extend([b" FROM main.".to_vec(), quoted(table), b" AS t".to_vec(), order].concat());
        Ok(Self { columns, key, select })
    }

    /// Where the first column is in the rows.
    pub(crate) fn first_column(&self) -> usize {
        usize::from(matches!(self.key, Key::Rowid { .. }))
    }

    /// Which column has a name; names differ by more than the case of ASCII letters.
    pub(crate) fn column(&self, name: &[u8]) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }
}

fn rowid_key(select: &mut Vec<u8>, order: &mut Vec<u8>, rowid: Vec<u8>, declared: Option<Vec<u8>>) -> Key {
    select.extend([rowid.clone(), b", ".to_vec()].concat());
    *order = [b" NOT INDEXED ORDER BY ".to_vec(), rowid].concat();
    Key::Rowid { declared }
}

/// Reads a table without rowids as it is stored, which is the order of its key: nothing has to be sorted.
fn in_key_order(index: &[u8], key: &[KeyColumn]) -> Vec<u8> {
    let mut order = [b" INDEXED BY ".to_vec(), quoted(index)].concat();
    for (number, column) in key.iter().enumerate() {
        order.extend_from_slice(if number == 0 { b" ORDER BY " } else { b", " });
        order.extend(qualified(&column.name));
        order.extend_from_slice(format!(" COLLATE {}", column.collation.name()).as_bytes());
        order.extend_from_slice(if column.is_descending { b" DESC" } else { b"" });
    }
    order
}

/// A name of the rowid that no column has.
fn free_rowid_name(columns: &[Vec<u8>]) -> Option<&'static str> {
    let is_free = |name: &&str| !columns.iter().any(|column| column.eq_ignore_ascii_case(name.as_bytes()));
    ["rowid", "_rowid_", "oid"].into_iter().find(is_free)
}

/// What a pragma says of a table or an index. Its table-valued function would say the same, unless a table has taken that name.
fn pragma<'c>(connection: &'c CloneConnection, pragma: &str, of: &[u8]) -> rusqlite::Result<Rows<'c>> {
    let sql = [format!("PRAGMA main.{pragma}(").as_bytes(), &quoted(of), b")"].concat();
    Ok(Rows::prepare(connection, &sql)?.in_utf8())
}

/// The index of the primary key; for a table without rowids, that is the table itself.
fn primary_index(connection: &CloneConnection, table: &[u8]) -> rusqlite::Result<Option<Vec<u8>>> {
    let [name, origin] = [1, 3];
    let mut rows = pragma(connection, "index_list", table)?;
    while rows.advance()? {
        if rows.bytes_of(origin) == b"pk" {
            return Ok(Some(rows.bytes_of(name).to_vec()));
        }
    }
    Ok(None)
}

/// The columns of the primary key, if its index is the table itself: the entries of any other index end with the rowid.
fn table_key(connection: &CloneConnection, index: &[u8], columns: &[Vec<u8>]) -> Result<Option<Vec<KeyColumn>>, NoLayout> {
    const ROWID: i64 = -1;
    let [number, name, descending, collation, is_key] = [1, 2, 3, 4, 5];
    let mut rows = pragma(connection, "index_xinfo", index)?;
    let (mut key, mut unknown) = (Vec::new(), None);
    while rows.advance()? {
        if rows.integer(number) == ROWID {
            return Ok(None);
        }
        // Every column of a primary key is stored: SQLite refuses generated ones there.
        let column = columns.iter().position(|column| *column == rows.bytes_of(name));
        let Some(column) = column.filter(|_| rows.integer(is_key) != 0) else { continue };
        match Collation::from_name(rows.bytes_of(collation)) {
            Some(collation) => {
                key.push(KeyColumn { column, name: columns[column].clone(), collation, is_descending: rows.integer(descending) != 0 });
            }
            None => unknown = Some(rows.bytes_of(collation).to_vec()),
        }
    }
    unknown.map_or(Ok(Some(key)), |collation| Err(NoLayout::Collation(collation)))
}

/// A column of the table that the statement calls `t`.
fn qualified(column: &[u8]) -> Vec<u8> {
    [b"t.".to_vec(), quoted(column)].concat()
}

/// An identifier, whatever is in it.
fn quoted(name: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for byte in name {
        quoted.push(*byte);
        if *byte == b'"' {
            quoted.push(b'"');
        }
    }
    quoted.push(b'"');
    quoted
}
