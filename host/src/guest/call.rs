//! One call of one export.

use std::collections::BTreeSet;

use rehearsal_packet::{
    Count, Sha256, printable,
    record::{CallOutcome, CallRecord, Claim, Expectation},
};
use serde::{Deserialize, Serialize};
use wasmtime::{Store, Trap, component::Resource};

use super::{
    bindings::{description, probe, step, validator},
    engine::{EPOCH_MS, Guests},
    host::{Database, Ended, GrantedInput, HostState, TEXT_CHARS_MAX, from_guest_class},
};
use crate::{admit::Role, clone_db::Session, plan::Limits};

/// The most cases that a probe may list.
const CASES_MAX: usize = 10_000;

/// What to call, and with what.
#[derive(Debug)]
pub struct Call<'a> {
    /// The digest of a module that was compiled.
    pub module: Sha256,
    /// What to call.
    pub export: Export<'a>,
    /// The inputs granted to it.
    pub inputs: Vec<GrantedInput>,
    /// Its limits.
    pub limits: &'a Limits,
}

/// The exports of the three worlds. Those that take a database are called with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export<'a> {
    /// `step.describe`
    DescribeStep,
    /// `step.apply`
    Apply,
    /// `step.verify`
    Verify,
    /// `probe.describe`
    DescribeProbe,
    /// `probe.cases`
    Cases,
    /// `probe.run`
    Run {
        /// The case.
        case: &'a str,
    },
    /// `validator.describe`
    DescribeValidator,
    /// `validator.validate`
    Validate {
        /// The canonical JSON of the record.
        record: &'a str,
    },
}

impl Export<'_> {
    /// The name in the WIT.
    pub fn function(self) -> &'static str {
        match self {
            Export::DescribeStep | Export::DescribeProbe | Export::DescribeValidator => "describe",
            Export::Apply => "apply",
            Export::Verify => "verify",
            Export::Cases => "cases",
            Export::Run { .. } => "run",
            Export::Validate { .. } => "validate",
        }
    }

    /// The role of the module that exports it.
    pub fn role(self) -> Role {
        match self {
            Export::DescribeStep | Export::Apply | Export::Verify => Role::Step,
            Export::DescribeProbe | Export::Cases | Export::Run { .. } => Role::Probe,
            Export::DescribeValidator | Export::Validate { .. } => Role::Validator,
        }
    }
}

/// What a call came to.
#[derive(Debug)]
pub struct Called {
    /// What the host saw.
    pub record: CallRecord,
    /// What the module answered, if it answered.
    pub answer: Option<Answer>,
    /// The session that was lent, as the module left it.
    pub session: Option<Session>,
}

/// The parts of answers that decide what is called next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Nothing beyond what is in the record.
    Done,
    /// Whether a step offers `verify`, and `revert`.
    Operations {
        /// It offers `verify`.
        verify: bool,
        /// It offers `revert`.
        revert: bool,
    },
    /// The cases of a probe.
    Cases(Vec<ListedCase>),
    /// A ruling.
    Ruling(Ruling),
}

/// A case as its probe lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCase {
    /// Its name, as the probe wants it back.
    pub name: String,
    /// What it tries, escaped.
    pub summary: String,
    /// What must happen.
    pub expected: Expectation,
}

/// What a validator says of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Whether it accepts the record.
    pub accepted: bool,
    /// Why not, escaped.
    pub reasons: Vec<String>,
}

/// What a typed call gave: the module's words, its claim, and the answer; or its error.
type Said = Result<(String, Option<Claim>, Answer), String>;

impl Guests {
    /// Makes one call, on a fresh instance, with a session where the export takes a database.
    ///
    /// # Panics
    /// When the module was not compiled in the export's role: the runner compiles what it admits before it calls anything.
    pub fn call(&self, call: &Call<'_>, session: Option<Session>) -> Called {
        let pre = self.instance_pre(call.module, call.export.role()).expect("every module is compiled before it is called");
        let mut store = Store::new(self.engine(), HostState::new(session, call.inputs.clone(), call.limits));
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(call.limits.call_ms.div_ceil(EPOCH_MS) + 1);
        // What a guest hands over in one call of the host is copied: it may not be more than the guest itself may hold.
        store.set_hostcall_fuel(usize::try_from(call.limits.memory_bytes).unwrap_or(usize::MAX));
        let outcome = store.set_fuel(call.limits.fuel).and_then(|()| invoke(&mut store, pre, call.export));
        let fuel = call.limits.fuel - store.get_fuel().unwrap_or(0);

        let state = store.into_data();
        let (outcome, answer) = match outcome {
            Ok(Ok((says, claim, answer))) => (CallOutcome::Returned { claim, says }, Some(answer)),
            Ok(Err(says)) => (CallOutcome::Refused { says }, None),
            Err(error) => (ended(&error, &state, call.limits), None),
        };
        let record = CallRecord {
            function: call.export.function().to_owned(),
            outcome,
            fuel: Count(fuel),
            sql: state.session().map(Session::record).unwrap_or_default(),
            log: state.log.clone(),
            log_bytes_dropped: Count(state.log_bytes_dropped),
        };
        Called { record, answer, session: state.into_session() }
    }
}

