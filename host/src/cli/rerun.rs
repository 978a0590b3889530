//! `rehearsal rerun`

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use rehearsal_packet::{CheckedPacket, Sha256, gate as check, tree_of};
use serde::Serialize;

use super::{
    Failure, admitted_plan,
    args::{Format, RerunArguments},
    say, say_json,
};
use crate::{
    display, exit,
    plan::{FromPacket, PlanError, load_text},
    rehearse::rehearse,
};

/// The outcome as JSON.
#[derive(Serialize)]
struct RerunOutcome {
    packet: String,
    rerun: &'static str,
    tree_of_packet: Sha256,
    tree_of_rerun: Sha256,
    /// The files under `data/` that came out differently.
    differs: Vec<String>,
    exit_code: u8,
}

pub(super) fn rerun(arguments: &RerunArguments) -> Result<u8, Failure> {
    let packet = arguments.packet.display().to_string();
    let checked = match check(&arguments.packet) {
        Ok(checked) => checked,
        Err(error) => {
            // What was tampered with is not worth repeating.
            return super::gate::answer(packet, None, super::gate::reasons(error)?, arguments.format);
        }
    };
    let source = arguments.source.clone().unwrap_or_else(|| PathBuf::from(&checked.run().source));
    let plan = plan_of(&checked, &arguments.packet, source)?;
    let progress = display::ProgressLine::new();
    // Without the cache: what is repeated must not depend on what the first run left.
    let rehearsed = rehearse(&admitted_plan(plan)?, arguments.resources.resources(None), &progress);
    progress.finish();
    let rehearsed = rehearsed.map_err(Failure::from_rehearsal)?;
    let tree = tree_of(&rehearsed.evidence)?;
    let matches = tree == checked.tree();
    let exit_code = if matches { exit::CLEAN } else { exit::FAILED_CLOSED };
    // Equal trees are equal files.
    let differs = if matches { Vec::new() } else { differences(&checked.evidence().payload(), &rehearsed.evidence.payload()) };
    match arguments.format {
        Format::Human => say(&display::rerun(&packet, checked.tree(), tree, &differs))?,
        Format::Json => say_json(&RerunOutcome {
            packet,
            rerun: if matches { "MATCH" } else { "DIFFERS" },
            tree_of_packet: checked.tree(),
            tree_of_rerun: tree,
            differs,
            exit_code,
        })?,
    }
    Ok(exit_code)
}

/// The plan of a packet, made of the packet's own files; the source must be the one that was rehearsed on.
fn plan_of(checked: &CheckedPacket, packet: &Path, source: PathBuf) -> Result<crate::plan::Plan, PlanError> {
    let evidence = checked.evidence();
    let by_name: BTreeMap<String, Arc<[u8]>> =
        evidence.plan.files().map(|file| (file.written.clone(), Arc::from(evidence.files[&file.sha256].as_slice()))).collect();
    let mut plan = load_text(&evidence.plan_text, &packet.join("data/plan.toml"), &FromPacket::new(by_name, source))?;
    plan.source.sha256 = Some(evidence.record.source.sha256_before);
    Ok(plan)
}

/// The files that two payloads do not share.
fn differences(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let paths: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    paths.into_iter().filter(|path| one.get(*path) != other.get(*path)).cloned().collect()
}
