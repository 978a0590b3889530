//! Performs one [`Task`] at a time. Everything that touches guest bytes or guest SQL goes through here.

use std::{collections::BTreeMap, io, sync::Arc};

use rehearsal_packet::{
    Sha256,
    record::{CallRecord, CaseRecord, Leg, LegRecord, Moment, StateAt, Status},
};

use super::task::{LegWork, ModuleUse, Task, TaskAnswer, Work};
use crate::{
    admit::{Admitted, Role},
    clone_db::{Access, Image, ImageId, Scratch, ScratchError, Session, SessionSettings, SqlRefusal, state},
    guest::{Call, Called, CompileError, Export, GrantedInput, Guests, ListedCase},
    plan::Transactions,
};

/// Compiled modules, their inputs, and the place where clones are.
#[derive(Debug)]
pub struct Worker<'a> {
    guests: Guests,
    inputs: BTreeMap<Sha256, Arc<[u8]>>,
    scratch: &'a Scratch,
}

/// Why a task could not be performed: the host's trouble, never a guest's.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The engine does not start.
    #[error("the WebAssembly engine does not start on this machine: {0}")]
    Engine(String),
    /// A module was admitted and does not compile.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// No room for a clone.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// A clone cannot be digested.
    #[error("cannot read a clone: {0}")]
    Digest(#[from] io::Error),
    /// A clone cannot be opened.
    #[error("cannot open a clone: {0}")]
    Open(SqlRefusal),
    /// The disk filled up under a module.
    #[error("the disk is full: no room for a clone to grow; set TMPDIR to a directory with room for several copies of the source")]
    DiskFull,
}

impl<'a> Worker<'a> {
    /// Compiles every module of the plan.
    ///
    /// # Errors
    /// [`WorkerError::Engine`], [`WorkerError::Compile`].
    pub fn new(admitted: &Admitted, scratch: &'a Scratch) -> Result<Self, WorkerError> {
        let mut guests = Guests::new().map_err(|error| WorkerError::Engine(format!("{error:#}")))?;
        for module in admitted.modules().values() {
            guests.compile(module)?;
        }
        let inputs = admitted.plan().modules().flat_map(|module| module.inputs.values());
        let inputs = inputs.map(|input| (input.found, admitted.plan().bytes(input.found).clone())).collect();
        Ok(Self { guests, inputs, scratch })
    }

    /// Performs a task. Whatever the module does is in the answer.
    ///
    /// # Errors
    /// [`WorkerError`]: the host could not do its part.
    pub fn perform(&self, task: &Task) -> Result<TaskAnswer, WorkerError> {
        match &task.work {
            Work::Describe { role } => {
                let export = match role {
                    Role::Step => Export::DescribeStep,
                    Role::Probe => Export::DescribeProbe,
                    Role::Validator => Export::DescribeValidator,
                };
                Ok(self.ask(&task.module, export))
            }
            Work::ListCases => Ok(self.ask(&task.module, Export::Cases)),
            Work::Validate { record } => Ok(self.ask(&task.module, Export::Validate { record })),
            Work::Advance { base, result, transactions } => self.advance(task, *base, *result, *transactions),
            Work::Leg { step, leg } => {
                let mut record = match *leg {
                    LegWork::ReadOnly { result } => self.read_only(task, result),
                    LegWork::Transactional { base } => self.transactional(task, base),
                    LegWork::Committed { base, transactions } => self.committed(task, base, transactions),
                }?;
                record.step.clone_from(step);
                Ok(TaskAnswer::Leg(record))
            }
            Work::Case { probe, case, base } => self.case(task, probe, case, *base).map(TaskAnswer::Case),
        }
    }

    /// A call without a clone.
    fn ask(&self, module: &ModuleUse, export: Export<'_>) -> TaskAnswer {
        let called = self.call_guest(module, export, None);
        TaskAnswer::Called { call: called.record, answer: called.answer }
    }

    /// A call with a clone.
    fn call(&self, module: &ModuleUse, export: Export<'_>, session: Session) -> Result<Called, WorkerError> {
        let called = self.call_guest(module, export, Some(session));
        match &called.session {
            Some(session) => room(session).map(|()| called),
            None => Ok(called),
        }
    }

    fn call_guest(&self, module: &ModuleUse, export: Export<'_>, session: Option<Session>) -> Called {
        let granted = |(name, digest): &(String, Sha256)| GrantedInput { name: name.clone(), bytes: self.inputs[digest].clone() };
        let call = Call { module: module.module, export, inputs: module.inputs.iter().map(granted).collect(), limits: &module.limits };
        self.guests.call(&call, session)
    }

    fn open(&self, image: ImageId, task: &Task, access: Access) -> Result<Session, WorkerError> {
        let settings = SessionSettings { access, clone: &task.clone, limits: &task.module.limits };
        Session::open(&self.scratch.path_of(image), &settings).map_err(WorkerError::Open)
    }

    fn advance(&self, task: &Task, base: ImageId, result: ImageId, transactions: Transactions) -> Result<TaskAnswer, WorkerError> {
        self.scratch.restore(result, base)?;
        let mut trouble = Vec::new();
        let (call, committed) = self.apply_and_commit(task, result, transactions, &mut trouble)?;
        let state = if committed { Some(state::digest(&self.scratch.path_of(result))?) } else { None };
        Ok(TaskAnswer::Advanced { call, state, trouble })
    }

