//! Policies of a base against those of a change, waivers and approvals: the program with real git and real ssh-keygen.

mod support;

use std::path::Path;
use support::fixture::Fixture;
use support::{Ran, git, ssh_key};

const MANIFEST: &str = "[package]\nname = \"fixture\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"1.0.0\"\n";
/// The gate alone: nothing is compiled.
const GATE: [&str; 4] = ["--offline", "ci", "--gate", "policy"];

struct Repository(Fixture);

impl Repository {
    /// A repository whose `main` has these policies, with a branch `change` checked out.
    fn of(policies: &[(&str, &str)]) -> Repository {
        let base = [
            ("Cargo.toml", MANIFEST),
            ("Cargo.lock", LOCKFILE),
            ("src/lib.rs", "//! A fixture.\n"),
            (".gitignore", "target\n"),
        ];
        let files: Vec<_> = base.into_iter().chain(policies.iter().copied()).collect();
        let fixture = Fixture::of("a repository", &files);
        git(&fixture.workspace, &["checkout", "--quiet", "-b", "change"]);
        Repository(fixture)
    }

    fn commit(&self, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            std::fs::create_dir_all(self.0.workspace.join("policies")).expect("the folder can be made");
            self.0.write(name, text);
        }
        git(&self.0.workspace, &["add", "--all"]);
        git(&self.0.workspace, &["commit", "--quiet", "--allow-empty", "--message", "change"]);
        git(&self.0.workspace, &["rev-parse", "HEAD"])
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = self.0.command(arguments);
        for name in ["GITHUB_EVENT_NAME", "GITHUB_EVENT_PATH", "GITLAB_CI"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().expect("gateline starts").into()
    }

    /// The gate `policy` against main.
    fn judged(&self) -> Ran {
        self.run(&[&GATE[..], &["--policy-ref", "main"]].concat())
    }
}

fn approvers(name: &str, key: &str, more: &str) -> String {
    format!("approvers:\n- name: {name}\n  ssh_keys:\n  - key: {key}\n{more}")
}

fn waivers(days: &str) -> String {
    format!("waivers:\n- code: tests/failed\n  subject: a\n  reason: r\n  owner: ana\n  expires: {days}\n")
}

#[test]
fn a_loosening_refuses_and_names_key_place_and_way_out() {
    let repository = Repository::of(&[("policies/coverage.yaml", "minimum: 85\n")]);
    repository.commit(&[]);
    repository.judged().exits(0);
    repository.commit(&[
        ("policies/coverage.yaml", "# lower\nminimum: 70\n"),
        ("policies/lint.yaml", "clippy: warn\n"),
    ]);
    let said = ["policy/loosened", "85 → 70", "policies/coverage.yaml:2", "refuse → warn", "policy approve"];
    repository.judged().exits(10).says(&said);
    // `--base` says the same as a pull request does, and without a base nothing is compared.
    repository.run(&[&GATE[..], &["--base", "main"]].concat()).exits(10).says(&["85 → 70"]);
    repository.run(&GATE).exits(0);
    repository
        .commit(&[("policies/coverage.yaml", "minimum: 90\n"), ("policies/lint.yaml", "clippy: refuse\n")]);
    repository.judged().exits(0);
}

#[test]
fn a_pull_request_is_judged_by_its_base() {
    let repository = Repository::of(&[("policies/coverage.yaml", "minimum: 85\n")]);
    let head = repository.commit(&[("policies/coverage.yaml", "minimum: 70\n")]);
    let event = repository.0.folder.path().join("event.json");
    let payload = serde_json::json!({"pull_request": {"head": {"sha": head}, "base": {"ref": "main", "sha": head}},
        "repository": {"default_branch": "main"}});
    std::fs::write(&event, payload.to_string()).expect("the event can be written");
    let on_github = |arguments: &[&str], name: &str| -> Ran {
        let mut command = repository.command(arguments);
        command.env("GITHUB_EVENT_NAME", name).env("GITHUB_EVENT_PATH", &event);
        command.output().expect("gateline starts").into()
    };
    on_github(&GATE, "pull_request").exits(10).says(&["policy/loosened"]);
    std::fs::write(&event, "no JSON").expect("the event can be written");
    on_github(&GATE, "pull_request").exits(1).says(&["policy/could-not-run"]);
}

#[test]
fn a_base_without_policies_is_a_note() {
    let repository = Repository::of(&[]);
    repository.commit(&[("policies/coverage.yaml", "minimum: 70\n")]);
    repository.judged().exits(0).says(&["policy/introduced"]);
}

#[test]
fn an_expired_waiver_refuses_and_one_too_long_is_an_error() {
    let repository = Repository::of(&[("policies/waivers.yaml", &waivers("2020-01-01"))]);
    repository.run(&GATE).exits(10).says(&["policy/waiver-expired", "policies/waivers.yaml:2"]);
    repository.run(&["policy", "check"]).exits(10).says(&["waivers.yaml:2", "2020-01-01"]);
    repository.commit(&[("policies/waivers.yaml", &waivers("2999-01-01"))]);
    repository.run(&GATE).exits(2).says(&["policies/waivers.yaml:6:3", "90 at most"]);
}

