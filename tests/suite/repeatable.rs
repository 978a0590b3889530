//! The same plan on the same source gives the same tree, whatever the machine is doing.

use std::fs;

use crate::{
    place::Place,
    tool::{finish, run, tool},
};

#[test]
fn the_tree_does_not_depend_on_jobs_nor_tmpdir_nor_the_current_directory() {
    let one = Place::new();
    let tree = run(&one, &["run", "shop/rehearsal.toml", "--jobs", "1", "--out", "packet"]).exits(0).tree();

    let other = Place::new();
    fs::create_dir(other.file("scratch of mine")).expect("a directory");
    fs::create_dir(other.file("deeper")).expect("a directory");
    let mut command = tool(&other, &["run", "../shop/rehearsal.toml", "--jobs", "4", "--out", "../packet"]);
    command
        .current_dir(other.file("deeper"))
        .env("TMPDIR", other.file("scratch of mine"))
        .env("TZ", "Asia/Kolkata")
        .env("LANG", "de_DE.UTF-8");
    assert_eq!(finish(command).exits(0).tree(), tree);
}

#[test]
fn time_and_randomness_in_sql_are_the_plans() {
    let trees = ["1", "4"].map(|jobs| {
        let place = Place::new();
        place.write("source.sql", "CREATE TABLE t (x);");
        place.write_plan("source.sql", "module = \"guests/step_dependent_on_random.wasm\"");
        run(&place, &["run", "rehearsal.toml", "--jobs", jobs, "--out", "packet"]).exits(0).tree()
    });
    assert_eq!(trees[0], trees[1]);
}

#[test]
fn another_seed_or_another_time_is_another_state() {
    let states: Vec<String> = ["", "[clone]\nseed = 2", "[clone]\nnow = \"2027-01-01T00:00:00Z\""]
        .into_iter()
        .map(|settings| {
            let place = Place::new();
            place.write("source.sql", "CREATE TABLE t (x);");
            place.write_plan("source.sql", &format!("module = \"guests/step_dependent_on_random.wasm\"\n{settings}"));
            run(&place, &["run", "rehearsal.toml", "--out", "packet"]).exits(0);
            place.json("packet/data/steps/s/step.json")["result"].as_str().expect("a state").to_owned()
        })
        .collect();
    assert!(states[0] != states[1] && states[0] != states[2] && states[1] != states[2], "{states:?}");
}
