//! `rehearsal run`

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, bail};
use rehearsal_packet::{report::Report, seal};
use serde::Serialize;

use super::{
    Failure, admitted,
    args::{Format, RunArguments, jobs},
    say, say_json,
};
use crate::{display, rehearse::rehearse};

/// The outcome as JSON.
#[derive(Serialize)]
struct RunOutcome<'a> {
    packet: String,
    tree: rehearsal_packet::Sha256,
    #[serde(flatten)]
    report: &'a Report,
}

pub(super) fn run(arguments: &RunArguments) -> Result<u8, Failure> {
    let admitted = admitted(&arguments.plan)?;
    let target = match &arguments.out {
        Some(out) => out.clone(),
        None => default_target(&admitted.plan().name)?,
    };
    check_target(&target)?;
    let progress = display::ProgressLine::new();
    let rehearsed = rehearse(&admitted, jobs(arguments.jobs), &progress);
    progress.finish();
    let rehearsed = rehearsed.map_err(Failure::from_rehearsal)?;
    let sealed = seal(&rehearsed.evidence, &rehearsed.run, &target)?;
    let report = &sealed.conclusion().report;
    let packet = target.display().to_string();
    match arguments.format {
        Format::Human => say(&display::human(report, &packet, sealed.tree()))?,
        Format::Json => say_json(&RunOutcome { packet, tree: sealed.tree(), report })?,
    }
    Ok(report.exit_code)
}

/// `rehearsals/<plan>-<time>`, where nothing is yet.
fn default_target(plan: &str) -> anyhow::Result<PathBuf> {
    let parent = Path::new("rehearsals");
    fs::create_dir_all(parent).with_context(|| format!("cannot make the directory {}; name another with --out", parent.display()))?;
    let time: String =
        humantime::format_rfc3339_seconds(SystemTime::now()).to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let first = parent.join(format!("{plan}-{time}"));
    let more = (2..).map(|number| parent.join(format!("{plan}-{time}-{number}")));
    std::iter::once(first).chain(more).find(|target| target.symlink_metadata().is_err()).context("every name is taken")
}

/// Says before the work, not after it, that the packet cannot be written there.
fn check_target(target: &Path) -> anyhow::Result<()> {
    if target.symlink_metadata().is_ok() {
        bail!("{} exists: name another directory with --out, or remove it", target.display());
    }
    let parent = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !parent.is_dir() {
        bail!("there is no directory {}: make it, or name another with --out", parent.display());
    }
    tempfile::Builder::new()
        .prefix(".rehearsal-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot write a packet into {}; name another directory with --out", parent.display()))?;
    Ok(())
}
