//! Verifying: every statement is a query, and every row that it returns is a violation.

use rehearsal_guest::{Database, Error, Result, bail, params};

use crate::split::{Statement, split};

/// How many rows of one statement are listed. A check that fails for a million rows is told by its first few.
const ROWS_LISTED_MAX: usize = 20;

/// The violations, statement by statement.
pub(crate) fn violations(db: &Database, input: &str, text: &str) -> Result<Vec<String>> {
    let statements = split(text);
    if statements.is_empty() {
        bail!("input `{input}` holds no statement: write queries that return a row for everything that is wrong");
    }
    let mut violations = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        violations.extend(
            rows_of(db, index + 1, statement)
                .map_err(|error| Error::new(format!("input `{input}`, statement {}, line {}: {error}", index + 1, statement.line)))?,
        );
    }
    Ok(violations)
}

fn rows_of(db: &Database, number: usize, statement: &Statement<'_>) -> Result<Vec<String>> {
    let rows = db.query(statement.sql, params![])?;
    if rows.columns().is_empty() {
        bail!("this is not a query, so it can show nothing; write a SELECT that returns a row for everything that is wrong");
    }
    let mut listed = Vec::new();
    for row in rows {
        if listed.len() == ROWS_LISTED_MAX {
            listed.push(format!("statement {number} (line {}): and more rows", statement.line));
            break;
        }
        listed.push(format!("statement {number} (line {}): {}", statement.line, row?));
    }
    Ok(listed)
}
