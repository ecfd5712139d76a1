//! Secrets by the binary: what a change brings, the index as a hook asks for it, the history, a waived value; and that no value is
//! in anything that is written.

#![expect(clippy::disallowed_methods, reason = "a hook is started by the real git")]

mod support;

/// A sample of every format, by the files that the unit tests use.
#[path = "../xtask/src/tools/security/secrets"]
#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "the gate and its unit tests use the rest; what makes samples is test code"
)]
mod formats {
    mod base64;
    mod checksum;
    mod rules;
    pub(super) mod samples;
    mod scan {
        pub(super) const WINDOW_BYTES_MAX: usize = 64 * 1024;
    }
}

use formats::samples::{containers, samples};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::fixture::Fixture;
use support::site::{Pace, Site};
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
        assert_eq!(files_with(&reports, part), Vec::<PathBuf>::new(), "{file}");
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

/// A part of a value that no other text has.
fn part(secret: &str) -> &str {
    let line = secret.lines().max_by_key(|line| line.len()).unwrap_or_default();
    &line[line.len() / 2..][..line.len().min(18) / 2]
}

/// One secret of every format in a change: all are found, and whatever is said and written has none of them.
#[test]
fn no_format_leaks_into_anything_that_is_written() {
    let fixture = fixture();
    let base = git(&fixture.workspace, &["rev-parse", "HEAD"]);
    for sample in samples() {
        fixture.write(&format!("planted/{}", sample.rule()), &format!("{}\n", sample.text()));
    }
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-q", "-m", "leaks"]);
    let runs: [&[&str]; 5] = [
        &["ci", "--gate", "secrets", "--base", &base, "-v"],
        &["ci", "--gate", "secrets", "--base", &base, "--format", "json"],
        &["ci", "--gate", "secrets", "-v"],
        &["security", "secrets", "--history", "-v"],
        &["security", "secrets", "--staged", "-v"],
    ];
    for arguments in runs {
        let staged = arguments.contains(&"--staged");
        let ran = support::Ran::from(
            fixture.command(arguments).env("GITHUB_ACTIONS", "true").output().expect("gateline starts"),
        );
        let ran = ran.exits(if staged { 0 } else { 10 });
        let codes: BTreeSet<String> =
            if staged { BTreeSet::new() } else { fixture.codes().into_iter().collect() };
        let written = text_below(&fixture.workspace.join("target/gateline"));
        assert!(written.len() > 1000);
        for sample in samples() {
            let (code, part) = (format!("secrets/{}", sample.rule()), part(sample.secret()));
            assert!(staged || codes.contains(&code), "{code} is not found by {arguments:?}");
            assert!(!ran.out.contains(part) && !ran.err.contains(part), "{code} is said by {arguments:?}");
            assert!(!written.contains(part), "{code} is written by {arguments:?}");
        }
    }
}

/// A crate whose tests say what stands in these files, in every way in which a test says anything: 25 secrets a test, for what is kept of
/// one test has an end.
fn talkative(planted: &Path, chunks: usize) -> String {
    let tests = (0..chunks).map(|chunk| {
        format!(
            "    #[test]\n    fn out_{chunk}() {{\n        println!(\"{{}}\", said({chunk}));\n        panic!(\"on stdout\");\n    }}\n\
             \x20   #[test]\n    fn err_{chunk}() {{\n        eprintln!(\"{{}}\", said({chunk}));\n        panic!(\"on stderr\");\n    }}\n\
             \x20   #[test]\n    fn panics_{chunk}() {{\n        panic!(\"{{}}\", said({chunk}));\n    }}\n\
             \x20   #[test]\n    fn differs_{chunk}() {{\n        assert_eq!(said({chunk}), \"\");\n    }}\n"
        )
    });
    format!(
        "//! Says it.\n\n#[cfg(test)]\nmod tests {{\n    fn said(chunk: usize) -> String {{\n        \
         std::fs::read_to_string(format!(\"{{}}/{{chunk}}\", {:?})).unwrap()\n    }}\n\n{}}}\n",
        planted.display().to_string(),
        tests.collect::<String>()
    )
}

/// Secrets that one test says, or one reason.
const SAID_AT_ONCE: usize = 25;

