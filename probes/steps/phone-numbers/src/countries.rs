//! What is known about the telephone numbers of the countries that the shop delivers to.
//!
//! A small table, made by hand: enough to tell a complete number from one that lacks its area code, and no more.

use std::ops::RangeInclusive;

/// The numbering plan of one country.
#[derive(Debug, PartialEq, Eq)]
pub struct Country {
    /// ISO 3166 code.
    pub code: &'static str,
    /// Country calling code.
    pub calling: &'static str,
    /// What is dialled before the area code inside the country, and never from outside.
    pub trunk: Trunk,
    /// How many digits a number has without calling code and trunk prefix.
    pub national_digits: RangeInclusive<usize>,
}

/// The prefix before the area code inside a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trunk {
    /// There is none.
    None,
    /// People write it or leave it out.
    Optional(&'static str),
    /// A number without it has no area code.
    Required(&'static str),
}

const fn country(code: &'static str, calling: &'static str, trunk: Trunk, min: usize, max: usize) -> Country {
    Country { code, calling, trunk, national_digits: min..=max }
}

const COUNTRIES: [Country; 10] = [
    country("AU", "61", Trunk::Required("0"), 9, 9),
    country("BR", "55", Trunk::Optional("0"), 10, 11),
    country("DE", "49", Trunk::Required("0"), 6, 11),
    country("FR", "33", Trunk::Required("0"), 9, 9),
    country("GB", "44", Trunk::Required("0"), 9, 10),
    country("GR", "30", Trunk::None, 10, 10),
    country("IN", "91", Trunk::Optional("0"), 10, 10),
    country("JP", "81", Trunk::Required("0"), 9, 10),
    country("SE", "46", Trunk::Required("0"), 7, 9),
    country("US", "1", Trunk::Optional("1"), 10, 10),
];

/// The country of an ISO code.
pub fn by_code(code: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.code == code)
}

/// The country whose calling code these digits begin with. No calling code begins with another.
pub fn by_digits(digits: &str) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| digits.starts_with(country.calling))
}
