//! Results used again: a test whose program and files are the same is not run a second time, and everything says so.

mod support;

use support::fixture::Fixture;
use support::{Ran, git};

const ROOT: &str = "[workspace]\nmembers = [\"a\", \"b\"]\nresolver = \"3\"\n";
const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n";

fn manifest(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n")
}

/// A library whose test leaves a line in `target/ran` each time that it runs, and a documentation test.
fn library(name: &str, more: &str) -> String {
    format!(
        "//! A fixture.\n\n/// Doubles.\n///\n/// ```\n/// assert_eq!({name}::double(2), 4);\n/// ```\npub fn double(number: u32) -> u32 {{\n    \
         number * 2\n}}\n\n/// No test runs this.\npub fn idle() -> u32 {{\n    7\n}}\n{more}\n#[cfg(test)]\nmod tests {{\n    \
         use std::io::Write as _;\n\n    #[test]\n    fn runs() {{\n        let file = concat!(env!(\"CARGO_MANIFEST_DIR\"), \
         \"/../target/ran\");\n        let mut ran = std::fs::File::options().append(true).create(true).open(file).unwrap();\n        \
         writeln!(ran, \"{name}\").unwrap();\n        assert_eq!(super::double(3), 6);\n    }}\n}}\n"
    )
}

fn fixture() -> Fixture {
    let files = [
        ("Cargo.toml", ROOT.to_owned()),
        ("Cargo.lock", LOCKFILE.to_owned()),
        (".gitignore", "target\n".to_owned()),
        ("policies/coverage.yaml", "minimum: 50\n".to_owned()),
        ("a/Cargo.toml", manifest("a")),
        ("a/src/lib.rs", library("a", "")),
        ("b/Cargo.toml", manifest("b")),
        ("b/src/lib.rs", library("b", "")),
    ];
    Fixture::of("work", &files.each_ref().map(|(name, text)| (*name, text.as_str())))
}

/// Runs, and gives the packages whose tests really ran.
fn ran(fixture: &Fixture, arguments: &[&str], environment: &[(&str, &str)]) -> (Vec<String>, Ran) {
    let file = fixture.workspace.join("target/ran");
    let _ = std::fs::remove_file(&file);
    let mut command = fixture.command(arguments);
    command.envs(environment.iter().copied());
    let ran = command.output().expect("gateline starts").into();
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
    names.sort();
    (names, ran)
}

/// Binaries and tests of each earlier run that the evidence names.
fn used_again(fixture: &Fixture) -> Vec<(u64, u64)> {
    let evidence = fixture.json("evidence.json");
    let reused = &evidence["gates"]["tests"]["result"]["Ok"]["reused"];
    let number = |value: &serde_json::Value| value.as_u64().expect("a number");
    let pair = |one: &serde_json::Value| (number(&one["binaries"]), number(&one["tests"]));
    reused.as_array().map_or(Vec::new(), |all| all.iter().map(pair).collect())
}

#[test]
fn what_did_not_change_is_not_run_again_and_counts_the_same_lines() {
    let fixture = fixture();
    let (names, said) = ran(&fixture, &["coverage"], &[]);
    assert_eq!((names, said.code), (vec!["a".to_owned(), "b".to_owned()], 0), "{}", said.all());
    assert!(used_again(&fixture).is_empty());
    let lines = fixture.report("coverage.lcov");

    let (names, said) = ran(&fixture, &["coverage"], &[]);
    assert_eq!((names.len(), said.code), (0, 0), "{}", said.all());
    let commit = git(&fixture.workspace, &["rev-parse", "HEAD"]);
    let told = format!(", {})", commit.trim().get(..7).expect("a commit"));
    assert!(said.out.contains("4 passed (4 from ") && said.out.contains(&told), "{}", said.all());
    assert_eq!((used_again(&fixture), fixture.report("coverage.lcov")), (vec![(3, 4)], lines.clone()));

    // Another commit with the same files of the packages is fine; the run that proved it is still the first.
    fixture.write("README.md", "Of no package.\n");
    fixture.write("policies/tests.yaml", "unaffected_by: [\"*.md\"]\n");
    let (names, _) = ran(&fixture, &["coverage"], &[]);
    assert_eq!(names, ["a", "b"], "another policy of the tests");
    fixture.write("README.md", "Of no package, still.\n");
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-qm", "second"]);
    let (names, _) = ran(&fixture, &["coverage"], &[]);
    assert!(names.is_empty(), "{names:?}");

    // One package changes: its tests run, and so do all documentation tests.
    fixture.write("b/src/lib.rs", &library("b", "\n/// New.\npub fn new() {}\n"));
    let (names, said) = ran(&fixture, &["coverage"], &[]);
    assert_eq!((names, used_again(&fixture)), (vec!["b".to_owned()], vec![(1, 1)]), "{}", said.all());
    let partly = fixture.report("coverage.lcov");
    let (names, _) = ran(&fixture, &["coverage", "--fresh"], &[]);
    assert_eq!((names.len(), used_again(&fixture).len()), (2, 0));
    assert_eq!(fixture.report("coverage.lcov"), partly, "used again or run: the same lines");
}

#[test]
fn ci_and_those_who_ask_run_everything_and_a_failure_is_never_used_again() {
    let fixture = fixture();
    assert_eq!(ran(&fixture, &["test"], &[]).0.len(), 2);
    assert_eq!(ran(&fixture, &["test"], &[]).0.len(), 0);
    assert_eq!(ran(&fixture, &["test", "--fresh"], &[]).0.len(), 2);
    assert_eq!(ran(&fixture, &["test"], &[("CI", "true")]).0.len(), 2, "CI always runs them");
    assert_eq!(ran(&fixture, &["test", "a::lib"], &[]).0, ["a"], "who names a test wants it run");
    // A file that a test reads belongs to its package, whether the program knows it or not.
    fixture.write("a/data.txt", "new\n");
    assert_eq!(ran(&fixture, &["test"], &[]).0, ["a"]);
    let broken = library("a", "").replace("number * 2", "number * 3");
    fixture.write("a/src/lib.rs", &broken);
    let (names, said) = ran(&fixture, &["test"], &[]);
    assert_eq!((names, said.code), (vec!["a".to_owned()], 10), "{}", said.all());
    let (names, said) = ran(&fixture, &["test"], &[]);
    assert_eq!((names, said.code), (vec!["a".to_owned()], 10), "{}", said.all());
}
