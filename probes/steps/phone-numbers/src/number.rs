//! Makes sense of one number.

use crate::countries::{self, Country, Trunk};

/// One number that somebody typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Number {
    /// In E.164, where it could be understood.
    pub e164: Option<String>,
    /// As typed.
    pub raw: String,
    /// What to dial once somebody answers.
    pub extension: Option<String>,
    /// Why it could not be understood, or what else stood there.
    pub note: Option<String>,
}

/// E.164 allows this many digits, calling code included.
const DIGITS_MAX: usize = 15;

/// The shortest number in use, calling code included.
const DIGITS_MIN: usize = 8;

/// The E.164 form of a number that was written with these digits, and a remark where there is one.
///
/// `international` says that it began with a plus.
///
/// # Errors
/// Why there is none.
pub fn e164(digits: &str, international: bool, country: Option<&str>) -> Result<(String, Option<&'static str>), String> {
    if international {
        return from_abroad(digits).map(|number| (number, None));
    }
    // "00" is dialled for "+"; no calling code begins with 0, so a third 0 makes it something else.
    if let Some(rest) = digits.strip_prefix("00").filter(|rest| !rest.starts_with('0') && !rest.is_empty()) {
        return from_abroad(rest).map(|number| (number, None));
    }
    let Some(code) = country else {
        return Err("the customer has no country, and the number no country code".to_owned());
    };
    let country = countries::by_code(code).ok_or_else(|| format!("the numbers of {code} are not known here"))?;
    let complaint = match at_home(digits, country) {
        Ok(number) => return Ok((number, None)),
        Err(complaint) => complaint,
    };
    let without_plus = digits.strip_prefix(country.calling).and_then(|national| checked(national, country).ok());
    match without_plus {
        Some(number) => Ok((number, Some("read as international, without its plus"))),
        None => Err(complaint),
    }
}

fn from_abroad(digits: &str) -> Result<String, String> {
    if digits.len() > DIGITS_MAX {
        return Err("too many digits for any number".to_owned());
    }
    let Some(country) = countries::by_digits(digits) else {
        return if digits.len() < DIGITS_MIN || digits.starts_with('0') {
            Err("not a number of any country".to_owned())
        } else {
            Ok(format!("+{digits}"))
        };
    };
    let national = &digits[country.calling.len()..];
    let (Trunk::Required(trunk) | Trunk::Optional(trunk)) = country.trunk else {
        return checked(national, country);
    };
    // "+44 020 …": the trunk prefix does not belong there, and makes the number too long.
    match national.strip_prefix(trunk) {
        Some(rest) if national.len() > *country.national_digits.end() => checked(rest, country),
        _ => checked(national, country),
    }
}

fn at_home(digits: &str, country: &Country) -> Result<String, String> {
    match country.trunk {
        Trunk::None => checked(digits, country),
        Trunk::Required(trunk) => match digits.strip_prefix(trunk) {
            Some(national) => checked(national, country),
            None => Err(format!("no area code: a number of {} begins with {trunk}", country.code)),
        },
        Trunk::Optional(trunk) => match digits.strip_prefix(trunk) {
            Some(national) if digits.len() > *country.national_digits.start() => checked(national, country),
            _ => checked(digits, country),
        },
    }
}

/// The number, once its length is right and it is not made up.
fn checked(national: &str, country: &Country) -> Result<String, String> {
    let Country { code, calling, national_digits, .. } = country;
    if national.len() < *national_digits.start() {
        return Err(format!("too few digits for {code}: an area code may be missing"));
    }
    if national.len() > *national_digits.end() {
        return Err(format!("too many digits for {code}"));
    }
    let first = national.as_bytes()[0];
    if national.bytes().all(|digit| digit == first) {
        return Err("a placeholder: one digit throughout".to_owned());
    }
    if *code == "US" && matches!(first, b'0' | b'1') {
        return Err("no area code of US begins with 0 or 1".to_owned());
    }
    Ok(format!("+{calling}{national}"))
}
