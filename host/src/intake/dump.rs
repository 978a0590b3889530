//! A source that is a script of SQL: run into an empty clone, statement by statement, through the same hardened connection
//! that modules get.

use std::{
    borrow::Cow,
    fs::File,
    io::{Cursor, Read},
    path::Path,
};

use rehearsal_clone::{Base, Image};
use rehearsal_packet::record::ErrorClass;

use super::{
    HOST_LIMITS, IntakeError, Progress, Read as SourceRead,
    compressed::Compression,
    database::MAGIC,
    dialect::{Meaning, meaning},
    disk_error,
    reading::{Watched, read_up_to, reading_error},
    source_error, unfit,
    utf16::{Order, Utf8},
};
use crate::{
    clone_db::{Access, Clones, Session, SessionSettings, SplitError, SplitStatement, SqlRefusal, StatementSplitter},
    plan::ClonePlan,
};

/// Runs the dump into an empty clone.
pub(super) fn import(
    path: &Path,
    file: File,
    clones: &Clones,
    plan: &ClonePlan,
    progress: Progress<'_>,
) -> Result<SourceRead, IntakeError> {
    let length = file.metadata().map_err(|error| source_error(path, error))?.len();
    let compression = Compression::of(&file).map_err(|error| reading_error(path, error))?;
    let empty = Image::of(Base::from_bytes([]).map_err(|error| disk_error(clones, error))?);
    let clone = clones.clone_of(empty, plan, &HOST_LIMITS);
    let mut watched = Watched::new(file, length, progress);
    let notes = {
        let text = text(path, compression.reader(&mut watched, length))?;
        let statement_bytes_max = usize::try_from(HOST_LIMITS.sql_bytes).unwrap_or(usize::MAX);
        let mut statements = StatementSplitter::new(text, statement_bytes_max);
        let settings = SessionSettings { access: Access::Import, clone: plan, limits: &HOST_LIMITS };
        let session = Session::open(&clone, &settings).map_err(|refusal| refused(path, 1, refusal))?;
        let mut import = Import { path, clones, session, in_own_transaction: false, samples: 0 };
        loop {
            match statements.next_statement() {
                Ok(Some(statement)) => import.run(statement)?,
                Ok(None) => break,
                Err(SplitError::Io { error, .. }) => return Err(reading_error(path, error)),
                Err(error) => return Err(IntakeError::Split { path: path.to_owned(), error }),
            }
        }
        import.finish()?
    };
    let sha256 = watched.finish().map_err(|error| reading_error(path, error))?;
    Ok(SourceRead { image: clone.image(), sha256, bytes: length, notes })
}

/// The text of the dump in UTF-8, whatever it is in.
fn text<'a>(path: &Path, mut content: Box<dyn Read + 'a>) -> Result<Box<dyn Read + 'a>, IntakeError> {
    let mut start = [0; MAGIC.len()];
    let length = read_up_to(&mut content, &mut start).map_err(|error| reading_error(path, error))?;
    let start = &start[..length];
    if start == MAGIC {
        return Err(unfit(path, "is an SQLite database, not a dump: name it *.db or set `kind = \"sqlite\"` in [source]"));
    }
    match Order::of_mark(start) {
        Some(order) => Ok(Box::new(Utf8::new(Cursor::new(start[2..].to_vec()).chain(content), order))),
        None => Ok(Box::new(Cursor::new(start.to_vec()).chain(content))),
    }
}

fn refused(path: &Path, line: u64, refusal: SqlRefusal) -> IntakeError {
    IntakeError::Statement { path: path.to_owned(), line, refusal }
}

/// A dump on its way into its clone.
struct Import<'a> {
    path: &'a Path,
    clones: &'a Clones,
    session: Session,
    /// Whether the transaction that is open is the host's. A dump that has none would have one for each statement, and be slow.
    in_own_transaction: bool,
    /// How many rows of samples were left out.
    samples: u64,
}

