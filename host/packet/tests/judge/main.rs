//! The judge: a clean record has no finding, and each way of not being clean has one that names it.

mod sample;

use rehearsal_packet::{
    Count, Sha256,
    judge::{fabrications, findings, judge},
    record::{CallOutcome, Claim, ErrorClass, Expectation, LastStatement, Leg, Moment, Record, Status},
    verdict::{Code, Outcome},
};
use sample::{clean_record, ruling_on};

/// The codes and subjects of what is wrong with a clean record after one change.
fn found(change: impl FnOnce(&mut Record)) -> Vec<(Code, String)> {
    let mut record = clean_record();
    change(&mut record);
    findings(&record).into_iter().map(|finding| (finding.code, finding.subject)).collect()
}

fn one(code: Code, subject: &str) -> Vec<(Code, String)> {
    vec![(code, subject.to_owned())]
}

fn set_state(record: &mut Record, leg: Leg, at: Moment, state: Sha256) {
    let leg = record.steps[0].legs.iter_mut().find(|record| record.leg == leg).expect("every leg is there");
    leg.states.iter_mut().find(|record| record.at == at).expect("the moment is there").state = state;
}

fn elsewhere() -> Sha256 {
    Sha256::of(b"elsewhere")
}

const TRANSACTIONAL: &str = "step one, transactional leg";
const COMMITTED: &str = "step one, committed leg";
const READ_ONLY: &str = "step one, read-only leg";
const BAD: &str = "probe attack, case bad";
const GOOD: &str = "probe attack, case good";

#[test]
fn a_clean_record_has_no_finding() {
    assert_eq!(findings(&clean_record()), []);
    let verdict = judge(&clean_record(), &ruling_on(&clean_record()));
    assert_eq!(verdict.verdict, Outcome::Passed);
}

#[test]
fn a_step_whose_claim_is_not_in_the_bytes_is_found_out() {
    let before = clean_record().source.state;
    let twice = (Code::NotDeterministic, TRANSACTIONAL.to_owned());
    let fabricated = found(|record| set_state(record, Leg::Transactional, Moment::AfterApply, before));
    assert_eq!(fabricated, [(Code::FabricatedChange, TRANSACTIONAL.to_owned()), twice.clone()]);
    let claim = |record: &mut Record, leg: usize, claim| {
        record.steps[0].legs[leg].calls[0].outcome = CallOutcome::Returned { claim, says: String::new() };
    };
    assert_eq!(found(|record| claim(record, 1, Some(Claim::Unchanged))), one(Code::UnreportedChange, TRANSACTIONAL));
    assert_eq!(found(|record| claim(record, 1, None)), one(Code::EvidenceMissing, TRANSACTIONAL));
    let idle = found(|record| {
        claim(record, 1, Some(Claim::Unchanged));
        set_state(record, Leg::Transactional, Moment::AfterApply, before);
    });
    assert_eq!(idle, [(Code::NothingToDo, TRANSACTIONAL.to_owned()), twice]);
}

#[test]
fn bytes_that_moved_are_no_change() {
    let moved = found(|record| record.steps[0].step.content_changed = Some(false));
    assert_eq!(moved, [(Code::FabricatedChange, TRANSACTIONAL.to_owned()), (Code::FabricatedChange, COMMITTED.to_owned())]);
    let unknown = found(|record| record.steps[0].step.content_changed = None);
    assert_eq!(unknown, [(Code::EvidenceMissing, TRANSACTIONAL.to_owned()), (Code::EvidenceMissing, COMMITTED.to_owned())]);
}

#[test]
fn each_leg_must_leave_what_it_promises_to_leave() {
    assert_eq!(found(|record| set_state(record, Leg::ReadOnly, Moment::After, elsewhere())), one(Code::ReadOnlyChanged, READ_ONLY));
    let rollback = found(|record| set_state(record, Leg::Transactional, Moment::AfterRollback, elsewhere()));
    assert_eq!(rollback, one(Code::RollbackIncomplete, TRANSACTIONAL));
    let restore = found(|record| record.steps[0].legs[2].states[2].bytes = Some(elsewhere()));
    assert_eq!(restore, one(Code::RestoreIncomplete, COMMITTED));
    let unproven = found(|record| record.steps[0].legs[2].states.iter_mut().for_each(|state| state.bytes = None));
    assert_eq!(unproven, one(Code::RestoreIncomplete, COMMITTED));
    for (leg, subject) in [(Leg::Transactional, TRANSACTIONAL), (Leg::Committed, COMMITTED)] {
        let twice = found(|record| set_state(record, leg, Moment::AfterApply, elsewhere()));
        assert_eq!(twice, one(Code::NotDeterministic, subject));
    }
}

