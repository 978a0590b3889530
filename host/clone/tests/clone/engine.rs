//! SQLite without an operating system: what is linked, which files can be opened, how much memory a statement can take.

use std::{collections::BTreeSet, ffi::CStr, fs};

use object::{Object as _, ObjectSymbol as _, read::archive::ArchiveFile};
use rehearsal_clone::{HeapBudget, engine};
use rusqlite::ffi::{self, SQLITE_CANTOPEN, SQLITE_NOMEM};

use crate::scene::*;

/// What SQLite may ask of whoever links it, and why that leads nowhere.
const ALLOWED: [(&str, &[&str]); 5] = [
    ("memory: the fallback for `SQLITE_CONFIG_MALLOC`, which `engine` replaces", &["malloc", "free", "realloc", "malloc_usable_size"]),
    (
        "bytes and strings in memory",
        &[
            "memcmp", "memcpy", "memmove", "memset", "memchr", "strcmp", "strncmp", "strlen", "strchr", "strrchr", "strcspn", "strspn",
            "strstr",
        ],
    ),
    (
        "the same, with bounds that the compiler knows and checks (`_FORTIFY_SOURCE`, `-fstack-protector`)",
        &["__memcpy_chk", "__memmove_chk", "__memset_chk", "__stack_chk_fail"],
    ),
    (
        "numbers, for the mathematical functions of SQL and for FTS5's ranking",
        &[
            "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "cos", "cosh", "exp", "floor", "fmod", "log", "log10",
            "log2", "pow", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
        ],
    ),
    (
        "sorting in memory; what `engine` defines; where the linker puts addresses",
        &["qsort", "sqlite3_os_init", "sqlite3_os_end", "_GLOBAL_OFFSET_TABLE_"],
    ),
];

#[test]
fn nothing_of_an_operating_system_is_linked_into_sqlite() {
    let archive = fs::read(env!("SQLITE_ARCHIVE")).expect("SQLite's archive is there");
    let (mut needed, mut defined) = (BTreeSet::new(), BTreeSet::new());
    let members = ArchiveFile::parse(&*archive).expect("it is an archive");
    for member in members.members() {
        let member = member.expect("the archive is whole").data(&*archive).expect("the archive is whole");
        let file = object::File::parse(member).expect("it is an object file");
        for symbol in file.symbols() {
            let name = symbol.name().expect("a name").to_owned();
            match (name.is_empty(), symbol.is_undefined()) {
                (true, _) => false,
                (_, true) => needed.insert(name),
                (_, false) => defined.insert(name),
            };
        }
    }
    assert!(defined.contains("sqlite3_prepare_v3") && needed.contains("memcpy"), "this is SQLite: {}", env!("SQLITE_ARCHIVE"));
    let allowed: BTreeSet<&str> = ALLOWED.iter().flat_map(|(_, names)| *names).copied().collect();
    let others: Vec<_> = needed.difference(&defined).filter(|name| !allowed.contains(name.as_str())).collect();
    assert!(others.is_empty(), "SQLite is linked with {others:?}: what can SQL reach through that?");
}

#[test]
fn sqlite_knows_no_file_system_but_that_of_clones() {
    let clone = clone_of(&nothing(), &store());
    let _connection = open(&clone);
    // SAFETY: SQLite has been started, and names are NUL-terminated. Other tests register and drop VFSs meanwhile, so the list is not
    // walked: that takes SQLite's mutex.
    let default = unsafe { CStr::from_ptr((*ffi::sqlite3_vfs_find(std::ptr::null())).zName) };
    assert_eq!(default, c"nowhere");
    for name in [c"unix", c"unix-none", c"unix-excl", c"unix-dotfile", c"win32", c"memdb", c"kvvfs", c"opfs", c"multiplex"] {
        // SAFETY: as above.
        assert!(unsafe { ffi::sqlite3_vfs_find(name.as_ptr()) }.is_null(), "{name:?}");
    }
}

