//! Scripts that a module runs: one statement after another, with the line of the one that is refused.

use rehearsal_packet::record::ErrorClass;

use super::{Session, SqlRefusal, statement::Prepared};

/// Where a script stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptRefusal {
    /// The line, from 1, on which the refused statement begins.
    pub line: u32,
    /// How many statements had run before it.
    pub completed: u32,
    /// Why.
    pub refusal: SqlRefusal,
}

impl Session {
    /// Runs the statements of a script; returns how many.
    ///
    /// # Errors
    /// The first refusal, and where.
    pub fn script(&self, sql: &str) -> Result<u32, ScriptRefusal> {
        let (mut start, mut line, mut completed) = (0, 1, 0);
        loop {
            let rest = &sql[start..];
            // Blank space before a statement belongs to no statement: the line is that of its first character.
            let blank = rest.len() - rest.trim_start().len();
            line += newlines(&rest[..blank]);
            start += blank;
            let rest = &sql[start..];
            if rest.is_empty() {
                return Ok(completed);
            }
            let prepared = self.as_module(|| self.prepare_for_module(rest));
            if matches!(prepared, Ok(Prepared::Nothing)) {
                return Ok(completed);
            }
            let mut used = rest.len();
            let outcome = self.recorded(|| {
                if let Prepared::Statement(mut statement, length) = prepared? {
                    used = length;
                    if statement.parameters() > 0 {
                        return Err(SqlRefusal::by_host(
                            ErrorClass::Syntax,
                            "a statement of a script has parameters, and nothing to bind to them",
                        ));
                    }
                    while statement.step()? {}
                }
                Ok(())
            });
            if let Err(refusal) = outcome {
                let line = line + newlines(&rest[..comment_length(rest)]);
                return Err(ScriptRefusal { line, completed, refusal });
            }
            completed += 1;
            line += newlines(&rest[..used]);
            start += used;
        }
    }
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX)
}

/// The length of the comments and blanks that some SQL begins with.
fn comment_length(sql: &str) -> usize {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';');
        let end = if rest.starts_with("--") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|end| end + 1)
        } else {
            return sql.len() - rest.len();
        };
        match end {
            Some(end) => rest = &rest[end + 1..],
            None => return sql.len(),
        }
    }
}
