//! Values, statements and patterns that are too large, and calls of a function that would run for hours.

use rehearsal::{clone_db::SqlValue, plan::Limits};
use rehearsal_packet::record::ErrorClass::{Limit, NotAuthorized, Other, Syntax};

use super::harness::{
    Attack, By, FIXED_LIMITS, GATE, LIMITS, LINEAR_FUNCTIONS,
    Outcome::{self, *},
    attack, attacks, integer,
};

const TOO_BIG: &str = "string or blob too big";

/// A value that is larger than one may be; then than SQLite's memory.
fn too_big(sql: &str) -> Attack {
    attack(sql).held_by((By::Limit("value_bytes"), Refused(Limit, TOO_BIG)), (By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes")))
}

/// Too deep or too long to be parsed; SQLite has limits of its own that are larger.
fn too_deep(sql: String, reason: &'static str) -> Attack {
    attack(sql).held_by((FIXED_LIMITS, Refused(Limit, reason)), (By::Engine, Refused(Limit, reason)))
}

/// Why nothing else holds what one call of a function does.
const ONE_CALL: &str = "nothing interrupts one call of a function: there is only the size of its arguments, and the end of the process";

/// One call that takes quadratic time in SQLite itself.
fn quadratic(sql: &str, outcome: Outcome) -> Attack {
    attack(sql).held_only_by((LINEAR_FUNCTIONS, outcome), ONE_CALL)
}

attacks!(
    blob_of_a_gigabyte = too_big("SELECT length(zeroblob(999999999) || 'x')"),
    random_blob_of_a_gigabyte = attack("SELECT length(randomblob(900000000))")
        .held_by((By::Limit("value_bytes"), Refused(Limit, TOO_BIG)), (By::Limit("sql_memory_bytes"), Refused(Limit, TOO_BIG))),
    number_of_a_gigabyte = too_big("SELECT length(printf('%900000000d', 1))"),
    character_of_a_gigabyte = too_big("SELECT length(printf('%.*c', 900000000, 'x'))"),
    replacements_that_grow = too_big("SELECT length(replace(hex(zeroblob(100000)), '0', hex(zeroblob(400))))"),
    text_that_is_gathered = too_big("SELECT length(group_concat(hex(zeroblob(1000000)))) FROM event WHERE id <= 20"),
    text_that_is_gathered_of_a_join = too_big("SELECT length(group_concat(a.payload || b.payload)) FROM event a, event b WHERE b.id <= 90"),
    date_that_grows = too_big("SELECT length(strftime(replace(hex(zeroblob(1000000)), '00', '%J%J'), 'now'))"),
    decimals_of_a_gigabyte = too_big("SELECT length(printf('%.90000000f', 1e300))"),
    json_that_is_gathered = attack("SELECT length(json_group_array(a.payload)) FROM event a, event b")
        .held_by((By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes")), (By::Limit("sql_steps"), Ended("sql_steps"))),
    json_that_is_indented = attack("SELECT length(json_pretty((SELECT json_group_array(json(payload)) FROM event), hex(zeroblob(2000))))")
        .held_by((By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes")), (By::Limit("value_bytes"), Refused(Limit, TOO_BIG))),
    rows_that_are_kept = attack("SELECT count(*) FROM (SELECT hex(zeroblob(50000)) || id b FROM event ORDER BY 1 LIMIT -1 OFFSET 1)")
        .within(Limits { sql_steps: 10_000, ..LIMITS })
        .held_by((By::Limit("growth_bytes"), Ended("growth_bytes")), (By::Limit("sql_steps"), Ended("sql_steps"))),
    statement_of_fifty_megabytes = attack(format!("SELECT length('{}')", "x".repeat(50_000_000))).held_by(
        (By::Limit("sql_bytes"), Refused(Limit, "statement too long")),
        (By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes")),
    ),
    expression_that_is_deep = too_deep(format!("SELECT {}1", "1+".repeat(50_000)), "Expression tree is too large"),
    expression_of_negations = too_deep(format!("SELECT {}1", "NOT ".repeat(50_000)), "Recursion limit"),
    expression_of_parentheses = too_deep(format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)), "Recursion limit"),
    queries_in_queries = too_deep(format!("SELECT {}1{}", "(SELECT ".repeat(3_000), ")".repeat(3_000)), "Recursion limit"),
    tables_in_tables = too_deep(format!("SELECT * FROM {}item{}", "(SELECT * FROM ".repeat(1_000), ")".repeat(1_000)), "Recursion limit"),
    queries_united = too_deep(format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(20_000)), "too many terms in compound SELECT"),
    function_of_many_arguments = too_deep(format!("SELECT max(1{})", ",1".repeat(20_000)), "too many arguments on function max"),
    table_of_many_columns = too_deep(
        format!("CREATE TABLE wide (c{})", (0..30_000).map(|column| format!(", c{column}")).collect::<String>()),
        "too many columns"
    ),
    case_of_many_branches = attack(format!("SELECT CASE 1 {} END", "WHEN 2 THEN 3 ".repeat(20_000))).harmless(Answers(SqlValue::Null)),
    list_of_many_values = attack(format!("SELECT 1 IN (2{})", ",3".repeat(100_000))).harmless(integer(0)),
    parameter_of_a_high_number = attack("SELECT ?32766").harmless(Refused(Syntax, "parameters")),
    parameter_of_too_high_a_number = attack("SELECT ?32767").harmless(Refused(Other, "variable number must be")),
    pattern_of_many_wildcards = attack(format!("SELECT hex(zeroblob(50000)) LIKE '{}1'", "%0".repeat(24))).harmless(integer(0)),
    pattern_that_matches_almost_everywhere = attack(format!("SELECT hex(zeroblob(1000000)) LIKE '%{}1'", "0".repeat(300)))
        .held_only_by((FIXED_LIMITS, Refused(Limit, "LIKE or GLOB pattern too complex")), ONE_CALL),
    pattern_as_long_as_it_may_be = attack(format!("SELECT hex(zeroblob(200000)) LIKE '%{}1'", "0".repeat(250))).harmless(integer(0)),
    glob_of_many_wildcards = attack(format!("SELECT hex(zeroblob(50000)) GLOB '{}1'", "*0".repeat(24))).harmless(integer(0)),
    search_for_what_is_almost_there = quadratic("SELECT instr(zeroblob(4000000), CAST(zeroblob(2000000) || x'01' AS BLOB))", integer(0)),
    search_for_text_that_is_almost_there = quadratic("SELECT instr(hex(zeroblob(2000000)), hex(zeroblob(1000000)) || '1')", integer(0)),
    replacement_of_what_is_almost_there =
        quadratic("SELECT length(replace(hex(zeroblob(2000000)), hex(zeroblob(1000000)) || '1', 'x'))", integer(4_000_000)),
    trimming_of_many_characters = quadratic(
        "SELECT length(trim(hex(zeroblob(500000)), \
 (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
 SELECT group_concat(char(1000 + i), '') FROM n) || '0'))",
        integer(0),
    ),
    bytes_of_digits_among_others = quadratic(
        "SELECT length(unhex(replace(hex(zeroblob(500000)), '0', 'z'), replace(hex(zeroblob(500000)), '0', 'y') || 'z'))",
        integer(0),
    ),
    patch_of_many_keys = quadratic(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000), \
 a (o) AS MATERIALIZED (SELECT json_group_object('a' || i, 1) FROM n), \
 b (o) AS MATERIALIZED (SELECT json_group_object('b' || i, 1) FROM n) \
 SELECT json_patch(a.o, b.o) FROM a, b",
        Refused(Limit, "the object and the patch are too large for each other"),
    ),
    binary_patch_of_many_keys = quadratic(
        "WITH b (o) AS (SELECT unhex(replace(hex(zeroblob(500000)), '00', '0700'))) SELECT jsonb_patch(b.o, b.o) FROM b",
        Refused(Limit, "the object and the patch are too large for each other"),
    ),
    json_that_is_deep = attack(format!("SELECT json_valid('{}{}')", "[".repeat(100_000), "]".repeat(100_000))).harmless(integer(0)),
    json_that_is_broken = attack("SELECT json(x'FFFFFFFFFFFFFFFFFFFF')").harmless(Refused(Other, "malformed JSON")),
    json_whose_sizes_lie = attack("SELECT json_extract(x'0cff', '$')").harmless(Refused(Other, "malformed JSON")),
    words_that_nest = attack(format!("SELECT * FROM note WHERE note MATCH '{}x{}'", "(".repeat(5_000), ")".repeat(5_000)))
        .harmless(Refused(Limit, "fts5: parser stack overflow")),
    old_words_that_nest = attack(format!("SELECT * FROM old_note WHERE old_note MATCH '{}x{}'", "(".repeat(5_000), ")".repeat(5_000)))
        .harmless(Refused(Other, "malformed MATCH expression")),
    snippets_of_long_text = attack("SELECT snippet(note, 0, '<b>', '</b>', '..', 64) FROM note WHERE note MATCH 'lamp'")
        .held_only_by((GATE, Refused(NotAuthorized, "the function snippet()")), ONE_CALL),
    highlights_of_long_text = attack("SELECT highlight(note, 0, '<', '>') FROM note WHERE note MATCH 'lamp'")
        .held_only_by((GATE, Refused(NotAuthorized, "the function highlight()")), ONE_CALL),
    offsets_of_words = attack("SELECT offsets(old_note) FROM old_note WHERE old_note MATCH 'lamp'")
        .held_only_by((GATE, Refused(NotAuthorized, "the function offsets()")), ONE_CALL),
    statistics_of_words = attack("SELECT matchinfo(old_note) FROM old_note WHERE old_note MATCH 'lamp'")
        .held_only_by((GATE, Refused(NotAuthorized, "the function matchinfo()")), ONE_CALL),
);