#[test]
fn a_call_that_did_not_return_is_a_finding_of_its_own_kind() {
    let ended = |outcome: CallOutcome| {
        found(|record| {
            let leg = &mut record.steps[0].legs[1];
            leg.calls[0].outcome = outcome;
            leg.states.retain(|state| state.at != Moment::AfterApply);
        })
    };
    let says = || "no".to_owned();
    assert_eq!(ended(CallOutcome::Refused { says: says() }), one(Code::ModuleError, TRANSACTIONAL));
    assert_eq!(ended(CallOutcome::Failed { says: says() }), one(Code::GaveUp, TRANSACTIONAL));
    assert_eq!(ended(CallOutcome::Trapped { reason: says() }), one(Code::Trapped, TRANSACTIONAL));
    assert_eq!(ended(CallOutcome::Limit { limit: "fuel".into(), value: Count(1) }), one(Code::LimitOverrun, TRANSACTIONAL));
}

#[test]
fn evidence_that_is_missing_is_a_finding() {
    assert_eq!(found(|record| drop(record.steps[0].legs.remove(1))), one(Code::EvidenceMissing, "step one"));
    let undigested = found(|record| record.steps[0].legs[1].states.retain(|state| state.at != Moment::AfterApply));
    assert_eq!(undigested, one(Code::EvidenceMissing, TRANSACTIONAL));
    let not_run = found(|record| record.steps[0].legs[1].status = Status::NotRun { reason: "no".into() });
    assert_eq!(not_run, one(Code::NotRun, TRANSACTIONAL));
    let no_committed = found(|record| record.steps[0].legs[2].status = Status::NotApplicable { reason: "no".into() });
    assert_eq!(no_committed, one(Code::EvidenceMissing, COMMITTED));
    assert_eq!(found(|record| record.steps[0].legs[1].trouble.push("COMMIT".into())), one(Code::HostTrouble, TRANSACTIONAL));
    let nothing = found(|record| {
        record.steps.clear();
        record.probes.clear();
    });
    assert_eq!(nothing, one(Code::EvidenceMissing, "record"));
}

#[test]
fn records_that_do_not_fit_together_are_a_finding() {
    assert_eq!(found(|record| record.source.sha256_after = elsewhere()), one(Code::SourceChanged, "source"));
    let inconsistent = |change: fn(&mut Record)| found(change).iter().any(|(code, _)| *code == Code::EvidenceInconsistent);
    assert!(inconsistent(|record| record.source.state = elsewhere()));
    assert!(inconsistent(|record| record.probes[0].probe.base = Some(elsewhere())));
    assert!(inconsistent(|record| record.steps.push(record.steps[0].clone())));
    assert!(inconsistent(|record| record.probes[0].cases[0].probe = "other".into()));
    assert!(inconsistent(|record| record.steps[0].legs[0].step = "other".into()));
    assert_eq!(found(|record| drop(record.probes[0].probe.cases.pop())), one(Code::EvidenceMissing, "probe attack"));
}

#[test]
fn a_step_that_cannot_start_is_one_finding_and_not_one_for_each_leg() {
    let blocked = found(|record| {
        let mut second = record.steps[0].clone();
        record.steps[0].step.result = None;
        second.step.name = "two".into();
        second.step.base = None;
        second.step.result = None;
        for leg in &mut second.legs {
            leg.step = "two".into();
            leg.status = Status::NotRun { reason: "step \"one\" could not be applied".into() };
        }
        record.steps.push(second);
        record.probes[0].probe.base = None;
    });
    let of = |subject: &str| blocked.iter().filter(|(code, found)| *code == Code::NotRun && found == subject).count();
    assert_eq!((of("step two"), of("probe attack")), (1, 1), "{blocked:?}");
    assert!(!blocked.iter().any(|(_, subject)| subject.contains("two, ") || subject.contains("case")), "{blocked:?}");
}

