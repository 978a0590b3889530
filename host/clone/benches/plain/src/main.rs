//! What people do today where the clone does something else, with SQLite as it comes and on files.
//!
//! The first argument says what to do, the others are those of the function with that name. Printed is how many nanoseconds that
//! took; files that it made are deleted afterwards.

use std::{
    error::Error,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, MAIN_DB};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let took = match arguments[..] {
        ["copy", from, to, sql] => made(to, || copy(from, to, sql))?,
        ["backup", from, to, sql] => made(to, || backup(from, to, sql))?,
        ["vacuum-into", from, to, sql] => made(to, || vacuum_into(from, to, sql))?,
        ["deserialize", from, sql] => deserialize(from, sql)?,
        ["migrate", file, script] => migrate(file, script)?,
        ["query", file, sql] => query(file, sql)?,
        ["probes-fresh", file, sql, count] => probes_fresh(file, sql, count.parse()?)?,
        ["probes-pooled", file, sql, count] => probes_pooled(file, sql, count.parse()?)?,
        ["point-queries", file, sql, count] => point_queries(file, sql, count.parse()?)?,
        _ => return Err(format!("not understood: {arguments:?}").into()),
    };
    println!("{}", took.as_nanos());
    Ok(())
}

/// Times what makes a file, then deletes the file.
fn made(file: &str, make: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    let begin = Instant::now();
    make()?;
    let took = begin.elapsed();
    fs::remove_file(file)?;
    Ok(took)
}

fn copy(from: &str, to: &str, sql: &str) -> Outcome<()> {
    fs::copy(from, to)?;
    ask(&open(to)?, sql)
}

fn backup(from: &str, to: &str, sql: &str) -> Outcome<()> {
    let mut copy = open(to)?;
    rusqlite::backup::Backup::new(&open(from)?, &mut copy)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    ask(&copy, sql)
}

fn vacuum_into(from: &str, to: &str, sql: &str) -> Outcome<()> {
    open(from)?.execute("VACUUM INTO ?1", [to])?;
    ask(&open(to)?, sql)
}

fn deserialize(from: &str, sql: &str) -> Outcome<Duration> {
    let begin = Instant::now();
    let file = fs::File::open(from)?;
    let bytes = usize::try_from(file.metadata()?.len())?;
    let mut copy = Connection::open_in_memory()?;
    copy.deserialize_read_exact(MAIN_DB, file, bytes, false)?;
    ask(&copy, sql)?;
    Ok(begin.elapsed())
}

/// Runs a script in a transaction; the opening is not timed.
fn migrate(file: &str, script: &str) -> Outcome<Duration> {
    let script = fs::read_to_string(script)?;
    let connection = open(file)?;
    connection.execute_batch("PRAGMA foreign_keys = OFF")?;
    let begin = Instant::now();
    connection.execute_batch("BEGIN")?;
    connection.execute_batch(&script)?;
    connection.execute_batch("COMMIT")?;
    Ok(begin.elapsed())
}

/// Reads every row of a query; the opening, and the reading of the schema, are not timed.
fn query(file: &str, sql: &str) -> Outcome<Duration> {
    let connection = open(file)?;
    ask(&connection, "SELECT count(*) FROM sqlite_schema")?;
    let begin = Instant::now();
    ask(&connection, sql)?;
    Ok(begin.elapsed())
}

/// Each probe has a connection of its own, on the one file.
fn probes_fresh(file: &str, sql: &str, count: u32) -> Outcome<Duration> {
    let begin = Instant::now();
    for _ in 0..count {
        probe(&open(file)?, sql)?;
    }
    Ok(begin.elapsed())
}

/// All probes have one connection.
fn probes_pooled(file: &str, sql: &str, count: u32) -> Outcome<Duration> {
    let connection = open(file)?;
    probe(&connection, sql)?;
    let begin = Instant::now();
    for _ in 0..count {
        probe(&connection, sql)?;
    }
    Ok(begin.elapsed())
}

fn point_queries(file: &str, sql: &str, count: u32) -> Outcome<Duration> {
    let connection = open(file)?;
    ask(&connection, sql)?;
    let begin = Instant::now();
    for _ in 0..count {
        ask(&connection, sql)?;
    }
    Ok(begin.elapsed())
}

/// A statement that must be refused, in a transaction that is rolled back.
fn probe(connection: &Connection, sql: &str) -> Outcome<()> {
    connection.execute_batch("BEGIN")?;
    match connection.execute(sql, []) {
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::ConstraintViolation => {}
        other => return Err(format!("no violation of a constraint: {other:?}").into()),
    }
    connection.execute_batch("ROLLBACK")?;
    Ok(())
}

fn open(file: impl AsRef<Path>) -> Outcome<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF")?;
    Ok(connection)
}

/// Steps through every row.
fn ask(connection: &Connection, sql: &str) -> Outcome<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
