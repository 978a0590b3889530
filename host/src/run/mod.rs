//! Stage 5, run: every leg of every step and every case of every probe, each on its own fresh clone and instance.
//!
//! In: an admitted plan and an opened source. Out: [`Observations`]. The runner decides what is done and in which order; a
//! [`Worker`] does it. What passes between them are plain values ([`Task`], [`TaskAnswer`]).
//!
//! A step that cannot be applied blocks everything after it: what would follow is recorded as not run, which is a finding.

mod difference;
mod task;
mod worker;

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use rehearsal_packet::{
    Sha256,
    record::{CaseRecord, Leg, LegRecord, ProbeRecord, ProbeSummary, Status, StepRecord, StepSummary},
};

pub use task::{LegWork, ModuleUse, Task, TaskAnswer, Work};
pub use worker::{Worker, WorkerError};

use crate::{
    admit::{Admitted, Role},
    clone_db::{Clones, ImageId},
    event::{Event, Observer},
    guest::{Answer, ListedCase},
    intake::Opened,
    plan::{ModulePlan, ProbePlan, StepPlan, Transactions},
};

/// The stack of a thread that calls guests: theirs, and on top of it SQLite at its deepest.
const STACK_BYTES: usize = 8 << 20;

/// What the host saw of the steps and the probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observations {
    /// The steps, in the order of the plan.
    pub steps: Vec<StepRecord>,
    /// The probes, in the order of the plan.
    pub probes: Vec<ProbeRecord>,
}

/// Runs everything. `jobs` legs or cases run at a time; the observations do not depend on how many.
///
/// # Errors
/// [`WorkerError`]: the host itself could not go on.
pub fn run(
    admitted: &Admitted,
    opened: &Opened,
    worker: &Worker<'_>,
    clones: &Clones,
    jobs: usize,
    observer: &dyn Observer,
) -> Result<Observations, WorkerError> {
    Runner { admitted, worker, clones, jobs: jobs.max(1), observer }.run(opened)
}

struct Runner<'a> {
    admitted: &'a Admitted,
    worker: &'a Worker<'a>,
    clones: &'a Clones,
    jobs: usize,
    observer: &'a dyn Observer,
}

/// Where the next step starts, or why it cannot.
#[derive(Clone, Debug)]
enum Reached {
    State(ImageId, Sha256),
    Blocked(String),
}

