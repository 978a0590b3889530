//! Canonical JSON (RFC 8785): one value, one sequence of bytes, so that a digest of a file is a digest of its meaning.

use serde::{Serialize, de::DeserializeOwned};

/// Why bytes are not the canonical JSON of a `T`.
#[derive(Debug, thiserror::Error)]
pub enum NotCanonical {
    /// Not JSON, or not of this shape: a missing, unknown or duplicate key, a wrong type.
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    /// The right value in other bytes.
    #[error("the JSON is not in its canonical form (RFC 8785) from byte {at} on")]
    Form {
        /// The first byte that differs, from 0.
        at: usize,
    },
}

/// The canonical bytes of a value, and a newline, as text files end.
///
/// # Panics
/// When the value cannot be JSON at all (a map with keys that are not strings): no type of this crate can.
pub fn to_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json_canonicalizer::to_vec(value).expect("types of a packet are plain JSON");
    bytes.push(b'\n');
    bytes
}

/// Reads a value from its canonical bytes, and from no others.
///
/// # Errors
/// [`NotCanonical`]. Duplicate keys are refused twice: by the derived types, and by comparing bytes.
pub fn from_bytes<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, NotCanonical> {
    let value = serde_json::from_slice(bytes)?;
    let canonical = to_bytes(&value);
    if canonical != bytes {
        let at = canonical.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        return Err(NotCanonical::Form { at });
    }
    Ok(value)
}
