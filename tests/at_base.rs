//! `failing_on_base: run`: what a change broke is told apart from what was broken before, with real git and cargo.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]

mod support;

use std::process::Stdio;
use support::fixture::Fixture;
use support::{eventually, git, interrupt, processes_of};

const MANIFEST: &str = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[features]\nextra = []\n[workspace]\n";
const POLICY: &str = "failing_on_base: run\nfeatures: [default, extra]\n";

/// A library with these bodies of `was_broken` and `breaks`, and more tests.
fn library(was_broken: &str, breaks: &str, more: &str) -> String {
    format!(
        "//! One.\n\n/// Three.\n///\n/// ```\n/// assert_eq!(one::three(), 4);\n/// ```\npub fn three() -> u32 {{\n    3\n}}\n\n\
         #[cfg(test)]\nmod tests {{\n    #[test]\n    fn was_broken() {{\n        {was_broken}\n    }}\n\n    #[test]\n    fn breaks() \
         {{\n        {breaks}\n    }}\n\n    #[test]\n    #[cfg(feature = \"extra\")]\n    fn extra() {{\n        \
         assert_eq!(super::three(), 5);\n    }}\n{more}}}\n"
    )
}

fn fixture(files: &[(&str, &str)]) -> Fixture {
    let common =
        [("Cargo.toml", MANIFEST), (".gitignore", "/target\n/Cargo.lock\n"), ("policies/tests.yaml", POLICY)];
    let fixture = Fixture::of("w", &[&common, files].concat());
    std::fs::create_dir(fixture.folder.path().join("tmp")).unwrap();
    fixture
}

fn commit(fixture: &Fixture) {
    git(&fixture.workspace, &["add", "--all"]);
    git(&fixture.workspace, &["commit", "--quiet", "--message", "work"]);
}

fn test(fixture: &Fixture, more: &[&str]) -> std::process::Command {
    let arguments = [&["test", "--base", "HEAD~1", "--offline", "--format", "json"], more].concat();
    let mut command = fixture.command(&arguments);
    command.env("TMPDIR", fixture.folder.path().join("tmp"));
    command
}

fn run(fixture: &Fixture, more: &[&str]) -> support::Ran {
    test(fixture, more).output().unwrap().into()
}

/// `code: message up to the base`, one a line.
fn told(fixture: &Fixture) -> String {
    let base = git(&fixture.workspace, &["rev-parse", "HEAD~1"]);
    let line = |finding: serde_json::Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let message = text("message").replace(&base[..12], "BASE");
        let name = message.split(' ').next().unwrap_or_default();
        let features = if message.contains("[features") { " [extra]" } else { "" };
        let said = message.split_once("; it ").map_or("", |(_, said)| said);
        format!("{}: {name}{features}: {said}\n", text("code"))
    };
    fixture.findings().into_iter().map(line).collect()
}

