//! Performs one [`Task`] at a time. Everything that touches guest bytes or guest SQL goes through here.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc};

use rehearsal_clone::{CloneFile, ContentError, Image, InUse};
use rehearsal_packet::{
    Sha256,
    record::{CallRecord, CaseRecord, Expectation, Leg, LegRecord, Moment, StateAt, Status},
};

use super::{
    difference,
    task::{LegWork, ModuleUse, Task, TaskAnswer, Work},
};
use crate::{
    admit::{Admitted, Role},
    clone_db::{Access, Clones, ImageId, NoImage, NoSession, Session, SessionPool, SessionSettings, SqlRefusal, SqlValue},
    guest::{Call, Called, CompileError, Export, GrantedInput, Guests, ListedCase},
    plan::Transactions,
};

/// Compiled modules, their inputs, and what clones are made of.
#[derive(Debug)]
pub struct Worker<'a> {
    guests: Guests,
    inputs: BTreeMap<Sha256, Arc<[u8]>>,
    clones: &'a Clones,
    pool: SessionPool,
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
    /// A task names an image that is not there.
    #[error(transparent)]
    Image(#[from] NoImage),
    /// There is no session on a clone.
    #[error(transparent)]
    Session(#[from] NoSession),
    /// A clone is restored while somebody uses it.
    #[error(transparent)]
    InUse(#[from] InUse),
    /// A clone cannot be opened.
    #[error("cannot open a clone: {0}")]
    Open(SqlRefusal),
    /// The source cannot be read any more, or is not what it was.
    #[error("cannot read a clone: {0}; the source must stay where it is, and as it is, while it is rehearsed on")]
    Read(#[from] io::Error),
    /// What does not fit into memory finds no room on the disk either.
    #[error("no room for what clones change beyond --memory-mib, in {}: {error}; set TMPDIR to a directory with more room, or give more memory", .directory.display())]
    Disk {
        /// Where the room was looked for.
        directory: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl<'a> Worker<'a> {
    /// Compiles every module of the plan.
    ///
    /// # Errors
    /// [`WorkerError::Engine`], [`WorkerError::Compile`].
    pub fn new(admitted: &Admitted, clones: &'a Clones) -> Result<Self, WorkerError> {
        let mut guests = Guests::new().map_err(|error| WorkerError::Engine(format!("{error:#}")))?;
        for module in admitted.modules().values() {
            guests.compile(module)?;
        }
        let inputs = admitted.plan().modules().flat_map(|module| module.inputs.values());
        let inputs = inputs.map(|input| (input.found, admitted.plan().bytes(input.found).clone())).collect();
        Ok(Self { guests, inputs, clones, pool: SessionPool::default() })
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
                    LegWork::Transactional { base, expected } => self.transactional(task, base, expected),
                    LegWork::Committed { base, expected, transactions } => self.committed(task, base, expected, transactions),
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
            Some(session) => self.sound(session).map(|()| called),
            None => Ok(called),
        }
    }

    fn call_guest(&self, module: &ModuleUse, export: Export<'_>, session: Option<Session>) -> Called {
        let granted = |(name, digest): &(String, Sha256)| GrantedInput { name: name.clone(), bytes: self.inputs[digest].clone() };
        let call = Call { module: module.module, export, inputs: module.inputs.iter().map(granted).collect(), limits: &module.limits };
        self.guests.call(&call, session)
    }

    /// A fresh clone of an image.
    fn clone_of(&self, image: ImageId, task: &Task) -> Result<Arc<CloneFile>, WorkerError> {
        Ok(self.clones.clone_of(self.clones.image(image)?, &task.clone, &task.module.limits))
    }

    fn open(&self, clone: &Arc<CloneFile>, task: &Task, access: Access) -> Result<Session, WorkerError> {
        let settings = SessionSettings { access, clone: &task.clone, limits: &task.module.limits };
        Session::open(clone, &settings).map_err(WorkerError::Open)
    }

    fn advance(&self, task: &Task, base: ImageId, result: ImageId, transactions: Transactions) -> Result<TaskAnswer, WorkerError> {
        let clone = self.clone_of(base, task)?;
        let mut trouble = Vec::new();
        let (call, committed) = self.apply_and_commit(task, &clone, transactions, &mut trouble)?;
        let (mut state, mut content_changed) = (None, None);
        if committed {
            let image = clone.image();
            state = Some(image.state_digest()?);
            match difference::is_any(&self.clones.image(base)?, &image, self.clones.store(), *clone.settings()) {
                Ok(changed) => content_changed = Some(changed),
                Err(ContentError::Io(error)) => return Err(error.into()),
                Err(error) => trouble.push(format!("whether any row was changed cannot be found out: {error}")),
            }
            self.clones.put(result, image);
        }
        Ok(TaskAnswer::Advanced { call, state, content_changed, trouble })
    }

    /// `verify` with a read-only handle: the state at exit must be the state at entry.
    fn read_only(&self, task: &Task, result: ImageId) -> Result<LegRecord, WorkerError> {
        let mut record = leg(Leg::ReadOnly);
        let clone = self.clone_of(result, task)?;
        let before = clone.image();
        record.states.push(state_at(&before, Moment::Before)?);
        let called = self.call(&task.module, Export::Verify, self.open(&clone, task, Access::Read)?)?;
        drop(called.session);
        record.calls.push(called.record);
        let after = clone.image();
        record.states.push(self.state_that_should_be(&before, &after, Moment::After, &clone)?);
        Ok(record)
    }

    /// BEGIN, apply, ROLLBACK.
    ///
    /// A ROLLBACK that only forgets what was never written proves nothing. So the page cache is kept small, that pages are written
    /// and read again while the step is at work; what is left is written before the ROLLBACK; and a second connection reads the
    /// clone after it, which would roll back what the first one has left half done.
    fn transactional(&self, task: &Task, base: ImageId, expected: Option<ImageId>) -> Result<LegRecord, WorkerError> {
        let mut record = leg(Leg::Transactional);
        let clone = self.clone_of(base, task)?;
        let before = clone.image();
        record.states.push(state_at(&before, Moment::Before)?);
        let session = self.open(&clone, task, Access::Step(Transactions::Host))?;
        session.spill_early().map_err(WorkerError::Open)?;
        session.begin().map_err(WorkerError::Open)?;
        let called = self.call(&task.module, Export::Apply, session)?;
        let returned = called.record.outcome.returned();
        record.calls.push(called.record);
        if let Some(session) = called.session {
            if returned && session.in_transaction() {
                match session.flush() {
                    Ok(image) => record.states.push(self.applied(&self.after_commit(task, image)?, expected, &clone)?),
                    Err(refusal) => record.trouble.push(format!("the change could not be written: {refusal}")),
                }
            }
            self.sound(&session)?;
            if !session.in_transaction() {
                record.trouble.push(ENDED_FROM_WITHIN.to_owned());
            } else if let Err(refusal) = session.rollback() {
                record.trouble.push(format!("ROLLBACK was refused: {refusal}"));
            }
        }
        let second = self.open(&clone, task, Access::Step(Transactions::Host))?;
        if let Err(refusal) = second.host_query("SELECT count(*) FROM sqlite_schema") {
            record.trouble.push(format!("after ROLLBACK a second connection cannot read the clone: {refusal}"));
        }
        drop(second);
        let after = clone.image();
        record.states.push(self.state_that_should_be(&before, &after, Moment::AfterRollback, &clone)?);
        Ok(record)
    }

    /// What COMMIT makes of what a transaction has written. With `auto_vacuum = FULL` that is not the same: it moves pages into the
    /// place of free ones, and cuts the file.
    fn after_commit(&self, task: &Task, image: Image) -> Result<Image, WorkerError> {
        if !image.is_auto_vacuum()? {
            return Ok(image);
        }
        let clone = self.clones.clone_of(image, &task.clone, &task.module.limits);
        let session = self.open(&clone, task, Access::Step(Transactions::Host))?;
        let commit = || {
            session.begin()?;
            // Sets what is there: a COMMIT without any write would do nothing.
            if let Some(SqlValue::Integer(version)) = session.host_query("PRAGMA user_version")?.first().and_then(|row| row.first()) {
                session.host_statement(&format!("PRAGMA user_version = {version}"))?;
            }
            session.commit()
        };
        commit().map_err(WorkerError::Open)?;
        Ok(clone.image())
    }

    /// Snapshot, apply, COMMIT, restore.
    fn committed(
        &self,
        task: &Task,
        base: ImageId,
        expected: Option<ImageId>,
        transactions: Transactions,
    ) -> Result<LegRecord, WorkerError> {
        let mut record = leg(Leg::Committed);
        let clone = self.clone_of(base, task)?;
        let snapshot = clone.image();
        record.states.push(state_and_bytes_at(&snapshot, Moment::Before)?);
        let (call, committed) = self.apply_and_commit(task, &clone, transactions, &mut record.trouble)?;
        record.calls.push(call);
        if committed {
            record.states.push(self.applied(&clone.image(), expected, &clone)?);
        }
        clone.restore(&snapshot)?;
        record.states.push(state_and_bytes_at(&clone.image(), Moment::AfterRestore)?);
        Ok(record)
    }

    /// The state after `apply`, which should be the one that the step has led to before.
    fn applied(&self, image: &Image, expected: Option<ImageId>, clone: &Arc<CloneFile>) -> Result<StateAt, WorkerError> {
        match expected {
            Some(expected) => self.state_that_should_be(&self.clones.image(expected)?, image, Moment::AfterApply, clone),
            None => Ok(state_at(image, Moment::AfterApply)?),
        }
    }

    /// A state, and what differs from the one that it should be.
    fn state_that_should_be(
        &self,
        expected: &Image,
        image: &Image,
        moment: Moment,
        clone: &Arc<CloneFile>,
    ) -> Result<StateAt, WorkerError> {
        let state = state_at(image, moment)?;
        // Mostly nothing was written, and the two are one image: then its digest need not be computed again.
        let difference = if expected.is(image) || expected.state_digest()? == state.state {
            None
        } else {
            Some(difference::between(expected, image, self.clones.store(), *clone.settings())?)
        };
        Ok(StateAt { difference, ..state })
    }

    /// Applies a step and commits; false when there is nothing that could be committed.
    fn apply_and_commit(
        &self,
        task: &Task,
        clone: &Arc<CloneFile>,
        transactions: Transactions,
        trouble: &mut Vec<String>,
    ) -> Result<(CallRecord, bool), WorkerError> {
        let session = self.open(clone, task, Access::Step(transactions))?;
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
            self.sound(session)?;
        }
        Ok((called.record, committed))
    }

    fn case(&self, task: &Task, probe: &str, case: &ListedCase, base: ImageId) -> Result<CaseRecord, WorkerError> {
        let settings = SessionSettings { access: Access::Case, clone: &task.clone, limits: &task.module.limits };
        let session = self.pool.session(self.clones, base, &settings)?;
        let clone = session.clone_file().clone();
        let before = clone.image();
        let mut states = vec![state_at(&before, Moment::Before)?];
        let called = self.call(&task.module, Export::Run { case: &case.name }, session)?;
        // A session that is not used again is dropped here, and what it has left open rolled back.
        let idle = called.session.and_then(Session::retire);
        let after = clone.image();
        states.push(match case.expected {
            Expectation::Rejected { .. } => self.state_that_should_be(&before, &after, Moment::After, &clone)?,
            Expectation::Allowed => state_at(&after, Moment::After)?,
        });
        if let Some(idle) = idle {
            self.pool.keep(base, &settings, idle);
        }
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

    /// Refuses to go on with a session for which the machine could not do its part.
    fn sound(&self, session: &Session) -> Result<(), WorkerError> {
        match session.take_trouble() {
            None => Ok(()),
            Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(WorkerError::Read(error)),
            Some(error) => Err(WorkerError::Disk { directory: self.clones.directory().to_owned(), error }),
        }
    }
}

const ENDED_FROM_WITHIN: &str =
    "the host's transaction was rolled back from within: by ON CONFLICT ROLLBACK, or RAISE(ROLLBACK) in a trigger";

fn leg(leg: Leg) -> LegRecord {
    LegRecord { step: String::new(), leg, status: Status::Ran, states: Vec::new(), calls: Vec::new(), trouble: Vec::new() }
}

fn state_at(image: &Image, at: Moment) -> io::Result<StateAt> {
    Ok(StateAt { at, state: image.state_digest()?, bytes: None, difference: None })
}

fn state_and_bytes_at(image: &Image, at: Moment) -> io::Result<StateAt> {
    Ok(StateAt { bytes: Some(image.bytes_digest()?), ..state_at(image, at)? })
}