impl Import<'_> {
    fn run(&mut self, statement: SplitStatement<'_>) -> Result<(), IntakeError> {
        let (sql, meaning) = meaning(statement.sql);
        let outcome = match &meaning {
            Meaning::Nothing => Ok(()),
            Meaning::Samples => {
                self.samples += 1;
                Ok(())
            }
            Meaning::Rollback => {
                return Err(unfit(
                    self.path,
                    format!(
                        "takes back what it did (ROLLBACK on line {}): sqlite3 ends a dump like this when it met an error; export it again",
                        statement.line
                    ),
                ));
            }
            Meaning::Change => self.begin().and_then(|()| self.change(sql, &statement)),
            Meaning::VirtualTable { name, sql } => self.begin().and_then(|()| self.session.adopt_virtual_table(name, sql)),
            Meaning::Sql => self.end().and_then(|()| self.session.execute(sql, &[]).map(drop)),
        };
        outcome.map_err(|refusal| match self.session.take_trouble() {
            Some(error) => disk_error(self.clones, error),
            // What a literal holds has no places of its own in the statement.
            None if matches!(meaning, Meaning::VirtualTable { .. }) => refused(self.path, statement.line, refusal),
            None => refused(self.path, line_of(&statement, sql, refusal.offset), refusal),
        })
    }

    /// Runs a statement; where SQLite does not understand it and it has strings written `N'…'`, once more with them as SQLite writes them.
    /// Not from the start: to SQLite, `SELECT n'x'` is a column `n` that is called `x`.
    fn change(&self, sql: &str, statement: &SplitStatement<'_>) -> Result<(), SqlRefusal> {
        let first = self.session.execute(sql, &[]).map(drop);
        match first {
            Err(SqlRefusal { class: ErrorClass::Syntax | ErrorClass::Missing, .. }) if !statement.national.is_empty() => {
                let skipped = statement.sql.len() - sql.len();
                self.session.execute(&without_national(sql, statement.national, skipped), &[]).map(drop)
            }
            other => other,
        }
    }

    fn begin(&mut self) -> Result<(), SqlRefusal> {
        if !self.session.in_transaction() {
            self.session.begin()?;
            self.in_own_transaction = true;
        }
        Ok(())
    }

    /// Ends the host's own transaction, so that what comes finds what the dump had left without it.
    fn end(&mut self) -> Result<(), SqlRefusal> {
        if std::mem::take(&mut self.in_own_transaction) { self.session.commit() } else { Ok(()) }
    }

    /// Ends the import; returns what there is to say about it.
    fn finish(mut self) -> Result<Vec<String>, IntakeError> {
        self.end().map_err(|refusal| match self.session.take_trouble() {
            Some(error) => disk_error(self.clones, error),
            None => unfit(self.path, format!("cannot be committed: {refusal}")),
        })?;
        if self.session.in_transaction() {
            return Err(unfit(self.path, "ends inside a transaction: the dump is cut off; export it again"));
        }
        let samples = (self.samples > 0).then(|| {
            format!(
                "rows of sqlite_stat3 and sqlite_stat4 were left out ({}): the SQLite of this tool keeps no samples of indexes",
                self.samples
            )
        });
        Ok(samples.into_iter().collect())
    }
}

/// The line on which something is wrong, if the engine says where; else the one on which the statement begins.
fn line_of(statement: &SplitStatement<'_>, sql: &str, offset: Option<usize>) -> u64 {
    let skipped = statement.sql.len() - sql.len();
    let place = (skipped + offset.unwrap_or(0)).min(statement.sql.len());
    statement.line + memchr::memchr_iter(b'\n', &statement.sql.as_bytes()[..place]).count() as u64
}

/// The same with a blank for each N before a string, so that all places stay what they are.
fn without_national<'a>(sql: &'a str, national: &[usize], skipped: usize) -> Cow<'a, str> {
    let mut plain = sql.as_bytes().to_vec();
    for place in national {
        if let Some(byte) = place.checked_sub(skipped).and_then(|place| plain.get_mut(place)) {
            *byte = b' ';
        }
    }
    // A blank for an N leaves UTF-8 what it is.
    String::from_utf8(plain).map_or(Cow::Borrowed(sql), Cow::Owned)
}
