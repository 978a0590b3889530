//! Splits a stream of SQL into statements, holding one statement at a time.

use std::io::{self, Read};

/// How much is read at a time.
const CHUNK_BYTES: usize = 1 << 18;

/// How much is read first.
const CHUNK_BYTES_MIN: usize = 1 << 10;

/// Yields the statements of a script, each with the line that it begins on.
///
/// Where a statement ends is decided as `sqlite3_complete` does (SQLite, `src/complete.c`): at a semicolon outside strings,
/// quoted names and comments, and in a CREATE TRIGGER only at the one after END.
#[derive(Debug)]
pub struct StatementSplitter<R> {
    input: R,
    /// The first `filled` bytes are what was read of the statement that is being looked for, and of what comes after it.
    buffer: Vec<u8>,
    filled: usize,
    /// How much was read so far.
    read_bytes: usize,
    /// Where in the buffer the statement begins; before it has begun, how far there is none.
    start: usize,
    /// How far the buffer was looked at.
    at: usize,
    /// The line of the byte at `start`.
    line: u64,
    bytes_max: usize,
    started: bool,
    national: Vec<usize>,
}

/// One statement of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitStatement<'a> {
    /// The line of its first character, from 1.
    pub line: u64,
    /// The statement, with its semicolon unless it is the last one and has none.
    pub sql: &'a str,
    /// Where in it there is an N that stands for itself directly before a string, in bytes: `N'…'`, which SQLite does not know.
    pub national: &'a [usize],
}

/// Why there is no next statement.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// The file cannot be read on.
    #[error("line {line}: {error}")]
    Io {
        /// How far it was read.
        line: u64,
        /// The system's reason.
        error: io::Error,
    },
    /// A statement that is too large.
    #[error("line {line}: the statement that begins here has more than {bytes_max} bytes")]
    TooLarge {
        /// Where it begins.
        line: u64,
        /// The most that a statement may have.
        bytes_max: usize,
    },
    /// Not UTF-8.
    #[error("line {line}: not UTF-8 text; convert the dump to UTF-8")]
    NotUtf8 {
        /// The line with the first wrong byte.
        line: u64,
    },
    /// The end of the file inside a string, a quoted name or a comment.
    #[error("line {line}: {what} begins here and never ends: the file is cut off, or a quote is missing")]
    Unclosed {
        /// Where it begins.
        line: u64,
        /// What is not closed.
        what: &'static str,
    },
    /// A comment in which sqlite3 says that it could not export everything.
    #[error(
        "line {line}: sqlite3 noted here that it could not read the whole database, so rows are missing; \
         recover what there is with `sqlite3 DB .recover`, or restore the database from a backup"
    )]
    Incomplete {
        /// Where the comment begins.
        line: u64,
    },
}

/// The comments that sqlite3 writes into a dump where it cannot read a table to its end (SQLite, `src/shell.c.in`).
const INCOMPLETE: [&[u8]; 3] = [b"/****** CORRUPTION ERROR", b"/****** ERROR: ", b"/**** ERROR: ("];

/// The tokens that decide where a statement ends.
#[derive(Clone, Copy, Debug)]
enum Token {
    Semicolon,
    Other,
    Explain,
    Create,
    Temp,
    Trigger,
    End,
}

/// How far a statement is: the states of `sqlite3_complete` by their names there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Start,
    Normal,
    Explain,
    Create,
    Trigger,
    Semicolon,
    End,
}

impl Progress {
    fn after(self, token: Token) -> Self {
        use Progress as P;
        use Token as T;
        match (self, token) {
            (P::Trigger | P::Semicolon, T::Semicolon) => P::Semicolon,
            (_, T::Semicolon) => P::Start,
            (P::Semicolon, T::End) => P::End,
            (P::Trigger | P::Semicolon | P::End, _) => P::Trigger,
            (P::Start, T::Explain) => P::Explain,
            (P::Start | P::Explain, T::Create) => P::Create,
            (P::Explain, T::Other) => P::Explain,
            (P::Create, T::Temp) => P::Create,
            (P::Create, T::Trigger) => P::Trigger,
            _ => P::Normal,
        }
    }

