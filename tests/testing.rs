//! `test` as people type it: some tests, those that failed, what they print, their names.

mod support;

use std::path::Path;
use support::fixture::Fixture;
use support::{GATELINE, git};

const MANIFEST: &str =
    "[package]\nname = \"fixture\"\nversion = \"1.0.0\"\nedition = \"2024\"\n[lib]\ndoctest = false\n";
const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"1.0.0\"\n";
const BROKEN: &str = "//! A fixture.\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn good() {}\n\n    #[test]\n    fn bad() {\n        \
                      println!(\"said by bad\");\n        assert_eq!(1 + 1, 3);\n    }\n\n    #[test]\n    fn bad_too() {\n        \
                      panic!(\"on purpose\");\n    }\n\n    #[test]\n    #[ignore]\n    fn later() {}\n}\n";
const POLICY: &str = "retries: {ci: 0}\n";

fn fixture() -> Fixture {
    let files = [
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCKFILE),
        (".gitignore", "target\n"),
        ("policies/tests.yaml", POLICY),
        ("src/lib.rs", BROKEN),
    ];
    Fixture::of("work", &files)
}

/// The gate's verdict in a report folder.
fn verdict(fixture: &Fixture, folder: &str) -> serde_json::Value {
    let verdict = fixture.json(Path::new(folder).join("verdict.json"));
    let gates = verdict["gates"].as_array().expect("gates");
    gates.iter().find(|gate| gate["gate"] == "tests").cloned().expect("the gate tests")
}

fn codes(gate: &serde_json::Value) -> Vec<&str> {
    let findings = gate["findings"].as_array().expect("findings");
    findings.iter().filter_map(|finding| finding["code"].as_str()).collect()
}

#[test]
fn what_failed_is_run_again_until_nothing_is_left_and_a_part_never_stands_for_the_whole() {
    let fixture = fixture();
    fixture
        .run(&["test", "--rerun-failed"])
        .exits(2)
        .says(&["no run of the tests is recorded", &format!("{GATELINE} test")]);
    fixture.run(&["ci", "--gate", "tests", "--record-baseline"]).exits(10).says(&["1 passed, 2 failed"]);
    let whole = verdict(&fixture, "");
    assert_eq!((codes(&whole), whole["facts"].get("filters")), (vec!["tests/failed"; 2], None));

    // Another commit: the failures are the base's too, and only what was asked for runs.
    fixture.write("src/lib.rs", &BROKEN.replace("A fixture", "A changed fixture"));
    git(&fixture.workspace, &["commit", "--quiet", "--all", "--message", "words"]);
    let name = "fixture::lib$tests::bad";
    fixture
        .run(&["test", "--base", "HEAD~1", name])
        .exits(10)
        .says(&["chosen by name", "also fails on base"]);
    let part = verdict(&fixture, "some-tests");
    assert_eq!(codes(&part), ["tests/failed-on-base"]);
    assert_eq!(part["facts"]["filters"], serde_json::json!([name]));
    assert_eq!(verdict(&fixture, ""), whole, "a run of some tests leaves the whole run's verdict alone");

    fixture.write("src/lib.rs", &BROKEN.replace("1 + 1, 3", "1 + 1, 2"));
    let shown = fixture.run(&["test", "--rerun-failed", "--no-capture"]).exits(10);
    assert!(shown.err.contains("said by bad") && !shown.out.contains("said by bad"), "{}", shown.all());
    assert_eq!(verdict(&fixture, "some-tests")["facts"]["total"], 2);
    let fixed = BROKEN.replace("1 + 1, 3", "1 + 1, 2").replace("panic!(\"on purpose\");", "");
    fixture.write("src/lib.rs", &fixed);
    fixture.run(&["test", "--rerun-failed"]).exits(0).says(&["1 passed, 0 failed"]);
    fixture.run(&["test", "--rerun-failed"]).exits(3).says(&["none to run again"]);

    let listed = fixture.run(&["test", "--list", "--format", "json"]).exits(0).json();
    let names: Vec<_> = listed["tests"]
        .as_array()
        .expect("tests")
        .iter()
        .map(|test| (test["name"].as_str(), &test["ignored"]))
        .collect();
    assert_eq!(names.len(), 4);
    assert_eq!(names[3], (Some("fixture::lib$tests::later"), &serde_json::json!(true)));
    let listed = fixture.run(&["test", "--list", "bad_too", "good"]).exits(0);
    assert_eq!(listed.out, "fixture::lib$tests::bad_too\nfixture::lib$tests::good\n");
    fixture.run(&["test", "--list", "nothing-like-it"]).exits(3);
}
