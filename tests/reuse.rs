//! Results used again: a test whose program and files are the same is not run a second time, and everything says so.

mod support;

use std::path::PathBuf;
use support::{Ran, gateline, git, repository_of};

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

struct Fixture {
    folder: tempfile::TempDir,
    workspace: PathBuf,
}

impl Fixture {
    fn new() -> Fixture {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = folder.path().join("work");
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
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        repository_of(&workspace, &files);
        Fixture { folder, workspace }
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
        let mut command = gateline(&self.workspace, &self.folder.path().join("state"), arguments);
        command.envs(environment.iter().copied());
        command.output().expect("gateline starts").into()
    }

    /// Runs, and gives the packages whose tests really ran.
    fn ran(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (Vec<String>, Ran) {
        let file = self.workspace.join("target/ran");
        let _ = std::fs::remove_file(&file);
        let ran = self.run(arguments, environment);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
        names.sort();
        (names, ran)
    }

    fn read(&self, report: &str) -> String {
        std::fs::read_to_string(self.workspace.join("target/gateline").join(report)).expect("a report")
    }

    fn used_again(&self) -> Vec<(u64, u64)> {
        let evidence: serde_json::Value = serde_json::from_str(&self.read("evidence.json")).expect("JSON");
        let reused = &evidence["gates"]["tests"]["result"]["Ok"]["reused"];
        let pair = |one: &serde_json::Value| {
            (one["binaries"].as_u64().expect("a number"), one["tests"].as_u64().expect("a number"))
        };
        reused.as_array().map_or(Vec::new(), |all| all.iter().map(pair).collect())
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.workspace.join(file), text).expect("the file can be written");
    }
}

#[test]
fn what_did_not_change_is_not_run_again_and_counts_the_same_lines() {
    let fixture = Fixture::new();
    let (names, ran) = fixture.ran(&["coverage"], &[]);
    assert_eq!((names, ran.code), (vec!["a".to_owned(), "b".to_owned()], 0), "{}", ran.all());
    assert!(fixture.used_again().is_empty());
    let lines = fixture.read("coverage.lcov");

    let (names, ran) = fixture.ran(&["coverage"], &[]);
    assert_eq!((names.len(), ran.code), (0, 0), "{}", ran.all());
    let commit = git(&fixture.workspace, &["rev-parse", "HEAD"]);
    let told = format!(", {})", commit.trim().get(..7).expect("a commit"));
    assert!(ran.out.contains("4 passed (4 from ") && ran.out.contains(&told), "{}", ran.all());
    assert_eq!((fixture.used_again(), fixture.read("coverage.lcov")), (vec![(3, 4)], lines.clone()));

    // Another commit with the same files of the packages is fine; the run that proved it is still the first.
    fixture.write("README.md", "Of no package.\n");
    fixture.write("policies/tests.yaml", "unaffected_by: [\"*.md\"]\n");
    let (names, _) = fixture.ran(&["coverage"], &[]);
    assert_eq!(names, ["a", "b"], "another policy of the tests");
    fixture.write("README.md", "Of no package, still.\n");
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-qm", "second"]);
    let (names, _) = fixture.ran(&["coverage"], &[]);
    assert!(names.is_empty(), "{names:?}");

    // One package changes: its tests run, and so do all documentation tests.
    fixture.write("b/src/lib.rs", &library("b", "\n/// New.\npub fn new() {}\n"));
    let (names, ran) = fixture.ran(&["coverage"], &[]);
    assert_eq!((names, fixture.used_again()), (vec!["b".to_owned()], vec![(1, 1)]), "{}", ran.all());
    let partly = fixture.read("coverage.lcov");
    let (names, _) = fixture.ran(&["coverage", "--fresh"], &[]);
    assert_eq!((names.len(), fixture.used_again().len()), (2, 0));
    assert_eq!(fixture.read("coverage.lcov"), partly, "used again or run: the same lines");
}

#[test]
fn ci_and_those_who_ask_run_everything_and_a_failure_is_never_used_again() {
    let fixture = Fixture::new();
    assert_eq!(fixture.ran(&["test"], &[]).0.len(), 2);
    assert_eq!(fixture.ran(&["test"], &[]).0.len(), 0);
    assert_eq!(fixture.ran(&["test", "--fresh"], &[]).0.len(), 2);
    assert_eq!(fixture.ran(&["test"], &[("CI", "true")]).0.len(), 2, "CI always runs them");
    assert_eq!(fixture.ran(&["test", "a::lib"], &[]).0, ["a"], "who names a test wants it run");
    // A file that a test reads belongs to its package, whether the program knows it or not.
    fixture.write("a/data.txt", "new\n");
    assert_eq!(fixture.ran(&["test"], &[]).0, ["a"]);
    let broken = library("a", "").replace("number * 2", "number * 3");
    fixture.write("a/src/lib.rs", &broken);
    let (names, ran) = fixture.ran(&["test"], &[]);
    assert_eq!((names, ran.code), (vec!["a".to_owned()], 10), "{}", ran.all());
    let (names, ran) = fixture.ran(&["test"], &[]);
    assert_eq!((names, ran.code), (vec!["a".to_owned()], 10), "{}", ran.all());
}
