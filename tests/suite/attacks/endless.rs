//! Work without end.

use rehearsal::{clone_db::Access, plan::Limits};
use rehearsal_packet::record::ErrorClass::Limit;

use super::harness::{
    Attack, By, FIXED_LIMITS, LIMITS, NUMBERS,
    Outcome::{self, *},
    Unheld, attack, attacks, integer,
};

/// Ended by the steps that it takes, which are the same every time, and else by the clock.
fn endless(sql: impl Into<String>) -> Attack {
    steps_or_clock(attack(sql))
}

fn steps_or_clock(attack: Unheld) -> Attack {
    attack.held_by((By::Limit("sql_steps"), Ended("sql_steps")), (By::Limit("call_ms"), Ended("call_ms")))
}

/// What takes more and more memory as it is prepared. Nothing is asked meanwhile whether to go on: with memory, the engine comes to an
/// end by itself.
fn memory_or(attack: Unheld, outcome: Outcome) -> Attack {
    attack
        .within(Limits { sql_memory_bytes: 4 << 20, ..LIMITS })
        .held_by((By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes")), (By::Engine, outcome))
}

/// The same text over and over, with its number in place of every `#`.
fn numbered(text: &str, numbers: std::ops::Range<u32>, between: &str) -> String {
    numbers
        .map(|number| text.replace("##", &(number.wrapping_sub(1)).to_string()).replace('#', &number.to_string()))
        .collect::<Vec<_>>()
        .join(between)
}

/// Views, each twice the one before.
fn doubling_views(count: u32) -> Unheld {
    (1..count).fold(attack("CREATE VIEW w0 AS SELECT 1 AS x"), |attack, number| {
        attack.then(numbered("CREATE VIEW w# AS SELECT a.x FROM w## a, w## b", number..number + 1, ""))
    })
}

/// Views, each made of two of the one before, so that they cannot be joined.
fn nested_views(count: u32) -> Unheld {
    (1..count).fold(attack("CREATE VIEW w0 AS SELECT 1 AS x"), |attack, number| {
        attack.then(numbered("CREATE VIEW w# AS SELECT x FROM w## UNION ALL SELECT x FROM w## LIMIT 1", number..number + 1, ""))
    })
}

/// Triggers, each of which fires the next one many times.
fn fan_of_triggers(levels: u32, width: usize) -> Unheld {
    let tables = (1..=levels).fold(attack("CREATE TABLE f0 (x)"), |attack, number| attack.then(format!("CREATE TABLE f{number} (x)")));
    (0..levels)
        .fold(tables, |attack, number| {
            let inserts = format!("INSERT INTO f{} VALUES (1);", number + 1).repeat(width);
            attack.then(format!("CREATE TRIGGER ft{number} AFTER INSERT ON f{number} BEGIN {inserts} END"))
        })
        .then("INSERT INTO f0 VALUES (1)")
}

attacks!(
    count_without_end = endless(format!("{NUMBERS} SELECT max(i) FROM n")),
    count_without_end_in_a_case = steps_or_clock(attack(format!("{NUMBERS} SELECT max(i) FROM n")).by(Access::Case)),
    return_rows_without_end = attack(format!("{NUMBERS} SELECT i FROM n"))
        .within(Limits { rows: 1_000, ..LIMITS })
        .held_by((By::Limit("rows"), Ended("rows")), (By::Limit("sql_steps"), Ended("sql_steps"))),
    join_events_with_events_with_events = endless("SELECT count(*) FROM event a, event b, event c WHERE a.at + b.at = c.at"),
    views_that_double = memory_or(doubling_views(40).then("SELECT * FROM w39"), Refused(Limit, "too many references to")),
    views_that_nest = memory_or(nested_views(15).then("SELECT * FROM w14"), integer(1)),
    table_expressions_that_double = attack(format!(
        "WITH c0 AS (SELECT 1 x), {} SELECT count(*) FROM c59",
        numbered("c# AS (SELECT a.x FROM c## a JOIN c## b)", 1..60, ", ")
    ))
    .harmless(Refused(Limit, "VIEWs and/or subqueries nested too deep")),
    join_of_sixty_tables =
        endless(
            format!("SELECT count(*) FROM {} WHERE {}", numbered("event t#", 0..60, ", "), numbered("t#.at = t##.at", 1..60, " AND "),)
        ),
    join_of_seventy_tables = attack(format!("SELECT count(*) FROM {}", numbered("event t#", 0..70, ", ")))
        .harmless(Refused(Limit, "at most 64 tables in a join")),
    sum_over_windows = endless(
        "SELECT sum(s) FROM (SELECT sum(a.at) OVER (ORDER BY a.id ROWS BETWEEN 3000 PRECEDING AND 3000 FOLLOWING EXCLUDE TIES) s \
 FROM event a, event b)"
    ),
    walk_json_against_json = endless(
        "WITH j (a) AS (SELECT json_group_array(json(payload)) FROM event) \
 SELECT count(*) FROM j, json_tree(j.a) a, json_tree(j.a) b",
    ),
    grow_json_key_by_key = steps_or_clock(
        attack(
            "WITH RECURSIVE n (i, j) AS (SELECT 1, '{}' UNION ALL SELECT i + 1, json_set(j, '$.k' || i, i) FROM n) \
 SELECT max(length(j)) FROM n"
        )
        .within(Limits { sql_steps: 20_000, ..LIMITS }),
    ),
    check_the_integrity_over_and_over = endless(format!("{NUMBERS} SELECT count(*) FROM n, pragma_integrity_check")),
    rebuild_indexes_over_and_over = steps_or_clock(
        (0..2_000).fold(attack("CREATE INDEX event_payload ON event (payload)"), |attack, _| attack.then("REINDEX").then("ANALYZE"))
    ),
    empty_statements_over_and_over = steps_or_clock((0..100_000).fold(attack("SELECT 1"), |attack, _| attack.then("SELECT 1"))),
    trigger_that_fires_itself = attack("CREATE TABLE r (x)")
        .then("PRAGMA recursive_triggers = ON")
        .then("CREATE TRIGGER t AFTER INSERT ON r BEGIN INSERT INTO r VALUES (new.x + 1); END")
        .then("INSERT INTO r VALUES (1)")
        .held_by((FIXED_LIMITS, Refused(Limit, "triggers nested too deep")), (By::Engine, Refused(Limit, "triggers nested too deep"))),
    triggers_that_fan_out = fan_of_triggers(11, 20)
        .within(Limits { sql_steps: 1_000_000, ..LIMITS })
        .held_by((By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes")), (By::Limit("sql_steps"), Ended("sql_steps"))),
    foreign_keys_that_cascade_in_a_circle =
        attack("CREATE TABLE a (x PRIMARY KEY REFERENCES a (x) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED)")
            .then("INSERT INTO a VALUES (1)")
            .then("UPDATE a SET x = x + 1")
            .then("SELECT count(*) FROM a")
            .harmless(integer(1)),
    tree_of_json_that_is_not_json = attack("SELECT count(*) FROM json_each(x'CB00')").harmless(integer(0)),
);
