//! Values of the clone, to Rust and back.

use std::{error, fmt};

pub use crate::bindings::step_world::rehearsal::guest::clone::Value;

/// Makes the parameters of a statement: `params![id, "text", None::<i64>]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Value::from($value)),*] as &[$crate::Value]
    };
}

macro_rules! from_for_value {
    ($($from:ty => |$name:ident| $value:expr),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from($name: $from) -> Self {
                $value
            }
        })*
    };
}

from_for_value! {
    bool => |value| Value::Integer(value.into()),
    i32 => |value| Value::Integer(value.into()),
    u32 => |value| Value::Integer(value.into()),
    i64 => |value| Value::Integer(value),
    f64 => |value| Value::Real(value),
    &str => |value| Value::Text(value.to_owned()),
    String => |value| Value::Text(value),
    &String => |value| Value::Text(value.clone()),
    &[u8] => |value| Value::Blob(value.to_owned()),
    Vec<u8> => |value| Value::Blob(value),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// The value as an SQL literal; long texts and blobs are cut, as this is for people.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 80;
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Real(value) => write!(f, "{value:?}"),
            Value::Text(value) => {
                let shown: String = value.chars().take(SHOWN_MAX).collect();
                let cut = if shown.len() < value.len() { "…" } else { "" };
                write!(f, "'{}{cut}'", shown.replace('\'', "''"))
            }
            Value::Blob(value) => {
                f.write_str("x'")?;
                for byte in value.iter().take(SHOWN_MAX / 2) {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(if value.len() > SHOWN_MAX / 2 { "…'" } else { "'" })
            }
        }
    }
}

/// A value of another type than was asked for, or one that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct WrongType {
    wanted: &'static str,
    found: String,
}

impl WrongType {
    /// The Rust type that was asked for, and what stands there instead.
    pub fn new(wanted: &'static str, found: &Value) -> Self {
        Self { wanted, found: found.to_string() }
    }
}

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not {}", self.found, self.wanted)
    }
}

impl error::Error for WrongType {}

/// What can be read out of a value. Nothing is converted silently: a text that looks like a number is not a number.
pub trait FromValue: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// When the value is of another type, or does not fit.
    fn from_value(value: Value) -> Result<Self, WrongType>;
}

macro_rules! from_value {
    ($($to:ty, $wanted:literal, $pattern:pat => $value:expr;)*) => {
        $(impl FromValue for $to {
            fn from_value(value: Value) -> Result<Self, WrongType> {
                match value {
                    $pattern => Ok($value),
                    other => Err(WrongType::new($wanted, &other)),
                }
            }
        })*
    };
}

from_value! {
    i64, "an integer", Value::Integer(value) => value;
    f64, "a real", Value::Real(value) => value;
    String, "a text", Value::Text(value) => value;
    Vec<u8>, "a blob", Value::Blob(value) => value;
    bool, "0 or 1", Value::Integer(value @ 0..=1) => value == 1;
}

impl FromValue for u32 {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        match value {
            Value::Integer(integer) if u32::try_from(integer).is_ok() => Ok(integer as u32),
            other => Err(WrongType::new("an integer of 32 bits without a sign", &other)),
        }
    }
}

impl FromValue for Value {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        Ok(value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, WrongType> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// What can be read out of a whole row: tuples of as many values as the row has columns.
pub trait FromRow: Sized {
    /// Reads the values, in the order of the columns.
    ///
    /// # Errors
    /// When a value is of another type, or the number of columns differs.
    fn from_values(values: Vec<Value>) -> Result<Self, WrongType>;
}

macro_rules! from_row {
    ($count:literal: $($name:ident)*) => {
        impl<$($name: FromValue),*> FromRow for ($($name,)*) {
            fn from_values(values: Vec<Value>) -> Result<Self, WrongType> {
                if values.len() != $count {
                    return Err(WrongType {
                        wanted: concat!("what was asked for: a row of ", $count),
                        found: format!("a row of {}", values.len()),
                    });
                }
                let mut values = values.into_iter();
                let mut next = || values.next().unwrap_or(Value::Null);
                Ok(($($name::from_value(next())?,)*))
            }
        }
    };
}

from_row!(1: A);
from_row!(2: A B);
from_row!(3: A B C);
from_row!(4: A B C D);
from_row!(5: A B C D E);
from_row!(6: A B C D E F);
from_row!(7: A B C D E F G);
from_row!(8: A B C D E F G H);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_the_five_storage_classes() {
        assert_eq!(
            params![1, 2.5, "three", None::<i64>, vec![5_u8], true],
            [Value::Integer(1), Value::Real(2.5), Value::Text("three".into()), Value::Null, Value::Blob(vec![5]), Value::Integer(1),]
        );
        assert!(params![].is_empty());
    }

    #[test]
    fn nothing_is_converted_silently() {
        assert_eq!(i64::from_value(Value::Integer(7)), Ok(7));
        assert_eq!(i64::from_value(Value::Text("7".into())).map_err(|error| error.to_string()), Err("'7' is not an integer".to_owned()));
        assert_eq!(
            u32::from_value(Value::Integer(-1)).map_err(|error| error.to_string()),
            Err("-1 is not an integer of 32 bits without a sign".to_owned())
        );
        assert_eq!(Option::<String>::from_value(Value::Null), Ok(None));
    }

    #[test]
    fn a_row_is_read_as_a_tuple() {
        let row = || vec![Value::Integer(1), Value::Null];
        assert_eq!(<(i64, Option<String>)>::from_values(row()), Ok((1, None)));
        assert_eq!(
            <(i64,)>::from_values(row()).map_err(|error| error.to_string()),
            Err("a row of 2 is not what was asked for: a row of 1".to_owned())
        );
    }

    #[test]
    fn values_are_shown_as_literals_and_cut_when_long() {
        assert_eq!(Value::Text("it's".into()).to_string(), "'it''s'");
        assert_eq!(Value::Blob(vec![0xab; 3]).to_string(), "x'ababab'");
        assert_eq!(Value::Real(2.0).to_string(), "2.0");
        assert_eq!(Value::Text("x".repeat(81)).to_string(), format!("'{}…'", "x".repeat(80)));
    }
}
