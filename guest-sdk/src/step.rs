//! Steps: one change to rehearse.

use crate::{Database, Description, bindings::step_world::exports::rehearsal::guest::step as raw, error::Result};

/// One change to rehearse. Export it with [`export_step!`](crate::export_step).
///
/// Every call is made on a fresh instance of the module and a fresh clone: nothing carries over.
pub trait Step {
    /// Who it is. There is no clone yet; inputs can be read.
    fn describe() -> Description;

    /// What it offers beside [`apply`](Step::apply). Only what is offered is called.
    fn operations() -> Operations {
        Operations::none()
    }

    /// Makes the change. The host has opened a transaction and will commit it or roll it back, unless the plan grants
    /// `transactions = "own"`.
    ///
    /// # Errors
    /// When the change could not be made: a finding.
    fn apply(db: &Database) -> Result<Outcome>;

    /// Checks on a read-only handle that the change is in place, and returns a sentence for everything that does not hold:
    /// an empty list is good news.
    ///
    /// # Errors
    /// When it could not be checked, which is as bad as a violation.
    fn verify(db: &Database) -> Result<Vec<String>> {
        let _ = db;
        crate::bail!("this step offers no verify")
    }

    /// Undoes the change.
    ///
    /// # Errors
    /// When it could not be undone.
    fn revert(db: &Database) -> Result<Outcome> {
        let _ = db;
        crate::bail!("this step offers no revert")
    }
}

/// What a step offers beside `apply`: `Operations::none().with_verify()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    verify: bool,
    revert: bool,
}

impl Operations {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// And [`Step::verify`].
    pub fn with_verify(self) -> Self {
        Self { verify: true, ..self }
    }

    /// And [`Step::revert`].
    pub fn with_revert(self) -> Self {
        Self { revert: true, ..self }
    }

    pub(crate) fn into_raw(self) -> raw::Operations {
        let mut operations = raw::Operations::empty();
        operations.set(raw::Operations::VERIFY, self.verify);
        operations.set(raw::Operations::REVERT, self.revert);
        operations
    }
}

/// What a step says that it did. The host compares the clone's bytes, and a claim that differs from them fails closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The clone was changed; in a sentence, how.
    Changed(String),
    /// There was nothing to do; in a sentence, why.
    Unchanged(String),
}

impl Outcome {
    /// Changed, unless the count is 0: `Outcome::counted(rows, "addresses trimmed")`.
    pub fn counted(count: u64, what: &str) -> Self {
        let text = format!("{count} {what}");
        if count == 0 { Outcome::Unchanged(text) } else { Outcome::Changed(text) }
    }

    pub(crate) fn into_raw(self) -> raw::Outcome {
        match self {
            Outcome::Changed(text) => raw::Outcome::Changed(text),
            Outcome::Unchanged(text) => raw::Outcome::Unchanged(text),
        }
    }
}