/// Instantiates and calls. An error of this function is a call that did not return.
fn invoke(store: &mut Store<HostState>, pre: &wasmtime::component::InstancePre<HostState>, export: Export<'_>) -> wasmtime::Result<Said> {
    // The session is in the store; the handle only says that there is one.
    let database = || Resource::<Database>::new_borrow(0);
    let pre = pre.clone();
    match export {
        Export::DescribeStep => {
            let step = step::StepModulePre::new(pre)?.instantiate(&mut *store)?;
            let (description, operations) = step.rehearsal_guest_step().call_describe(store)?;
            let offers = |operation| operations.contains(operation);
            use step::exports::rehearsal::guest::step::Operations;
            let answer = Answer::Operations { verify: offers(Operations::VERIFY), revert: offers(Operations::REVERT) };
            Ok(Ok((described(&description), None, answer)))
        }
        Export::Apply => {
            use step::exports::rehearsal::guest::step::Outcome;
            let step = step::StepModulePre::new(pre)?.instantiate(&mut *store)?;
            Ok(match step.rehearsal_guest_step().call_apply(store, database())? {
                Ok(Outcome::Changed(says)) => Ok((shown(&says), Some(Claim::Changed), Answer::Done)),
                Ok(Outcome::Unchanged(says)) => Ok((shown(&says), Some(Claim::Unchanged), Answer::Done)),
                Err(says) => Err(shown(&says)),
            })
        }
        Export::Verify => {
            let step = step::StepModulePre::new(pre)?.instantiate(&mut *store)?;
            Ok(match step.rehearsal_guest_step().call_verify(store, database())? {
                Ok(()) => Ok((String::new(), None, Answer::Done)),
                Err(violations) => Err(shown(&violations.join("; "))),
            })
        }
        Export::DescribeProbe => {
            let probe = probe::ProbeModulePre::new(pre)?.instantiate(&mut *store)?;
            let description = probe.rehearsal_guest_probe().call_describe(store)?;
            Ok(Ok((described(&description), None, Answer::Done)))
        }
        Export::Cases => {
            let probe = probe::ProbeModulePre::new(pre)?.instantiate(&mut *store)?;
            let cases = probe.rehearsal_guest_probe().call_cases(store)?;
            Ok(listed(cases).map(|cases| (format!("{} cases", cases.len()), None, Answer::Cases(cases))))
        }
        Export::Run { case } => {
            let probe = probe::ProbeModulePre::new(pre)?.instantiate(&mut *store)?;
            let outcome = probe.rehearsal_guest_probe().call_run(store, case, database())?;
            Ok(outcome.map(|()| (String::new(), None, Answer::Done)).map_err(|says| shown(&says)))
        }
        Export::DescribeValidator => {
            let validator = validator::ValidatorModulePre::new(pre)?.instantiate(&mut *store)?;
            let description = validator.rehearsal_guest_validator().call_describe(store)?;
            Ok(Ok((described(&description), None, Answer::Done)))
        }
        Export::Validate { record } => {
            let validator = validator::ValidatorModulePre::new(pre)?.instantiate(&mut *store)?;
            let ruling = validator.rehearsal_guest_validator().call_validate(store, record)?;
            let reasons = ruling.reasons.iter().take(1_000).map(|reason| shown(reason)).collect();
            let says = if ruling.accepted { "accepted" } else { "refused" };
            Ok(Ok((says.to_owned(), None, Answer::Ruling(Ruling { accepted: ruling.accepted, reasons }))))
        }
    }
}

fn shown(says: &str) -> String {
    printable(says, TEXT_CHARS_MAX)
}

fn described(description: &description::Description) -> String {
    printable(&format!("{}: {}", description.name, description.summary), TEXT_CHARS_MAX)
}

/// A list of cases that can be run and written down: names become file names in the packet.
fn listed(cases: Vec<probe::exports::rehearsal::guest::probe::Case>) -> Result<Vec<ListedCase>, String> {
    use probe::exports::rehearsal::guest::probe::Expectation as Guest;
    if cases.len() > CASES_MAX {
        return Err(format!("the probe lists {} cases; {CASES_MAX} are the most", cases.len()));
    }
    let mut names = BTreeSet::new();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    for case in &cases {
        let name = &case.name;
        if name.is_empty() || name.len() > 64 || name.starts_with('-') || !name.bytes().all(plain) {
            return Err(format!("the probe lists a case {:?}: names have 1 to 64 lower-case letters, digits and hyphens", shown(name)));
        }
        if !names.insert(name.clone()) {
            return Err(format!("the probe lists two cases named {name:?}"));
        }
    }
    let listed = cases.into_iter().map(|case| ListedCase {
        name: case.name,
        summary: shown(&case.summary),
        expected: match case.expected {
            Guest::Allowed => Expectation::Allowed,
            Guest::Rejected(class) => Expectation::Rejected { class: from_guest_class(class) },
        },
    });
    Ok(listed.collect())
}

/// Why a call did not return: first what the host itself did, then what the engine says.
fn ended(error: &wasmtime::Error, state: &HostState, limits: &Limits) -> CallOutcome {
    let limit = |limit: &str, value: u64| CallOutcome::Limit { limit: limit.to_owned(), value: Count(value) };
    if let Some((name, value)) = state.memory.overrun {
        return limit(name, value);
    }
    match error.downcast_ref::<Ended>() {
        Some(Ended::Failed(says)) => return CallOutcome::Failed { says: says.clone() },
        Some(Ended::Overrun(overrun)) => return limit(overrun.limit, overrun.value),
        None => {}
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => limit("fuel", limits.fuel),
        Some(Trap::Interrupt) => limit("call_ms", limits.call_ms),
        Some(trap) => CallOutcome::Trapped { reason: trap.to_string() },
        // Without backtraces, what is left is one line from the engine: a handle used after its call, too much handed over.
        None => CallOutcome::Trapped { reason: shown(&error.root_cause().to_string()) },
    }
}
