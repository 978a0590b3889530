//! What `rehearsal` does, from the outside: a plan and a command line in, an exit code, words and a packet out.
//!
//! Most tests are folders in `cases/`, see [`case`]. The others are sentences in a module for each thing they are about.
//! Guests come from `target/guests`: `cargo xtask guests` builds them. Nothing here sleeps, and every test has a directory
//! and a TMPDIR of its own.

mod architecture;
mod attacks;
mod case;
mod database;
mod dumps;
mod interrupted;
mod modules;
mod output;
mod packets;
mod place;
mod plain_sqlite;
mod readme;
mod redact;
mod repeatable;
mod session;
mod setup;
mod sources;
mod splitter;
mod tampering;
mod tool;
