//! The two kinds of number in a record, each with exactly one spelling.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A SHA-256 digest: 64 lowercase hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest(String);

impl fmt::Display for Digest {
    /// Twelve digits: enough to tell digests apart in a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..12])
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            Ok(Self(text))
        } else {
            Err(de::Error::custom("a digest must be 64 lowercase hexadecimal digits"))
        }
    }
}

/// A count, written as a decimal string since JSON numbers cannot hold them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count(pub u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            // A second spelling of the same count ("+7", "007") would be a second record of the same run.
            Ok(count) if u64::to_string(&count) == text => Ok(Self(count)),
            _ => Err(de::Error::custom("a count must be a plain decimal")),
        }
    }
}
