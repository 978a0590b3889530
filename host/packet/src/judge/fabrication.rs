//! Negative controls for the validator: records of rehearsals that did not happen, each of which it must refuse.

use crate::{
    Sha256,
    record::{CallOutcome, Expectation, LastStatement, Leg, Moment, Record, Status},
};

/// A record with one lie in it.
#[derive(Clone, Debug)]
pub struct Fabrication {
    /// The lie, as the end of "a record in which …".
    pub lie: String,
    /// The record.
    pub record: Record,
}

/// Every fabrication that a record gives rise to, always in the same order.
///
/// Each is made from the real record by one change, so that a validator cannot tell it by anything else.
pub fn fabrications(record: &Record) -> Vec<Fabrication> {
    let mut made = Vec::new();
    let mut fabricate = |lie: String, change: &dyn Fn(&mut Record)| {
        let mut fabricated = record.clone();
        change(&mut fabricated);
        if fabricated != *record {
            made.push(Fabrication { lie, record: fabricated });
        }
    };
    fabricate("the source changed during the run".into(), &|record| {
        record.source.sha256_after = other_than(record.source.sha256_before);
    });
    fabricate("nothing was rehearsed".into(), &|record| {
        record.steps.clear();
        record.probes.clear();
    });
    // One step and one case of each kind are enough: a validator that lets the first lie pass is not asked about the second.
    if let Some(index) = record.steps.iter().position(|step| step.legs.iter().any(|leg| leg.status == Status::Ran)) {
        let name = &record.steps[index].step.name;
        fabricate(format!("step {name}: a claimed change moved bytes and changed no row"), &|record| {
            record.steps[index].step.content_changed = Some(false);
        });
        for leg in Leg::ALL {
            let Some(at) = record.steps[index].legs.iter().position(|record| record.leg == leg && record.status == Status::Ran) else {
                continue;
            };
            let mut lie = |moment: Moment, lie: &str, same_as_before: bool| {
                fabricate(format!("step {name}: {lie}"), &|record| {
                    let leg = &mut record.steps[index].legs[at];
                    let Some(before) = leg.at(Moment::Before).map(|state| state.state) else { return };
                    for state in leg.states.iter_mut().filter(|state| state.at == moment) {
                        state.state = if same_as_before { before } else { other_than(before) };
                        if !same_as_before {
                            state.bytes = state.bytes.map(other_than);
                        }
                    }
                });
            };
            if leg != Leg::ReadOnly {
                lie(Moment::AfterApply, &format!("its {} leg led to another state than the step itself", leg.name()), false);
            }
            match leg {
                Leg::ReadOnly => lie(Moment::After, "`verify` changed the clone", false),
                Leg::Transactional => {
                    lie(Moment::AfterApply, "a claimed change is not in the bytes of the transactional leg", true);
                    lie(Moment::AfterRollback, "ROLLBACK left a change behind", false);
                }
                Leg::Committed => {
                    lie(Moment::AfterApply, "a claimed change is not in the bytes of the committed leg", true);
                    lie(Moment::AfterRestore, "the restored clone is not the snapshot", false);
                }
            }
            fabricate(format!("step {name}: the {} leg is missing", leg.name()), &|record| {
                record.steps[index].legs.remove(at);
            });
            fabricate(format!("step {name}: a call of the {} leg trapped", leg.name()), &|record| {
                for call in &mut record.steps[index].legs[at].calls {
                    call.outcome = CallOutcome::Trapped { reason: "unreachable".to_owned() };
                }
            });
        }
    }
    for (at, probe) in record.probes.iter().enumerate() {
        let name = &probe.probe.name;
        let first = |allowed: bool| {
            let wanted = |expected| (expected == Expectation::Allowed) == allowed;
            probe.cases.iter().position(|case| wanted(case.expected) && case.status == Status::Ran)
        };
        if let Some(case) = first(false) {
            fabricate(format!("probe {name}: bad input was accepted"), &|record| {
                for call in &mut record.probes[at].cases[case].calls {
                    call.sql.refused.0 = 0;
                    call.sql.refusals.clear();
                    call.sql.last = Some(LastStatement::Accepted);
                }
            });
            fabricate(format!("probe {name}: a refused case changed the clone"), &|record| {
                for state in record.probes[at].cases[case].states.iter_mut().filter(|state| state.at == Moment::After) {
                    state.state = other_than(state.state);
                }
            });
        }
        if let Some(case) = first(true) {
            fabricate(format!("probe {name}: a control changed nothing"), &|record| {
                let case = &mut record.probes[at].cases[case];
                let Some(before) = case.at(Moment::Before).map(|state| state.state) else { return };
                for state in case.states.iter_mut().filter(|state| state.at == Moment::After) {
                    state.state = before;
                }
            });
        }
        fabricate(format!("probe {name}: there is no control"), &|record| {
            let probe = &mut record.probes[at];
            probe.cases.retain(|case| case.expected != Expectation::Allowed);
            probe.probe.cases = probe.cases.iter().map(|case| case.case.clone()).collect();
        });
    }
    made
}

/// A digest of nothing that was rehearsed.
fn other_than(digest: Sha256) -> Sha256 {
    Sha256::of(digest.to_hex().as_bytes())
}
