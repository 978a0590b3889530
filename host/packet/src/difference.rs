//! What differs between two states of a clone: which tables, which rows, which columns.
//!
//! Keys and names are written down, values are not: a packet goes to people who may not see the data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Count;

/// What differs between two states, in samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Objects of the schema and settings of the database that are not the same: `table "t" was added`, escaped. At most
    /// [`Difference::SCHEMA_MAX`].
    pub schema: Vec<String>,
    /// The tables whose rows are not the same, at most [`Difference::TABLES_MAX`].
    pub tables: Vec<TableDifference>,
    /// Whether this is all: false when there was more than may be listed, or the comparison could not be made to its end.
    pub is_complete: bool,
}

/// What differs in one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDifference {
    /// The table's name, escaped.
    pub table: String,
    /// How many rows are only in the later state.
    pub added: Count,
    /// How many rows are only in the earlier state.
    pub removed: Count,
    /// How many rows are in both and not the same.
    pub changed: Count,
    /// Some of these rows, at most [`Difference::ROWS_MAX`].
    pub rows: Vec<RowDifference>,
}

/// One row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RowDifference {
    /// Its key: `rowid = 17`, or the columns of the primary key; escaped.
    pub key: String,
    /// How it differs.
    pub kind: RowChange,
    /// The columns that are not the same, escaped; none for a row that is only on one side.
    pub columns: Vec<String>,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowChange {
    /// Only in the later state.
    Added,
    /// Only in the earlier state.
    Removed,
    /// In both, and not the same.
    Changed,
}

impl Difference {
    /// The most objects of the schema that are listed.
    pub const SCHEMA_MAX: usize = 20;
    /// The most tables that are listed.
    pub const TABLES_MAX: usize = 20;
    /// The most rows of one table that are listed.
    pub const ROWS_MAX: usize = 5;

    /// Whether nothing at all differs that a query could see.
    pub fn is_empty(&self) -> bool {
        self.schema.is_empty() && self.tables.is_empty() && self.is_complete
    }
}

/// As the end of a sentence: `customers: 2 rows changed (rowid = 17: email; rowid = 18: email)`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("every row and the schema are the same; only bytes have moved");
        }
        let mut separator = "";
        for object in &self.schema {
            write!(f, "{separator}{object}")?;
            separator = "; ";
        }
        for table in &self.tables {
            write!(f, "{separator}{table}")?;
            separator = "; ";
        }
        if !self.is_complete {
            write!(f, "{separator}{}", if separator.is_empty() { "the two could not be compared" } else { "and more" })?;
        }
        Ok(())
    }
}

impl fmt::Display for TableDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.table)?;
        let kinds = [(self.added, "added"), (self.removed, "removed"), (self.changed, "changed")];
        let mut separator = "";
        for (count, kind) in kinds.into_iter().filter(|(count, _)| count.0 > 0) {
            let s = if count.0 == 1 { "" } else { "s" };
            write!(f, "{separator}{count} row{s} {kind}")?;
            separator = ", ";
        }
        let mut opening = " (";
        for row in &self.rows {
            write!(f, "{opening}{row}")?;
            opening = "; ";
        }
        if self.rows.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Display for RowDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        match self.kind {
            RowChange::Added => f.write_str(" added"),
            RowChange::Removed => f.write_str(" removed"),
            RowChange::Changed => write!(f, ": {}", self.columns.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_reads_as_the_end_of_a_sentence() {
        let row = |key: &str, kind, columns: &[&str]| RowDifference {
            key: key.to_owned(),
            kind,
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        };
        let table = TableDifference {
            table: "customers".to_owned(),
            added: Count(1),
            removed: Count(0),
            changed: Count(2),
            rows: vec![row("rowid = 17", RowChange::Changed, &["email", "phone"]), row("rowid = 90", RowChange::Added, &[])],
        };
        let mut difference = Difference { schema: vec!["table \"points\" was added".to_owned()], tables: vec![table], is_complete: true };
        assert_eq!(
            difference.to_string(),
            "table \"points\" was added; customers: 1 row added, 2 rows changed (rowid = 17: email, phone; rowid = 90 added)"
        );
        difference.is_complete = false;
        assert!(difference.to_string().ends_with("; and more"), "{difference}");
        assert_eq!(
            Difference { is_complete: true, ..Difference::default() }.to_string(),
            "every row and the schema are the same; only bytes have moved"
        );
        assert_eq!(Difference::default().to_string(), "the two could not be compared");
    }
}
