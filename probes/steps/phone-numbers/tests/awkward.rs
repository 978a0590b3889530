//! What people type, and what becomes of it.

use phone_numbers::typed::{is_blank, numbers};

/// Checks a field: country, field, then for every number its E.164 form, extension and note.
#[track_caller]
fn check(country: &str, field: &str, expected: &[(Option<&str>, Option<&str>, Option<&str>)]) {
    let found = numbers(field, Some(country).filter(|country| !country.is_empty()));
    let found: Vec<_> = found.iter().map(|n| (n.e164.as_deref(), n.extension.as_deref(), n.note.as_deref())).collect();
    assert_eq!(found, expected, "{country}: {field:?}");
}

#[track_caller]
fn understood(country: &str, field: &str, number: &str) {
    check(country, field, &[(Some(number), None, None)]);
}

#[track_caller]
fn kept(country: &str, field: &str, note: &str) {
    check(country, field, &[(None, None, Some(note))]);
    assert_eq!(numbers(field, Some(country))[0].raw, field.trim());
}

#[test]
fn international_numbers_are_understood_whatever_the_country() {
    understood("GB", "+44 20 7946 0958", "+442079460958");
    understood("US", "+44 20 7946 0958", "+442079460958");
    understood("DE", "0049-30-23125-456", "+493023125456");
    understood("BR", "0055 11 0000 1235", "+551100001235");
    understood("IN", "+91 00000 12345", "+910000012345");
    understood("AU", "+61 7 7010 1234", "+61770101234");
    understood("", "+46 8 465 004 12", "+46846500412");
    understood("GB", "+41 44 000 00 00", "+41440000000");
}

#[test]
fn national_numbers_get_the_calling_code_of_the_customer() {
    understood("GB", "07700900123", "+447700900123");
    understood("US", "(212) 555-0134", "+12125550134");
    understood("US", "1-800-555-0199", "+18005550199");
    understood("DE", "030/23125-457", "+493023125457");
    understood("FR", "01.99.00.12.34", "+33199001234");
    understood("SE", "08-465 004 12", "+46846500412");
    understood("AU", "(02) 5550 1234", "+61255501234");
    understood("GR", "210 000 1234", "+302100001234");
    understood("BR", "(11) 0000-1234", "+551100001234");
    understood("IN", "00000012345", "+910000012345");
}

#[test]
fn the_trunk_prefix_is_not_dialled_from_abroad() {
    understood("FR", "+33 (0)1 99 00 12 34", "+33199001234");
    understood("FR", "0033 (0)6 39 98 00 12", "+33639980012");
    understood("SE", "+46(0)70-174 06 05", "+46701740605");
    understood("GB", "+44 020 7946 0958", "+442079460958");
}

#[test]
fn digits_of_other_scripts_and_invisible_characters_are_read() {
    understood("JP", "０３－００００－１２３４", "+81300001234");
    understood("IN", "+९१ ००००० १२३४६", "+910000012346");
    understood("GB", "+44\u{a0}161\u{a0}496\u{a0}0124", "+441614960124");
    understood("DE", "+49 30 23125\u{2011}458", "+493023125458");
    understood("GR", "\u{202a}+30 210 000 1235\u{202c}", "+302100001235");
    understood("US", "☎ 212.555.0135", "+12125550135");
}

#[test]
fn extensions_are_set_apart() {
    check("GB", "(020) 7946 0958 ext. 12", &[(Some("+442079460958"), Some("12"), None)]);
    check("US", "+1 212 555 0134 x77", &[(Some("+12125550134"), Some("77"), None)]);
    check("US", "1 (646) 555 0134 x5", &[(Some("+16465550134"), Some("5"), None)]);
    check("JP", "+81-3-0000-1235 内線 7", &[(Some("+81300001235"), Some("7"), None)]);
}

#[test]
fn several_numbers_become_several_rows() {
    let two = |one: &'static str, other: &'static str| [(Some(one), None, None), (Some(other), None, None)];
    check("GB", "07700 900123 / 07700 900124", &two("+447700900123", "+447700900124"));
    check("DE", "030 23125-457 oder 0171 3920012", &two("+493023125457", "+491713920012"));
    check("DE", "03023125459\n0171 3920013", &two("+493023125459", "+491713920013"));
    check("US", "212 555 0134; 212 555 0135", &two("+12125550134", "+12125550135"));
    check("US", "212 555 0134, 212 555 0135", &two("+12125550134", "+12125550135"));
    assert_eq!(numbers("07700 900123 / 07700 900124", Some("GB"))[1].raw, "07700 900124");
}

#[test]
fn words_beside_a_number_are_kept_as_a_note() {
    understood("GB", "tel: +44 161 496 0123", "+441614960123");
    let note = |words| [(Some("+33639980123"), None, Some(words))];
    check("FR", "06 39 98 01 23 (after 6pm)", &note("beside the number: after 6pm"));
    check("GB", "ask for Mr. O'Neil, 020 7946 0959", &[(Some("+442079460959"), None, Some("beside the number: ask for Mr. O'Neil"))]);
    check("GB", "44 20 7946 0960", &[(Some("+442079460960"), None, Some("read as international, without its plus"))]);
}

#[test]
fn what_cannot_be_understood_is_kept_with_the_reason() {
    kept("DE", "n/a", "no digits");
    kept("US", "see note", "no digits");
    kept("GB", "+44", "too few digits for a number");
    kept("US", "555 0134", "too few digits for US: an area code may be missing");
    kept("DE", "23125-456", "no area code: a number of DE begins with 0");
    kept("US", "212-555-O134", "something other than digits among the digits");
    kept("US", "000-000-0000", "a placeholder: one digit throughout");
    kept("US", "012 345 6789", "no area code of US begins with 0 or 1");
    kept("DE", "+49 30 23125 45999999999999", "too many digits for any number");
    kept("CH", "044 000 00 00", "the numbers of CH are not known here");
    check("", "020 7946 0958", &[(None, None, Some("the customer has no country, and the number no country code"))]);
    check("GB", "020 7946 0958 +44 161 496 0123", &[(None, None, Some("several numbers that nothing separates"))]);
}

#[test]
fn blank_fields_have_no_numbers() {
    for blank in ["", "   ", "\n", "\u{a0}\u{200b}"] {
        assert!(is_blank(blank) && numbers(blank, Some("GB")).is_empty(), "{blank:?}");
    }
}