#[test]
fn what_the_change_broke_is_told_apart_from_what_was_broken() {
    let fails = "assert_eq!(super::three(), 4);";
    let fixture = fixture(&[("src/lib.rs", &library(fails, "assert_eq!(super::three(), 3);", ""))]);
    // Lines move, one test breaks, and two that are new do not pass: in a program that was there, and in a new one.
    let new = "\n    #[test]\n    fn newcomer() {\n        assert_eq!(super::three(), 8);\n    }\n";
    let head = library(fails, "assert_eq!(super::three(), 7);", new)
        .replace("/// Three.", "/// Three.\n///\n/// More.");
    fixture.write("src/lib.rs", &head);
    std::fs::create_dir(fixture.workspace.join("tests")).unwrap();
    fixture.write(
        "tests/fresh.rs",
        "//! Fresh.\n\n#[test]\nfn fresh() {\n    assert_eq!(one::three(), 9);\n}\n",
    );
    commit(&fixture);
    let index = std::fs::read(fixture.workspace.join(".git/index")).unwrap();
    let first = run(&fixture, &[]).exits(10).says(&["tests at base", "fail there too"]);
    let (plain, extra) = (" [extra]: also fails on base (BASE)", ": also fails on base (BASE)");
    let expected = format!(
        "tests/failed-on-base: one::doc$src/lib.rs{extra}\ntests/failed-on-base: one::doc$src/lib.rs{plain}\n\
         tests/failed: one::fresh$fresh: is not on base (BASE)\ntests/failed: one::fresh$fresh [extra]: is not on base (BASE)\n\
         tests/failed: one::lib$tests::breaks: passes on base (BASE)\n\
         tests/failed: one::lib$tests::breaks [extra]: passes on base (BASE)\n\
         tests/failed-on-base: one::lib$tests::extra{plain}\n\
         tests/failed: one::lib$tests::newcomer: is not on base (BASE)\n\
         tests/failed: one::lib$tests::newcomer [extra]: is not on base (BASE)\n\
         tests/failed-on-base: one::lib$tests::was_broken{extra}\n\
         tests/failed-on-base: one::lib$tests::was_broken{plain}\n"
    );
    assert_eq!(told(&fixture), expected, "{}", first.all());
    let verdict = first.json();
    let facts =
        &verdict["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == "tests").unwrap()["facts"];
    let counts =
        ["fails", "passes", "absent", "unknown"].map(|name| facts["at_base"][name].as_u64().unwrap());
    assert_eq!(counts, [5, 2, 4, 0], "{facts}");
    // Nothing of the user's changed, and nothing is left but what the next run needs.
    assert_eq!(std::fs::read(fixture.workspace.join(".git/index")).unwrap(), index);
    assert_eq!(git(&fixture.workspace, &["status", "--porcelain"]), "");
    let kept =
        std::fs::read_dir(fixture.folder.path().join("tmp")).unwrap().flatten().map(|entry| entry.path());
    let kept: Vec<_> = kept.flat_map(|folder| std::fs::read_dir(folder).unwrap().flatten()).collect();
    assert_eq!(kept.iter().map(std::fs::DirEntry::file_name).collect::<Vec<_>>(), ["lock"]);
    // The base is not asked again for what it has said.
    let again = run(&fixture, &[]).exits(10);
    assert!(!again.err.contains("tests at base"), "{}", again.all());
    assert_eq!(told(&fixture), expected);
    // A base that does not compile is told, and speaks for nobody.
    fixture.write("src/lib.rs", "//! One.\n\nfn broken( {}\n");
    commit(&fixture);
    fixture.write("src/lib.rs", &head);
    commit(&fixture);
    run(&fixture, &["breaks"]).exits(10);
    let verdict: serde_json::Value =
        serde_json::from_str(&fixture.report("some-tests/verdict.json")).unwrap();
    let findings = verdict["gates"][0]["findings"].to_string();
    assert!(
        findings.contains("it does not compile") && findings.contains("tests/base-not-asked"),
        "{findings}"
    );
    assert!(!findings.contains("it passes on base"), "{findings}");
}

#[test]
fn ctrl_c_ends_what_runs_at_the_base_and_removes_its_folder() {
    let hangs = "loop {\n            std::thread::park();\n        }";
    let fixture = fixture(&[("src/lib.rs", &library("", hangs, ""))]);
    fixture.write("policies/tests.yaml", "failing_on_base: run\n");
    fixture.write("src/lib.rs", &library("", "assert_eq!(super::three(), 7);", ""));
    commit(&fixture);
    let mut child = test(&fixture, &["breaks"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let programs = fixture.workspace.join("target/gateline/at-base/target");
    eventually("a test of the base", || {
        let running = processes_of(&programs);
        let test = running.iter().find(|(_, line)| line.contains("--exact") || line.contains("breaks"));
        test.cloned().ok_or_else(|| format!("{running:?}"))
    });
    interrupt(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    eventually("the end of it", || match processes_of(&programs).as_slice() {
        [] => Ok(()),
        left => Err(format!("{left:?}")),
    });
    let tmp = fixture.folder.path().join("tmp");
    let trees = std::fs::read_dir(tmp).unwrap().flatten().filter(|entry| entry.path().join("tree").exists());
    assert_eq!(trees.count(), 0);
}
