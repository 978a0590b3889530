//! The error of a call: a text for the report.

use std::{error, fmt};

/// Why a call could not do its work. Any error becomes one through `?`; a text becomes one through [`bail!`](crate::bail).
///
/// It does not implement [`std::error::Error`] itself, since everything that does converts into it.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// An error with this text.
    pub fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }
}

impl<E: error::Error> From<E> for Error {
    /// Its text and those of its causes.
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self(text)
    }
}

impl From<Error> for String {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Returns an [`Error`] with a formatted text: `bail!("no customer {id}")`.
#[macro_export]
macro_rules! bail {
    ($($text:tt)*) => {
        return ::core::result::Result::Err($crate::Error::new(::std::format!($($text)*)))
    };
}
