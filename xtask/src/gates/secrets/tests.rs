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
    };
    SecretsEvidence { files: 3, skipped: vec![], found: vec![found] }
}

fn policy(level: Level) -> SecretsPolicy {
    SecretsPolicy { level, skip: vec!["vendor/".into()] }
}

#[test]
fn the_level_decides_and_the_finding_names_place_and_way_out() {
    let verdict = judge(&policy(Level::Refuse), &found(), 4);
    assert_eq!(verdict.outcome, Outcome::Refused);
    let finding = &verdict.findings[0];
    assert_eq!((finding.code.as_str(), finding.line), ("secrets/github-token", Some(7)));
    assert_eq!(finding.file.as_deref(), Some("deploy/.env"));
    assert!(finding.help.starts_with("revoke") && finding.help.contains("secrets.skip"), "{}", finding.help);
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
    let evidence = SecretsEvidence { files: 1, skipped, found: vec![] };
    let verdict = judge(&policy(Level::Refuse), &evidence, 0);
    let told: Vec<_> =
        verdict.findings.iter().map(|finding| (finding.code.as_str(), finding.severity)).collect();
    let expected =
        [("secrets/not-scanned", Severity::Warning), ("secrets/skipped-by-policy", Severity::Note)];
    assert_eq!((verdict.outcome, told.as_slice()), (Outcome::Passed, &expected[..]));
}
