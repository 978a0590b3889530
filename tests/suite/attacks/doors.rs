//! Ways out of the database: to a file, to the process, to the machine.

use rehearsal::{
    clone_db::{Access, SqlValue},
    plan::Transactions,
};
use rehearsal_packet::record::ErrorClass::{Limit, Missing, NotAuthorized, Other};

use super::harness::{
    Attack, By, FIXED_LIMITS, GATE, HARDENING, NUMBERS,
    Outcome::{self, *},
    attack, attacks, integer, text,
};

/// A step that begins and ends its own transactions: VACUUM runs outside of any.
const OWN: Access = Access::Step(Transactions::Own);

/// Of the gate.
const ONE_DATABASE: &str = "ATTACH: there is one database here";
const NO_SUCH_PRAGMA: &str = "not one that may be used on a clone";
const NO_TOKENIZER: &str = "the function fts3_tokenizer()";

/// Of the engine, for what is attached under hardening.
const READ_ONLY: &str = "attempt to write a readonly database";

const NOT_LINKED: &str = "it is not compiled in, and a name that does not exist reaches no other layer";

/// What nobody may read or write: it lies where every SQLite with an operating system would find it.
const OUTSIDE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/outside.db");

fn attaching(name: &str) -> Attack {
    attack(format!("ATTACH {name} AS e"))
        .then("CREATE TABLE e.t (x)")
        .then("SELECT count(*) FROM e.t")
        .held_by((GATE, Refused(NotAuthorized, ONE_DATABASE)), (By::Engine, Refused(Other, "unable to open database")))
}

fn vacuuming_into(name: &str) -> Attack {
    attack(format!("VACUUM INTO {name}"))
        .by(OWN)
        .held_by((GATE, Refused(NotAuthorized, ONE_DATABASE)), (By::Engine, Refused(Other, "unable to open database")))
}

/// Functions that some shells and builds of SQLite have.
fn calling(sql: &str, function: &'static str) -> Attack {
    attack(sql).held_only_by((By::Engine, Refused(Missing, function)), NOT_LINKED)
}

/// A pragma that the gate refuses, and that does nothing without it.
fn setting(pragma: &str, then: &str, without_gate: Outcome) -> Attack {
    attack(pragma).then(then).held_by((GATE, Refused(NotAuthorized, NO_SUCH_PRAGMA)), (By::Engine, without_gate))
}

