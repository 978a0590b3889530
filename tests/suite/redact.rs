//! What differs from run to run, replaced by names: the only place that knows what may differ.

use std::{fs, path::Path};

use rehearsal::plan::BUILTIN_MODULES;
use rehearsal_packet::Sha256;

use crate::place::{Place, names};

/// A text as it stands in `expected`.
pub(crate) fn redact(text: &str, place: &Place) -> String {
    let text = text.replace(&place.tmp().display().to_string(), "$TMPDIR");
    let text = text.replace(&place.work().display().to_string(), "$PWD");
    let text = text.replace(&format!("process {}", std::process::id()), "process <pid>");
    let text = without_name_after(&text, "/.rehearsal-");
    let text = without_name_after(&text, "/rehearsal-");
    // How long a record is depends on the fuel that a guest used.
    let text = counted(&text, "no ruling on ");
    // So is how large a packet is.
    let text = counted(&text, "make room for at least ");
    // How large a module is, and where it is broken, depends on the compiler that made it.
    let text = replaced(&text, "\nbytes    ", |after| Some((after.find('\n')?, "<some>")));
    let text = replaced(&text, "broken WebAssembly: ", |after| Some((after.find('\n')?, "<the parser's reason>")));
    let text = all_refused(&text);
    hexadecimals(&text, |digits| match digits.len() {
        // A state digest in short: what a guest does to a clone, which no reader can check by eye.
        12 => Some("<state>".to_owned()),
        64 => Some(name_of(digits, place).unwrap_or_else(|| digits.to_owned())),
        _ => None,
    })
}

/// Scratch directories, and packets while they are written, have names that end in six random characters.
fn without_name_after(text: &str, prefix: &str) -> String {
    const RANDOM: usize = 6;
    replaced(text, prefix, |after| {
        let name = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(after.len());
        let is_random = name == RANDOM && !after[..name].contains('-');
        is_random.then_some((name, "<random>"))
    })
}

/// How many records can be fabricated is the judge's affair: here, whether the validator refused each of them.
fn all_refused(text: &str) -> String {
    replaced(text, "; refused ", |after| {
        let (refused, rest) = after.split_once(" of ")?;
        let all = rest.split(' ').next()?;
        (refused == all).then_some((refused.len() + " of ".len() + all.len(), "all"))
    })
}

fn counted(text: &str, prefix: &str) -> String {
    replaced(text, prefix, |after| {
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        (digits > 0).then_some((digits, "<some>"))
    })
}

/// Replaces what stands after each occurrence of `prefix`: `find` says how many bytes, and by what.
fn replaced(text: &str, prefix: &str, find: impl Fn(&str) -> Option<(usize, &'static str)>) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(prefix) {
        let (before, after) = rest.split_at(at + prefix.len());
        let (length, by) = find(after).unwrap_or((0, ""));
        replaced.push_str(before);
        replaced.push_str(by);
        rest = &after[length..];
    }
    replaced + rest
}

/// Replaces words of lower-case hexadecimal digits.
fn hexadecimals(text: &str, replace: impl Fn(&str) -> Option<String>) -> String {
    let mut redacted = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if word == 0 {
            let next = rest.chars().next().map_or(rest.len(), char::len_utf8);
            redacted.push_str(&rest[..next]);
            rest = &rest[next..];
            continue;
        }
        let is_hexadecimal = rest[..word].bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match is_hexadecimal.then(|| replace(&rest[..word])).flatten() {
            Some(replaced) => redacted.push_str(&replaced),
            None => redacted.push_str(&rest[..word]),
        }
        rest = &rest[word..];
    }
    redacted
}

/// Digests of guests change with their sources: they are named by the file that has them. A digest that no file has stays.
fn name_of(digest: &str, place: &Place) -> Option<String> {
    // The modules inside the tool, which another compiler may have made than the one that made `guests`.
    let builtin = BUILTIN_MODULES.iter().find(|(_, bytes)| Sha256::of(bytes).to_hex() == digest);
    if let Some((name, _)) = builtin {
        return Some(format!("<sha256 of {name}.wasm>"));
    }
    [place.work(), place.file("guests"), place.file("shared")].iter().filter(|directory| directory.is_dir()).find_map(|directory| {
        names(directory).into_iter().find(|name| has_digest(&directory.join(name), digest)).map(|name| format!("<sha256 of {name}>"))
    })
}

fn has_digest(path: &Path, digest: &str) -> bool {
    path.is_file() && fs::read(path).is_ok_and(|bytes| Sha256::of(&bytes).to_hex() == digest)
}

#[test]
fn only_what_may_differ_is_replaced() {
    let place = Place::new();
    place.write("x", "");
    let empty = Sha256::of(b"").to_hex();
    let other = "0".repeat(64);
    let text = format!(
        "{}/rehearsal-a1B2c3/0.db: {empty} {other} c8eb73fc9194 c8eb73fc919 rehearsal-shop-x (process {})",
        place.tmp().display(),
        std::process::id()
    );
    let expected = format!("$TMPDIR/rehearsal-<random>/0.db: <sha256 of x> {other} <state> c8eb73fc919 rehearsal-shop-x (process <pid>)");
    assert_eq!(redact(&text, &place), expected);
}
