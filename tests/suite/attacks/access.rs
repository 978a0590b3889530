//! Ways around what a module may do with its clone: the schema's own tables, raw pages, the host's transaction, the engine's settings.

use rehearsal::clone_db::{Access, SqlValue};
use rehearsal_packet::record::ErrorClass::{Missing, NotAuthorized, Other, PrimaryKey, Trigger};

use super::harness::{Attack, By, GATE, HARDENING, Outcome::*, attack, attacks, integer, text};

/// Of the gate.
const OF_THE_HOST: &str = "the host begins and ends transactions";
const RAW_PAGES: &str = "sqlite_dbpage: the raw pages of the clone are the host's";

/// Ends or begins a transaction under the host's feet. Without the gate it happens, and the session finds out.
fn ending_the_transaction(sql: &str) -> Attack {
    attack(sql).then("SELECT 1").held_by(
        (GATE, Refused(NotAuthorized, OF_THE_HOST)),
        (By::Session, Refused(NotAuthorized, "an earlier statement rolled the host's transaction back")),
    )
}

/// A pragma that is taken without effect, and what it answers when it is not.
fn setting(pragma: &str, by: By, answer: SqlValue) -> Attack {
    attack(pragma).held_by((GATE, Answers(SqlValue::Null)), (by, Answers(answer)))
}

const GOES_WITH_THE_SESSION: &str = "a transaction that is left open is rolled back with the session, and was seen by nobody else";

const ITS_OWN_PAGES: &str = "the pages are those of its own clone: there is nothing in them that it may not read";

const ITS_OWN_INDEX: &str = "without hardening it spoils a full-text index of its own clone, which the host does not read";

