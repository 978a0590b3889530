//! Stages 7 and 8: a packet is sealed whole, and checked from its bytes by the gate.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    Sha256,
    bag::{self, Bag, CheckError, CheckedBag, NotABag, PacketPath, WriteError},
    canonical,
    contents::{Conclusion, Evidence, Unreadable},
};

/// The version of [`RunInfo`].
pub const RUN_FORMAT: u32 = 1;

const RUN: &str = "run/run.json";
const RERUN_SH: &str = "RERUN.sh";
const COMMANDS_SH: &str = "commands.sh";

/// What may differ between two runs of the same plan. It is covered by the tag manifest, not by the tree hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunInfo {
    /// [`RUN_FORMAT`].
    pub format: u32,
    /// When the run began: RFC 3339, UTC.
    pub began: String,
    /// When it ended.
    pub ended: String,
    /// Name and version of the tool.
    pub tool: String,
    /// The tool's executable, where `RERUN.sh` looks if there is none on PATH.
    pub executable: String,
    /// Where the source was, where `rehearsal rerun` looks unless it is told otherwise.
    pub source: String,
    /// Operating system and architecture.
    pub platform: String,
    /// How many legs or cases ran at a time.
    pub jobs: u32,
}

/// A packet as it was written. Only [`seal`] makes one.
#[derive(Debug)]
pub struct SealedPacket {
    bag: CheckedBag,
    conclusion: Conclusion,
}

impl SealedPacket {
    /// The tree hash.
    pub fn tree(&self) -> Sha256 {
        self.bag.tree()
    }

    /// What follows from the evidence in it.
    pub fn conclusion(&self) -> &Conclusion {
        &self.conclusion
    }
}

/// Why there is no packet.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The files do not make a bag.
    #[error(transparent)]
    NotABag(#[from] NotABag),
    /// A name that no packet may hold.
    #[error(transparent)]
    Path(#[from] bag::BadPath),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The files under `data/`, by paths that a packet may hold.
fn payload(evidence: &Evidence, conclusion: &Conclusion) -> Result<BTreeMap<PacketPath, Vec<u8>>, SealError> {
    evidence.payload_with(conclusion).into_iter().map(|(path, bytes)| Ok((PacketPath::new(&path)?, bytes))).collect()
}

/// All files of a packet, as one bag.
fn assemble(evidence: &Evidence, conclusion: &Conclusion, run: &RunInfo) -> Result<Bag, SealError> {
    let mut files = payload(evidence, conclusion)?;
    files.insert(PacketPath::new(RUN)?, canonical::to_bytes(run));
    files.insert(PacketPath::new(RERUN_SH)?, include_bytes!("RERUN.sh").to_vec());
    files.insert(PacketPath::new(COMMANDS_SH)?, include_bytes!("commands.sh").to_vec());
    Ok(Bag::new(files)?)
}

/// The tree hash that a packet with this evidence has.
///
/// # Errors
/// [`SealError`], but never [`SealError::Write`].
pub fn tree_of(evidence: &Evidence) -> Result<Sha256, SealError> {
    Ok(Bag::new(payload(evidence, &evidence.conclusion())?)?.tree())
}

/// Writes a packet: whole, or not at all.
///
/// # Errors
/// [`SealError`].
pub fn seal(evidence: &Evidence, run: &RunInfo, target: &Path) -> Result<SealedPacket, SealError> {
    let conclusion = evidence.conclusion();
    let bag = assemble(evidence, &conclusion, run)?.write_new(target)?;
    Ok(SealedPacket { bag, conclusion })
}

/// A packet whose bytes are its manifests', and whose verdict, decision and report follow from its evidence. Only
/// [`gate`] makes one.
#[derive(Debug)]
pub struct CheckedPacket {
    bag: CheckedBag,
    evidence: Evidence,
    conclusion: Conclusion,
    run: RunInfo,
}

impl CheckedPacket {
    /// The tree hash.
    pub fn tree(&self) -> Sha256 {
        self.bag.tree()
    }

    /// The evidence in it.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What follows from it.
    pub fn conclusion(&self) -> &Conclusion {
        &self.conclusion
    }

    /// Where and when it was made.
    pub fn run(&self) -> &RunInfo {
        &self.run
    }

    /// How many files it has.
    pub fn files(&self) -> usize {
        self.bag.bag().files().count()
    }
}

/// Why a packet is refused.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// Some other directory.
    #[error("{}: this is not a packet: it has no manifest-sha256.txt and no bagit.txt", .0.display())]
    NotAPacket(PathBuf),
    /// Its bytes are not those of its manifests, or it cannot be read.
    #[error(transparent)]
    Bytes(#[from] CheckError),
    /// Its digests agree, but its files do not.
    #[error("the packet's digests agree with its bytes, but its files do not agree with each other")]
    Contents {
        /// Every file that is wrong.
        wrong: Vec<Unreadable>,
    },
}

/// Checks a packet from its bytes: the manifests, and then that every file under `data/` is what the evidence gives.
///
/// # Errors
/// [`GateError`], which names the files.
pub fn gate(packet: &Path) -> Result<CheckedPacket, GateError> {
    // A packet that lost one of them is a packet that drifted; a directory without either is a mistyped name.
    let has = |name: &str| packet.join(name).symlink_metadata().is_ok();
    if packet.is_dir() && !has("manifest-sha256.txt") && !has("bagit.txt") {
        return Err(GateError::NotAPacket(packet.to_owned()));
    }
    let bag = bag::check(packet)?;
    let one = |wrong: Unreadable| GateError::Contents { wrong: vec![wrong] };
    let evidence = Evidence::from_payload(&|path| bag.file(path)).map_err(one)?;
    let run_bytes = bag.file(RUN).ok_or_else(|| one(Unreadable { file: RUN.into(), problem: "it is missing".into() }))?;
    let run: RunInfo =
        canonical::from_bytes(run_bytes).map_err(|error| one(Unreadable { file: RUN.into(), problem: error.to_string() }))?;
    let conclusion = evidence.conclusion();
    let should =
        assemble(&evidence, &conclusion, &run).map_err(|error| one(Unreadable { file: "data".into(), problem: error.to_string() }))?;

    let mut wrong = Vec::new();
    let paths: BTreeSet<&PacketPath> = should.files().chain(bag.bag().files()).map(|(path, _)| path).collect();
    for path in paths {
        let problem = match (should.file(path.as_str()), bag.file(path.as_str())) {
            (Some(should), Some(is)) if should == is => continue,
            // The manifests follow from the files: where a file is wrong, they are not news.
            _ if path.as_str().ends_with("manifest-sha256.txt") || path.as_str() == "bag-info.txt" => continue,
            (Some(_), Some(_)) => "it is not what the evidence in this packet gives",
            (Some(_), None) => "it is missing",
            (None, _) => "it has no place in a packet",
        };
        wrong.push(Unreadable { file: path.as_str().to_owned(), problem: problem.to_owned() });
    }
    if !wrong.is_empty() {
        return Err(GateError::Contents { wrong });
    }
    Ok(CheckedPacket { bag, evidence, conclusion, run })
}
