//! The files that the plan grants to this module, by name. Each is fixed by its digest before anything runs.

use std::{error, fmt};

use crate::bindings::step_world::rehearsal::guest::inputs as raw;

/// The host's limit for one read.
const READ_BYTES_MAX: u32 = 1 << 20;

/// The names of the granted inputs, sorted.
pub fn names() -> Vec<String> {
    raw::names()
}

/// All bytes of an input.
///
/// # Errors
/// When the plan grants no input of that name.
pub fn read_all(name: &str) -> Result<Vec<u8>, InputError> {
    let not_granted = |_| InputError::NotGranted { name: name.to_owned(), granted: names() };
    let size = raw::size(name).map_err(not_granted)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    loop {
        let part = raw::read(name, bytes.len() as u64, READ_BYTES_MAX).map_err(not_granted)?;
        if part.is_empty() {
            return Ok(bytes);
        }
        bytes.extend(part);
    }
}

/// An input as text. A byte order mark at its beginning is dropped.
///
/// # Errors
/// When the plan grants no input of that name, or it is not UTF-8.
pub fn read_text(name: &str) -> Result<String, InputError> {
    let text = String::from_utf8(read_all(name)?)
        .map_err(|error| InputError::NotText { name: name.to_owned(), offset: error.utf8_error().valid_up_to() })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Why an input cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputError {
    /// The plan grants no input of that name.
    NotGranted {
        /// The name that was asked for.
        name: String,
        /// The names that are granted.
        granted: Vec<String>,
    },
    /// The input is not UTF-8.
    NotText {
        /// Its name.
        name: String,
        /// The offset of the first byte that does not belong.
        offset: usize,
    },
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::NotGranted { name, granted } if granted.is_empty() => {
                write!(f, "the plan grants no input `{name}`, nor any other")
            }
            InputError::NotGranted { name, granted } => {
                write!(f, "the plan grants no input `{name}`; it grants `{}`", granted.join("`, `"))
            }
            InputError::NotText { name, offset } => {
                write!(f, "input `{name}` is not UTF-8: the byte at offset {offset} does not belong")
            }
        }
    }
}

impl error::Error for InputError {}