    /// `verify` with a read-only handle: the state at exit must be the state at entry.
    fn read_only(&self, task: &Task, result: ImageId) -> Result<LegRecord, WorkerError> {
        let mut record = leg(Leg::ReadOnly);
        let image = self.scratch.copy_of(result)?;
        record.states.push(state_at(&image, Moment::Before)?);
        let called = self.call(&task.module, Export::Verify, self.open(image.id(), task, Access::Read)?)?;
        drop(called.session);
        record.calls.push(called.record);
        record.states.push(state_at(&image, Moment::After)?);
        Ok(record)
    }

    /// BEGIN, apply, ROLLBACK. The change is flushed to the file, so that ROLLBACK has to take pages back.
    fn transactional(&self, task: &Task, base: ImageId) -> Result<LegRecord, WorkerError> {
        let mut record = leg(Leg::Transactional);
        let image = self.scratch.copy_of(base)?;
        record.states.push(state_at(&image, Moment::Before)?);
        let session = self.open(image.id(), task, Access::Step(Transactions::Host))?;
        session.begin().map_err(WorkerError::Open)?;
        let called = self.call(&task.module, Export::Apply, session)?;
        let returned = called.record.outcome.returned();
        record.calls.push(called.record);
        if let Some(session) = called.session {
            if returned && session.in_transaction() {
                match session.flush().and_then(|()| state::digest_in_transaction(&session)) {
                    Ok(state) => record.states.push(StateAt { at: Moment::AfterApply, state, bytes: None }),
                    Err(refusal) => record.trouble.push(format!("the change could not be written: {refusal}")),
                }
            }
            room(&session)?;
            if !session.in_transaction() {
                record.trouble.push(ENDED_FROM_WITHIN.to_owned());
            } else if let Err(refusal) = session.rollback() {
                record.trouble.push(format!("ROLLBACK was refused: {refusal}"));
            }
        }
        record.states.push(state_at(&image, Moment::AfterRollback)?);
        Ok(record)
    }

    /// Snapshot, apply, COMMIT, restore.
    fn committed(&self, task: &Task, base: ImageId, transactions: Transactions) -> Result<LegRecord, WorkerError> {
        let mut record = leg(Leg::Committed);
        // The snapshot is `base` itself: nothing ever writes to it.
        let image = self.scratch.copy_of(base)?;
        record.states.push(state_and_bytes_at(&image, Moment::Before)?);
        let (call, committed) = self.apply_and_commit(task, image.id(), transactions, &mut record.trouble)?;
        record.calls.push(call);
        if committed {
            record.states.push(state_at(&image, Moment::AfterApply)?);
        }
        self.scratch.restore(image.id(), base)?;
        record.states.push(state_and_bytes_at(&image, Moment::AfterRestore)?);
        Ok(record)
    }

    /// Applies a step and commits; false when there is nothing that could be committed.
    fn apply_and_commit(
        &self,
        task: &Task,
        image: ImageId,
        transactions: Transactions,
        trouble: &mut Vec<String>,
    ) -> Result<(CallRecord, bool), WorkerError> {
        let session = self.open(image, task, Access::Step(transactions))?;
        if transactions == Transactions::Host {
            session.begin().map_err(WorkerError::Open)?;
        }
        let called = self.call(&task.module, Export::Apply, session)?;
        let mut committed = false;
        if let (true, Some(session)) = (called.record.outcome.returned(), &called.session) {
            match transactions {
                Transactions::Host if !session.in_transaction() => trouble.push(ENDED_FROM_WITHIN.to_owned()),
                Transactions::Host => match session.commit() {
                    Ok(()) => committed = true,
                    Err(refusal) => trouble.push(format!("COMMIT was refused: {refusal}")),
                },
                Transactions::Own if session.in_transaction() => {
                    trouble.push("the step left its transaction open, so nothing of it was committed".to_owned());
                }
                Transactions::Own => committed = true,
            }
            room(session)?;
        }
        Ok((called.record, committed))
    }

    fn case(&self, task: &Task, probe: &str, case: &ListedCase, base: ImageId) -> Result<CaseRecord, WorkerError> {
        let image = self.scratch.copy_of(base)?;
        let mut states = vec![state_at(&image, Moment::Before)?];
        let called = self.call(&task.module, Export::Run { case: &case.name }, self.open(image.id(), task, Access::Case)?)?;
        drop(called.session);
        states.push(state_at(&image, Moment::After)?);
        Ok(CaseRecord {
            probe: probe.to_owned(),
            case: case.name.clone(),
            says: case.summary.clone(),
            expected: case.expected,
            status: Status::Ran,
            states,
            calls: vec![called.record],
            trouble: Vec::new(),
        })
    }
}

/// Refuses to go on with a session whose disk was full.
fn room(session: &Session) -> Result<(), WorkerError> {
    if session.disk_was_full() { Err(WorkerError::DiskFull) } else { Ok(()) }
}

const ENDED_FROM_WITHIN: &str =
    "the host's transaction was rolled back from within: by ON CONFLICT ROLLBACK, or RAISE(ROLLBACK) in a trigger";

fn leg(leg: Leg) -> LegRecord {
    LegRecord { step: String::new(), leg, status: Status::Ran, states: Vec::new(), calls: Vec::new(), trouble: Vec::new() }
}

fn state_at(image: &Image, at: Moment) -> io::Result<StateAt> {
    Ok(StateAt { at, state: state::digest(image.path())?, bytes: None })
}

fn state_and_bytes_at(image: &Image, at: Moment) -> io::Result<StateAt> {
    let digests = state::digests(image.path())?;
    Ok(StateAt { at, state: digests.state, bytes: Some(digests.bytes) })
}
