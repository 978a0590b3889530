//! Words for people. Nothing said here counts as evidence; what exceeds the plan's `log_bytes` is dropped.

use crate::bindings::step_world::rehearsal::guest::diagnostics as raw;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever writes the module.
    Debug,
    /// Progress.
    Info,
    /// Something that a reader of the report should look at.
    Warn,
    /// Something that went wrong.
    Error,
}

/// Records a line. The macros [`debug!`](crate::debug), [`info!`](crate::info), [`warn!`](crate::warn) and
/// [`error!`](crate::error) format one.
pub fn write(level: Level, text: &str) {
    let level = match level {
        Level::Debug => raw::Level::Debug,
        Level::Info => raw::Level::Info,
        Level::Warn => raw::Level::Warn,
        Level::Error => raw::Level::Error,
    };
    raw::log(level, text);
}

/// Says why the module cannot go on, and ends the call.
pub fn fail(text: &str) -> ! {
    raw::fail(text);
    // The host has ended the call already; this is what the compiler needs to hear.
    std::process::abort()
}

/// Logs a formatted line for whoever writes the module.
#[macro_export]
macro_rules! debug {
    ($($text:tt)*) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($text)*)) };
}

/// Logs a formatted line of progress.
#[macro_export]
macro_rules! info {
    ($($text:tt)*) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($text)*)) };
}

/// Logs a formatted line that a reader of the report should look at.
#[macro_export]
macro_rules! warn {
    ($($text:tt)*) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($text)*)) };
}

/// Logs a formatted line about something that went wrong.
#[macro_export]
macro_rules! error {
    ($($text:tt)*) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($text)*)) };
}
