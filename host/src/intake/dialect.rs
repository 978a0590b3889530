//! What exporters write that is not for SQLite's connection to run as it is.
//!
//! The statements that sqlite3 writes into the output of `.dump` and `.recover`, and expects to be read by itself alone, are
//! recognised by their exact form (SQLite, `src/shell.c.in` and `ext/recover/sqlite3recover.c`). Everything else is SQL.

/// What a statement of a dump means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It changes the database; where there is no transaction, it needs none of its own.
    Change,
    /// Any other SQL.
    Sql,
    /// `PRAGMA writable_schema`: sqlite3 writes it around a [`VirtualTable`](Meaning::VirtualTable), for which it is not needed here.
    Nothing,
    /// A virtual table whose content follows, as rows of the tables in which its module keeps it.
    VirtualTable {
        /// Its name.
        name: String,
        /// The CREATE VIRTUAL TABLE.
        sql: String,
    },
    /// A row of `sqlite_stat3` or `sqlite_stat4`: samples of an index, which only some builds of SQLite keep.
    Samples,
    /// `ROLLBACK`: how sqlite3 ends a dump that is not whole.
    Rollback,
}

/// The line with which `.recover` tells sqlite3 to let it write shadow tables.
const RECOVER_PREFIX: &str = ".dbconfig defensive off\n";

/// The statement without what is not SQL before it, and what it means.
pub(super) fn meaning(statement: &str) -> (&str, Meaning) {
    let sql = statement.strip_prefix(RECOVER_PREFIX).unwrap_or(statement);
    let end = sql.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(sql.len());
    let first = &sql[..end];
    let is = |word: &str| first.eq_ignore_ascii_case(word);
    let meaning = if is("insert") {
        insert(sql)
    } else if is("create") || is("replace") || is("update") || is("delete") {
        Meaning::Change
    } else if is("pragma") && is_writable_schema(sql) {
        Meaning::Nothing
    } else if is("rollback") && is_rollback(sql) {
        Meaning::Rollback
    } else {
        Meaning::Sql
    };
    (sql, meaning)
}

fn insert(sql: &str) -> Meaning {
    let mut tokens = Tokens(sql);
    if tokens.word("insert").and_then(|()| tokens.word("into")).is_none() {
        return Meaning::Change;
    }
    let schema = Tokens(tokens.0);
    match tokens.name() {
        Some("sqlite_stat3" | "sqlite_stat4") => Meaning::Samples,
        Some("sqlite_schema" | "sqlite_master") => virtual_table(schema).unwrap_or(Meaning::Change),
        _ => Meaning::Change,
    }
}

/// `sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','NAME','NAME',0,'CREATE VIRTUAL TABLE …');`, the columns perhaps
/// left out.
fn virtual_table(mut tokens: Tokens<'_>) -> Option<Meaning> {
    tokens.name()?;
    if tokens.sign('(').is_some() {
        for column in ["type", "name", "tbl_name", "rootpage"] {
            tokens.word(column)?;
            tokens.sign(',')?;
        }
        tokens.word("sql")?;
        tokens.sign(')')?;
    }
    tokens.word("values")?;
    tokens.sign('(')?;
    let kind = tokens.string()?;
    tokens.sign(',')?;
    let name = tokens.string()?;
    tokens.sign(',')?;
    let table = tokens.string()?;
    tokens.sign(',')?;
    tokens.sign('0')?;
    tokens.sign(',')?;
    let sql = tokens.string()?;
    tokens.sign(')')?;
    tokens.sign(';')?;
    let is_virtual = sql.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("create virtual table"));
    (tokens.0.is_empty() && kind == "table" && name == table && is_virtual).then_some(Meaning::VirtualTable { name, sql })
}

/// `PRAGMA writable_schema=ON;` or OFF.
fn is_writable_schema(sql: &str) -> bool {
    let mut tokens = Tokens(sql);
    let begins = tokens.word("pragma").and_then(|()| tokens.word("writable_schema")).and_then(|()| tokens.sign('='));
    let ends = |mut tokens: Tokens<'_>, value: &str| tokens.word(value).and_then(|()| tokens.sign(';')).is_some() && tokens.0.is_empty();
    begins.is_some() && ["on", "off"].iter().any(|value| ends(Tokens(tokens.0), value))
}

