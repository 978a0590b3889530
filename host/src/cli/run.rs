//! `rehearsal run`

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, anyhow, bail};
use rehearsal_packet::{report::Report, seal};
use serde::Serialize;

use super::{
    Failure, admitted,
    args::{Format, RunArguments},
    say, say_json,
};
use crate::{display, intake::ImageCache, rehearse::rehearse};

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
    let target = arguments.out.clone().unwrap_or_else(|| default_target(&admitted.plan().name));
    check_target(&target)?;
    let cache = if arguments.no_cache { None } else { ImageCache::of_user() };
    let progress = display::ProgressLine::new();
    let rehearsed = rehearse(&admitted, arguments.resources.resources(cache), &progress);
    progress.finish();
    let rehearsed = rehearsed.map_err(Failure::from_rehearsal)?;
    if arguments.out.is_none() {
        // Not before there is something to put into it.
        fs::create_dir_all(DEFAULT_PARENT)
            .with_context(|| format!("cannot make the directory {DEFAULT_PARENT}; name another with --out"))?;
    }
    let sealed = seal(&rehearsed.evidence, &rehearsed.run, &target)?;
    let report = &sealed.conclusion().report;
    let packet = target.display().to_string();
    match arguments.format {
        Format::Human => say(&display::human(report, &packet, sealed.tree()))?,
        Format::Json => say_json(&RunOutcome { packet, tree: sealed.tree(), report })?,
    }
    Ok(report.exit_code)
}

/// Where packets go that are told no other place.
const DEFAULT_PARENT: &str = "rehearsals";

/// `rehearsals/<plan>-<time>`, where nothing is yet.
fn default_target(plan: &str) -> PathBuf {
    let time: String =
        humantime::format_rfc3339_seconds(SystemTime::now()).to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let name = |number: u32| if number == 1 { format!("{plan}-{time}") } else { format!("{plan}-{time}-{number}") };
    let mut number = 1;
    loop {
        let target = Path::new(DEFAULT_PARENT).join(name(number));
        if target.symlink_metadata().is_err() {
            return target;
        }
        number += 1;
    }
}

/// Says before the work, not after it, that the packet cannot be written there.
fn check_target(target: &Path) -> anyhow::Result<()> {
    if target.symlink_metadata().is_ok() {
        bail!("{} exists: name another directory with --out, or remove it", target.display());
    }
    let here = Path::new(".");
    let parent = match target.parent() {
        Some(parent) if parent == Path::new(DEFAULT_PARENT) && !parent.exists() => here,
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => here,
    };
    if !parent.is_dir() {
        bail!("there is no directory {}: make it, or name another with --out", parent.display());
    }
    let probe = tempfile::Builder::new().prefix(".rehearsal-").tempdir_in(parent);
    // The kind alone: the name of the probe means nothing to anybody.
    probe
        .map_err(|error| anyhow!("cannot write a packet into {}: {}; name another directory with --out", parent.display(), error.kind()))?;
    Ok(())
}
