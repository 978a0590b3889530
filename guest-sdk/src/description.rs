//! What every module says of itself.

use crate::bindings::step_world::rehearsal::guest::description as raw;

/// A name and a sentence, shown in reports beside the module's digest and trusted for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    name: String,
    summary: String,
}

impl Description {
    /// A short name, and one sentence that says what the module does.
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { name: name.into(), summary: summary.into() }
    }

    pub(crate) fn into_raw(self) -> raw::Description {
        raw::Description { name: self.name, summary: self.summary }
    }
}
