//! The stages one after the other, from an admitted plan to the evidence of a packet.

use std::time::{Instant, SystemTime};

use rehearsal_packet::{
    RUN_FORMAT, RunInfo,
    contents::Evidence,
    record::{RECORD_FORMAT, Record},
};

use crate::{
    admit::Admitted,
    clone_db::Clones,
    event::{Event, Observer, Stage},
    intake::{self, ImageCache, IntakeError},
    judge,
    run::{self, Worker, WorkerError},
    seal,
};

/// What a rehearsal came to: ready to be sealed.
#[derive(Debug)]
pub struct Rehearsed {
    /// What was found out.
    pub evidence: Evidence,
    /// When and where.
    pub run: RunInfo,
}

/// Why there was no rehearsal.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// No clone.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The host could not do its part.
    #[error(transparent)]
    Worker(#[from] WorkerError),
}

impl RehearseError {
    /// Whether it is the source that is not admissible.
    pub fn is_about_the_source(&self) -> bool {
        matches!(self, RehearseError::Intake(error) if error.is_about_the_source())
    }
}

/// What the operator lets a rehearsal take of the machine.
#[derive(Clone, Debug)]
pub struct Resources {
    /// How many legs or cases run at a time.
    pub jobs: usize,
    /// How many bytes of memory the changes of all clones may take together; what is more goes into a file without a name.
    pub memory_bytes_max: u64,
    /// Where images of dumps are kept from run to run, if they are.
    pub image_cache: Option<ImageCache>,
}

/// Rehearses a plan. The evidence does not depend on the resources.
///
/// # Errors
/// [`RehearseError`]: then nothing is written. Whatever a module does is in the evidence instead.
pub fn rehearse(admitted: &Admitted, resources: Resources, observer: &dyn Observer) -> Result<Rehearsed, RehearseError> {
    let began = SystemTime::now();
    let plan = admitted.plan();
    let clones = Clones::new(resources.memory_bytes_max);
    let opened = stage(observer, Stage::Intake, || {
        intake::open(admitted, &clones, resources.image_cache.as_ref(), &mut |done, total| {
            observer.observe(&Event::SourceRead { done, total })
        })
    })?;
    let worker = stage(observer, Stage::Compile, || Worker::new(admitted, &clones))?;
    let observations = stage(observer, Stage::Run, || run::run(admitted, &opened, &worker, &clones, resources.jobs, observer))?;
    let record = Record {
        format: RECORD_FORMAT,
        plan: plan.name.clone(),
        source: opened.close()?,
        steps: observations.steps,
        probes: observations.probes,
    };
    let ruling = stage(observer, Stage::Judge, || judge::rule(admitted, &worker, &record))?;
    let evidence = seal::evidence(admitted, record, ruling);
    let run = RunInfo {
        format: RUN_FORMAT,
        began: rfc3339(began),
        ended: rfc3339(SystemTime::now()),
        tool: concat!("rehearsal ", env!("CARGO_PKG_VERSION")).to_owned(),
        executable: absolute(std::env::current_exe().unwrap_or_default()),
        source: absolute(plan.source.path.clone()),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        jobs: u32::try_from(resources.jobs).unwrap_or(u32::MAX),
    };
    Ok(Rehearsed { evidence, run })
}

fn stage<T>(observer: &dyn Observer, stage: Stage, work: impl FnOnce() -> T) -> T {
    observer.observe(&Event::StageBegan(stage));
    let began = Instant::now();
    let done = work();
    observer.observe(&Event::StageEnded(stage, began.elapsed()));
    done
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The path from the root, as far as the system can say. Only for people and for `RERUN.sh`: what is not UTF-8 is replaced.
fn absolute(path: std::path::PathBuf) -> String {
    std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned()
}
