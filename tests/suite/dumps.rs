//! Dumps: the same database comes out of every form, and from the cache.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use crate::{
    place::{Place, names},
    setup::{gzip, zstd},
    tool::{Outcome, finish, run, tool},
};

const PEOPLE: &str = "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);\n";

/// Rehearses on a dump and returns what the packet says of the source; the packet is gone then.
fn source_record(place: &Place, source: &str, arguments: &[&str], cache: Option<&Path>) -> serde_json::Value {
    place.write_sql_plan(source, "INSERT INTO people VALUES (0, 'new');");
    let mut command = tool(place, &[&["run", "rehearsal.toml", "--out", "packet"], arguments].concat());
    if let Some(cache) = cache {
        command.env("XDG_CACHE_HOME", cache);
    }
    let outcome = finish(command);
    assert!(place.file("packet").is_dir(), "{outcome:#?}");
    let record = place.json("packet/data/source.json");
    fs::remove_dir_all(place.file("packet")).expect("the packet is removed");
    record
}

fn refusal(place: &Place, source: &str) -> Outcome {
    place.write_sql_plan(source, "INSERT INTO people VALUES (0, 'new');");
    run(place, &["run", "rehearsal.toml", "--out", "packet"]).exits(3)
}

/// A dump whose image has more than 16 MiB, the least that is kept.
fn large_dump() -> String {
    let mut dump = format!("{PEOPLE}CREATE TABLE blobs (content BLOB);\n");
    for number in 0..17 {
        dump.push_str(&format!("INSERT INTO people VALUES ({}, 'somebody');\nINSERT INTO blobs VALUES (zeroblob(1048576));\n", number + 1));
    }
    dump
}

/// The one entry of a cache: the database, and its record.
fn entry(cache: &Path) -> (PathBuf, PathBuf) {
    let directory = cache.join("rehearsal/images");
    match names(&directory).as_slice() {
        [database, record] if database.ends_with(".db") && record.ends_with(".json") => (directory.join(database), directory.join(record)),
        other => panic!("not one entry: {other:?}"),
    }
}

#[test]
fn every_form_of_a_dump_leads_to_the_same_state() {
    let place = Place::new();
    let rows = "INSERT INTO people VALUES (1, 'Ada');\nINSERT INTO people VALUES (2, 'G\u{f6}del \u{1f600}');\n";
    let plain = format!("{PEOPLE}{rows}");
    place.write("plain.sql", &plain);
    let expected = source_record(&place, "plain.sql", &[], None);
    let utf16: Vec<u8> = format!("\u{feff}{plain}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (name, content) in [
        ("within-a-transaction.sql", format!("BEGIN;\n{plain}COMMIT;\n").into_bytes()),
        ("in-two-transactions.sql", format!("{PEOPLE}BEGIN;\n{rows}COMMIT;\nBEGIN;COMMIT;").into_bytes()),
        ("with-pragmas-between.sql", plain.replace(";\n", ";\nPRAGMA foreign_keys=OFF;\n").into_bytes()),
        ("with-comments.sql", plain.replace(";\n", ";\n/* ; */ -- ';\n").into_bytes()),
        ("from-windows.sql", format!("\u{feff}{}", plain.replace('\n', "\r\n")).into_bytes()),
        ("national.sql", plain.replace("'Ada'", "N'Ada'").into_bytes()),
        ("unistr.sql", plain.replace("'Ada'", "unistr('\\0041da')").into_bytes()),
        ("utf16.sql", utf16),
        ("gzip.sql.gz", gzip(plain.as_bytes())),
        ("members.sql.gz", [gzip(PEOPLE.as_bytes()), gzip(rows.as_bytes())].concat()),
        ("zstd.sql.zst", zstd(plain.as_bytes())),
        ("frames.sql.zst", [zstd(PEOPLE.as_bytes()), zstd(rows.as_bytes())].concat()),
    ] {
        place.write(name, &content);
        let found = source_record(&place, name, &[], None);
        assert_eq!(found["state"], expected["state"], "{name}");
        assert_eq!(found["bytes"], content.len().to_string(), "{name}");
        assert_eq!(found["sha256_before"], rehearsal_packet::Sha256::of(&content).to_hex(), "{name}: of the file as it is");
    }
}

