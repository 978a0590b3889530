//! From the text to a [`Plan`].

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use rehearsal_packet::{Sha256, record::SourceKind};
use toml::Spanned;

use super::{
    ClonePlan, Document, InputPlan, Limits, MaterialError, Materials, ModulePlan, PLAN_FORMAT, Plan, ProbePlan, SourcePlan, StepPlan,
    limits::LimitsText,
    materials::Collected,
    text::{self, InputText, PlanText},
};

/// What SQL takes for the present where the plan does not say: 2026-01-01T00:00:00Z.
const NOW_UNIX_MS: i64 = 1_767_225_600_000;

/// The seed of SQL randomness where the plan does not say.
const SEED: u32 = 1;

/// A plan of more than this is not written by people, and every part of it costs a clone.
const PLAN_BYTES_MAX: usize = 1 << 20;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file itself cannot be read.
    #[error(transparent)]
    Unreadable(#[from] MaterialError),
    /// Not UTF-8, or far too large.
    #[error("{}: {reason}", .path.display())]
    NotText {
        /// The plan.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Something in the text is wrong.
    #[error("{}:{line}:{column}: {message}", .path.display())]
    Wrong {
        /// The plan.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong and what to do.
        message: String,
    },
}

/// Reads a plan file and every file that it names, except the source.
///
/// # Errors
/// [`PlanError`], with the place in the text.
pub fn load(path: &Path, materials: &dyn Materials) -> Result<Plan, PlanError> {
    let bytes = super::materials::read_file(path)?;
    load_text(&bytes, path, materials)
}

/// The same from bytes that were read already, as a packet's copy of its plan is.
///
/// # Errors
/// [`PlanError`], with the place in the text.
pub fn load_text(bytes: &[u8], origin: &Path, materials: &dyn Materials) -> Result<Plan, PlanError> {
    let not_text = |reason: String| PlanError::NotText { path: origin.to_owned(), reason };
    if bytes.len() > PLAN_BYTES_MAX {
        return Err(not_text(format!("a plan has at most {PLAN_BYTES_MAX} bytes; this file has {}", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let (line, column) = text::line_and_column(valid, valid.len());
        not_text(format!("line {line}, column {column}: not a plan: the file is not UTF-8 text"))
    })?;
    let wrong = |span: Range<usize>, message: String| {
        let (line, column) = text::line_and_column(text, span.start);
        PlanError::Wrong { path: origin.to_owned(), line, column, message }
    };
    let plan = text::parse(text).map_err(|error| wrong(error.span, error.message))?;
    Resolver { text, origin, materials, collected: Collected::default() }.plan(plan).map_err(|(span, message)| wrong(span, message))
}

/// What is wrong with one part of the text.
type Wrong = (Range<usize>, String);

struct Resolver<'a> {
    text: &'a str,
    origin: &'a Path,
    materials: &'a dyn Materials,
    collected: Collected,
}

impl Resolver<'_> {
    fn plan(mut self, plan: PlanText) -> Result<Plan, Wrong> {
        if *plan.format.get_ref() != PLAN_FORMAT {
            return Err((plan.format.span(), format!("this tool reads plans of format {PLAN_FORMAT}, not {}", plan.format.get_ref())));
        }
        let name = checked_name(&plan.name, "plan")?;
        if plan.steps.is_empty() && plan.probes.is_empty() {
            return Err((plan.name.span(), "the plan has neither a [[step]] nor a [[probe]]: there is nothing to rehearse".into()));
        }
        let limits = over(&plan.limits, &Limits::STANDARD)?;
        let source = SourcePlan {
            written: plan.source.path.get_ref().clone(),
            path: self.materials.source(plan.source.path.get_ref()),
            kind: plan.source.kind.unwrap_or_else(|| kind_by_name(plan.source.path.get_ref())),
            sha256: plan.source.sha256.as_ref().map(digest).transpose()?,
        };
        let clone = ClonePlan {
            foreign_keys: plan.clone.foreign_keys.unwrap_or(true),
            now_unix_ms: plan.clone.now.as_ref().map_or(Ok(NOW_UNIX_MS), unix_ms)?,
            seed: plan.clone.seed.unwrap_or(SEED),
        };
        let documents = plan.documents.iter().map(|document| {
            let pinned = digest(&document.sha256)?;
            Ok(Document {
                place: self.place(&document.path),
                written: document.path.get_ref().clone(),
                found: self.read(&document.path)?,
                pinned,
            })
        });
        let documents = documents.collect::<Result<_, Wrong>>()?;

        let mut steps = Vec::<StepPlan>::new();
        for step in &plan.steps {
            let name = checked_name(&step.name, "step")?;
            if steps.iter().any(|known| known.name == name) {
                return Err((step.name.span(), format!("there are two steps named {name:?}: give each a name of its own")));
            }
            let module = self.module(format!("step {name:?}"), &step.module, step.sha256.as_ref(), &step.inputs, &step.limits, &limits)?;
            steps.push(StepPlan { name, summary: step.summary.clone(), module, transactions: step.transactions });
        }
        let mut probes = Vec::<ProbePlan>::new();
        for probe in &plan.probes {
            let name = checked_name(&probe.name, "probe")?;
            if probes.iter().any(|known| known.name == name) {
                return Err((probe.name.span(), format!("there are two probes named {name:?}: give each a name of its own")));
            }
            let module =
                self.module(format!("probe {name:?}"), &probe.module, probe.sha256.as_ref(), &probe.inputs, &probe.limits, &limits)?;
            probes.push(ProbePlan { name, summary: probe.summary.clone(), module });
        }
        let judge = &plan.validator;
        let validator = self.module("the validator".into(), &judge.module, judge.sha256.as_ref(), &judge.inputs, &judge.limits, &limits)?;
        if !judge.module.get_ref().starts_with("builtin:") && validator.pinned.is_none() {
            return Err((
                judge.module.span(),
                format!(
                    "a validator of your own must be pinned by its digest: add `sha256 = \"{}\"` to [validator] once it is reviewed",
                    validator.found
                ),
            ));
        }
        Ok(Plan {
            text: self.text.to_owned(),
            name,
            summary: plan.summary,
            source,
            clone,
            documents,
            steps,
            probes,
            validator,
            materials: self.collected.0,
        })
    }

    fn module(
        &mut self,
        subject: String,
        written: &Spanned<String>,
        pinned: Option<&Spanned<String>>,
        inputs: &BTreeMap<Spanned<String>, InputText>,
        limits: &LimitsText,
        outer: &Limits,
    ) -> Result<ModulePlan, Wrong> {
        let mut granted = BTreeMap::new();
        for (name, input) in inputs {
            let name = checked_name(name, "input")?;
            let pinned = input.sha256.as_ref().map(digest).transpose()?;
            granted.insert(
                name,
                InputPlan { place: self.place(&input.path), written: input.path.get_ref().clone(), found: self.read(&input.path)?, pinned },
            );
        }
        Ok(ModulePlan {
            subject,
            place: self.place(written),
            written: written.get_ref().clone(),
            found: self.read(written)?,
            pinned: pinned.map(digest).transpose()?,
            inputs: granted,
            limits: over(limits, outer)?,
        })
    }

    fn place(&self, written: &Spanned<String>) -> String {
        let (line, column) = text::line_and_column(self.text, written.span().start);
        format!("{}:{line}:{column}", self.origin.display())
    }

    fn read(&mut self, written: &Spanned<String>) -> Result<Sha256, Wrong> {
        let bytes: Arc<[u8]> = self.materials.read(written.get_ref()).map_err(|error| (written.span(), error.to_string()))?;
        Ok(self.collected.add(written.get_ref(), bytes))
    }
}

/// Names become file names in the packet and words in reports: they are kept as plain as that.
fn checked_name(name: &Spanned<String>, of: &str) -> Result<String, Wrong> {
    let text = name.get_ref();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !starts_well || text.len() > 64 || !text.bytes().all(plain) {
        return Err((
            name.span(),
            format!(
                "{text:?} cannot be the name of a {of}: use up to 64 lower-case letters, digits, hyphens and underscores, a letter or digit first"
            ),
        ));
    }
    Ok(text.clone())
}

fn over(limits: &LimitsText, base: &Limits) -> Result<Limits, Wrong> {
    limits.over(base).map_err(|(span, name, least)| (span, format!("`{name}` is at least {least}: with less, nothing can run")))
}

fn digest(text: &Spanned<String>) -> Result<Sha256, Wrong> {
    text.get_ref().parse().map_err(|error: rehearsal_packet::NotADigest| (text.span(), error.to_string()))
}

/// Compressed or not: how, the file itself says.
fn kind_by_name(path: &str) -> SourceKind {
    let name = path.to_ascii_lowercase();
    let name = [".gz", ".zst"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(&name);
    if name.ends_with(".sql") { SourceKind::Dump } else { SourceKind::Sqlite }
}

fn unix_ms(now: &Spanned<String>) -> Result<i64, Wrong> {
    let wrong = || (now.span(), format!("{:?} is not a time like \"2026-01-01T00:00:00Z\"", now.get_ref()));
    let time = humantime::parse_rfc3339(now.get_ref()).map_err(|_| wrong())?;
    let since: Duration = time.duration_since(UNIX_EPOCH).map_err(|_| wrong())?;
    i64::try_from(since.as_millis()).map_err(|_| wrong())
}
