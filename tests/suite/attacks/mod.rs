//! SQL that tries to get out of a clone, or to use up the machine: what becomes of it, and which two layers hold it.
//!
//! An attack runs as a module would run it, and comes to nothing; then it runs once more with the layer missing that held it, and
//! the next one holds. An attack that one layer alone can hold says why.

mod access;
mod doors;
mod endless;
mod growth;
mod harness;
mod hostile;
mod memory;
mod size;
mod state;

use harness::{Attack, By, Held};

/// Every attack of every table.
fn all() -> Vec<(&'static str, Attack)> {
    [doors::table(), access::table(), endless::table(), size::table(), growth::table()].into_iter().flatten().collect()
}

#[test]
fn no_attack_is_held_twice_by_the_same_layer() {
    for (name, attack) in all() {
        if let Held::Twice([first, second]) = attack.held {
            assert_ne!(first.by, second.by, "{name}");
            assert_ne!(first.by, By::Engine, "{name}: nothing can take the engine away, so it is the last to be asked");
        }
    }
}

#[test]
fn these_attacks_are_held_by_one_layer_alone() {
    let one_call_of_a_function = [
        "binary_patch_of_many_keys",
        "bytes_of_digits_among_others",
        "highlights_of_long_text",
        "offsets_of_words",
        "patch_of_many_keys",
        "pattern_that_matches_almost_everywhere",
        "replacement_of_what_is_almost_there",
        "search_for_text_that_is_almost_there",
        "search_for_what_is_almost_there",
        "snippets_of_long_text",
        "statistics_of_words",
        "trimming_of_many_characters",
    ];
    let not_compiled_in = [
        "call_an_editor",
        "evaluate_sql",
        "list_a_directory",
        "load_an_extension",
        "make_a_table_of_every_number",
        "read_a_file",
        "run_a_command",
        "write_a_file",
    ];
    let nothing_to_be_gained = [
        "begin_a_transaction_in_a_case",
        "count_raw_pages",
        "drop_a_shadow_table",
        "read_a_raw_page",
        "read_a_raw_page_by_another_case",
        "set_a_savepoint_in_a_case",
        "write_a_shadow_table",
    ];
    let mut known = [&one_call_of_a_function[..], &not_compiled_in, &nothing_to_be_gained].concat();
    let mut found: Vec<_> = all().into_iter().filter(|(_, attack)| matches!(attack.held, Held::Only(..))).map(|(name, _)| name).collect();
    known.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, known);
}
