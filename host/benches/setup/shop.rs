//! The shop's rehearsal on a source of any size, taken through the stages before the one that is measured.
#![allow(dead_code, reason = "each benchmark is a crate of its own and needs a part of this")]

use std::path::{Path, PathBuf};

use rehearsal::{
    admit::{self, Admitted},
    clone_db::{Clones, ImageId},
    guest::{Answer, ListedCase},
    intake::{self, Opened},
    plan::{self, FromDirectory, StepPlan},
    preflight,
    run::{Task, TaskAnswer, Work, Worker, task},
};
use rehearsal_fixtures::shop;
use tempfile::TempDir;

/// The plan whose steps and probe are measured.
const PLAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/shop/rehearsal.toml");

/// The source as that plan names it.
const SOURCE_LINE: &str = "path = \"shop.sql\"";

/// The dump that the plan names: 197 kB, for a database of 300 kB.
pub(crate) const DUMP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/shop/shop.sql");

/// What the changes of all clones may take of memory: the tool's default.
pub(crate) const MEMORY_BYTES: u64 = 1 << 30;

/// How large the sources are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// The name in the tables of figures.
    pub(crate) name: &'static str,
    bytes: u64,
}

impl Size {
    /// What fits into every cache.
    pub(crate) const SMALL: Size = Size { name: "1MB", bytes: 1_000_000 };
    /// What does not.
    pub(crate) const LARGE: Size = Size { name: "1GB", bytes: 1_000_000_000 };

    /// The sizes to measure: the large one takes minutes, so it must be asked for with `REHEARSAL_BENCH_LARGE=1`.
    pub(crate) fn asked_for() -> Vec<Size> {
        let large = std::env::var_os("REHEARSAL_BENCH_LARGE").is_some_and(|value| value == "1");
        if large { vec![Size::SMALL, Size::LARGE] } else { vec![Size::SMALL] }
    }

    /// How often something is measured that takes as long as its source is large.
    pub(crate) fn samples(self) -> usize {
        if self.bytes < Self::LARGE.bytes { 50 } else { 10 }
    }
}

/// Sources, generated once and deleted at the end.
pub(crate) struct Sources {
    directory: TempDir,
}

impl Sources {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory for the sources") }
    }

    /// A shop as an SQLite file.
    pub(crate) fn database(&self, size: Size) -> PathBuf {
        let path = self.directory.path().join(format!("shop-{}.db", size.name));
        if !path.exists() {
            let shape = shop::Shape { seed: shop::SEED, bytes_target: size.bytes };
            shop::write_database(&path, &shape).expect("a shop");
        }
        path
    }
}

/// The shop's plan with another source: the path is absolute, or relative to the plan.
pub(crate) fn admitted(source: &Path) -> Admitted {
    let text = std::fs::read_to_string(PLAN).expect("the plan of the shop");
    assert!(text.contains(SOURCE_LINE), "{PLAN} names its source in another way: {SOURCE_LINE} is replaced here");
    let text = text.replace(SOURCE_LINE, &format!("path = {source:?}"));
    // What is enough for a small shop is not for a large one.
    let text = format!("{text}\n[limits]\nfuel = 1_000_000_000_000\n");
    let plan = plan::load_text(text.as_bytes(), Path::new(PLAN), &FromDirectory::beside(Path::new(PLAN))).expect("a plan");
    admit::check(preflight::check(plan).expect("pins that hold")).expect("modules that are admitted")
}

/// A source that was opened, up to the moment before the first leg.
pub(crate) struct OpenedShop {
    /// The plan.
    pub(crate) admitted: Admitted,
    /// What its clones are made of.
    pub(crate) clones: Clones,
    /// The source's image.
    pub(crate) opened: Opened,
}

impl OpenedShop {
    /// Opens a source.
    pub(crate) fn new(source: &Path) -> Self {
        let (admitted, clones) = (admitted(source), Clones::new(MEMORY_BYTES));
        let opened = open(&admitted, &clones);
        Self { admitted, clones, opened }
    }

    /// Compiles the plan's modules.
    pub(crate) fn worker(&self) -> Worker<'_> {
        Worker::new(&self.admitted, &self.clones).expect("modules that compile")
    }

    /// The source's image, for tasks.
    pub(crate) fn base(&self) -> ImageId {
        self.clones.add(self.opened.image().clone())
    }

    /// A step of the plan.
    pub(crate) fn step(&self, name: &str) -> &StepPlan {
        self.admitted.plan().steps.iter().find(|step| step.name == name).expect("a step of the shop's plan")
    }

    /// A task for a step's module.
    pub(crate) fn step_task(&self, step: &StepPlan, work: Work) -> Task {
        task(&self.admitted, &step.module, work)
    }

    /// The state after all steps, where cases run.
    pub(crate) fn migrated(&self, worker: &Worker<'_>) -> ImageId {
        let mut base = self.base();
        for step in &self.admitted.plan().steps {
            let result = self.clones.reserve();
            let work = Work::Advance { base, result, transactions: step.transactions };
            let answer = worker.perform(&self.step_task(step, work)).expect("a host that can");
            assert!(matches!(&answer, TaskAnswer::Advanced { state: Some(_), .. }), "step {:?}: {answer:?}", step.name);
            base = result;
        }
        base
    }

    /// The first case of the plan's probe, as a task on a state.
    pub(crate) fn case_task(&self, worker: &Worker<'_>, base: ImageId) -> Task {
        let probe = &self.admitted.plan().probes[0];
        let listed = worker.perform(&task(&self.admitted, &probe.module, Work::ListCases)).expect("a host that can");
        let TaskAnswer::Called { answer: Some(Answer::Cases(cases)), .. } = listed else {
            panic!("the probe lists no cases: {listed:?}");
        };
        let case: ListedCase = cases.into_iter().next().expect("a probe with cases");
        task(&self.admitted, &probe.module, Work::Case { probe: probe.name.clone(), case, base })
    }
}

/// Reads the source of a plan.
pub(crate) fn open(admitted: &Admitted, clones: &Clones) -> Opened {
    intake::open(admitted, clones, None, &mut |_, _| {}).expect("a source that can be opened")
}

/// Performs a task of which a call must return: what is measured is work that went well.
pub(crate) fn perform(worker: &Worker<'_>, task: &Task) -> TaskAnswer {
    let answer = worker.perform(task).expect("a host that can");
    let (calls, trouble) = match &answer {
        TaskAnswer::Leg(leg) => (&leg.calls, &leg.trouble),
        TaskAnswer::Case(case) => (&case.calls, &case.trouble),
        other => panic!("neither a leg nor a case: {other:?}"),
    };
    assert!(trouble.is_empty() && calls.iter().all(|call| call.outcome.returned()), "{answer:?}");
    answer
}
