//! One record that is accepted, and for every rule one that differs from it and is refused.

mod record;

use record::{digest, good, with, without};
use serde_json::{Value, json};

#[track_caller]
fn refused(record: &Value, expected: &str) {
    let reasons = validator::rule(&record.to_string());
    assert!(reasons.iter().any(|reason| reason.contains(expected)), "no reason contains {expected:?}; the reasons are {reasons:#?}");
}

const STEP: &str = "/steps/0/step";
const READ_ONLY: &str = "/steps/0/legs/0";
const TRANSACTIONAL: &str = "/steps/0/legs/1";
const COMMITTED: &str = "/steps/0/legs/2";
const REJECTED: &str = "/probes/0/cases/0";
const CONTROL: &str = "/probes/0/cases/1";

#[test]
fn a_clean_record_is_accepted() {
    assert_eq!(validator::rule(&good().to_string()), Vec::<String>::new());
}

#[test]
fn legs_that_do_not_apply_are_accepted_where_they_may_be_left_out() {
    let mut record = good();
    for leg in [READ_ONLY, TRANSACTIONAL] {
        record = with(record, &format!("{leg}/status"), json!({"kind": "not-applicable", "reason": "no verify"}));
        record = with(record, &format!("{leg}/calls"), json!([]));
        record = with(record, &format!("{leg}/states"), json!([]));
    }
    assert_eq!(validator::rule(&record.to_string()), Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_refused() {
    assert!(validator::rule("{").iter().any(|reason| reason.starts_with("the record cannot be read: ")));
    refused(&with(good(), "/extra", json!(1)), "unknown field `extra`");
    refused(&with(good(), &format!("{READ_ONLY}/status/extra"), json!(1)), "unknown field `extra`");
    refused(&with(good(), "/source/state", json!("ABC")), "64 lowercase hexadecimal digits");
    refused(&with(good(), "/source/bytes", json!("007")), "a plain decimal");
    refused(&without(good(), "/source/sha256_after"), "missing field `sha256_after`");
    refused(&with(good(), "/format", json!(2)), "record: its format is 2");
    let twice = good().to_string().replacen("\"plan\":", "\"plan\":\"shop\",\"plan\":", 1);
    assert!(validator::rule(&twice).iter().any(|reason| reason.contains("duplicate field `plan`")));
}

#[test]
fn a_rehearsal_of_nothing_is_refused() {
    let empty = with(with(good(), "/steps", json!([])), "/probes", json!([]));
    refused(&empty, "record: it has neither steps nor probes: nothing was rehearsed");
    refused(&with(good(), "/plan", json!(" ")), "record: it names no plan");
    refused(&with(good(), "/source/bytes", json!("0")), "source: it is empty");
}

#[test]
fn a_source_that_changed_is_refused() {
    refused(&with(good(), "/source/sha256_after", digest('f')), "source: its bytes changed during the rehearsal");
}

#[test]
fn legs_that_were_not_run_are_refused() {
    let not_run = json!({"kind": "not-run", "reason": "the step has no base"});
    for (path, leg) in [(READ_ONLY, "read-only"), (TRANSACTIONAL, "transactional"), (COMMITTED, "committed")] {
        refused(
            &with(good(), &format!("{path}/status"), not_run.clone()),
            &format!("step loyalty, {leg} leg: it was not run: the step has no base"),
        );
    }
    let left_out = json!({"kind": "not-applicable", "reason": "too slow"});
    refused(
        &with(good(), &format!("{COMMITTED}/status"), left_out.clone()),
        "step loyalty, committed leg: it applies to every step, and was left out: too slow",
    );
    refused(
        &with(good(), &format!("{TRANSACTIONAL}/status"), left_out),
        "step loyalty, transactional leg: it does not apply, and yet something was run",
    );
}

#[test]
fn missing_doubled_and_misplaced_legs_are_refused() {
    refused(&without(good(), TRANSACTIONAL), "step loyalty: it has no transactional leg");
    refused(&with(good(), &format!("{READ_ONLY}/leg"), json!("committed")), "step loyalty: it has 2 committed legs");
    let legs = good()["steps"][0]["legs"].clone();
    let swapped = json!([legs[1], legs[0], legs[2]]);
    refused(&with(good(), "/steps/0/legs", swapped), "step loyalty: its legs are not in the order");
    refused(
        &with(good(), &format!("{COMMITTED}/step"), json!("other")),
        "step loyalty, committed leg: it says that it belongs to step other",
    );
}

#[test]
fn every_missing_digest_is_refused() {
    let moments: [(&str, &str, &[&str]); 3] = [
        (READ_ONLY, "read-only", &["before", "after"]),
        (TRANSACTIONAL, "transactional", &["before", "after-apply", "after-rollback"]),
        (COMMITTED, "committed", &["before", "after-apply", "after-restore"]),
    ];
    for (path, leg, moments) in moments {
        for (index, moment) in moments.iter().enumerate() {
            refused(
                &without(good(), &format!("{path}/states/{index}")),
                &format!("step loyalty, {leg} leg: the digest {moment} is missing"),
            );
        }
    }
    refused(&without(good(), &format!("{REJECTED}/states/1")), "case bad: the digest after is missing");
    let doubled = good()["steps"][0]["legs"][0]["states"][0].clone();
    refused(
        &with(good(), &format!("{READ_ONLY}/states/2"), doubled),
        "step loyalty, read-only leg: its digests must be before, after, once each and in this order",
    );
}

#[test]
fn a_verify_that_changes_the_clone_is_refused() {
    refused(
        &with(good(), &format!("{READ_ONLY}/states/1/state"), digest('f')),
        "step loyalty, read-only leg: after is state ffffffffffff, and before is state",
    );
}

#[test]
fn an_apply_that_changes_nothing_is_refused() {
    for (path, leg) in [(TRANSACTIONAL, "transactional"), (COMMITTED, "committed")] {
        let unchanged = with(good(), &format!("{path}/states/1/state"), digest('a'));
        refused(&unchanged, &format!("step loyalty, {leg} leg: after-apply is the state before: nothing changed"));
        refused(&unchanged, &format!("step loyalty, {leg} leg: apply claims a change that did not happen"));
        refused(
            &with(good(), &format!("{path}/calls/0/outcome/claim"), json!("unchanged")),
            &format!("step loyalty, {leg} leg: apply claims that nothing changed, and something did"),
        );
        refused(
            &without(good(), &format!("{path}/calls/0/outcome/claim")),
            &format!("step loyalty, {leg} leg: apply returned without a claim"),
        );
    }
}

#[test]
fn a_rollback_or_restore_that_does_not_lead_back_is_refused() {
    refused(
        &with(good(), &format!("{TRANSACTIONAL}/states/2/state"), digest('f')),
        "step loyalty, transactional leg: after-rollback is state ffffffffffff",
    );
    refused(
        &with(good(), &format!("{COMMITTED}/states/2/state"), digest('f')),
        "step loyalty, committed leg: after-restore is state ffffffffffff",
    );
    refused(
        &with(good(), &format!("{COMMITTED}/states/2/bytes"), digest('f')),
        "step loyalty, committed leg: the restored bytes are not the bytes before",
    );
    for index in [0, 2] {
        refused(
            &without(good(), &format!("{COMMITTED}/states/{index}/bytes")),
            "step loyalty, committed leg: the digest of the bytes is missing",
        );
    }
}

#[test]
fn a_chain_that_does_not_join_is_refused() {
    refused(&with(good(), "/source/state", digest('f')), "step loyalty: it starts from state aaaaaaaaaaaa");
    refused(&with(good(), "/steps/1/step/base", digest('f')), "step phones: it starts from state ffffffffffff");
    refused(&with(good(), &format!("{STEP}/base"), Value::Null), "step loyalty: it has no base");
    refused(&with(good(), &format!("{STEP}/result"), Value::Null), "step loyalty: it has no result");
    refused(&with(good(), &format!("{STEP}/result"), digest('a')), "step loyalty: its result is its base");
    for (path, leg) in [(TRANSACTIONAL, "transactional"), (COMMITTED, "committed")] {
        refused(
            &with(good(), &format!("{path}/states/1/state"), digest('f')),
            &format!("step loyalty, {leg} leg: after-apply is state ffffffffffff, and the step's result is state"),
        );
    }
    for (path, leg, of) in [(READ_ONLY, "read-only", "result"), (TRANSACTIONAL, "transactional", "base"), (COMMITTED, "committed", "base")]
    {
        refused(
            &with(good(), &format!("{path}/states/0/state"), digest('f')),
            &format!("step loyalty, {leg} leg: before is state ffffffffffff, and the step's {of} is state"),
        );
    }
    refused(&with(good(), "/probes/0/probe/base", digest('f')), "probe orders: its base is state ffffffffffff");
    refused(&with(good(), "/probes/0/probe/base", Value::Null), "probe orders: it has no base");
    refused(&with(good(), &format!("{CONTROL}/states/0/state"), digest('f')), "case good: before is state ffffffffffff");
}

#[test]
fn every_call_must_have_been_made_once_and_have_returned() {
    let outcomes = [
        (json!({"kind": "refused", "says": "no"}), "returned an error: no"),
        (json!({"kind": "failed", "says": "panicked"}), "gave up: panicked"),
        (json!({"kind": "trapped", "reason": "unreachable"}), "trapped: unreachable"),
        (json!({"kind": "limit", "limit": "fuel", "value": "5"}), "overran the limit fuel of 5"),
    ];
    let calls = [
        (format!("{STEP}/described"), "step loyalty: describe"),
        (format!("{STEP}/calls/0"), "step loyalty: apply"),
        (format!("{READ_ONLY}/calls/0"), "step loyalty, read-only leg: verify"),
        (format!("{TRANSACTIONAL}/calls/0"), "step loyalty, transactional leg: apply"),
        (format!("{COMMITTED}/calls/0"), "step loyalty, committed leg: apply"),
        ("/probes/0/probe/calls/1".to_owned(), "probe orders: cases"),
        (format!("{REJECTED}/calls/0"), "probe orders, case bad: run"),
        (format!("{CONTROL}/calls/0"), "probe orders, case good: run"),
    ];
    for (path, subject) in &calls {
        for (outcome, words) in &outcomes {
            refused(&with(good(), &format!("{path}/outcome"), outcome.clone()), &format!("{subject} {words}"));
        }
        if let Some(call) = path.strip_suffix("/0") {
            let function = subject.rsplit(' ').next().unwrap_or_default();
            refused(&with(good(), call, json!([])), &format!("{function} was never called"));
            let twice = good().pointer(path).cloned();
            refused(&with(good(), &format!("{call}/1"), json!(twice)), &format!("{function} was called 2 times"));
        }
    }
}

#[test]
fn accounts_of_statements_that_do_not_add_up_are_refused() {
    let sql = format!("{CONTROL}/calls/0/sql");
    let complaint = "probe orders, case good: the account of the statements of run does not add up";
    refused(&with(good(), &format!("{sql}/refused"), json!("9")), complaint);
    refused(&with(good(), &format!("{sql}/refused"), json!("1")), complaint);
    refused(&without(good(), &format!("{sql}/last")), complaint);
}

#[test]
fn a_probe_needs_both_kinds_of_case() {
    let cases = good()["probes"][0]["cases"].clone();
    let only = |index: usize, name: &str| {
        let record = with(good(), "/probes/0/cases", json!([cases[index]]));
        with(record, "/probes/0/probe/cases", json!([name]))
    };
    refused(&only(0, "bad"), "probe orders: it has no control");
    refused(&only(1, "good"), "probe orders: it has no case that must be rejected");
    let none = with(with(good(), "/probes/0/cases", json!([])), "/probes/0/probe/cases", json!([]));
    refused(&none, "probe orders: it has no control");
}

#[test]
fn a_rejection_must_be_of_the_declared_class_and_the_only_one() {
    let sql = format!("{REJECTED}/calls/0/sql");
    refused(
        &with(good(), &format!("{sql}/last/refusal/class"), json!("syntax")),
        "probe orders, case bad: its last statement should be refused as check, and was refused as syntax",
    );
    refused(
        &with(good(), &format!("{sql}/last"), json!({"kind": "accepted"})),
        "probe orders, case bad: its last statement should be refused as check, and ran",
    );
    let nothing = json!({"statements": "0", "refused": "0", "refusals": [], "ignored_pragmas": []});
    refused(&with(good(), &sql, nothing), "probe orders, case bad: it sent no statement");
    let refusal = good().pointer(&format!("{sql}/refusals/0")).cloned();
    let mut two = with(good(), &format!("{sql}/refusals/1"), json!(refusal));
    two = with(with(two, &format!("{sql}/refused"), json!("2")), &format!("{sql}/statements"), json!("2"));
    refused(&two, "probe orders, case bad: 2 statements were refused, and only the last may be");
    refused(
        &with(good(), &format!("{sql}/statements"), json!("2")),
        "probe orders, case bad: the refusal of its last statement is of another statement",
    );
    refused(
        &with(good(), &format!("{sql}/refusals/0/class"), json!("unique")),
        "probe orders, case bad: the refusals do not begin with that of its last statement",
    );
    for class in ["syntax", "missing", "limit", "other"] {
        let vacuous = json!({"kind": "rejected", "class": class});
        refused(
            &with(good(), &format!("{REJECTED}/expected"), vacuous),
            &format!("probe orders, case bad: it expects {class}, which would refuse good input as well"),
        );
    }
    refused(&with(good(), &format!("{REJECTED}/states/1/state"), digest('f')), "probe orders, case bad: the clone was changed");
}

#[test]
fn a_control_must_succeed_and_change_something() {
    let sql = format!("{CONTROL}/calls/0/sql");
    let refusal = good().pointer(&format!("{REJECTED}/calls/0/sql/refusals/0")).cloned();
    let one_refused = with(with(good(), &format!("{sql}/refused"), json!("1")), &format!("{sql}/refusals"), json!([refusal]));
    refused(&one_refused, "probe orders, case good: a statement of the control was refused: check: ");
    let nothing = json!({"statements": "0", "refused": "0", "refusals": [], "ignored_pragmas": []});
    refused(&with(good(), &sql, nothing), "probe orders, case good: the control sent no statement");
    let base = good()["probes"][0]["probe"]["base"].clone();
    refused(&with(good(), &format!("{CONTROL}/states/1/state"), base), "probe orders, case good: the control changed nothing");
}

#[test]
fn cases_must_run_and_be_those_that_the_probe_lists() {
    refused(
        &with(good(), &format!("{REJECTED}/status"), json!({"kind": "not-run", "reason": "no base"})),
        "probe orders, case bad: it was not run: no base",
    );
    refused(
        &with(good(), &format!("{REJECTED}/status"), json!({"kind": "not-applicable", "reason": "slow"})),
        "probe orders, case bad: a case always applies, and this was left out: slow",
    );
    refused(
        &with(good(), "/probes/0/probe/cases", json!(["good", "bad"])),
        "probe orders: it lists the cases [good, bad], and the record holds [bad, good]",
    );
    refused(&with(good(), &format!("{REJECTED}/probe"), json!("other")), "probe orders, case bad: it says that it belongs to probe other");
}

#[test]
fn duplicate_names_are_refused() {
    refused(&with(good(), "/steps/1/step/name", json!("loyalty")), "step loyalty: there is more than one step");
    let probe = good()["probes"][0].clone();
    refused(&with(good(), "/probes/1", probe), "probe orders: there is more than one probe");
    refused(&with(good(), &format!("{REJECTED}/case"), json!("good")), "there is more than one probe orders, case");
}

#[test]
fn a_record_that_is_wrong_throughout_is_told_in_bounds() {
    let step = with(good(), &format!("{STEP}/base"), Value::Null)["steps"][0].clone();
    let steps: Vec<Value> = (0..300).map(|_| step.clone()).collect();
    let reasons = validator::rule(&with(good(), "/steps", json!(steps)).to_string());
    assert_eq!(reasons.len(), 201);
    assert!(reasons[200].starts_with("record: and ") && reasons[200].ends_with(" reasons more"));
}

#[test]
fn trouble_of_the_host_is_refused_wherever_it_was() {
    for (path, subject) in [
        (STEP, "step loyalty"),
        (READ_ONLY, "step loyalty, read-only leg"),
        (TRANSACTIONAL, "step loyalty, transactional leg"),
        (COMMITTED, "step loyalty, committed leg"),
        ("/probes/0/probe", "probe orders"),
        (REJECTED, "probe orders, case bad"),
    ] {
        refused(
            &with(good(), &format!("{path}/trouble"), json!(["COMMIT was refused"])),
            &format!("{subject}: the host had trouble: COMMIT was refused"),
        );
    }
}

#[test]
fn bytes_that_moved_are_no_change() {
    refused(
        &with(good(), &format!("{STEP}/content_changed"), json!(false)),
        "step loyalty: bytes have moved, and yet every row and the schema are as they were",
    );
    refused(&without(good(), &format!("{STEP}/content_changed")), "step loyalty: nobody has looked whether any row is another");
}

#[test]
fn a_difference_that_should_not_be_is_refused() {
    let row = json!({"key": "rowid = 7", "kind": "changed", "columns": ["email"]});
    let table = json!({"table": "customers", "added": "0", "removed": "0", "changed": "1", "rows": [row]});
    let difference = json!({"schema": [], "tables": [table], "is_complete": true});
    for (subject, pointer) in [("step loyalty, transactional leg", TRANSACTIONAL), ("probe orders, case ", REJECTED)] {
        let record = with(good(), &format!("{pointer}/states/1/difference"), difference.clone());
        refused(&record, subject);
        refused(&record, "is another state than it should be: 0 objects of the schema and the tables [customers] differ");
    }
}