/// Not `ROLLBACK TO`, which takes back only a part.
fn is_rollback(sql: &str) -> bool {
    let mut tokens = Tokens(sql);
    let _ = tokens.word("rollback");
    let _ = tokens.word("transaction");
    tokens.word("to").is_none()
}

/// The rest of some SQL. Each method takes one token from its beginning, and the blanks before it; or nothing, if it is another.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn name(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_ascii_start();
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        self.0 = after;
        (!name.is_empty()).then_some(name)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let mut tokens = Tokens(self.0);
        let found = tokens.name().is_some_and(|name| name.eq_ignore_ascii_case(word));
        found.then(|| self.0 = tokens.0)
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.0 = self.0.trim_ascii_start().strip_prefix(sign)?;
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        let mut rest = self.0.trim_ascii_start().strip_prefix('\'')?;
        let mut string = String::new();
        loop {
            let (part, after) = rest.split_once('\'')?;
            string.push_str(part);
            match after.strip_prefix('\'') {
                Some(after) => {
                    string.push('\'');
                    rest = after;
                }
                None => {
                    self.0 = after;
                    return Some(string);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_table_is_recognised_as_sqlite3_writes_it_and_in_no_other_form() {
        let table = Meaning::VirtualTable { name: "it's".into(), sql: "CREATE VIRTUAL TABLE \"it's\" USING fts5(x)".into() };
        for sql in [
            "INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','it''s','it''s',0,'CREATE VIRTUAL TABLE \"it''s\" USING fts5(x)');",
            "INSERT INTO sqlite_master(type,name,tbl_name,rootpage,sql)VALUES('table','it''s','it''s',0,'CREATE VIRTUAL TABLE \"it''s\" USING fts5(x)');",
            "INSERT INTO sqlite_schema VALUES('table', 'it''s', 'it''s', 0, 'CREATE VIRTUAL TABLE \"it''s\" USING fts5(x)');",
        ] {
            assert_eq!(meaning(sql).1, table, "{sql}");
        }
        for sql in [
            "INSERT INTO sqlite_schema VALUES('table','a','b',0,'CREATE VIRTUAL TABLE a USING fts5(x)');",
            "INSERT INTO sqlite_schema VALUES('view','a','a',0,'CREATE VIRTUAL TABLE a USING fts5(x)');",
            "INSERT INTO sqlite_schema VALUES('table','a','a',2,'CREATE VIRTUAL TABLE a USING fts5(x)');",
            "INSERT INTO sqlite_schema VALUES('table','a','a',0,'CREATE TABLE a (x)');",
            "INSERT INTO sqlite_schema VALUES('table','a','a',0,'CREATE VIRTUAL TABLE a USING fts5(x)'),('view','b','b',0,'');",
            "INSERT INTO sqlite_schema SELECT * FROM t;",
            "INSERT OR IGNORE INTO t VALUES(1);",
        ] {
            assert_eq!(meaning(sql).1, Meaning::Change, "{sql}");
        }
    }

    #[test]
    fn other_statements_are_what_they_say() {
        for (sql, expected) in [
            ("PRAGMA writable_schema=ON;", Meaning::Nothing),
            ("PRAGMA writable_schema = off;", Meaning::Nothing),
            ("PRAGMA writable_schema = RESET;", Meaning::Sql),
            ("PRAGMA foreign_keys=OFF;", Meaning::Sql),
            ("ROLLBACK;", Meaning::Rollback),
            ("rollback transaction", Meaning::Rollback),
            ("ROLLBACK TO a;", Meaning::Sql),
            ("ROLLBACK TRANSACTION TO SAVEPOINT a;", Meaning::Sql),
            ("INSERT INTO sqlite_stat4 VALUES('t','i','1','0','0',X'00');", Meaning::Samples),
            ("INSERT INTO \"sqlite_stat4\" VALUES('t','i','1','0','0',X'00');", Meaning::Samples),
            ("INSERT INTO sqlite_stat1 VALUES('t','i','1');", Meaning::Change),
            ("create table t (x);", Meaning::Change),
            ("VACUUM;", Meaning::Sql),
        ] {
            assert_eq!(meaning(sql), (sql, expected), "{sql}");
        }
        assert_eq!(meaning(".dbconfig defensive off\nBEGIN;"), ("BEGIN;", Meaning::Sql));
    }
}