attacks!(
    commit_the_transaction_of_the_host = ending_the_transaction("COMMIT"),
    end_the_transaction_of_the_host = ending_the_transaction("END TRANSACTION"),
    roll_the_transaction_of_the_host_back = ending_the_transaction("ROLLBACK"),
    begin_a_transaction_in_the_transaction_of_the_host = attack("BEGIN").held_by(
        (GATE, Refused(NotAuthorized, OF_THE_HOST)),
        (By::Engine, Refused(Other, "cannot start a transaction within a transaction")),
    ),
    begin_a_transaction_in_a_case =
        attack("BEGIN").by(Access::Case).held_only_by((GATE, Refused(NotAuthorized, OF_THE_HOST)), GOES_WITH_THE_SESSION),
    set_a_savepoint_in_a_case =
        attack("SAVEPOINT s").by(Access::Case).held_only_by((GATE, Refused(NotAuthorized, "SAVEPOINT")), GOES_WITH_THE_SESSION),
    roll_back_on_conflict = attack("INSERT OR ROLLBACK INTO item VALUES (1, 'again', 1)").harmless(Refused(PrimaryKey, "UNIQUE")),
    roll_back_in_a_trigger = attack("CREATE TRIGGER t BEFORE DELETE ON item BEGIN SELECT RAISE(ROLLBACK, 'gone'); END")
        .then("DELETE FROM item")
        .harmless(Refused(Trigger, "gone")),
    release_a_savepoint_that_is_not_there = attack("RELEASE s").harmless(Refused(Missing, "no such savepoint")),
    write_the_schema = attack("PRAGMA writable_schema = ON")
        .then("UPDATE sqlite_schema SET sql = 'CREATE TABLE item (y)' WHERE name = 'item'")
        .held_by((GATE, Refused(NotAuthorized, "PRAGMA writable_schema")), (HARDENING, Refused(Other, "may not be modified")),),
    delete_from_the_schema = attack("DELETE FROM sqlite_schema").harmless(Refused(Other, "may not be modified")),
    reset_the_database = attack("PRAGMA writable_schema = RESET")
        .held_by((GATE, Refused(NotAuthorized, "PRAGMA writable_schema")), (HARDENING, Answers(SqlValue::Null))),
    set_the_version_of_the_schema = attack("PRAGMA schema_version = 99")
        .then("PRAGMA schema_version")
        .held_by((GATE, Refused(NotAuthorized, "PRAGMA schema_version")), (HARDENING, integer(14)),),
    write_a_raw_page = attack("UPDATE sqlite_dbpage SET data = zeroblob(4096) WHERE pgno = 2")
        .held_by((GATE, Refused(NotAuthorized, RAW_PAGES)), (HARDENING, Refused(Other, "read-only")),),
    append_a_raw_page = attack("INSERT INTO sqlite_dbpage (pgno, data) VALUES (99999, zeroblob(4096))")
        .held_by((GATE, Refused(NotAuthorized, RAW_PAGES)), (HARDENING, Refused(Other, "read-only")),),
    read_a_raw_page =
        attack("SELECT data FROM sqlite_dbpage WHERE pgno = 1").held_only_by((GATE, Refused(NotAuthorized, RAW_PAGES)), ITS_OWN_PAGES),
    read_a_raw_page_by_another_case =
        attack("SELECT * FROM SQLite_DBPage('main')").held_only_by((GATE, Refused(NotAuthorized, RAW_PAGES)), ITS_OWN_PAGES),
    count_raw_pages = attack("SELECT count(*) FROM sqlite_dbpage").held_only_by((GATE, Refused(NotAuthorized, RAW_PAGES)), ITS_OWN_PAGES),
    read_a_raw_page_in_a_view = attack("CREATE VIEW v AS SELECT data FROM sqlite_dbpage").then("SELECT * FROM v").held_by(
        (HARDENING, Refused(NotAuthorized, "unsafe use of virtual table")),
        (By::Engine, Refused(NotAuthorized, "unsafe use of virtual table")),
    ),
    make_a_table_of_raw_pages = attack("CREATE VIRTUAL TABLE p USING sqlite_dbpage")
        .held_by((GATE, Refused(NotAuthorized, "the module \"sqlite_dbpage\" is not available")), (By::Engine, Answers(SqlValue::Null))),
    read_what_pages_are_used_for = attack("SELECT count(*) > 10 FROM dbstat").harmless(integer(1)),
    write_a_shadow_table =
        attack("UPDATE note_data SET block = x'00'").held_only_by((HARDENING, Refused(Other, "may not be modified")), ITS_OWN_INDEX),
    drop_a_shadow_table = attack("DROP TABLE note_data").held_only_by((HARDENING, Refused(Other, "may not be dropped")), ITS_OWN_INDEX),
    do_without_a_journal = attack("PRAGMA journal_mode = OFF")
        .then("UPDATE item SET price = 1")
        .then("PRAGMA journal_mode")
        .held_by((GATE, Answers(SqlValue::Null)), (HARDENING, text("delete")),),
    keep_a_write_ahead_log = setting("PRAGMA journal_mode = WAL", By::Engine, SqlValue::Text("delete".into())),
    map_the_database_into_memory = setting("PRAGMA mmap_size = 1000000000", By::Engine, SqlValue::Null),
    lock_the_database_for_ever = setting("PRAGMA locking_mode = EXCLUSIVE", By::Engine, SqlValue::Text("exclusive".into())),
    set_a_pragma_by_the_name_of_a_schema = setting("PRAGMA temp.journal_mode = OFF", HARDENING, SqlValue::Text("delete".into())),
    set_a_pragma_through_a_table = setting("SELECT * FROM pragma_journal_mode", HARDENING, SqlValue::Text("delete".into())),
    ask_what_was_changed = attack("INSERT INTO item VALUES (7, 'shelf', 1)")
        .then("SELECT changes() || ' ' || total_changes() || ' ' || last_insert_rowid()")
        .harmless(text("1 1 7")),
    functions_of_the_host_in_a_view = attack("CREATE VIEW v AS SELECT typeof(random()) || typeof(randomblob(1)) || trim(' x ')")
        .then("SELECT * FROM v")
        .harmless(text("integerblobx")),
    functions_of_the_host_in_an_index = attack("CREATE INDEX i ON item (instr(name, 'a'), json_patch('{}', '{}'))")
        .then("SELECT count(*) FROM item INDEXED BY i WHERE instr(name, 'a') = 2")
        .harmless(integer(2)),
    functions_of_the_host_in_a_trigger =
        attack("CREATE TRIGGER t AFTER UPDATE ON item BEGIN INSERT INTO event VALUES (NULL, 0, unhex('78 ', ' ')); END")
            .then("UPDATE item SET price = 1 WHERE id = 1")
            .then("SELECT CAST(payload AS TEXT) FROM event ORDER BY id DESC LIMIT 1")
            .harmless(text("x")),
);