    /// Whether no token but a semicolon changes anything.
    fn waits_for_semicolon(self) -> bool {
        matches!(self, Progress::Normal | Progress::Trigger)
    }
}

fn word(word: &[u8]) -> Token {
    const WORDS: [(&[u8], Token); 6] = [
        (b"explain", Token::Explain),
        (b"create", Token::Create),
        (b"temp", Token::Temp),
        (b"temporary", Token::Temp),
        (b"trigger", Token::Trigger),
        (b"end", Token::End),
    ];
    WORDS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known)).map_or(Token::Other, |(_, token)| *token)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The bytes at which a statement can end, or something begins in which it cannot.
const DECIDES: [bool; 256] = {
    let mut decides = [false; 256];
    let bytes = b";'\"`[-/";
    let mut index = 0;
    while index < bytes.len() {
        decides[bytes[index] as usize] = true;
        index += 1;
    }
    decides
};

/// What the splitter has gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passed {
    /// Something within a statement, or between two.
    Something,
    /// The end of a statement.
    Statement,
    /// Everything there is.
    Everything,
}

impl<R: Read> StatementSplitter<R> {
    /// Splits `input`; a statement may have `bytes_max` bytes.
    pub fn new(input: R, bytes_max: usize) -> Self {
        Self {
            input,
            buffer: Vec::new(),
            filled: 0,
            read_bytes: 0,
            start: 0,
            at: 0,
            line: 1,
            bytes_max,
            started: false,
            national: Vec::new(),
        }
    }

