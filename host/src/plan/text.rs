//! The plan as it is written: a strict reading of the TOML, with the place of everything that can be wrong.

use std::{collections::BTreeMap, fmt, ops::Range};

use rehearsal_packet::record::SourceKind;
use serde::{Deserialize, Deserializer, de};
use toml::Spanned;

use super::limits::LimitsText;

/// A whole plan file. Fields are documented in the README, where those who write plans look.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanText {
    pub(super) format: Spanned<u32>,
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) summary: String,
    pub(super) source: SourceText,
    #[serde(default)]
    pub(super) clone: CloneText,
    #[serde(default)]
    pub(super) limits: LimitsText,
    #[serde(default, rename = "document")]
    pub(super) documents: Vec<DocumentText>,
    #[serde(default, rename = "step")]
    pub(super) steps: Vec<StepText>,
    #[serde(default, rename = "probe")]
    pub(super) probes: Vec<ProbeText>,
    pub(super) validator: ValidatorText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceText {
    pub(super) path: Spanned<String>,
    pub(super) kind: Option<SourceKind>,
    pub(super) sha256: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloneText {
    pub(super) foreign_keys: Option<bool>,
    pub(super) now: Option<Spanned<String>>,
    pub(super) seed: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DocumentText {
    pub(super) path: Spanned<String>,
    pub(super) sha256: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepText {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) summary: String,
    pub(super) module: Spanned<String>,
    pub(super) sha256: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<Spanned<String>, InputText>,
    #[serde(default)]
    pub(super) transactions: super::Transactions,
    #[serde(default)]
    pub(super) limits: LimitsText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbeText {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) summary: String,
    pub(super) module: Spanned<String>,
    pub(super) sha256: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<Spanned<String>, InputText>,
    #[serde(default)]
    pub(super) limits: LimitsText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ValidatorText {
    pub(super) module: Spanned<String>,
    pub(super) sha256: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<Spanned<String>, InputText>,
    #[serde(default)]
    pub(super) limits: LimitsText,
}

/// An input: `"file.sql"`, or `{ path = "file.sql", sha256 = "…" }` to pin its bytes.
#[derive(Debug)]
pub(super) struct InputText {
    pub(super) path: Spanned<String>,
    pub(super) sha256: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for InputText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Pinned {
            path: String,
            sha256: Spanned<String>,
        }

        struct Either;

        impl<'de> de::Visitor<'de> for Either {
            type Value = (String, Option<Spanned<String>>);

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or { path = \"…\", sha256 = \"…\" }")
            }

            fn visit_str<E: de::Error>(self, path: &str) -> Result<Self::Value, E> {
                Ok((path.to_owned(), None))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let pinned = Pinned::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok((pinned.path, Some(pinned.sha256)))
            }
        }

        struct Inner(String, Option<Spanned<String>>);

        impl<'de> Deserialize<'de> for Inner {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let (path, sha256) = deserializer.deserialize_any(Either)?;
                Ok(Self(path, sha256))
            }
        }

        let whole = Spanned::<Inner>::deserialize(deserializer)?;
        let span = whole.span();
        let Inner(path, sha256) = whole.into_inner();
        Ok(Self { path: Spanned::new(span, path), sha256 })
    }
}

/// What is wrong with the text, and where.
#[derive(Debug)]
pub(super) struct TextError {
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

/// Reads the text of a plan.
pub(super) fn parse(text: &str) -> Result<PlanText, TextError> {
    toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let mut message = in_words_of_the_plan(error.message(), text.get(span.clone()).unwrap_or_default());
        if let Some(nearest) = nearest_to_unknown_key(&message) {
            message = format!("{message}; did you mean `{nearest}`?");
        }
        TextError { span, message }
    })
}

/// The parser's message for somebody who does not know its types.
fn in_words_of_the_plan(message: &str, at: &str) -> String {
    if message == "duplicate key" && !at.contains('\n') {
        return format!("duplicate key `{at}`: keep one of the two");
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("{field} is missing: add it");
    }
    message
        .replace("expected u64", "expected a whole number, not negative")
        .replace("expected u32", "expected a whole number from 0 to 4294967295")
}

/// serde words an unknown key as "unknown field `a`, expected one of `b`, `c`": the nearest of the valid ones.
fn nearest_to_unknown_key(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    nearest(unknown, quoted)
}

/// The valid name nearest to a wrong one, if any is near at all.
pub(crate) fn nearest<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    valid
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), name))
        .filter(|(similarity, _)| *similarity > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// Line and column, both from 1, of a byte of the text; columns count characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
