//! Probes: bad input thrown at the migrated clone.

use std::fmt;

use crate::{
    Database, Description, Error, ErrorClass, bindings::probe_world::exports::rehearsal::guest::probe as raw, error::Result, params,
};

/// Bad input, as a table of cases. Export it with [`export_probe!`](crate::export_probe).
pub trait Probe {
    /// Who it is.
    fn describe() -> Description;

    /// The cases, in the order of the report: the same list every time. At least one is [allowed](Case::allowed), the control
    /// that shows that not everything is refused.
    fn cases() -> Vec<Case>;
}

/// One case: what is sent to a clone of its own, and what must become of it.
pub struct Case {
    name: String,
    summary: String,
    expected: Expectation,
    attack: Attack,
}

impl Case {
    /// The last statement must be refused with this class, and the clone left as it was.
    ///
    /// The name is unique in the probe: lower-case letters, digits and hyphens, at most 64. The attack is SQL text, an array
    /// of SQL texts, or a function of the database (see [`Attack`]). A refusal of class `syntax`, `missing`, `limit` or
    /// `other` shows nothing about the data, and the host fails a case that ends in one.
    pub fn rejected(name: &str, class: ErrorClass, summary: &str, attack: impl Into<Attack>) -> Self {
        Self::new(name, Expectation::Rejected(class), summary, attack.into())
    }

    /// A control: every statement must succeed, and the clone must be changed.
    pub fn allowed(name: &str, summary: &str, attack: impl Into<Attack>) -> Self {
        Self::new(name, Expectation::Allowed, summary, attack.into())
    }

    fn new(name: &str, expected: Expectation, summary: &str, attack: Attack) -> Self {
        Self { name: name.to_owned(), summary: summary.to_owned(), expected, attack }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What must become of it.
    pub fn expected(&self) -> Expectation {
        self.expected
    }

    pub(crate) fn run(&self, db: &Database) -> Result<()> {
        match &self.attack {
            Attack::Sql(statements) => send(db, statements, self.expected),
            Attack::Function(function) => function(db),
        }
    }

    pub(crate) fn into_raw(self) -> raw::Case {
        raw::Case {
            name: self.name,
            summary: self.summary,
            expected: match self.expected {
                Expectation::Rejected(class) => raw::Expectation::Rejected(class),
                Expectation::Allowed => raw::Expectation::Allowed,
            },
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("expected", &self.expected).finish_non_exhaustive()
    }
}

/// Sends the statements. A refusal before the last is an error, since then the attack was never tried.
fn send(db: &Database, statements: &[&'static str], expected: Expectation) -> Result<()> {
    let Some((attack, before)) = statements.split_last() else {
        crate::bail!("the case has no statement");
    };
    for (index, statement) in before.iter().enumerate() {
        db.execute(statement, params![]).map_err(|error| Error::new(format!("statement {} (before the attack): {error}", index + 1)))?;
    }
    match expected {
        Expectation::Rejected(_) => db.attack(attack, params![]),
        Expectation::Allowed => {
            db.execute(attack, params![])?;
        }
    }
    Ok(())
}

/// What a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// The engine refuses the last statement with this class.
    Rejected(ErrorClass),
    /// Everything succeeds.
    Allowed,
}

/// What a case sends.
///
/// - `"UPDATE …"`: one statement, the attack;
/// - `["INSERT …", "UPDATE …"]`: statements that prepare it, and the attack last;
/// - `|db: &Database| { …; Ok(()) }`: a function, for parameters and what SQL text alone cannot say. Send the attack with
///   [`Database::attack`]; an error means that the case could not be tried.
pub enum Attack {
    /// Statements, one a text. The last is the attack.
    Sql(Vec<&'static str>),
    /// A function.
    Function(Box<AttackFunction>),
}

/// A case that is a function of the database.
pub type AttackFunction = dyn Fn(&Database) -> Result<()>;

impl From<&'static str> for Attack {
    fn from(statement: &'static str) -> Self {
        Attack::Sql(vec![statement])
    }
}

impl<const N: usize> From<[&'static str; N]> for Attack {
    fn from(statements: [&'static str; N]) -> Self {
        Attack::Sql(statements.into())
    }
}

impl<F: Fn(&Database) -> Result<()> + 'static> From<F> for Attack {
    fn from(function: F) -> Self {
        Attack::Function(Box::new(function))
    }
}

impl fmt::Debug for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Attack::Sql(statements) => f.debug_tuple("Sql").field(statements).finish(),
            Attack::Function(_) => f.write_str("Function"),
        }
    }
}
