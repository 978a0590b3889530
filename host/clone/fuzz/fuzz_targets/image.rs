//! Any bytes as a database: whoever opens, reads, checks, changes and digests it neither crashes nor hangs.

#![no_main]

#[path = "../../tests/clone/hostile.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod hostile;
#[path = "../../tests/clone/reference.rs"]
mod reference;
#[path = "../../tests/clone/scene.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod scene;

libfuzzer_sys::fuzz_target!(|bytes: Vec<u8>| hostile::use_it(bytes));