#[test]
fn no_file_can_be_opened_by_any_way_that_sql_or_rust_knows() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("x.db");
    let there = directory.path().join("there.db");
    fs::write(&there, database("CREATE TABLE t (x)")).expect("it can be written");
    engine::start().expect("SQLite starts");
    for path in [&path, &there] {
        let opened = rusqlite::Connection::open(path).and_then(|connection| connection.execute_batch("CREATE TABLE u (x)"));
        assert_eq!(code_of(opened), SQLITE_CANTOPEN);
    }
    let clone = clone_of(&nothing(), &store());
    let connection = open(&clone);
    connection.execute_batch("CREATE TABLE t (x)").expect("it works");
    for path in [path.to_str(), there.to_str(), Some("file:x.db?vfs=unix"), Some("x.db"), Some("/clone.db"), Some("/clone.db-journal")] {
        let path = path.expect("a path");
        assert_eq!(code_of(connection.execute_batch(&format!("ATTACH '{path}' AS other"))), SQLITE_CANTOPEN, "{path}");
        assert_eq!(code_of(connection.execute_batch(&format!("VACUUM INTO '{path}'"))), SQLITE_CANTOPEN, "{path}");
    }
    let memory = engine::open_in_memory().expect("it opens");
    assert_eq!(code_of(memory.execute_batch(&format!("ATTACH '{}' AS other", there.display()))), SQLITE_CANTOPEN);
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
}

#[test]
fn a_library_cannot_be_loaded() {
    let connection = engine::open_in_memory().expect("it opens");
    let loaded = connection.query_row("SELECT load_extension('x')", [], |_| Ok(()));
    assert_eq!(loaded.expect_err("there is no such thing").to_string().split(" in ").next(), Some("no such function: load_extension"));
    let mut options = connection.prepare("PRAGMA compile_options").expect("it is SQL");
    let options: Vec<String> = options.query_map([], |row| row.get(0)).expect("it works").collect::<Result<_, _>>().expect("text");
    for option in ["OMIT_LOAD_EXTENSION", "OMIT_SHARED_CACHE", "OMIT_DESERIALIZE", "OMIT_LOCALTIME"] {
        assert!(options.iter().any(|there| there == option), "{option} is not among {options:?}");
    }
    let local: Option<String> = connection.query_row("SELECT datetime('now', 'localtime')", [], |row| row.get(0)).expect("it works");
    assert_eq!(local, None, "nobody knows where this machine is");
}

#[test]
fn a_statement_that_takes_too_much_memory_is_refused_and_the_next_one_works() {
    let clone = clone_of(&image_of(database("CREATE TABLE t (x); INSERT INTO t VALUES (1)")), &store());
    let connection = open(&clone);
    assert_eq!(number(&connection, "SELECT x FROM t"), 1);
    let budget = HeapBudget::begin(4 << 20);
    assert!(!budget.is_exceeded());
    for sql in [
        "SELECT randomblob(100000000)",
        "SELECT group_concat(hex(zeroblob(500000))) FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5)",
        "SELECT printf('%9000000d', 1)",
    ] {
        let outcome = connection.query_row(sql, [], |row| row.get_ref(0).map(drop));
        assert_eq!(code_of(outcome), SQLITE_NOMEM, "{sql}");
        assert!(budget.is_exceeded());
        assert_eq!(number(&connection, "SELECT x FROM t"), 1);
    }
    connection.execute_batch("UPDATE t SET x = 2").expect("it works");
    drop(budget);
    assert_eq!(number(&connection, "SELECT length(randomblob(10000000))"), 10_000_000);
    assert_eq!(integrity(&connection), "ok");
}

#[test]
fn a_budget_for_memory_is_that_of_its_thread_and_the_smaller_of_two() {
    let connection = engine::open_in_memory().expect("it opens");
    let take = "SELECT length(randomblob(3000000))";
    let outer = HeapBudget::begin(1 << 20);
    {
        let inner = HeapBudget::begin(1 << 30);
        assert_eq!(code_of(connection.query_row(take, [], |_| Ok(()))), SQLITE_NOMEM);
        assert!(inner.is_exceeded());
    }
    let elsewhere = std::thread::spawn(move || number(&engine::open_in_memory().expect("it opens"), take));
    assert_eq!(elsewhere.join().expect("no panic"), 3_000_000);
    assert_eq!(code_of(connection.query_row(take, [], |_| Ok(()))), SQLITE_NOMEM);
    drop(outer);
    assert_eq!(number(&connection, take), 3_000_000);
}
