//! Where a statement of a dump ends, against SQLite's own opinion.

use std::{ffi::CString, io};

use rehearsal::clone_db::{SplitStatement, StatementSplitter};
use rusqlite::ffi;

/// Text from which anything that decides where a statement ends can be put together.
const PIECES: [&str; 36] = [
    ";",
    ";",
    ";",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\u{c}",
    "'",
    "''",
    "\"",
    "`",
    "[",
    "]",
    "--",
    "-",
    "/*",
    "*/",
    "/",
    "*",
    "CREATE",
    "create",
    "TEMP",
    "TEMPORARY",
    "TRIGGER",
    "trigger",
    "BEGIN",
    "END",
    "EXPLAIN",
    "SELECT 1",
    "x",
    "_$",
    "7",
    "ż",
    "END;",
    "\u{a0}",
];

const TEXTS: usize = 3_000;

fn random_text(random: &mut fastrand::Rng) -> String {
    let length = random.usize(1..24);
    (0..length).map(|_| PIECES[random.usize(..PIECES.len())]).collect()
}

/// Gives one byte at a time: what spans two reads must be seen all the same.
struct ByteByByte<'a>(&'a [u8]);

impl io::Read for ByteByByte<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(&mut buffer[..1])
    }
}

/// Whether SQLite takes a text for whole statements, with nothing begun after them.
fn complete_for_sqlite(text: &str) -> bool {
    let text = CString::new(text).expect("no NUL");
    // SAFETY: the text is NUL-terminated and lives until the call returns.
    unsafe { ffi::sqlite3_complete(text.as_ptr()) == 1 }
}

/// Whether the splitter does: then what follows is a statement of its own.
fn complete_for_splitter(text: &str) -> bool {
    const NEXT: &str = "a_statement_of_its_own";
    let text = format!("{text}{NEXT}");
    let mut splitter = StatementSplitter::new(ByteByByte(text.as_bytes()), 10_000);
    let mut last = String::new();
    loop {
        match splitter.next_statement() {
            Ok(Some(statement)) => last = statement.sql.to_owned(),
            Ok(None) => return last == NEXT,
            Err(_) => return false,
        }
    }
}

#[test]
fn every_prefix_of_any_text_is_complete_exactly_when_sqlite_says_so() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..TEXTS {
        // SQLite does not call nothing at all complete; the splitter has no opinion on it.
        let text = format!("SELECT 0;{}", random_text(&mut random));
        for end in (9..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            let prefix = &text[..end];
            // A line break ends a comment, of which SQLite does not know otherwise whether it goes on.
            let prefix = format!("{prefix}\n");
            assert_eq!(complete_for_splitter(&prefix), complete_for_sqlite(&prefix), "{prefix:?}");
        }
    }
}

#[test]
fn the_statements_of_a_text_are_the_text_without_what_lies_between_them() {
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..TEXTS {
        let text = random_text(&mut random);
        let mut splitter = StatementSplitter::new(text.as_bytes(), 10_000);
        let mut rest = text.as_str();
        while let Ok(Some(SplitStatement { line, sql: statement, .. })) = splitter.next_statement() {
            let at = rest.find(statement).unwrap_or_else(|| panic!("{statement:?} is not in {rest:?}, of {text:?}"));
            let begins = text.len() - rest.len() + at;
            // The same words may stand in a comment before: then the line is a later one, never an earlier one.
            let first_line = text[..begins].matches('\n').count() as u64 + 1;
            assert!(line >= first_line, "{statement:?} of {text:?} is said to begin on line {line}");
            rest = &rest[at + statement.len()..];
        }
    }
}