#[test]
fn waive_writes_what_check_accepts_and_refuses_what_it_must() {
    let repository = Repository::of(&[("policies/waivers.yaml", "# ours\nwaivers: []\n")]);
    let waive = |code: &str| {
        repository.run(&["waive", code, "a::b", "--reason", "upstream: #3", "--owner", "ana", "--days", "10"])
    };
    waive("tests/failed").exits(0).says(&["a::b"]);
    let text = std::fs::read_to_string(repository.0.workspace.join("policies/waivers.yaml"))
        .expect("it was written");
    assert!(text.starts_with("# ours\n") && text.contains("upstream: #3"), "{text}");
    repository.run(&["policy", "check"]).exits(0).says(&["1 waivers", "ends with"]);
    waive("policy/loosened").exits(2).says(&["cannot be waived"]);
    waive("tests/could-not-run").exits(2);
    repository.run(&["waive", "tests/failed", "a"]).exits(2).says(&["--reason"]);
    // The change that brings it does not make it count.
    repository.commit(&[]);
    repository.judged().exits(10).says(&["no waiver → until"]);
}

#[test]
fn an_approval_by_a_key_of_the_base_lifts_exactly_what_it_saw() {
    let repository = Repository::of(&[]);
    let Some((key, public)) = ssh_key(repository.0.folder.path(), "ana") else { return };
    let Some((other, _)) = ssh_key(repository.0.folder.path(), "eve") else { return };
    let listed = approvers("Ana", &public, "");
    git(&repository.0.workspace, &["checkout", "--quiet", "main"]);
    repository.commit(&[("policies/approvers.yaml", &listed)]);
    git(&repository.0.workspace, &["checkout", "--quiet", "-B", "change"]);
    let commit = repository.commit(&[("policies/coverage.yaml", "minimum: 70\n")]);
    let approve = |key: &Path| {
        let key = key.display().to_string();
        repository.run(&[
            "--offline",
            "--policy-ref",
            "main",
            "policy",
            "approve",
            "HEAD",
            "--yes",
            "--key",
            &key,
        ])
    };
    repository.judged().exits(10);
    approve(&other).exits(10).says(&["nobody's"]);
    repository.judged().exits(10);
    let said = approve(&key).exits(0).says(&["Ana approved", "git push origin refs/gateline/approvals/"]);
    assert!(said.out.contains(&commit), "{}", said.all());
    repository.judged().exits(0).says(&["approved by Ana"]);
    // What lay there for another commit, or was changed on the way, does not count.
    let blob =
        git(&repository.0.workspace, &["for-each-ref", "--format=%(objectname)", "refs/gateline/approvals"]);
    let later = repository.commit(&[("policies/coverage.yaml", "minimum: 60\n")]);
    repository.judged().exits(10);
    let moved = format!("refs/gateline/approvals/{later}/moved");
    git(&repository.0.workspace, &["update-ref", &moved, &blob]);
    repository.judged().exits(10).says(&["does not count: it is for commit"]);
    let forged = git(&repository.0.workspace, &["cat-file", "blob", &blob]).replace(&commit, &later);
    let file = repository.0.folder.path().join("forged");
    std::fs::write(&file, forged).expect("it can be written");
    let forged = git(&repository.0.workspace, &["hash-object", "-w", &file.display().to_string()]);
    git(&repository.0.workspace, &["update-ref", &moved, &forged]);
    repository.judged().exits(10).says(&["its signature is not of this text"]);
}

#[test]
fn an_expired_key_and_an_approver_that_the_change_brings_do_not_count() {
    let repository = Repository::of(&[]);
    let Some((key, public)) = ssh_key(repository.0.folder.path(), "ana") else { return };
    let expired = approvers("Ana", &public, "    expires: 2020-01-01\n");
    git(&repository.0.workspace, &["checkout", "--quiet", "main"]);
    repository.commit(&[("policies/approvers.yaml", &expired)]);
    git(&repository.0.workspace, &["checkout", "--quiet", "-B", "change"]);
    repository.commit(&[("policies/approvers.yaml", &approvers("Ana", &public, ""))]);
    repository.judged().exits(10).says(&["approvers[Ana]", "without end"]);
    let key = key.display().to_string();
    let approved = ["--policy-ref", "main", "policy", "approve", "HEAD", "--yes", "--key", &key];
    repository.run(&approved).exits(10).says(&["expired on 2020-01-01"]);
}

#[test]
fn show_and_explain_name_the_line_of_each_value() {
    let repository = Repository::of(&[("policies/coverage.yaml", "# bar\nminimum: 85\n")]);
    repository.run(&["policy", "show"]).exits(0).says(&["# policies/coverage.yaml:2", "# default"]);
    let shown =
        repository.run(&["--format", "json", "--policy-ref", "main", "policy", "show"]).exits(0).json();
    assert_eq!(shown["origins"]["coverage.yaml"]["minimum"], "main:policies/coverage.yaml:2");
    assert_eq!(shown["origins"]["tests.yaml"]["timeout_secs"], "default");
    repository.run(&["explain", "coverage"]).exits(0).says(&[
        "minimum: 85",
        "policies/coverage.yaml:2",
        "gateline coverage",
    ]);
    let explained = repository.run(&["--format", "json", "explain", "secrets"]).exits(0).json();
    assert!(explained["alone"].as_str().is_some_and(|line| line.ends_with("gateline ci --gate secrets")));
}
