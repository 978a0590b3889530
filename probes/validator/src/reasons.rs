//! The reasons for a refusal, each with its subject.

use std::fmt::Display;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub struct Reasons {
    texts: Vec<String>,
    beyond: usize,
}

impl Reasons {
    /// How many reasons are told. One is enough for a refusal; a record with more is broken throughout.
    pub const TOLD_MAX: usize = 200;

    /// Adds one: `step loyalty, committed leg: …`.
    pub fn add(&mut self, subject: &str, reason: impl Display) {
        if self.texts.len() < Self::TOLD_MAX {
            self.texts.push(format!("{subject}: {reason}"));
        } else {
            self.beyond += 1;
        }
    }

    /// The texts, and how many more there would have been.
    pub fn into_texts(mut self) -> Vec<String> {
        if self.beyond > 0 {
            self.texts.push(format!("record: and {} reasons more", self.beyond));
        }
        self.texts
    }
}
