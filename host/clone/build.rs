//! Refuses to build on an SQLite that has an operating system, and tells the tests where the archive is.

use std::env;

/// Without these two, SQL could reach what the clone must not: SQLite would be linked with `open`, `unlink` and `dlopen`.
const NEEDED: [&str; 2] = ["-DSQLITE_OS_OTHER=1", "-DSQLITE_OMIT_LOAD_EXTENSION"];

fn main() {
    println!("cargo::rerun-if-env-changed=LIBSQLITE3_FLAGS");
    let flags = env::var("LIBSQLITE3_FLAGS").unwrap_or_default();
    for needed in NEEDED {
        if !flags.split_whitespace().any(|flag| flag == needed) {
            println!(
                "cargo::error=SQLite must be built with {needed}: `.cargo/config.toml` of the checkout sets LIBSQLITE3_FLAGS so; \
                 build from within the checkout, and do not set LIBSQLITE3_FLAGS yourself"
            );
        }
    }
    let archive = env::var("DEP_SQLITE3_LIB_DIR").expect("libsqlite3-sys says where it built SQLite");
    println!("cargo::rustc-env=SQLITE_ARCHIVE={archive}/libsqlite3.a");
}