#[test]
fn an_n_before_a_string_is_a_name_where_sqlite_takes_it_for_one() {
    let place = Place::new();
    let dump = |n: &str| format!("{PEOPLE}INSERT INTO people SELECT 1, {n} FROM (SELECT 'Ada' AS n);");
    place.write("name.sql", dump("n'Eve'"));
    place.write("ada.sql", dump("n"));
    let [found, expected] = ["name.sql", "ada.sql"].map(|source| source_record(&place, source, &[], None));
    assert_eq!(found["state"], expected["state"]);
}

#[test]
fn samples_of_indexes_are_left_out_and_the_packet_says_so() {
    let place = Place::new();
    place.write("dump.sql", format!("{PEOPLE}ANALYZE sqlite_schema;\nINSERT INTO sqlite_stat4 VALUES('people','x','1','0','0',X'00');"));
    let note = "rows of sqlite_stat3 and sqlite_stat4 were left out (1): the SQLite of this tool keeps no samples of indexes";
    assert_eq!(source_record(&place, "dump.sql", &[], None)["notes"], serde_json::json!([note]));
}

#[test]
fn an_archive_of_zstd_whose_content_is_not_what_was_compressed_is_refused() {
    let place = Place::new();
    let mut archive = zstd(format!("{PEOPLE}INSERT INTO people VALUES (1, 'Ada');\n").as_bytes());
    let at = archive.windows(3).position(|bytes| bytes == b"Ada").expect("so short a text is stored as it is");
    archive[at] = b'E';
    place.write("dump.sql.zst", archive);
    let outcome = refusal(&place, "dump.sql.zst");
    assert_eq!(outcome.stderr, "error: the source dump.sql.zst is a damaged zstd archive (its checksum is another one); copy it again\n");
}

#[test]
fn a_statement_may_be_long_and_have_many_rows() {
    let place = Place::new();
    let rows: Vec<String> = (0..100_000).map(|number| format!("\n({}, N'row {number}')", number + 1)).collect();
    place.write("many.sql", format!("{PEOPLE}INSERT INTO people VALUES{};\n", rows.join(",")));
    place.write("one.sql", format!("{PEOPLE}{}", rows.iter().map(|row| format!("INSERT INTO people VALUES {row};\n")).collect::<String>()));
    let [many, one] = ["many.sql", "one.sql"].map(|source| source_record(&place, source, &[], None));
    assert_eq!(many["state"], one["state"]);
}

