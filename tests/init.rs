//! `gateline init` on real repositories: what it writes is understood, it overwrites nothing, and a second run changes nothing.

#![expect(clippy::disallowed_methods, reason = "runs the real partner over real files")]

#[path = "init/act.rs"]
mod act;
mod support;

use clap::Parser as _;
use gateline::cli::Cli;
use std::path::Path;
use std::process::Command;
use support::fixture::Fixture;
use support::{Ran, git, repository};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const MANIFEST: &str = "[package]\nname = \"fixture\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"1.0.0\"\n";
const PLAIN: [(&str, &str); 3] =
    [("Cargo.toml", MANIFEST), ("Cargo.lock", LOCKFILE), ("src/main.rs", "//! A fixture.\nfn main() {}\n")];

fn init(fixture: &Fixture, arguments: &[&str]) -> Ran {
    let action = format!("--action=gate/line@{COMMIT}");
    let mut all = vec!["init", &action];
    all.extend(arguments);
    fixture.command(&all).env_remove("CI").output().expect("gateline starts").into()
}

fn of(more: &[(&str, &str)]) -> Fixture {
    Fixture::of("a repository", &[&PLAIN[..], more].concat())
}

fn exists(fixture: &Fixture, path: &str) -> bool {
    fixture.workspace.join(path).exists()
}

fn read(fixture: &Fixture, path: &str) -> String {
    std::fs::read_to_string(fixture.workspace.join(path)).expect(path)
}

/// Every verb that a workflow runs, in words.
fn verbs(workflow: &str) -> Vec<Vec<String>> {
    let whole: serde_yaml::Value = serde_yaml::from_str(workflow).expect("YAML");
    let jobs = whole["jobs"].as_mapping().expect("jobs");
    let steps = jobs.values().flat_map(|job| job["steps"].as_sequence().cloned().unwrap_or_default());
    let line = |step: &serde_yaml::Value| {
        let run = step["run"].as_str();
        let plain = run.and_then(|run| run.strip_prefix("cargo xtask "));
        let run = plain.or(run.and_then(|run| Some(run.split_once("--features github -- ")?.1)));
        let command = step["with"]["command"].as_str();
        run.or(command).map(|line| line.split_whitespace().map(str::to_owned).collect())
    };
    steps.filter_map(|step| line(&step)).collect()
}

#[track_caller]
fn every_verb_is_understood(folder: &Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder.join(".github/workflows")).expect("workflows") {
        let file = entry.expect("an entry").path();
        for words in verbs(&std::fs::read_to_string(&file).expect("text")) {
            let line = std::iter::once("gateline".to_owned()).chain(words);
            Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            count += 1;
        }
    }
    count
}

#[test]
fn a_repository_gets_policies_and_workflows_and_a_second_run_changes_nothing() {
    let fixture = of(&[]);
    let first = init(&fixture, &["--yes", "--owner", "@gate/keepers"]).exits(0);
    first.says(&[
        "+minimum: 80",
        "+/target",
        "policies/schema/coverage.schema.json  new",
        "wrote 2",
        "gateline ci",
    ]);
    for path in
        [".github/workflows/pull-request.yml", ".github/CODEOWNERS", "policies/image.yaml", ".gitignore"]
    {
        assert!(exists(&fixture, path), "{path}");
    }
    assert!(!exists(&fixture, ".cargo/config.toml"), "the alias is for `cargo xtask`");
    let workflow = read(&fixture, ".github/workflows/pull-request.yml");
    assert!(workflow.contains(&format!("- uses: gate/line/action@{COMMIT}\n")), "{workflow}");
    assert!(every_verb_is_understood(&fixture.workspace) >= 6);
    let before = git(&fixture.workspace, &["status", "--porcelain", "--untracked-files=all"]);
    let owner = ["--yes", "--owner", "@gate/keepers"];
    init(&fixture, &owner).exits(0).says(&["nothing to write", "is there already"]);
    assert_eq!(git(&fixture.workspace, &["status", "--porcelain", "--untracked-files=all"]), before);
    // The policies that were written are policies.
    fixture.run(&["policy", "check"]).exits(0);
}

#[test]
fn what_needs_nightly_is_left_out_with_a_reason() {
    let bench = "//! Quick.\n#![feature(test)]\nextern crate test;\n";
    let library = "//! A fixture.\n\n/// Two.\npub fn two() -> u32 {\n    2\n}\n\n#[test]\nfn is_two() {\n    assert_eq!(two(), 2);\n}\n";
    let fixture =
        of(&[("benches/quick.rs", bench), ("src/lib.rs", library), ("src/main.rs", "fn main() {}\n")]);
    let line = "+leave_out: {\"fixture::bench/quick\":\"it needs nightly Rust\"}";
    init(&fixture, &["--dry-run"]).exits(0).says(&[line]);
    // Without it, nothing could be measured: it does not compile.
    init(&fixture, &["--dry-run", "--from-current", "--offline"]).exits(0).says(&[line, "+minimum: "]);
}

