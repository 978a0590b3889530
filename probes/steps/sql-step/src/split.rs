//! Splits a file of queries into statements.
//!
//! Strings, quoted identifiers and comments are skipped as SQLite's tokenizer skips them. Trigger bodies are not known here:
//! a file of queries has none, and a script goes to the engine whole.

/// One statement of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The line, counted from 1, on which its first word stands.
    pub line: usize,
    /// From its first word to before its semicolon.
    pub sql: &'a str,
}

/// The statements of a file, in order; what is empty or only a comment is none.
pub fn split(text: &str) -> Vec<Statement<'_>> {
    let bytes = text.as_bytes();
    let mut statements = Vec::new();
    let mut begin = None;
    let mut at = 0;
    while at < bytes.len() {
        let next = token_end(bytes, at);
        match bytes[at] {
            b';' => statements.extend(begin.take().map(|begin| statement(text, begin, at))),
            _ if is_blank(bytes, at) => {}
            _ => begin = begin.or(Some(at)),
        }
        at = next;
    }
    statements.extend(begin.map(|begin| statement(text, begin, bytes.len())));
    statements
}

fn statement(text: &str, begin: usize, end: usize) -> Statement<'_> {
    let line = text[..begin].bytes().filter(|byte| *byte == b'\n').count() + 1;
    Statement { line, sql: text[begin..end].trim_end() }
}

fn is_blank(bytes: &[u8], at: usize) -> bool {
    bytes[at].is_ascii_whitespace() || bytes[at..].starts_with(b"--") || bytes[at..].starts_with(b"/*")
}

/// Where the token that begins at `at` ends. Only tokens that can hide a semicolon are longer than a byte.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let length = match rest[0] {
        // A doubled quote reads as the end of one token and the beginning of the next: the same for splitting.
        quote @ (b'\'' | b'"' | b'`') => find(&rest[1..], &[quote]).map(|end| end + 2),
        b'[' => find(&rest[1..], b"]").map(|end| end + 2),
        b'-' if rest.starts_with(b"--") => find(rest, b"\n").map(|end| end + 1),
        b'/' if rest.starts_with(b"/*") => find(&rest[2..], b"*/").map(|end| end + 4),
        _ => Some(1),
    };
    // What is never closed reaches to the end; the engine will say what it thinks of it.
    length.map_or(bytes.len(), |length| at + length)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(usize, &str)]) {
        let found: Vec<_> = split(text).into_iter().map(|statement| (statement.line, statement.sql)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn statements_end_at_semicolons_and_remember_their_line() {
        check("SELECT 1;\n\nSELECT 2\n;SELECT 3", &[(1, "SELECT 1"), (3, "SELECT 2"), (4, "SELECT 3")]);
        check("", &[]);
        check(" ;; \n;", &[]);
    }

    #[test]
    fn semicolons_in_strings_and_quoted_names_do_not_count() {
        check(
            "SELECT 'a;b', 'it''s;', \"c;\"\"d\", `e;f`, [g;h]; SELECT 2",
            &[(1, "SELECT 'a;b', 'it''s;', \"c;\"\"d\", `e;f`, [g;h]"), (1, "SELECT 2")],
        );
        check("SELECT '-- not a comment; /* nor this'; SELECT 2", &[(1, "SELECT '-- not a comment; /* nor this'"), (1, "SELECT 2")]);
    }

    #[test]
    fn comments_are_no_statements_and_hide_semicolons_and_quotes() {
        check("-- it's; one\n/* two; ' */ SELECT 1 -- three;\n + 1; -- the end", &[(2, "SELECT 1 -- three;\n + 1")]);
        check("SELECT 1 /* a; b */ - - 2", &[(1, "SELECT 1 /* a; b */ - - 2")]);
        check("-- nothing at all", &[]);
    }

    #[test]
    fn what_is_never_closed_reaches_to_the_end() {
        check("SELECT 'open; SELECT 2;", &[(1, "SELECT 'open; SELECT 2;")]);
        check("SELECT 1; /* open; SELECT 2;", &[(1, "SELECT 1")]);
    }
}
