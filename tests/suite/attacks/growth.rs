//! Everything that a clone could be filled with: its own pages, its journal, temporary files, SQLite's memory.

use rehearsal::{clone_db::Access, plan::Limits};

use super::harness::{Attack, By, GATE, LIMITS, NUMBERS, Outcome::*, Unheld, attack, attacks};

/// So that a clone is full before its steps are used up, and soon.
const SMALL: Limits = Limits { growth_bytes: 4 << 20, sql_steps: 300_000, ..LIMITS };

/// Fills the clone until it may not grow, and else until its steps are used up.
fn filling(sql: String) -> Attack {
    attack(sql).within(SMALL).held_by((By::Limit("growth_bytes"), Ended("growth_bytes")), (By::Limit("sql_steps"), Ended("sql_steps")))
}

fn tables(count: u32) -> Unheld {
    (0..count).fold(
        attack("CREATE TABLE q (a)").within(Limits { sql_memory_bytes: 1 << 20, sql_steps: 1_000_000, ..LIMITS }),
        |attack, number| attack.then(format!("CREATE TABLE q{number} (a, b, c)")),
    )
}

attacks!(
    table_without_end = filling(format!("CREATE TABLE big AS {NUMBERS} SELECT i, printf('%1000d', i) FROM n")),
    temporary_table_without_end = filling(format!("CREATE TEMP TABLE big AS {NUMBERS} SELECT i, printf('%1000d', i) FROM n")),
    table_without_end_in_a_case = attack(format!("CREATE TABLE big AS {NUMBERS} SELECT i, printf('%1000d', i) FROM n"))
        .by(Access::Case)
        .within(SMALL)
        .held_by((By::Limit("growth_bytes"), Ended("growth_bytes")), (By::Limit("sql_steps"), Ended("sql_steps"))),
    sorting_without_end =
        filling(format!("SELECT * FROM ({NUMBERS} SELECT i, printf('%1000d', i) b FROM n) ORDER BY b LIMIT 5 OFFSET 100000000")),
    different_rows_without_end =
        filling("WITH RECURSIVE n (i, b) AS (SELECT 1, '' UNION SELECT i + 1, printf('%1000d', i) FROM n) SELECT count(*) FROM n".into(),),
    pairs_of_everything = attack("CREATE TABLE pairs AS SELECT a.payload || b.payload FROM event a, event b")
        .held_by((By::Limit("growth_bytes"), Ended("growth_bytes")), (By::Limit("sql_steps"), Ended("sql_steps"))),
    words_without_end = filling(format!("INSERT INTO note {NUMBERS} SELECT printf('%1000d', i * 7919) FROM n")),
    journal_of_everything = attack("UPDATE event SET payload = payload || 'x'")
        .within(Limits { growth_bytes: 64 << 10, sql_steps: 20_000, ..LIMITS })
        .held_by((By::Limit("growth_bytes"), Ended("growth_bytes")), (By::Limit("sql_steps"), Ended("sql_steps"))),
    tables_without_end =
        tables(1_500).held_by((By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes")), (By::Limit("sql_steps"), Ended("sql_steps"))),
    memory_instead_of_files = attack("PRAGMA temp_store = MEMORY")
        .then(format!("CREATE TEMP TABLE big AS {NUMBERS} SELECT i, printf('%1000d', i) FROM n"))
        .held_by((GATE, Ended("growth_bytes")), (By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes"))),
    cache_of_everything = attack("PRAGMA cache_size = -100000000")
        .then(format!("CREATE TABLE big AS {NUMBERS} SELECT i, printf('%1000d', i) FROM n"))
        .held_by((GATE, Ended("growth_bytes")), (By::Limit("sql_memory_bytes"), Ended("sql_memory_bytes"))),
);