#[test]
fn nothing_is_written_without_a_yes() {
    let fixture = of(&[]);
    init(&fixture, &[]).exits(2).says(&["no terminal to ask at", "--yes", "+minimum: 80"]);
    init(&fixture, &["--dry-run"]).exits(0).says(&["+minimum: 80", "--dry-run"]);
    let shown = init(&fixture, &["--dry-run", "--format", "json"]).exits(0).json();
    assert_eq!(shown["schema"], "gateline/init/v1");
    assert!(shown["diff"].as_str().expect("a diff").contains("+++ b/policies/lint.yaml"));
    assert_eq!(git(&fixture.workspace, &["status", "--porcelain"]), "");
}

#[test]
fn what_is_there_stays_byte_for_byte() {
    let ours = "# ours\nminimum: 12\n";
    let fixture = of(&[
        ("policies/coverage.yaml", ours),
        (".github/workflows/main.yml", "on: push\n"),
        ("docs/CODEOWNERS", "* @a\n"),
        (".github/PULL_REQUEST_TEMPLATE.md", "ours\n"),
        (".gitignore", "*.log"),
    ]);
    let ran = init(&fixture, &["--yes", "-v", "--owner", "@b"]).exits(0);
    let ran = ran.says(&[
        "policies/coverage.yaml  kept",
        "kept: docs/CODEOWNERS is there",
        "-minimum: 12",
        "+minimum: 80",
    ]);
    assert!(!ran.out.contains("+++ b/docs/CODEOWNERS"), "{}", ran.all());
    assert_eq!(read(&fixture, "policies/coverage.yaml"), ours);
    assert_eq!(read(&fixture, ".github/workflows/main.yml"), "on: push\n");
    assert_eq!(read(&fixture, ".gitignore"), "*.log\n/target\n");
    assert!(!exists(&fixture, ".github/CODEOWNERS") && exists(&fixture, ".github/workflows/schedule.yml"));
}

#[test]
fn where_one_file_cannot_be_written_none_is() {
    let fixture = of(&[]);
    // `.github` is a file, so nothing can be below it.
    fixture.write(".github", "");
    init(&fixture, &["--yes"]).exits(1).says(&["nothing was changed"]);
    assert!(!exists(&fixture, "policies"));
}

#[test]
fn a_workspace_that_has_the_suite_runs_cargo_xtask() {
    let manifest = MANIFEST.replace("fixture", "gateline");
    let lockfile = LOCKFILE.replace("fixture", "gateline");
    let config = "# ours\n[build] # jobs\njobs = 2\n";
    let fixture = Fixture::of(
        "suite",
        &[
            ("Cargo.toml", manifest.as_str()),
            ("Cargo.lock", lockfile.as_str()),
            ("src/main.rs", "fn main() {}\n"),
            (".cargo/config.toml", config),
        ],
    );
    fixture.run(&["init", "--yes"]).exits(0).says(&["wrote"]);
    assert!(read(&fixture, ".github/workflows/main.yml").contains("- run: cargo xtask ci --setup\n"));
    assert_eq!(
        read(&fixture, ".cargo/config.toml"),
        format!("{config}\n[alias]\nxtask = \"run --package gateline --\"\n")
    );
    every_verb_is_understood(&fixture.workspace);
    fixture.run(&["init", "--yes"]).exits(0).says(&["nothing to write"]);
}

