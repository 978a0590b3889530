//! Takes a field apart: several numbers, extensions, words, and the many ways to write a digit or a hyphen.

use crate::number::{Number, e164};

/// Fewer digits than this are not looked at as a number: an hour, a room, a house.
const NUMBER_DIGITS_MIN: usize = 7;

/// Words between two numbers. A slash counts with spaces around it alone: in "030/23125" it ends an area code.
const SEPARATORS: [&str; 7] = [";", "\n", " / ", " oder ", " or ", " und ", " and "];

/// What stands before an extension, the longer ones first.
const EXTENSION_MARKS: [&str; 7] = ["extension", "durchwahl", "ext.", "ext", "内線", "x", "#"];

/// The numbers of a field, in the order in which they were typed. A field that is not blank has at least one, understood or not.
pub fn numbers(field: &str, country: Option<&str>) -> Vec<Number> {
    parts(field).into_iter().map(|part| number(part, country)).collect()
}

/// Whether there is nothing to read: no character that anybody could see.
pub fn is_blank(text: &str) -> bool {
    plain(text).trim().is_empty()
}

/// Splits where one number ends and another begins.
fn parts(field: &str) -> Vec<&str> {
    let mut parts = vec![field];
    for separator in SEPARATORS {
        parts = parts.into_iter().flat_map(|part| part.split(separator)).collect();
    }
    parts = parts.into_iter().flat_map(at_commas).collect();
    parts.into_iter().map(str::trim).filter(|part| !is_blank(part)).collect()
}

/// A comma parts two numbers only if there is one on both sides: "ask for Mr. O'Neil, 020 …" is one.
fn at_commas(part: &str) -> Vec<&str> {
    match part.split_once(',') {
        Some((one, other)) if [one, other].iter().all(|side| digits_in(&plain(side)) >= NUMBER_DIGITS_MIN) => {
            let mut parts = vec![one];
            parts.extend(at_commas(other));
            parts
        }
        _ => vec![part],
    }
}

fn number(part: &str, country: Option<&str>) -> Number {
    let text = plain(part);
    let (text, extension) = without_extension(text.trim());
    let raw = part.to_owned();
    let runs = runs(&text);
    let long: Vec<&Run> = runs.iter().filter(|run| digits_in(&run.text) >= NUMBER_DIGITS_MIN).collect();
    let run = match long.as_slice() {
        [run] => run,
        [] => {
            let note = match digits_in(&text) {
                0 => "no digits",
                digits if digits < NUMBER_DIGITS_MIN => "too few digits for a number",
                _ => "something other than digits among the digits",
            };
            return Number { raw, extension, note: Some(note.to_owned()), e164: None };
        }
        _ => {
            let note = Some("several numbers that nothing separates".to_owned());
            return Number { raw, extension, note, e164: None };
        }
    };
    let international = run.text.starts_with('+');
    let digits: String = without_trunk_in_brackets(&run.text).chars().filter(char::is_ascii_digit).collect();
    match e164(&digits, international, country) {
        Ok((number, remark)) => {
            let words = run.words_around(&text);
            let note = [remark.map(str::to_owned), words].into_iter().flatten().collect::<Vec<_>>().join("; ");
            Number { e164: Some(number), raw, extension, note: Some(note).filter(|note| !note.is_empty()) }
        }
        Err(complaint) => Number { e164: None, raw, extension, note: Some(complaint) },
    }
}

/// A stretch of a text that could be a number: digits and what people put between them.
#[derive(Debug)]
struct Run {
    begin: usize,
    end: usize,
    text: String,
}

impl Run {
    /// The words before and after, for the note: "after 6pm" is worth keeping beside the number.
    fn words_around(&self, text: &str) -> Option<String> {
        let trivial = |word: &str| matches!(word.to_lowercase().as_str(), "tel" | "tel." | "phone" | "mobile" | "fon");
        let words = [&text[..self.begin], &text[self.end..]].map(|words| words.trim_matches(|c: char| !c.is_alphanumeric()));
        let words: Vec<&str> = words.into_iter().filter(|words| !words.is_empty() && !trivial(words)).collect();
        if words.is_empty() { None } else { Some(format!("beside the number: {}", words.join(", "))) }
    }
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open = false;
    for (at, character) in text.char_indices() {
        let part_of_number = matches!(character, '0'..='9' | ' ' | '-' | '.' | '(' | ')' | '/');
        if character == '+' || (character.is_ascii_digit() && !open) || (character == '(' && !open) {
            runs.push(Run { begin: at, end: at, text: String::new() });
            open = true;
        } else if !part_of_number {
            open = false;
        }
        if let Some(run) = runs.last_mut().filter(|_| open) {
            run.text.push(character);
            run.end = at + character.len_utf8();
        }
    }
    runs
}

/// "+33 (0)1 …": the trunk prefix that is dialled inside the country alone.
fn without_trunk_in_brackets(run: &str) -> String {
    if run.starts_with('+') || run.starts_with("00") { run.replacen("(0)", "", 1) } else { run.to_owned() }
}

/// Cuts an extension off the end, where there is a number before it.
fn without_extension(text: &str) -> (String, Option<String>) {
    let lower = text.to_ascii_lowercase();
    for mark in EXTENSION_MARKS {
        let Some(at) = lower.rfind(mark) else {
            continue;
        };
        let (before, after) = (&text[..at], text[at + mark.len()..].trim_matches([' ', '.', ':']));
        let in_a_word = before.chars().next_back().is_some_and(char::is_alphabetic);
        let is_extension = (1..=6).contains(&after.len()) && after.bytes().all(|byte| byte.is_ascii_digit());
        if is_extension && !in_a_word && digits_in(before) >= NUMBER_DIGITS_MIN {
            return (before.trim_end_matches([' ', ',', '-']).to_owned(), Some(after.to_owned()));
        }
    }
    (text.to_owned(), None)
}

/// The text with digits, hyphens and spaces as ASCII has them, and without invisible characters.
fn plain(text: &str) -> String {
    /// The zeros of other scripts; their digits follow in order.
    const ZEROS: [u32; 6] = [0x0660, 0x06f0, 0x0966, 0x09e6, 0x0e50, 0xff10];
    text.chars()
        .filter(|c| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
        .map(|c| match (c, u32::from(c)) {
            (c, _) if c.is_whitespace() => ' ',
            ('\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}', _) => '-',
            (c, point) => match ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&point)) {
                Some(zero) => char::from_digit(point - zero, 10).unwrap_or(c),
                // The wide forms of ASCII stand in its order.
                None if (0xff01..=0xff5e).contains(&point) => char::from_u32(point - 0xfee0).unwrap_or(c),
                None => c,
            },
        })
        .collect()
}

fn digits_in(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}