#[test]
fn the_image_of_a_large_dump_is_kept_and_the_evidence_is_the_same_with_it() {
    let place = Place::new();
    let cache = place.root().join("cache");
    place.write("dump.sql", large_dump());
    let without = source_record(&place, "dump.sql", &["--no-cache"], Some(&cache));
    assert!(!cache.exists(), "--no-cache keeps nothing");
    let first = source_record(&place, "dump.sql", &[], Some(&cache));
    let (database, record) = entry(&cache);
    let made = [&database, &record].map(|path| (path.metadata().expect("it is there").ino(), fs::read(path).expect("it is read")));
    for path in [&database, &record] {
        assert_eq!(path.metadata().expect("it is there").permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
    assert_eq!(database.parent().expect("a directory").metadata().expect("it is there").permissions().mode() & 0o777, 0o700);
    let second = source_record(&place, "dump.sql", &[], Some(&cache));
    let kept = [&database, &record].map(|path| (path.metadata().expect("it is there").ino(), fs::read(path).expect("it is read")));
    assert!(kept == made, "a run that finds an entry leaves it");
    assert_eq!(first, without);
    assert_eq!(second, without);
}

#[test]
fn an_entry_that_is_not_what_was_written_is_made_again() {
    let place = Place::new();
    let cache = place.root().join("cache");
    place.write("dump.sql", large_dump());
    let expected = source_record(&place, "dump.sql", &[], Some(&cache));
    let (database, record) = entry(&cache);
    let good = [&database, &record].map(|path| fs::read(path).expect("it is read"));
    let spoil = |path: &Path, at: usize| {
        let mut bytes = fs::read(path).expect("it is read");
        bytes[at] ^= 1;
        fs::write(path, bytes).expect("it is written");
    };
    let wrong: [(&str, &dyn Fn()); 9] = [
        ("another byte", &|| spoil(&database, 10_000)),
        ("cut", &|| fs::write(&database, &good[0][..good[0].len() - 4096]).expect("it is written")),
        ("another record", &|| spoil(&record, good[1].len() / 2)),
        ("a record with more in it", &|| {
            let text = String::from_utf8(good[1].clone()).expect("JSON");
            fs::write(&record, text.replacen('{', "{\"more\":1,", 1)).expect("it is written");
        }),
        ("no record", &|| fs::remove_file(&record).expect("it is removed")),
        ("a link", &|| {
            let elsewhere = cache.join("elsewhere");
            fs::rename(&database, &elsewhere).expect("it is renamed");
            symlink(elsewhere, &database).expect("a link");
        }),
        ("a database that others may write", &|| {
            fs::set_permissions(&database, fs::Permissions::from_mode(0o666)).expect("its mode");
        }),
        ("a FIFO", &|| {
            fs::remove_file(&database).expect("it is removed");
            rustix::fs::mknodat(rustix::fs::CWD, &database, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a FIFO");
        }),
        ("nothing", &|| {}),
    ];
    for (what, make) in wrong {
        make();
        assert_eq!(source_record(&place, "dump.sql", &[], Some(&cache)), expected, "{what}");
        assert!([&database, &record].map(|path| fs::read(path).expect("it is read")) == good, "{what}: it is as it was");
        assert!(!database.is_symlink(), "{what}");
        assert_eq!(database.metadata().expect("it is there").permissions().mode() & 0o777, 0o600, "{what}");
    }
}

#[test]
fn what_an_import_depends_on_has_an_entry_of_its_own() {
    let place = Place::new();
    let cache = place.root().join("cache");
    let dump = large_dump();
    place.write("dump.sql", &dump);
    place.write("other.sql", format!("{dump}INSERT INTO people VALUES (100, 'one more');\n"));
    let [one, other] = ["dump.sql", "other.sql"].map(|source| source_record(&place, source, &[], Some(&cache)));
    assert_ne!(one["state"], other["state"]);
    place.write("dump.sql", dump.replace("'somebody'", "random()"));
    let random = source_record(&place, "dump.sql", &[], Some(&cache));
    let plan = fs::read_to_string(place.file("rehearsal.toml")).expect("the plan");
    place.write("rehearsal.toml", plan.replacen("source.path", "clone.seed = 2\nsource.path", 1));
    let mut command = tool(&place, &["run", "rehearsal.toml", "--out", "packet"]);
    command.env("XDG_CACHE_HOME", &cache);
    finish(command);
    assert_ne!(place.json("packet/data/source.json")["state"], random["state"], "another seed");
    assert_eq!(names(&cache.join("rehearsal/images")).len(), 8);
}

#[test]
fn a_cache_that_cannot_be_used_is_done_without() {
    let place = Place::new();
    place.write("dump.sql", large_dump());
    place.write("file", "");
    let expected = source_record(&place, "dump.sql", &[], None);
    let open_to_all = place.root().join("open");
    fs::create_dir_all(open_to_all.join("rehearsal/images")).expect("a directory");
    fs::set_permissions(open_to_all.join("rehearsal/images"), fs::Permissions::from_mode(0o777)).expect("its mode");
    for cache in [place.file("file").as_path(), &open_to_all, Path::new("not/absolute")] {
        assert_eq!(source_record(&place, "dump.sql", &[], Some(cache)), expected, "{}", cache.display());
    }
    assert_eq!(names(&open_to_all.join("rehearsal/images")), [""; 0]);
    place.assert_nothing_temporary();
}

#[test]
fn a_small_image_is_not_kept() {
    let place = Place::new();
    let cache = place.root().join("cache");
    place.write("dump.sql", PEOPLE);
    source_record(&place, "dump.sql", &[], Some(&cache));
    assert!(!cache.exists());
}