#[test]
fn the_default_branch_is_not_the_one_that_brings_us() {
    let branch_of = |fixture: &Fixture| {
        init(fixture, &["--yes"]).exits(0);
        let workflow: serde_yaml::Value =
            serde_yaml::from_str(&read(fixture, ".github/workflows/main.yml")).expect("YAML");
        workflow["on"]["push"]["branches"][0].as_str().expect("a branch").to_owned()
    };
    let change = of(&[]);
    git(&change.workspace, &["checkout", "--quiet", "-b", "add-gateline"]);
    assert_eq!(branch_of(&change), "main");
    let renamed = of(&[]);
    git(&renamed.workspace, &["branch", "--move", "trunk"]);
    assert_eq!(branch_of(&renamed), "trunk");
    let cloned = of(&[]);
    git(&cloned.workspace, &["update-ref", "refs/remotes/origin/next", "HEAD"]);
    git(&cloned.workspace, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/next"]);
    assert_eq!(branch_of(&cloned), "next");
}

#[test]
fn an_action_without_a_commit_is_not_used() {
    let fixture = of(&[]);
    fixture.run(&["init", "--yes"]).exits(2).says(&["--action", "@COMMIT"]);
    fixture.run(&["init", "--yes", "--action", "o/r@v1"]).exits(2).says(&["never by a branch or tag"]);
    assert_eq!(git(&fixture.workspace, &["status", "--porcelain"]), "");
}

#[test]
fn a_workspace_below_the_repositorys_root_gets_no_workflows() {
    let files =
        [("sub/Cargo.toml", MANIFEST), ("sub/Cargo.lock", LOCKFILE), ("sub/src/lib.rs", "//! A fixture.\n")];
    let fixture = Fixture::of("above", &files);
    fixture
        .run(&["init", "--yes", "--workspace", "sub"])
        .exits(0)
        .says(&[".github/: the repository's root is"]);
    assert!(exists(&fixture, "sub/policies/lint.yaml") && !exists(&fixture, "sub/.github"));
}

/// One function that a test reaches, one that none reaches, a warning, a failing test, and what other tools were told.
const HALF: &str = "//! A fixture.\n/// Reached.\npub fn reached() -> u8 {\n    1\n}\n/// Not.\npub fn not() -> u8 {\n    let unused = 1;\n    2\n}\n\
                    #[cfg(test)]\nmod tests {\n    #[test]\n    fn one() {\n        assert_eq!(super::reached(), 1);\n    }\n    #[test]\n    fn two() {\n        \
                    assert_eq!(super::reached(), 2);\n    }\n}\n";

#[test]
fn from_current_starts_from_what_is_reached_today() {
    let fixture = Fixture::of(
        "current",
        &[
            ("Cargo.toml", MANIFEST),
            ("Cargo.lock", LOCKFILE),
            ("src/lib.rs", HALF),
            (".gitignore", "/target\n"),
            (
                "codecov.yml",
                "coverage: {status: {project: {default: {target: 90%, threshold: 2%}}}}\nignore: [a]\n",
            ),
            (".config/nextest.toml", "[profile.ci]\nretries = 2\n"),
        ],
    );
    let ran = init(&fixture, &["--from-current", "--yes"]).exits(0);
    ran.says(&[
        "waive tests/failed 'fixture::lib$tests::two'",
        "`ignore` has no equivalent",
        "what is reached today, and not 90",
        "+  ci: 2",
    ]);
    let coverage = read(&fixture, "policies/coverage.yaml");
    assert!(coverage.contains("\nminimum: 42.85\n") && coverage.contains("\ndrop_max: 2\n"), "{coverage}");
    let lint = read(&fixture, "policies/lint.yaml");
    assert!(lint.contains("clippy: warn\n") && lint.contains("rustfmt: refuse\n"), "{lint}");
    // With these policies, what is left to refuse is the failing test, which no policy can allow.
    fixture.run(&["policy", "check"]).exits(0);
    fixture.refused(&["ci"], 10, "tests/failed");
    let refused = |gate: &serde_json::Value| gate["outcome"] == "refused";
    let verdict = fixture.json("verdict.json");
    let gates: Vec<_> =
        verdict["gates"].as_array().expect("gates").iter().filter(|gate| refused(gate)).collect();
    assert_eq!(gates.iter().map(|gate| gate["gate"].clone()).collect::<Vec<_>>(), ["tests"]);
    // The evidence of that run serves a second start.
    std::fs::remove_dir_all(fixture.workspace.join("policies")).expect("it can be removed");
    init(&fixture, &["--from-current", "--from", "target/gateline", "--yes"]).exits(0);
    assert_eq!(read(&fixture, "policies/coverage.yaml"), coverage);
    git(&fixture.workspace, &["commit", "--quiet", "--allow-empty", "--message", "other"]);
    init(&fixture, &["--from-current", "--from", "target/gateline", "--yes"])
        .exits(2)
        .says(&["another commit"]);
}

/// Its exit code: 0 for nothing, 11 to 14 by severity.
fn judged(zizmor: &Path, folder: &Path, inputs: &[&str]) -> (Option<i32>, String) {
    let ran = Command::new(zizmor)
        .args(["--offline", "--no-progress", "--color=never"])
        .args(inputs)
        .current_dir(folder)
        .env_remove("GH_TOKEN")
        .env_remove("GITHUB_TOKEN")
        .output()
        .expect("zizmor starts");
    (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[test]
fn a_second_opinion_finds_no_hole_in_our_workflows_nor_in_those_that_we_write() {
    let Some(zizmor) = support::partner("zizmor") else { return };
    let (code, said) = judged(&zizmor, &repository(), &[".github", "action/action.yml"]);
    assert_eq!(code, Some(0), "{said}");
    let fixture = of(&[]);
    init(&fixture, &["--yes"]).exits(0);
    let (code, said) = judged(&zizmor, &fixture.workspace, &[".github"]);
    assert_eq!(code, Some(0), "{said}");
    // It does look: a hole that is made is found.
    fixture.write(
        ".github/workflows/main.yml",
        "on: pull_request_target\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ github.event.pull_request.title }}'}]}}\n",
    );
    let (code, said) = judged(&zizmor, &fixture.workspace, &[".github"]);
    assert_eq!(code, Some(14), "{said}");
}

#[test]
fn our_own_workflows_run_verbs_that_there_are() {
    assert!(every_verb_is_understood(&repository()) >= 6);
}
