//! A record of two steps and a probe in which all is well, and ways to spoil it.

use serde_json::{Value, json};

/// A digest of one repeated digit.
pub(crate) fn digest(digit: char) -> Value {
    json!(digit.to_string().repeat(64))
}

/// A call that returned, having sent one statement.
fn call(function: &str) -> Value {
    json!({
        "function": function,
        "outcome": {"kind": "returned", "says": ""},
        "fuel": "100",
        "sql": {"statements": "1", "refused": "0", "refusals": [], "ignored_pragmas": [], "last": {"kind": "accepted"}},
        "log": [{"level": "info", "says": "verdict: failed"}],
        "log_bytes_dropped": "0",
    })
}

fn apply() -> Value {
    with(call("apply"), "/outcome/claim", json!("changed"))
}

fn state(at: &str, digit: char) -> Value {
    json!({"at": at, "state": digest(digit)})
}

fn state_and_bytes(at: &str, digit: char) -> Value {
    json!({"at": at, "state": digest(digit), "bytes": digest('9')})
}

fn step(name: &str, base: char, result: char) -> Value {
    let leg = |leg: &str, states: Value, call: Value| json!({"step": name, "leg": leg, "status": {"kind": "ran"}, "states": states, "calls": [call], "trouble": []});
    json!({
        "step": {
            "name": name,
            "module": digest('1'),
            "described": call("describe"),
            "base": digest(base),
            "result": digest(result),
            "content_changed": true,
            "calls": [apply()],
            "trouble": [],
        },
        "legs": [
            leg("read-only", json!([state("before", result), state("after", result)]), call("verify")),
            leg(
                "transactional",
                json!([state("before", base), state("after-apply", result), state("after-rollback", base)]),
                apply(),
            ),
            leg(
                "committed",
                json!([state_and_bytes("before", base), state("after-apply", result), state_and_bytes("after-restore", base)]),
                apply(),
            ),
        ],
    })
}

fn case(name: &str, expected: Value, after: char, call: Value) -> Value {
    json!({
        "probe": "orders",
        "case": name,
        "says": "",
        "expected": expected,
        "status": {"kind": "ran"},
        "states": [state("before", 'c'), state("after", after)],
        "calls": [call], "trouble": []})
}

/// The record in which all is well.
pub(crate) fn good() -> Value {
    let refusal = json!({"statement": "1", "class": "check", "code": 275, "message": "CHECK constraint failed"});
    let attack = with(
        call("run"),
        "/sql",
        json!({
            "statements": "1",
            "refused": "1",
            "refusals": [refusal], "ignored_pragmas": [],
            "last": {"kind": "refused", "refusal": refusal},
        }),
    );
    json!({
        "format": 1,
        "plan": "shop",
        "source": {
            "kind": "dump",
            "bytes": "4096",
            "sha256_before": digest('2'),
            "sha256_after": digest('2'),
            "state": digest('a'),
            "tables": 3,
            "notes": [],
        },
        "steps": [step("loyalty", 'a', 'b'), step("phones", 'b', 'c')],
        "probes": [{
            "probe": {
                "name": "orders",
                "module": digest('3'),
                "base": digest('c'),
                "calls": [call("describe"), call("cases")],
                "cases": ["bad", "good"],
                "trouble": [],
            },
            "cases": [
                case("bad", json!({"kind": "rejected", "class": "check"}), 'c', attack),
                case("good", json!({"kind": "allowed"}), 'd', call("run")),
            ],
        }],
    })
}

/// The record with another value at a JSON pointer; the last part may be new.
pub(crate) fn with(mut record: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    match record.pointer_mut(parent).expect("the parent is there") {
        Value::Object(object) => {
            object.insert(key.to_owned(), value);
        }
        Value::Array(array) => match key.parse::<usize>().expect("an index") {
            index if index < array.len() => array[index] = value,
            _ => array.push(value),
        },
        other => panic!("{parent} is {other}"),
    }
    record
}

/// The record without what stands at a JSON pointer.
pub(crate) fn without(mut record: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer begins with a slash");
    match record.pointer_mut(parent).expect("the parent is there") {
        Value::Object(object) => {
            object.remove(key).expect("the field is there");
        }
        Value::Array(array) => {
            array.remove(key.parse().expect("an index"));
        }
        other => panic!("{parent} is {other}"),
    }
    record
}