impl Runner<'_> {
    fn run(&self, opened: &Opened) -> Result<Observations, WorkerError> {
        let plan = self.admitted.plan();
        let mut reached = Reached::State(self.clones.add(opened.image().clone()), opened.record().state);
        let mut steps = Vec::new();
        for step in &plan.steps {
            let (record, next) = self.step(step, &reached)?;
            steps.push(record);
            if let (Reached::State(before, _), Reached::State(after, _)) = (&reached, &next)
                && before != after
            {
                self.clones.forget(*before);
            }
            reached = next;
        }
        let mut probes = Vec::new();
        for probe in &plan.probes {
            probes.push(self.probe(probe, &reached)?);
        }
        Ok(Observations { steps, probes })
    }

    /// One step: described, applied for the steps after it, and then its legs.
    fn step(&self, step: &StepPlan, reached: &Reached) -> Result<(StepRecord, Reached), WorkerError> {
        let (described, answer) = called(self.worker.perform(&self.task(&step.module, Work::Describe { role: Role::Step }))?);
        let offers_verify = matches!(answer, Some(Answer::Operations { verify: true, .. }));
        let mut summary = StepSummary {
            name: step.name.clone(),
            module: step.module.found,
            described,
            base: None,
            result: None,
            content_changed: None,
            calls: Vec::new(),
            trouble: Vec::new(),
        };
        let (base, state) = match reached {
            Reached::State(base, state) => (*base, *state),
            Reached::Blocked(reason) => {
                let legs = Leg::ALL.map(|leg| not_run(&step.name, leg, reason)).into();
                return Ok((StepRecord { step: summary, legs }, reached.clone()));
            }
        };
        summary.base = Some(state);
        let result = self.clones.reserve();
        let advance = Work::Advance { base, result, transactions: step.transactions };
        if let TaskAnswer::Advanced { call, state, content_changed, trouble } = self.worker.perform(&self.task(&step.module, advance))? {
            summary.calls.push(call);
            summary.result = state;
            summary.content_changed = content_changed;
            summary.trouble = trouble;
        }
        self.observer.observe(&Event::StepApplied { step: &step.name, state: summary.result });

        let leg = |leg| self.task(&step.module, Work::Leg { step: step.name.clone(), leg });
        let expected = summary.result.is_some().then_some(result);
        let mut tasks = vec![leg(LegWork::Committed { base, expected, transactions: step.transactions })];
        if step.transactions == Transactions::Host {
            tasks.push(leg(LegWork::Transactional { base, expected }));
        }
        if let (true, Some(result)) = (offers_verify, expected) {
            tasks.push(leg(LegWork::ReadOnly { result }));
        }
        let mut ran: Vec<LegRecord> = Vec::new();
        for answer in self.perform_all(&tasks)? {
            if let TaskAnswer::Leg(record) = answer {
                ran.push(record);
            }
        }
        let legs = Leg::ALL.into_iter().map(|leg| {
            let record = ran.iter().find(|record| record.leg == leg).cloned();
            record.unwrap_or_else(|| match leg {
                Leg::ReadOnly if !offers_verify => not_applicable(&step.name, leg, "the step offers no `verify`"),
                Leg::Transactional if step.transactions == Transactions::Own => {
                    not_applicable(&step.name, leg, "the step begins and ends its own transactions (`transactions = \"own\"`)")
                }
                _ => not_run(&step.name, leg, "the step could not be applied"),
            })
        });
        let legs = legs.collect();
        let next = match summary.result {
            Some(state) => Reached::State(result, state),
            None => Reached::Blocked(format!("step {:?} could not be applied", step.name)),
        };
        Ok((StepRecord { step: summary, legs }, next))
    }

    /// One probe: described, asked for its cases, and then every case.
    fn probe(&self, probe: &ProbePlan, reached: &Reached) -> Result<ProbeRecord, WorkerError> {
        let (described, _) = called(self.worker.perform(&self.task(&probe.module, Work::Describe { role: Role::Probe }))?);
        let (listed, answer) = called(self.worker.perform(&self.task(&probe.module, Work::ListCases))?);
        let (again, answer_again) = called(self.worker.perform(&self.task(&probe.module, Work::ListCases))?);
        let mut trouble = Vec::new();
        if listed != again || answer != answer_again {
            trouble.push("the probe lists other cases when it is asked again".to_owned());
        }
        let cases = match answer {
            Some(Answer::Cases(cases)) => cases,
            _ => Vec::new(),
        };
        let mut summary = ProbeSummary {
            name: probe.name.clone(),
            module: probe.module.found,
            base: None,
            calls: vec![described, listed],
            cases: cases.iter().map(|case| case.name.clone()).collect(),
            trouble,
        };
        let cases = match reached {
            Reached::Blocked(reason) => cases.iter().map(|case| case_not_run(&probe.name, case, reason)).collect(),
            Reached::State(base, state) => {
                summary.base = Some(*state);
                let task = |case| self.task(&probe.module, Work::Case { probe: probe.name.clone(), case, base: *base });
                let tasks: Vec<Task> = cases.into_iter().map(task).collect();
                let answers = self.perform_all(&tasks)?.into_iter();
                answers.filter_map(|answer| if let TaskAnswer::Case(case) = answer { Some(case) } else { None }).collect()
            }
        };
        Ok(ProbeRecord { probe: summary, cases })
    }

    /// Performs tasks that do not depend on each other; the answers come in the order of the tasks.
    fn perform_all(&self, tasks: &[Task]) -> Result<Vec<TaskAnswer>, WorkerError> {
        let next = AtomicUsize::new(0);
        let answers: Vec<Mutex<Option<Result<TaskAnswer, WorkerError>>>> = tasks.iter().map(|_| Mutex::new(None)).collect();
        std::thread::scope(|scope| {
            let work = || {
                while let Some((task, slot)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    tasks.get(index).zip(answers.get(index))
                } {
                    let answer = self.worker.perform(task);
                    self.announce(&answer);
                    *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(answer);
                }
            };
            let more = self.jobs.min(tasks.len()).saturating_sub(1);
            for _ in 0..more {
                // Without another thread the work takes longer, and comes out the same.
                let _ = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
            }
            work();
        });
        let answers = answers.into_iter().map(|slot| slot.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner));
        // Every index below the length was taken by exactly one thread, and a thread that panics takes the scope with it.
        answers.flatten().collect()
    }

    fn announce(&self, answer: &Result<TaskAnswer, WorkerError>) {
        match answer {
            Ok(TaskAnswer::Leg(record)) => self.observer.observe(&Event::LegEnded { step: &record.step, leg: record.leg }),
            Ok(TaskAnswer::Case(record)) => self.observer.observe(&Event::CaseEnded { probe: &record.probe, case: &record.case }),
            _ => {}
        }
    }

    fn task(&self, module: &ModulePlan, work: Work) -> Task {
        task(self.admitted, module, work)
    }
}

/// A task for a module of the plan.
pub fn task(admitted: &Admitted, module: &ModulePlan, work: Work) -> Task {
    let inputs = module.inputs.iter().map(|(name, input)| (name.clone(), input.found)).collect();
    let module = ModuleUse { module: module.found, inputs, limits: module.limits.clone() };
    Task { module, clone: admitted.plan().clone.clone(), work }
}

fn called(answer: TaskAnswer) -> (rehearsal_packet::record::CallRecord, Option<Answer>) {
    match answer {
        TaskAnswer::Called { call, answer } => (call, answer),
        other => unreachable!("a worker answers a call with a call, not with {other:?}"),
    }
}

fn not_run(step: &str, leg: Leg, reason: &str) -> LegRecord {
    LegRecord {
        step: step.to_owned(),
        leg,
        status: Status::NotRun { reason: reason.to_owned() },
        states: Vec::new(),
        calls: Vec::new(),
        trouble: Vec::new(),
    }
}

fn not_applicable(step: &str, leg: Leg, reason: &str) -> LegRecord {
    LegRecord { status: Status::NotApplicable { reason: reason.to_owned() }, ..not_run(step, leg, reason) }
}

fn case_not_run(probe: &str, case: &ListedCase, reason: &str) -> CaseRecord {
    CaseRecord {
        probe: probe.to_owned(),
        case: case.name.clone(),
        says: case.summary.clone(),
        expected: case.expected,
        status: Status::NotRun { reason: reason.to_owned() },
        states: Vec::new(),
        calls: Vec::new(),
        trouble: Vec::new(),
    }
}
