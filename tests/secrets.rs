//! Secrets by the binary: what a change brings, the index as a hook asks for it, the history, a waived value; and that no value is
//! in anything that is written.

#![expect(clippy::disallowed_methods, reason = "a hook is started by the real git")]

mod support;

use std::path::Path;
use support::fixture::Fixture;
use support::{files_with, git};

const MANIFEST: &str = "[package]\nname = \"secrets-part\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"secrets-part\"\nversion = \"0.1.0\"\n";

/// Values by kind, put together here so that this file is no leak itself.
fn planted() -> Vec<(&'static str, String, String)> {
    let token = ["a1B2c3D4e5F6g7H8i9", "J0k1L2m3N4o5P6q7R8"].concat();
    let random = ["q7Rz9Kd2Vw8", "Lm4Xt6Bn1Hs3"].concat();
    let key = format!(
        "{}{}",
        "MIIE",
        ["bC9dE2fG4hJ6kL8mN1pQ3rS5tU7vWx9Z0", "aB1cD3eF5gH7iJ9kL2mN4oP6"].concat().repeat(3)
    );
    vec![
        ("token.env", format!("T=ghp_{token}\n"), token.clone()),
        (
            "pieces.js",
            format!("let x = \"glpat-{}\" +\n  \"{}\";\n", &token[..18], &token[18..]),
            token[18..].to_owned(),
        ),
        ("app.yaml", format!("password: \"{random}\"\n"), random.clone()),
        ("url.txt", format!("postgres://desk:{random}@db.corp.io/desk\n"), random),
        ("key.pem", format!("-----BEGIN {0} KEY-----\n{key}\n-----END {0} KEY-----\n", "PRIVATE"), key),
    ]
}

fn fixture() -> Fixture {
    let files = [
        ("Cargo.toml", MANIFEST),
        ("Cargo.lock", LOCKFILE),
        (".gitignore", "/target\n"),
        ("src/lib.rs", "//! A part.\n"),
    ];
    Fixture::of("secrets", &files)
}

/// No value, nor a part of it, in what was said and in any file of the report folder.
fn nothing_leaks(fixture: &Fixture, said: &str) {
    for (file, _, value) in planted() {
        let part = &value[value.len() / 2..][..8];
        assert!(!said.contains(part), "{file}: {said}");
        let reports = fixture.workspace.join("target/gateline");
        assert_eq!(files_with(&reports, part), Vec::<std::path::PathBuf>::new(), "{file}");
    }
}

#[test]
fn what_a_commit_brought_and_another_took_out_refuses_and_is_nowhere_shown() {
    let fixture = fixture();
    let base = git(&fixture.workspace, &["rev-parse", "HEAD"]);
    for (file, text, _) in planted() {
        fixture.write(file, &text);
    }
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-q", "-m", "leaks"]);
    let leak = git(&fixture.workspace, &["rev-parse", "HEAD"]);
    for (file, ..) in planted() {
        std::fs::remove_file(fixture.workspace.join(file)).expect("the file is there");
    }
    git(&fixture.workspace, &["commit", "-q", "-a", "-m", "takes them out"]);
    let mut said = String::new();
    for arguments in [
        &["security", "secrets", "--base", &base][..],
        &["--format", "json", "security", "secrets", "--base", &base],
        &["security", "secrets", "--history"],
    ] {
        let ran = fixture.command(arguments).env("GITHUB_ACTIONS", "true").output().expect("gateline starts");
        let ran = support::Ran::from(ran).exits(10);
        let codes = fixture.codes();
        for code in ["github-token", "gitlab-token", "generic-secret", "database-url", "private-key"] {
            assert!(codes.contains(&format!("secrets/{code}")), "{code} is not in {codes:?}: {}", ran.all());
        }
        said += &ran.all();
        nothing_leaks(&fixture, &ran.all());
    }
    assert!(said.contains(&leak[..12]) && said.contains("taken out since"), "{said}");
    // What a base behind them compares with is clean.
    fixture.run(&["security", "secrets", "--base", &leak]).exits(0);
}

#[test]
fn on_the_default_branch_all_that_is_there_counts() {
    let fixture = fixture();
    fixture.write("token.env", &planted()[0].1);
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-q", "-m", "leaks"]);
    fixture.write("README", "a later commit is clean\n");
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-q", "-m", "later"]);
    let ran = fixture.run(&["security", "secrets"]).exits(10).says(&["secrets/github-token", "token.env:1"]);
    nothing_leaks(&fixture, &ran.all());
}

#[test]
fn a_hook_refuses_what_is_staged() {
    let fixture = fixture();
    let hook = fixture.workspace.join(".git/hooks/pre-commit");
    std::fs::create_dir_all(hook.parent().expect("a folder")).expect("a folder");
    let line = format!("#!/bin/sh\nexec '{}' -q security secrets --staged\n", support::GATELINE);
    std::fs::write(&hook, line).expect("a hook");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).expect("a hook that runs");
    fixture.write("app.yaml", "name: desk\n");
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-q", "-m", "clean"]);
    fixture.write("token.env", &planted()[0].1);
    git(&fixture.workspace, &["add", "-A"]);
    let ran: support::Ran = std::process::Command::new("git")
        .args(["-c", "user.name=S", "-c", "user.email=s@localhost", "commit", "-q", "-m", "leaks"])
        .current_dir(&fixture.workspace)
        .output()
        .expect("git starts")
        .into();
    assert_ne!(ran.code, 0, "{}", ran.all());
    let ran = ran.says(&["secrets/github-token", "token.env:1"]);
    nothing_leaks(&fixture, &ran.all());
    assert_eq!(git(&fixture.workspace, &["rev-list", "--count", "HEAD"]), "2");
}

#[test]
fn a_waived_value_may_move_and_another_one_is_not_waived() {
    let fixture = fixture();
    let (_, text, value) = &planted()[2];
    let waive = |place: &str, code: &str| {
        fixture.run(&["waive", code, place, "--reason", "it is a sample", "--owner", "ana"])
    };
    fixture.write("app.yaml", &format!("a: 1\n{text}"));
    fixture.write("token.env", &planted()[0].1);
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-q", "-m", "values"]);
    waive("app.yaml:1", "secrets/generic-secret").exits(2).says(&["no value"]);
    waive("token.env:1", "secrets/github-token").exits(2).says(&["guessed"]);
    waive("token.env", "secrets/github-token").exits(0);
    let ran = waive("app.yaml:2", "secrets/generic-secret").exits(0);
    let written = std::fs::read_to_string(fixture.workspace.join("policies/waivers.yaml")).expect("waivers");
    assert!(
        written.contains("value: argon2id:65536:3:") && written.contains("subject: app.yaml\n"),
        "{written}"
    );
    assert!(!written.contains(value.as_str()) && !ran.all().contains(value.as_str()));
    fixture.write("app.yaml", &format!("a: 1\nb: 2\n\n  {text}"));
    fixture.run(&["security", "secrets"]).exits(0);
    let other = text.replace("q7Rz9", "w3Yk5");
    fixture.write("app.yaml", &format!("{text}{other}"));
    let ran = fixture.run(&["security", "secrets"]).exits(10);
    assert!(Path::new(&fixture.workspace).exists() && !ran.all().contains(value.as_str()));
    let open: Vec<_> = fixture.findings().into_iter().filter(|one| one["waiver"].is_null()).collect();
    assert_eq!(open.iter().filter(|one| one["code"] == "secrets/generic-secret").count(), 1, "{open:#?}");
}
