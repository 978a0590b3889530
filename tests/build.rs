//! Makes a test of every folder in `cases/`: one that no test runs cannot be.

use std::{env, fs, path::PathBuf};

fn main() {
    let cases = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo says where the package is")).join("cases");
    println!("cargo::rerun-if-changed={}", cases.display());
    let entries = fs::read_dir(&cases).expect("tests/cases can be listed");
    let mut names: Vec<String> = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a plain name")).collect();
    names.sort();
    let tests: String = names.iter().map(|name| format!("#[test]\nfn {name}() {{\n    check(\"{name}\");\n}}\n")).collect();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo says where the output goes"));
    fs::write(out.join("cases.rs"), tests).expect("the tests are written");
}