attacks!(
    attach_a_file = attaching(&format!("'{OUTSIDE}'")),
    attach_a_computed_name = attaching(&format!("'{OUTSIDE}' || ''")),
    attach_a_name_from_the_database = attaching("(SELECT '/' || name FROM item WHERE id = 1)"),
    attach_a_uri_that_asks_for_the_vfs_of_unix = attaching(&format!("'file:{OUTSIDE}?vfs=unix&mode=rwc'")),
    attach_a_uri_that_asks_for_the_vfs_of_memory = attaching("'file:/channel?vfs=memdb'"),
    attach_a_cache_that_connections_share = attaching("'file:channel?mode=memory&cache=shared'"),
    attach_the_device_of_random_bytes = attaching("'/dev/urandom'"),
    attach_the_journal_of_the_clone = attaching("'/clone.db-journal'"),
    attach_a_database_in_memory = attack("ATTACH ':memory:' AS e")
        .then("CREATE TABLE e.t (x)")
        .then(format!("INSERT INTO e.t {NUMBERS} SELECT printf('%1000d', i) FROM n"))
        .held_by((GATE, Refused(NotAuthorized, ONE_DATABASE)), (HARDENING, Refused(NotAuthorized, READ_ONLY))),
    attach_the_clone_once_more = attaching("'/clone.db'"),
    attach_a_nameless_database = attack("ATTACH '' AS e")
        .then("CREATE TABLE e.t (x)")
        .then("SELECT count(*) FROM e.t")
        .held_by((HARDENING, Refused(NotAuthorized, READ_ONLY)), (By::Engine, integer(0)),),
    fill_a_nameless_database = attack("ATTACH '' AS e")
        .then("CREATE TABLE e.t (x)")
        .then(format!("INSERT INTO e.t {NUMBERS} SELECT printf('%1000d', i) FROM n"))
        .held_by((HARDENING, Refused(NotAuthorized, READ_ONLY)), (By::Limit("growth_bytes"), Ended("growth_bytes"))),
    attach_a_second_nameless_database = attack("ATTACH '' AS e")
        .then("ATTACH '' AS f")
        .held_by((FIXED_LIMITS, Refused(Limit, "too many attached databases - max 1")), (By::Engine, Answers(SqlValue::Null))),
    detach_the_clone =
        attack("DETACH main").held_by((GATE, Refused(NotAuthorized, "DETACH")), (By::Engine, Refused(Other, "cannot detach"))),
    vacuum_into_a_file = vacuuming_into(&format!("'{OUTSIDE}'")),
    vacuum_into_a_computed_name = vacuuming_into(&format!("'{OUTSIDE}' || '.copy'")),
    vacuum_into_a_uri = vacuuming_into(&format!("'file:{OUTSIDE}?vfs=unix'")),
    vacuum_into_the_clone = vacuuming_into("'/clone.db'"),
    vacuum_with_own_transactions = attack("VACUUM").then("SELECT 'done'").by(OWN).harmless(text("done")),
    vacuum_in_the_transaction_of_the_host = attack("VACUUM").harmless(Refused(Other, "cannot VACUUM from within a transaction")),
    vacuum_in_a_case = attack("VACUUM")
        .then("SELECT 'done'")
        .by(Access::Case)
        .held_by((GATE, Refused(NotAuthorized, "BEGIN: the host begins and ends transactions")), (By::Engine, text("done"))),
    load_an_extension = calling("SELECT load_extension('/usr/lib/x86_64-linux-gnu/libm.so.6')", "load_extension"),
    read_a_file = calling("SELECT readfile('/etc/passwd')", "readfile"),
    write_a_file = calling("SELECT writefile('/tmp/x', 'x')", "writefile"),
    call_an_editor = calling("SELECT edit('x', '/bin/true')", "edit"),
    run_a_command = calling("SELECT system('true')", "system"),
    evaluate_sql = calling("SELECT eval('COMMIT')", "eval"),
    make_a_table_of_a_file = attack("CREATE VIRTUAL TABLE z USING csv (filename = '/etc/passwd')").held_by(
        (GATE, Refused(NotAuthorized, "the module \"csv\" is not available")),
        (By::Engine, Refused(Missing, "no such module: csv")),
    ),
    list_a_directory = attack("SELECT * FROM fsdir('/')").held_only_by((By::Engine, Refused(Missing, "fsdir")), NOT_LINKED),
    make_a_table_of_every_number =
        attack("SELECT count(*) FROM generate_series(1, 1e18)").held_only_by((By::Engine, Refused(Missing, "generate_series")), NOT_LINKED),
    read_the_address_of_a_tokenizer =
        attack("SELECT hex(fts3_tokenizer('simple'))").held_by((GATE, Refused(NotAuthorized, NO_TOKENIZER)), (HARDENING, text(""))),
    set_the_address_of_a_tokenizer = attack("SELECT fts3_tokenizer('evil', x'4141414141414141')")
        .then("CREATE VIRTUAL TABLE z USING fts3 (body, tokenize = evil)")
        .held_by((GATE, Refused(NotAuthorized, NO_TOKENIZER)), (HARDENING, Refused(Other, "fts3tokenize disabled")),),
    read_the_address_of_a_tokenizer_in_a_view =
        attack("CREATE VIEW v AS SELECT hex(fts3_tokenizer('simple'))").then("SELECT * FROM v").held_by(
            (HARDENING, Refused(NotAuthorized, "unsafe use of fts3_tokenizer()")),
            (By::Engine, Refused(NotAuthorized, "unsafe use of fts3_tokenizer()"))
        ),
    pass_a_pointer_to_a_tokenizer = attack("SELECT fts5(x'4141414141414141')").harmless(Answers(SqlValue::Null)),
    set_the_directory_of_temporary_files =
        setting("PRAGMA temp_store_directory = '/tmp'", "SELECT 1", Refused(Other, "not a writable directory")),
    set_the_directory_of_data = setting("PRAGMA data_store_directory = '/tmp'", "SELECT 'nothing'", text("nothing")),
    set_the_file_of_a_lock_proxy = setting("PRAGMA lock_proxy_file = '/tmp/x'", "SELECT 'nothing'", text("nothing")),
    set_a_pragma_that_does_not_exist = setting("PRAGMA no_such_pragma = 1", "SELECT 'nothing'", text("nothing")),
    set_the_memory_of_the_process = setting("PRAGMA hard_heap_limit = 1000", "SELECT length(hex(zeroblob(200000)))", integer(400_000)),
    set_the_memory_of_the_process_softly = setting("PRAGMA soft_heap_limit = 1", "SELECT length(hex(zeroblob(200000)))", integer(400_000)),
    set_the_memory_of_the_process_through_a_table =
        setting("SELECT * FROM pragma_hard_heap_limit", "SELECT length(hex(zeroblob(200000)))", integer(400_000)),
    start_threads = setting("PRAGMA threads = 64", "PRAGMA threads", integer(0)),
    forbid_the_database_to_grow = setting("PRAGMA max_page_count = 1", "SELECT 'nothing'", text("nothing")),
    trust_the_schema = attack("PRAGMA trusted_schema = ON")
        .then("CREATE VIEW v AS SELECT load_extension('x')")
        .then("SELECT * FROM v")
        .held_by((GATE, Refused(NotAuthorized, NO_SUCH_PRAGMA)), (By::Engine, Refused(Missing, "load_extension"))),
    trigger_of_the_connection = attack("CREATE TEMP TRIGGER t AFTER UPDATE ON main.item BEGIN SELECT load_extension('x'); END")
        .then("UPDATE item SET price = 1")
        .held_by((GATE, Refused(NotAuthorized, "CREATE TEMP TRIGGER")), (By::Engine, Refused(Missing, "load_extension"))),
    list_the_modules = attack("SELECT count(*) > 3 FROM pragma_module_list")
        .held_by((GATE, Refused(NotAuthorized, "PRAGMA module_list")), (By::Engine, integer(1))),
    ask_what_sqlite_is_made_of =
        attack("SELECT count(*) FROM pragma_compile_options WHERE compile_options IN ('OS_OTHER', 'OMIT_LOAD_EXTENSION')")
            .harmless(integer(1)),
);