    /// The next statement and the line of its first character, or `None` at the end. Comments between statements are
    /// skipped; those inside one are part of it.
    ///
    /// # Errors
    /// [`SplitError`].
    pub fn next_statement(&mut self) -> Result<Option<SplitStatement<'_>>, SplitError> {
        if !std::mem::replace(&mut self.started, true) {
            self.skip_byte_order_mark()?;
        }
        self.national.clear();
        self.forget();
        let mut progress = Progress::Start;
        let mut begun = false;
        loop {
            match self.pass(&mut progress, &mut begun)? {
                Passed::Something => {}
                // A last statement without its semicolon is still one: the engine will say if it is cut off.
                Passed::Statement => break,
                Passed::Everything if begun => break,
                Passed::Everything => return Ok(None),
            }
        }
        let statement = &self.buffer[self.start..self.at];
        if statement.len() > self.bytes_max {
            return Err(SplitError::TooLarge { line: self.line, bytes_max: self.bytes_max });
        }
        let sql = std::str::from_utf8(statement)
            .map_err(|error| SplitError::NotUtf8 { line: self.line + newlines(&statement[..error.valid_up_to()]) })?;
        Ok(Some(SplitStatement { line: self.line, sql, national: &self.national }))
    }

    /// Goes on by one token, one comment, or some blanks.
    fn pass(&mut self, progress: &mut Progress, begun: &mut bool) -> Result<Passed, SplitError> {
        if !*begun {
            self.forget();
        } else if progress.waits_for_semicolon() {
            let rest = self.rest();
            self.at += rest.iter().position(|byte| DECIDES[usize::from(*byte)]).unwrap_or(rest.len());
        }
        let Some(byte) = self.byte(0)? else { return Ok(Passed::Everything) };
        match byte {
            b'\'' | b'"' | b'`' | b'[' => {
                self.note_national(byte);
                *begun = true;
                *progress = progress.after(Token::Other);
                self.pass_quoted(byte)?;
            }
            b'-' if self.byte(1)? == Some(b'-') => self.pass_line_comment(*begun)?,
            b'/' if self.byte(1)? == Some(b'*') => self.pass_block_comment(*begun)?,
            b';' => {
                self.at += 1;
                *progress = progress.after(Token::Semicolon);
                if *begun && *progress == Progress::Start {
                    return Ok(Passed::Statement);
                }
            }
            _ if byte.is_ascii_whitespace() => {
                let rest = self.rest();
                self.at += rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
            }
            _ if is_word(byte) => {
                *begun = true;
                *progress = progress.after(self.pass_word()?);
            }
            _ => {
                *begun = true;
                *progress = progress.after(Token::Other);
                self.at += 1;
            }
        }
        Ok(Passed::Something)
    }

    fn pass_word(&mut self) -> Result<Token, SplitError> {
        let mut length = 1;
        while self.byte(length)?.is_some_and(is_word) {
            length += 1;
        }
        let token = word(&self.buffer[self.at..self.at + length]);
        self.at += length;
        Ok(token)
    }

    /// Goes past a string or a quoted name. A doubled quote closes and opens again, which comes to the same.
    fn pass_quoted(&mut self, quote: u8) -> Result<(), SplitError> {
        let opened = self.here();
        self.at += 1;
        if self.pass_byte(if quote == b'[' { b']' } else { quote }, true)? {
            return Ok(());
        }
        Err(self.unclosed(opened, if quote == b'\'' { "a string" } else { "a quoted name" }))
    }

    fn pass_line_comment(&mut self, within_statement: bool) -> Result<(), SplitError> {
        self.pass_byte(b'\n', within_statement).map(drop)
    }

    fn pass_block_comment(&mut self, within_statement: bool) -> Result<(), SplitError> {
        let opened = self.here();
        // Read on for as long as it can be one of these.
        self.byte(INCOMPLETE.iter().map(|start| start.len()).max().unwrap_or(0))?;
        if !within_statement && INCOMPLETE.iter().any(|start| self.rest().starts_with(start)) {
            return Err(SplitError::Incomplete { line: self.line });
        }
        // Both characters at once: the star of "/*" must not be the star of "*/".
        self.at += 2;
        while self.pass_byte(b'*', within_statement)? {
            if self.byte(0)? == Some(b'/') {
                self.at += 1;
                return Ok(());
            }
        }
        Err(self.unclosed(opened, "a comment"))
    }

    /// Goes past the next such byte; false at the end of the file. What does not belong to a statement is not kept.
    fn pass_byte(&mut self, byte: u8, within_statement: bool) -> Result<bool, SplitError> {
        loop {
            if let Some(length) = memchr::memchr(byte, self.rest()) {
                self.at += length + 1;
                return Ok(true);
            }
            self.at = self.filled;
            if !within_statement {
                self.forget();
            }
            if !self.read_more()? {
                return Ok(false);
            }
        }
    }

    /// Notes an N that is a word of its own directly before a string.
    fn note_national(&mut self, quote: u8) {
        let before = &self.buffer[self.start..self.at];
        if let (b'\'', [rest @ .., b'N' | b'n']) = (quote, before)
            && !rest.last().copied().is_some_and(is_word)
        {
            self.national.push(rest.len());
        }
    }

    /// The byte at so many bytes from here, if the file goes on that far.
    fn byte(&mut self, ahead: usize) -> Result<Option<u8>, SplitError> {
        while self.filled <= self.at + ahead {
            if !self.read_more()? {
                return Ok(None);
            }
        }
        Ok(Some(self.buffer[self.at + ahead]))
    }

    /// Lets go of everything up to here.
    fn forget(&mut self) {
        if self.start < self.at {
            self.line += newlines(&self.buffer[self.start..self.at]);
            self.start = self.at;
        }
    }

    /// Reads on; false at the end of the file.
    fn read_more(&mut self) -> Result<bool, SplitError> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.at -= self.start;
        self.start = 0;
        if self.filled > self.bytes_max {
            return Err(SplitError::TooLarge { line: self.line, bytes_max: self.bytes_max });
        }
        // Small for what is short; and twice as long for a long statement, so that it is not moved for each of its pieces.
        let room = self.read_bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES);
        if self.buffer.len() < self.filled + room {
            self.buffer.resize(self.filled + room.max(self.filled), 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(read) => {
                    self.filled += read;
                    self.read_bytes = self.read_bytes.saturating_add(read);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(SplitError::Io { line: self.line + newlines(&self.buffer[..self.filled]), error });
                }
            }
        }
    }

    /// What was read and not looked at.
    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..self.filled]
    }

    /// The line of the statement, and how far in it this is; or the line of this, if there is no statement yet.
    fn here(&self) -> (u64, usize) {
        (self.line, self.at - self.start)
    }

    fn unclosed(&self, (line, within): (u64, usize), what: &'static str) -> SplitError {
        SplitError::Unclosed { line: line + newlines(&self.buffer[self.start..self.start + within]), what }
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), SplitError> {
        for byte in b"\xef\xbb\xbf" {
            match (self.at, self.byte(0)? == Some(*byte)) {
                (_, true) => self.at += 1,
                (0, false) => return Ok(()),
                // No SQL begins with one of the other characters that begin like this.
                (_, false) => return Err(SplitError::NotUtf8 { line: 1 }),
            }
        }
        Ok(())
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time: what spans two reads must still be seen.
    struct ByteByByte<'a>(&'a [u8]);

    impl Read for ByteByByte<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    fn split(sql: &str) -> Vec<(u64, String)> {
        let mut splitter = StatementSplitter::new(ByteByByte(sql.as_bytes()), 1000);
        std::iter::from_fn(|| splitter.next_statement().expect("valid SQL").map(|found| (found.line, found.sql.to_owned()))).collect()
    }

    #[test]
    fn statements_come_with_the_line_that_they_begin_on() {
        let sql = "\u{feff}-- a comment\n\nSELECT 1;\n/* two\nlines */ SELECT\n 2; ;;\nSELECT 3";
        let expected = [(3, "SELECT 1;"), (5, "SELECT\n 2;"), (7, "SELECT 3")];
        assert_eq!(split(sql), expected.map(|(line, sql)| (line, sql.to_owned())));
    }

    #[test]
    fn semicolons_in_strings_names_and_comments_end_nothing() {
        for sql in [
            "SELECT ';', 'it''s;';",
            "SELECT \"a;b\", [c;d], `e;f`;",
            "SELECT 1 -- ;\n, 2;",
            "SELECT /* ; */*/**/ 3;",
            "SELECT 1 /*/ ; */;",
        ] {
            assert_eq!(split(sql), [(1, sql.to_owned())], "{sql}");
        }
    }

    #[test]
    fn a_trigger_ends_after_its_end() {
        let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN UPDATE b SET c = CASE WHEN 1 THEN 2 END; SELECT 'END;'; END;";
        assert_eq!(split(&format!("{trigger}SELECT 1;")), [(1, trigger.to_owned()), (1, "SELECT 1;".to_owned())]);
    }

    #[test]
    fn an_n_is_noted_where_it_is_a_word_directly_before_a_string() {
        let sql = "VALUES(N'a',n'N''b', N 'c',AN'd',\"N'e'\",[N'f'],/*N'g'*/x'00',N''); N'h'";
        let mut splitter = StatementSplitter::new(sql.as_bytes(), 1000);
        let marked = splitter.next_statement().expect("valid SQL").expect("a statement");
        assert_eq!(marked.national, [7, 12, sql.find("N''); ").expect("it is there")]);
        assert_eq!(splitter.next_statement().expect("valid SQL").expect("another").national, [0]);
    }

    #[test]
    fn what_never_ends_is_named_where_it_begins() {
        let fail = |sql: &str| StatementSplitter::new(sql.as_bytes(), 1000).next_statement().expect_err("broken SQL").to_string();
        assert_eq!(
            fail("SELECT 1,\n 'abc\ndef"),
            "line 2: a string begins here and never ends: the file is cut off, or a quote is missing"
        );
        assert_eq!(fail("\n/* abc"), "line 2: a comment begins here and never ends: the file is cut off, or a quote is missing");
        assert_eq!(
            StatementSplitter::new(&b"SELECT\n '\xff';"[..], 1000).next_statement().expect_err("not UTF-8").to_string(),
            "line 2: not UTF-8 text; convert the dump to UTF-8"
        );
        assert_eq!(
            StatementSplitter::new(&b"\nSELECT 1234567890;"[..], 10).next_statement().expect_err("too large").to_string(),
            "line 2: the statement that begins here has more than 10 bytes"
        );
    }
}
