//! A secret refuses at its file and line, and is never repeated in the finding.

use super::*;
use crate::verdict::Outcome;

fn found() -> SecretsEvidence {
    let found = SecretFound {
        file: "deploy/.env".into(),
        line: 7,
        rule: "github-token".into(),
        what: "GitHub token".into(),
        redacted: "ghp_…".into(),
        ..SecretFound::default()
    };
    SecretsEvidence { files: 3, found: vec![found], ..SecretsEvidence::default() }
}

fn policy(level: Level) -> SecretsPolicy {
    SecretsPolicy { level, skip: vec!["vendor/".into()], ..SecretsPolicy::default() }
}

#[test]
fn the_level_decides_and_the_finding_names_place_and_way_out() {
    let verdict = judge(&policy(Level::Refuse), &found(), 4);
    assert_eq!(verdict.outcome, Outcome::Refused);
    let finding = &verdict.findings[0];
    assert_eq!((finding.code.as_str(), finding.line), ("secrets/github-token", Some(7)));
    assert_eq!(finding.file.as_deref(), Some("deploy/.env"));
    assert!(
        finding.help.starts_with("revoke")
            && finding.help.ends_with("waive secrets/github-token 'deploy/.env'"),
        "{}",
        finding.help
    );
    assert_eq!(judge(&policy(Level::Warn), &found(), 4).outcome, Outcome::Passed);
    let off = judge(&policy(Level::Off), &found(), 4);
    assert_eq!((off.outcome, off.findings[0].code.as_str()), (Outcome::Passed, "secrets/switched-off"));
}

#[test]
fn no_file_read_is_nothing_checked() {
    let verdict = judge(&policy(Level::Refuse), &SecretsEvidence::default(), 0);
    assert_eq!(verdict.outcome, Outcome::NothingChecked);
}

#[test]
fn what_was_not_read_is_told() {
    let skipped =
        vec![("vendor/".into(), "by policy: 9 files".into()), ("big.bin".into(), "too large".into())];
    let evidence = SecretsEvidence { files: 1, skipped, ..SecretsEvidence::default() };
    let verdict = judge(&policy(Level::Refuse), &evidence, 0);
    let told: Vec<_> =
        verdict.findings.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect();
    let expected =
        [("secrets/not-scanned", Severity::Warning), ("secrets/skipped-by-policy", Severity::Note)];
    assert_eq!((verdict.outcome, told.as_slice()), (Outcome::Passed, &expected[..]));
}

/// The message and help of a secret that a commit brought.
fn told(stands: Stands, told_by: ToldBy) -> (String, String) {
    let mut evidence = found();
    evidence.scope = SecretsScope::Change { base: "b".into(), commits: 2 };
    let commit = Some("0123456789abcdef0123".to_owned());
    evidence.found[0] = SecretFound { commit, stands, told_by, ..evidence.found[0].clone() };
    let verdict = judge(&policy(Level::Refuse), &evidence, 0);
    assert_eq!((verdict.outcome, &verdict.facts["commits"]), (Outcome::Refused, &serde_json::json!(2)));
    (verdict.findings[0].message.clone(), verdict.findings[0].help.clone())
}

#[test]
fn a_commit_is_named_and_whether_the_secret_still_stands() {
    let (still, help) = told(Stands::Still, ToldBy::Look);
    assert_eq!(still, "GitHub token in a file, since commit 0123456789ab: ghp_…");
    assert!(help.contains("git rebase -i") && help.contains("'deploy/.env:7'"), "{help}");
    let (removed, _) = told(Stands::Removed, ToldBy::Form);
    assert_eq!(removed, "GitHub token in commit 0123456789ab, taken out since: the history keeps it: ghp_…");
    assert_eq!(told(Stands::Unknown, ToldBy::Form).0, "GitHub token in commit 0123456789ab: ghp_…");
}

#[test]
fn what_only_looks_like_a_secret_has_a_level_of_its_own() {
    let mut evidence = found();
    evidence.found[0].told_by = ToldBy::Look;
    let check = |generic, expected: (Outcome, &[&str])| {
        let policy = SecretsPolicy { generic, ..SecretsPolicy::default() };
        let verdict = judge(&policy, &evidence, 0);
        let codes: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!((verdict.outcome, codes.as_slice()), expected, "{generic:?}");
    };
    check(Level::Refuse, (Outcome::Refused, &["secrets/github-token"]));
    check(Level::Warn, (Outcome::Passed, &["secrets/github-token"]));
    check(Level::Off, (Outcome::Passed, &["secrets/generic-switched-off"]));
}

#[test]
fn a_change_without_files_passes_and_a_history_without_does_not() {
    let outcome = |scope| {
        judge(&policy(Level::Refuse), &SecretsEvidence { scope, ..SecretsEvidence::default() }, 0).outcome
    };
    assert_eq!(outcome(SecretsScope::Change { base: "b".into(), commits: 1 }), Outcome::Passed);
    assert_eq!(outcome(SecretsScope::Staged), Outcome::Passed);
    assert_eq!(outcome(SecretsScope::History { commits: 0 }), Outcome::NothingChecked);
}
