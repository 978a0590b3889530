//! One value as it is stored, and the order in which SQLite keeps values.

use std::{borrow::Cow, cmp::Ordering};

/// A value of a row that a cursor stands on. Text is in the encoding of the database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stored<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

/// How text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

impl Encoding {
    /// From what `PRAGMA encoding` says.
    pub(super) fn from_name(name: &[u8]) -> Self {
        match name {
            b"UTF-16le" => Self::Utf16Le,
            b"UTF-16be" => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }

    /// The number of the encoding in the header of a database (SQLite file format, section 1.3.13).
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Utf8 => 1,
            Self::Utf16Le => 2,
            Self::Utf16Be => 3,
        }
    }

    /// Text for people: what is not valid becomes U+FFFD.
    pub(crate) fn decode(self, text: &[u8]) -> Cow<'_, str> {
        let unit = match self {
            Self::Utf8 => return String::from_utf8_lossy(text),
            Self::Utf16Le => u16::from_le_bytes,
            Self::Utf16Be => u16::from_be_bytes,
        };
        let units = text.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into()
    }
}

/// A collation that SQLite has built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collation {
    Binary,
    NoCase,
    Rtrim,
}

impl Collation {
    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        [("BINARY", Self::Binary), ("NOCASE", Self::NoCase), ("RTRIM", Self::Rtrim)]
            .into_iter()
            .find_map(|(known, collation)| is(known).then_some(collation))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Binary => "BINARY",
            Self::NoCase => "NOCASE",
            Self::Rtrim => "RTRIM",
        }
    }

    fn compare(self, one: &[u8], other: &[u8], encoding: Encoding) -> Ordering {
        // BINARY compares whatever bytes there are; the others want UTF-8.
        if self == Self::Binary {
            return one.cmp(other);
        }
        if encoding != Encoding::Utf8 {
            let (one, other) = (encoding.decode(one), encoding.decode(other));
            return self.compare(one.as_bytes(), other.as_bytes(), Encoding::Utf8);
        }
        if self == Self::Rtrim {
            return without_trailing_spaces(one).cmp(without_trailing_spaces(other));
        }
        // As far as the shorter one goes, or to a NUL that both have there.
        for (one, other) in one.iter().zip(other) {
            match one.to_ascii_lowercase().cmp(&other.to_ascii_lowercase()) {
                Ordering::Equal if *one == 0 => break,
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        one.len().cmp(&other.len())
    }
}

fn without_trailing_spaces(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &text[..end]
}

impl Stored<'_> {
    /// The order of SQLite (its documentation, "Datatypes In SQLite", section 4.1).
    pub(crate) fn compare(&self, other: &Stored<'_>, collation: Collation, encoding: Encoding) -> Ordering {
        use Stored::{Blob, Integer, Null, Real, Text};
        match (self, other) {
            (Integer(one), Integer(other)) => one.cmp(other),
            (Real(one), Real(other)) => one.partial_cmp(other).unwrap_or(Ordering::Equal),
            (Integer(one), Real(other)) => compare_integer_with_real(*one, *other),
            (Real(one), Integer(other)) => compare_integer_with_real(*other, *one).reverse(),
            (Text(one), Text(other)) => collation.compare(one, other, encoding),
            (Blob(one), Blob(other)) => one.cmp(other),
            (Null | Integer(_) | Real(_) | Text(_) | Blob(_), _) => self.class().cmp(&other.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Stored::Null => 0,
            Stored::Integer(_) | Stored::Real(_) => 1,
            Stored::Text(_) => 2,
            Stored::Blob(_) => 3,
        }
    }

    /// Whether both are the same value of the same storage class, to the last bit.
    pub(crate) fn is_same(&self, other: &Stored<'_>) -> bool {
        match (self, other) {
            (Stored::Real(one), Stored::Real(other)) => one.to_bits() == other.to_bits(),
            _ => self == other,
        }
    }
}

/// Exactly: an integer may have more digits than a real number has room for.
fn compare_integer_with_real(integer: i64, real: f64) -> Ordering {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if real < -BEYOND {
        return Ordering::Greater;
    }
    if real >= BEYOND {
        return Ordering::Less;
    }
    // In range, so this only cuts off the fraction.
    let whole = real as i64;
    integer.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&real.fract()).unwrap_or(Ordering::Equal))
}