/// One secret of every format, printed by a test on both of its outputs, in the words of a panic and in a comparison that fails.
#[test]
fn no_format_that_a_test_says_is_in_anything_that_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let chunks: Vec<_> = samples().chunks(SAID_AT_ONCE).collect();
    for (number, chunk) in chunks.iter().enumerate() {
        let text: String =
            chunk.iter().map(|sample| format!("said {}\n{}\n", sample.rule(), sample.text())).collect();
        std::fs::write(folder.path().join(number.to_string()), text).expect("a file");
    }
    let fixture = fixture();
    fixture.write("src/lib.rs", &talkative(folder.path(), chunks.len()));
    fixture.write("policies/tests.yaml", "retries: {local: 1, ci: 1}\n");
    git(&fixture.workspace, &["add", "-A"]);
    git(&fixture.workspace, &["commit", "-q", "-m", "tests"]);
    let summary = folder.path().join("summary.md");
    let mut command = fixture.command(&["--offline", "ci", "--gate", "tests", "--gate", "coverage"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
    let ran = support::Ran::from(command.output().expect("gateline starts")).exits(10);
    let written = text_below(&fixture.workspace.join("target/gateline"));
    let shown = std::fs::read_to_string(&summary).expect("a summary");
    let evidence = fixture.report("evidence.json");
    for sample in samples() {
        let (rule, part) = (sample.rule(), part(sample.secret()));
        assert!(
            evidence.matches(&format!("said {rule}\\n")).count() >= 4,
            "{rule} was not said in every way"
        );
        for (place, text) in
            [("stdout", &ran.out), ("stderr", &ran.err), ("reports", &written), ("summary", &shown)]
        {
            assert!(!text.contains(part), "{rule} is in {place}");
        }
    }
    assert!(evidence.matches("[redacted: ").count() >= 4 * samples().len(), "each is hidden, not left out");
}

/// The same in reasons, which go into a journal that nobody can take back.
#[test]
fn no_format_in_a_reason_is_in_any_journal() {
    let site = Site::new(Pace::Quick);
    let mut said = String::new();
    for chunk in samples().chunks(SAID_AT_ONCE) {
        let line = |sample: &formats::samples::Sample| format!("said {}\n{}\n", sample.rule(), sample.text());
        let texts: String = chunk.iter().map(line).collect();
        let reason = format!("said:\n{texts}");
        for verb in ["freeze", "thaw"] {
            let ran = site.run(&[verb, "production", "-m", &reason]).exits(0);
            said += &ran.says(&["the reason held a secret"]).all();
        }
        said += &site.run(&["status"]).exits(0).all();
    }
    said += &site.run(&["audit", "log"]).exits(0).all();
    said += &site.run(&["audit", "verify"]).exits(0).all();
    let written = text_below(&site.state);
    let journal = std::fs::read_to_string(site.journal()).expect("a journal");
    assert!(journal.matches("[redacted: ").count() >= samples().len(), "each is hidden, not left out");
    let leaks = |sample: &&formats::samples::Sample| {
        let part = part(sample.secret());
        said.contains(part) || written.contains(part)
    };
    let leaked: Vec<_> =
        samples().iter().filter(leaks).map(|sample| (sample.rule(), sample.text())).collect();
    assert_eq!(leaked, [], "these are said or written");
}

/// All bytes of all files but programs: a supervisor keeps a copy of ours, which has the words of the rules in it.
fn text_below(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            text += &text_below(&path);
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            if !bytes.starts_with(b"\x7fELF") {
                text += &String::from_utf8_lossy(&bytes);
            }
        }
    }
    text
}

/// Formats and containers in which only one of the two finds something, as `docs/reference/security-gate.md` tells them.
const DIFFERENCES: &str = include_str!("secrets/gitleaks.txt");

/// Every format in every container, for both: each difference is one that somebody has looked at.
#[test]
fn every_difference_to_gitleaks_is_known() {
    let Some(gitleaks) = support::partner("gitleaks") else { return };
    let fixture = fixture();
    let mut all = BTreeSet::new();
    for sample in samples() {
        for (container, text) in containers(sample) {
            let name = format!("{}/{}", container.replace(' ', "-"), sample.rule());
            fixture.write(&format!("corpus/{name}.txt"), &text);
            all.insert(name);
        }
    }
    git(&fixture.workspace, &["add", "-A"]);
    fixture.run(&["security", "secrets"]).exits(10);
    let of = |file: &str| {
        let name = file.split("corpus/").nth(1)?;
        name.strip_suffix(".txt").map(str::to_owned)
    };
    let ours: BTreeSet<String> =
        fixture.findings().iter().filter_map(|one| of(one["file"].as_str()?)).collect();
    let report = fixture.workspace.join("target/gitleaks.json");
    let ran = Command::new(gitleaks)
        .args([
            "dir",
            "corpus",
            "--no-banner",
            "--redact=100",
            "--exit-code=0",
            "--report-format=json",
            "--report-path",
        ])
        .arg(&report)
        .current_dir(&fixture.workspace)
        .output()
        .expect("gitleaks starts");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let said: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&report).expect("a report")).expect("JSON");
    let theirs: BTreeSet<String> =
        said.as_array().expect("a list").iter().filter_map(|one| of(one["File"].as_str()?)).collect();
    let line = |name: &String| match (ours.contains(name), theirs.contains(name)) {
        (true, false) => Some(format!("only-ours {name}")),
        (false, true) => Some(format!("only-theirs {name}")),
        (false, false) => Some(format!("neither {name}")),
        (true, true) => None,
    };
    let lines: Vec<String> = all.iter().filter_map(line).collect();
    if std::env::var_os("GATELINE_BLESS").is_some() {
        let file = support::repository().join("tests/secrets/gitleaks.txt");
        std::fs::write(file, lines.join("\n") + "\n").expect("the list can be written");
        return;
    }
    let known: BTreeSet<&str> = DIFFERENCES.lines().collect();
    let now: BTreeSet<&str> = lines.iter().map(String::as_str).collect();
    let new: Vec<_> = now.difference(&known).collect();
    let gone: Vec<_> = known.difference(&now).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}, gone: {gone:#?}");
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
    let ran: support::Ran = Command::new("git")
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
