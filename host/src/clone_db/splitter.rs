//! Splits a stream of SQL into statements, holding one statement at a time.

use std::io::{self, BufRead};

/// Yields the statements of a script, each with the line that it begins on.
///
/// Where a statement ends is decided as `sqlite3_complete` does (SQLite, `src/complete.c`): at a semicolon outside strings,
/// quoted names and comments, and in a CREATE TRIGGER only at the one after END.
#[derive(Debug)]
pub struct StatementSplitter<R> {
    input: R,
    line: u64,
    bytes_max: usize,
    started: bool,
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
}

/// Inside what the splitter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Code,
    /// A string or a quoted name, until this byte.
    Quoted(u8),
    LineComment,
    BlockComment,
}

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
}

fn word(word: &[u8]) -> Token {
    match word.to_ascii_lowercase().as_slice() {
        b"explain" => Token::Explain,
        b"create" => Token::Create,
        b"temp" | b"temporary" => Token::Temp,
        b"trigger" => Token::Trigger,
        b"end" => Token::End,
        _ => Token::Other,
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

impl<R: BufRead> StatementSplitter<R> {
    /// Splits `input`; a statement may have `bytes_max` bytes.
    pub fn new(input: R, bytes_max: usize) -> Self {
        Self { input, line: 1, bytes_max, started: false }
    }

    /// The line that is read next, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The next statement and the line of its first character, or `None` at the end. Comments between statements are
    /// skipped; those inside one are part of it.
    ///
    /// # Errors
    /// [`SplitError`].
    pub fn next_statement(&mut self) -> Result<Option<(u64, String)>, SplitError> {
        self.skip_byte_order_mark()?;
        let mut scan = Scan {
            statement: Vec::new(),
            begins: self.line,
            inside: Inside::Code,
            opened: self.line,
            progress: Progress::Start,
            word: Vec::new(),
        };
        while let Some((byte, next)) = self.take_byte()? {
            let line = self.line;
            if byte == b'\n' {
                self.line += 1;
            }
            match scan.take(byte, next, line) {
                Taken::One => {}
                Taken::Two => {
                    self.take_byte()?;
                }
                Taken::Last => return finish(scan).map(Some),
            }
            if scan.statement.len() > self.bytes_max {
                return Err(SplitError::TooLarge { line: scan.begins, bytes_max: self.bytes_max });
            }
        }
        let unclosed = |what| Err(SplitError::Unclosed { line: scan.opened, what });
        match scan.inside {
            Inside::Quoted(b'\'') => unclosed("a string"),
            Inside::Quoted(_) => unclosed("a quoted name"),
            Inside::BlockComment => unclosed("a comment"),
            // A last statement without its semicolon is still one: the engine will say if it is cut off.
            _ if !scan.statement.is_empty() => finish(scan).map(Some),
            _ => Ok(None),
        }
    }

    /// The next byte, and the one after it if there is one.
    fn take_byte(&mut self) -> Result<Option<(u8, Option<u8>)>, SplitError> {
        let line = self.line;
        let fail = |error| SplitError::Io { line, error };
        let buffer = self.input.fill_buf().map_err(fail)?;
        let Some(&byte) = buffer.first() else { return Ok(None) };
        let next = buffer.get(1).copied();
        self.input.consume(1);
        let next = match next {
            Some(next) => Some(next),
            None => self.input.fill_buf().map_err(fail)?.first().copied(),
        };
        Ok(Some((byte, next)))
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), SplitError> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        for (index, byte) in b"\xef\xbb\xbf".iter().enumerate() {
            let buffer = self.input.fill_buf().map_err(|error| SplitError::Io { line: 1, error })?;
            match (index, buffer.first() == Some(byte)) {
                (_, true) => self.input.consume(1),
                (0, false) => return Ok(()),
                // No SQL begins with one of the other characters that begin like this.
                (_, false) => return Err(SplitError::NotUtf8 { line: 1 }),
            }
        }
        Ok(())
    }
}

/// One statement on its way.
struct Scan {
    statement: Vec<u8>,
    /// The line of its first character.
    begins: u64,
    inside: Inside,
    /// The line on which `inside` began.
    opened: u64,
    progress: Progress,
    /// The word that is being read.
    word: Vec<u8>,
}

/// What became of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// It was taken.
    One,
    /// It was taken together with the next, which is no line break.
    Two,
    /// It was taken, and the statement is complete.
    Last,
}

impl Scan {
    fn take(&mut self, byte: u8, next: Option<u8>, line: u64) -> Taken {
        if self.statement.is_empty() {
            self.begins = line;
        }
        match self.inside {
            Inside::Quoted(end) => {
                self.statement.push(byte);
                // A doubled quote closes and opens again, which comes to the same.
                if byte == end {
                    self.inside = Inside::Code;
                }
                Taken::One
            }
            Inside::LineComment => {
                self.push_unless_first(byte);
                if byte == b'\n' {
                    self.inside = Inside::Code;
                }
                Taken::One
            }
            Inside::BlockComment => {
                self.push_unless_first(byte);
                if (byte, next) != (b'*', Some(b'/')) {
                    return Taken::One;
                }
                self.push_unless_first(b'/');
                self.inside = Inside::Code;
                Taken::Two
            }
            Inside::Code => self.take_code(byte, next, line),
        }
    }

    fn take_code(&mut self, byte: u8, next: Option<u8>, line: u64) -> Taken {
        if is_word(byte) {
            self.word.push(byte);
            self.statement.push(byte);
            return Taken::One;
        }
        if !self.word.is_empty() {
            self.progress = self.progress.after(word(&self.word));
            self.word.clear();
        }
        match (byte, next) {
            // Both characters at once: the star of "/*" must not be the star of "*/".
            (b'-', Some(second @ b'-')) | (b'/', Some(second @ b'*')) => {
                self.push_unless_first(byte);
                self.push_unless_first(second);
                let comment = if byte == b'-' { Inside::LineComment } else { Inside::BlockComment };
                (self.inside, self.opened) = (comment, line);
                Taken::Two
            }
            (b'\'' | b'"' | b'`' | b'[', _) => {
                self.statement.push(byte);
                self.progress = self.progress.after(Token::Other);
                let end = if byte == b'[' { b']' } else { byte };
                (self.inside, self.opened) = (Inside::Quoted(end), line);
                Taken::One
            }
            (b';', _) => {
                self.push_unless_first(byte);
                self.progress = self.progress.after(Token::Semicolon);
                if self.progress == Progress::Start && !self.statement.is_empty() { Taken::Last } else { Taken::One }
            }
            _ if byte.is_ascii_whitespace() => {
                self.push_unless_first(byte);
                Taken::One
            }
            _ => {
                self.statement.push(byte);
                self.progress = self.progress.after(Token::Other);
                Taken::One
            }
        }
    }

    /// Blanks, comments and semicolons belong to a statement that has begun, and to nothing before that.
    fn push_unless_first(&mut self, byte: u8) {
        if !self.statement.is_empty() {
            self.statement.push(byte);
        }
    }
}

fn finish(scan: Scan) -> Result<(u64, String), SplitError> {
    String::from_utf8(scan.statement).map(|sql| (scan.begins, sql)).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let newlines = error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
        SplitError::NotUtf8 { line: scan.begins + newlines as u64 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(sql: &str) -> Vec<(u64, String)> {
        // The smallest buffer there is: what spans two reads must still be seen.
        let mut splitter = StatementSplitter::new(io::BufReader::with_capacity(1, sql.as_bytes()), 1000);
        std::iter::from_fn(|| splitter.next_statement().expect("valid SQL")).collect()
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
