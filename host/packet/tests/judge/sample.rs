//! A small clean record: one step with three legs, one probe with one bad input and one control.

use rehearsal_packet::{
    Count, Sha256,
    judge::fabrications,
    record::{
        CallOutcome, CallRecord, CaseRecord, Claim, ErrorClass, Expectation, LastStatement, Leg, LegRecord, Moment, ProbeRecord,
        ProbeSummary, RECORD_FORMAT, Record, Refusal, SourceKind, SourceRecord, SqlRecord, StateAt, Status, StepRecord, StepSummary,
    },
    verdict::{ControlRecord, RulingRecord, VERDICT_FORMAT, shown_to_validator},
};

fn call(function: &str, claim: Option<Claim>, sql: SqlRecord) -> CallRecord {
    CallRecord {
        function: function.into(),
        outcome: CallOutcome::Returned { claim, says: "done".into() },
        fuel: Count(1000),
        sql,
        log: Vec::new(),
        log_bytes_dropped: Count(0),
    }
}

fn one_statement() -> SqlRecord {
    SqlRecord { statements: Count(1), last: Some(LastStatement::Accepted), ..SqlRecord::default() }
}

fn leg(leg: Leg, states: [Sha256; 3], call: CallRecord) -> LegRecord {
    let moments = leg.moments().iter().zip(states);
    let with_bytes = |at| leg == Leg::Committed && matches!(at, Moment::Before | Moment::AfterRestore);
    let states = moments.map(|(at, state)| StateAt { at: *at, state, bytes: with_bytes(*at).then_some(state), difference: None });
    LegRecord { step: "one".into(), leg, status: Status::Ran, states: states.collect(), calls: vec![call], trouble: Vec::new() }
}

fn case(name: &str, expected: Expectation, states: [Sha256; 2], sql: SqlRecord) -> CaseRecord {
    CaseRecord {
        probe: "attack".into(),
        case: name.into(),
        says: "a case".into(),
        expected,
        status: Status::Ran,
        states: [Moment::Before, Moment::After]
            .into_iter()
            .zip(states)
            .map(|(at, state)| StateAt { at, state, bytes: None, difference: None })
            .collect(),
        calls: vec![call("run", None, sql)],
        trouble: Vec::new(),
    }
}

/// The record.
pub(crate) fn clean_record() -> Record {
    let (before, during, after) = (Sha256::of(b"before"), Sha256::of(b"during"), Sha256::of(b"after"));
    let apply = || call("apply", Some(Claim::Changed), one_statement());
    let refusal = Refusal { statement: Count(1), class: ErrorClass::Check, code: 275, message: "CHECK constraint failed".into() };
    let refused = SqlRecord {
        statements: Count(1),
        refused: Count(1),
        refusals: vec![refusal.clone()],
        ignored_pragmas: Vec::new(),
        last: Some(LastStatement::Refused { refusal }),
    };
    Record {
        format: RECORD_FORMAT,
        plan: "sample".into(),
        source: SourceRecord {
            kind: SourceKind::Sqlite,
            bytes: Count(4096),
            sha256_before: Sha256::of(b"source"),
            sha256_after: Sha256::of(b"source"),
            state: before,
            tables: 1,
            notes: Vec::new(),
        },
        steps: vec![StepRecord {
            step: StepSummary {
                name: "one".into(),
                module: Sha256::of(b"module"),
                described: call("describe", None, SqlRecord::default()),
                base: Some(before),
                result: Some(after),
                content_changed: Some(true),
                calls: vec![apply()],
                trouble: Vec::new(),
            },
            legs: vec![
                leg(Leg::ReadOnly, [after, after, after], call("verify", None, one_statement())),
                leg(Leg::Transactional, [before, after, before], apply()),
                leg(Leg::Committed, [before, after, before], apply()),
            ],
        }],
        probes: vec![ProbeRecord {
            probe: ProbeSummary {
                name: "attack".into(),
                module: Sha256::of(b"probe"),
                base: Some(after),
                calls: vec![call("describe", None, SqlRecord::default()), call("cases", None, SqlRecord::default())],
                cases: vec!["bad".into(), "good".into()],
                trouble: Vec::new(),
            },
            cases: vec![
                case("bad", Expectation::Rejected { class: ErrorClass::Check }, [after, after], refused),
                case("good", Expectation::Allowed, [after, during], one_statement()),
            ],
        }],
    }
}

/// What a good validator says of a record.
pub(crate) fn ruling_on(record: &Record) -> RulingRecord {
    let controls = fabrications(record).into_iter().map(|fabrication| ControlRecord {
        fabrication: fabrication.lie,
        record: shown_to_validator(&fabrication.record).1,
        call: call("validate", None, SqlRecord::default()),
        accepted: Some(false),
    });
    RulingRecord {
        format: VERDICT_FORMAT,
        module: Sha256::of(b"validator"),
        record: shown_to_validator(record).1,
        described: call("describe", None, SqlRecord::default()),
        call: call("validate", None, SqlRecord::default()),
        accepted: Some(true),
        reasons: Vec::new(),
        controls: controls.collect(),
    }
}