#[test]
fn bad_input_must_be_refused_for_the_declared_reason_and_leave_nothing() {
    let last = |record: &mut Record, class| {
        let call = &mut record.probes[0].cases[0].calls[0];
        if let Some(LastStatement::Refused { refusal }) = &mut call.sql.last {
            refusal.class = class;
        }
        call.sql.refusals[0].class = class;
    };
    assert_eq!(found(|record| last(record, ErrorClass::Unique)), one(Code::WrongRejection, BAD));
    for vacuous in [ErrorClass::Syntax, ErrorClass::Missing, ErrorClass::Limit, ErrorClass::Other] {
        assert_eq!(found(|record| last(record, vacuous)), one(Code::VacuousRejection, BAD), "{vacuous:?}");
        let declared = found(|record| {
            last(record, vacuous);
            record.probes[0].cases[0].expected = Expectation::Rejected { class: vacuous };
        });
        assert_eq!(declared, one(Code::VacuousRejection, BAD), "{vacuous:?}");
    }
    let accepted = found(|record| record.probes[0].cases[0].calls[0].sql.last = Some(LastStatement::Accepted));
    assert_eq!(accepted, one(Code::BadInputAccepted, BAD));
    assert_eq!(found(|record| record.probes[0].cases[0].calls[0].sql.refused = Count(2)), one(Code::VacuousRejection, BAD));
    assert_eq!(found(|record| record.probes[0].cases[0].states[1].state = elsewhere()), one(Code::RejectionChangedState, BAD));
    assert_eq!(found(|record| record.probes[0].cases[0].calls[0].sql.last = None), one(Code::EvidenceMissing, BAD));
}

#[test]
fn a_probe_without_working_controls_shows_nothing() {
    let keep = |record: &mut Record, index: usize| {
        let probe = &mut record.probes[0];
        probe.cases = vec![probe.cases[index].clone()];
        probe.probe.cases = vec![probe.cases[0].case.clone()];
    };
    assert_eq!(found(|record| keep(record, 0)), one(Code::VacuousProbe, "probe attack"));
    assert_eq!(found(|record| keep(record, 1)), one(Code::VacuousProbe, "probe attack"));
    let empty = found(|record| {
        record.probes[0].cases.clear();
        record.probes[0].probe.cases.clear();
    });
    assert_eq!(empty, one(Code::VacuousProbe, "probe attack"));
    let unmoved = found(|record| record.probes[0].cases[1].states[1].state = record.probes[0].cases[1].states[0].state);
    assert_eq!(unmoved, one(Code::VacuousControl, GOOD));
    let refused = found(|record| {
        let refusals = record.probes[0].cases[0].calls[0].sql.refusals.clone();
        record.probes[0].cases[1].calls[0].sql.refusals = refusals;
    });
    assert_eq!(refused, one(Code::ControlRefused, GOOD));
}

#[test]
fn the_host_refuses_every_record_that_the_validator_must_refuse() {
    let record = clean_record();
    let fabrications = fabrications(&record);
    assert!(fabrications.len() >= 15, "{}", fabrications.len());
    for fabrication in fabrications {
        assert_ne!(findings(&fabrication.record), [], "a record in which {}", fabrication.lie);
    }
}

#[test]
fn a_validator_must_accept_the_record_and_refuse_every_fabrication() {
    let record = clean_record();
    let code_of = |change: fn(&mut rehearsal_packet::verdict::RulingRecord)| {
        let mut ruling = ruling_on(&record);
        change(&mut ruling);
        judge(&record, &ruling).findings.iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(code_of(|ruling| ruling.accepted = Some(false)), [Code::ValidatorRefused]);
    assert_eq!(code_of(|ruling| ruling.accepted = None), [Code::ValidatorFailed]);
    assert_eq!(code_of(|ruling| ruling.controls[3].accepted = Some(true)), [Code::ValidatorFooled]);
    assert_eq!(code_of(|ruling| ruling.controls[3].accepted = None), [Code::ValidatorFailed]);
    assert_eq!(code_of(|ruling| drop(ruling.controls.pop())), [Code::EvidenceMissing]);
    assert_eq!(code_of(|ruling| ruling.controls.swap(0, 1)), [Code::EvidenceMissing]);
    assert_eq!(code_of(|ruling| ruling.record = Sha256::of(b"another")), [Code::EvidenceInconsistent]);
}
