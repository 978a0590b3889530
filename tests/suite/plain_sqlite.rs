//! What a packet says of states is what an SQLite without any clone comes to: on a database in memory, in whole pages, from the definition.

use std::fs;

use rehearsal_clone::engine;
use rehearsal_packet::{Hasher, Sha256};
use rusqlite::Connection;

use crate::{
    place::{Place, repository},
    tool::run,
};

/// A digest as a tree makes it of parts, with what tells the kinds of part apart.
fn tagged<'a>(tag: u8, parts: impl IntoIterator<Item = &'a [u8]>) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(&[tag]);
    parts.into_iter().for_each(|part| hasher.update(part));
    hasher.finish()
}

/// The state digest of ARCHITECTURE.md, over every page there is, and without any tree that is kept.
fn state_digest(database: &Connection) -> Sha256 {
    let mut read = database.prepare("SELECT data FROM sqlite_dbpage('main') ORDER BY pgno").expect("the pages can be read");
    let mut pages: Vec<Vec<u8>> = read.query_map([], |row| row.get(0)).expect("pages").map(|page| page.expect("a page")).collect();
    let number = |page: &[u8], at: usize| u32::from_be_bytes(page[at..at + 4].try_into().expect("four bytes")) as usize;
    let mut trunk = number(&pages[0], 32);
    while trunk != 0 {
        let page = pages[trunk - 1].clone();
        for leaf in 0..number(&page, 4) {
            pages[number(&page, 8 + 4 * leaf) - 1].fill(0);
        }
        trunk = number(&page, 0);
    }
    for counter in [24..28, 92..100] {
        pages[0][counter].fill(0);
    }
    let mut level: Vec<Sha256> = pages.iter().map(|page| tagged(0, [page.as_slice()])).collect();
    while level.len() > 1 {
        level = level.chunks(16).map(|digests| tagged(1, digests.iter().map(|digest| digest.as_bytes().as_slice()))).collect();
    }
    let page_bytes = pages[0].len();
    let (page_size, bytes) = ((page_bytes as u32).to_be_bytes(), ((page_bytes * pages.len()) as u64).to_be_bytes());
    tagged(2, [page_size.as_slice(), bytes.as_slice(), level[0].as_bytes().as_slice()])
}

/// Rehearses a migration of a dump, and applies it to a database in memory: the states are the same.
#[track_caller]
fn same_states(dump: &str, migration: &str) {
    let place = Place::new();
    let text = |path: &str| fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    place.write("source.sql", text(dump));
    place.write_sql_plan("source.sql", &text(migration));
    run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(0);
    let step = place.json("packet/data/steps/s/step.json");

    let mut plain = engine::open_in_memory().expect("a database in memory");
    plain.execute_batch(&text(dump)).expect(dump);
    assert_eq!(step["base"], state_digest(&plain).to_string(), "{dump}");
    plain.execute_batch("PRAGMA foreign_keys = ON").expect("foreign keys are enforced");
    let transaction = plain.transaction().expect("a transaction");
    transaction.execute_batch(&text(migration)).expect(migration);
    transaction.commit().expect("a commit");
    assert_eq!(step["result"], state_digest(&plain).to_string(), "{migration}");
}

#[test]
fn the_states_of_a_packet_are_those_of_a_plain_sqlite() {
    same_states("tests/shared/small.sql", "tests/shared/add-age.sql");
    same_states("fixtures/shop/shop.sql", "fixtures/shop/migrations/loyalty.up.sql");
}
