//! What each kind of advisory does to the gate, level by level.

use super::*;
use crate::verdict::Outcome;

fn matched(version: &str, patched: &[&str]) -> AdvisoryMatch {
    AdvisoryMatch {
        id: "RUSTSEC-2020-0071".into(),
        package: "time".into(),
        version: version.into(),
        kind: AdvisoryKind::Vulnerability,
        title: "a segfault".into(),
        patched: patched.iter().map(ToString::to_string).collect(),
        line: 12,
        url: "https://example.org/293".into(),
        source: PackageSource::Registry,
    }
}

fn evidence(matches: Vec<AdvisoryMatch>) -> AdvisoriesEvidence {
    AdvisoriesEvidence { packages: 5, snapshot_date: "2026-08-20".into(), matches, ..Default::default() }
}

#[test]
fn a_vulnerability_refuses_with_place_and_way_out() {
    let evidence = evidence(vec![matched("0.2.7", &[">= 0.2.23"])]);
    let verdict = judge(&AdvisoriesPolicy::default(), &evidence, 0);
    assert_eq!(verdict.outcome, Outcome::Refused);
    let finding = &verdict.findings[0];
    assert_eq!(finding.code, "advisories/vulnerability");
    assert_eq!((finding.file.as_deref(), finding.line), (Some("Cargo.lock"), Some(12)));
    assert_eq!(finding.message, "RUSTSEC-2020-0071: time 0.2.7: a segfault");
    assert_eq!(finding.help, "cargo update -p time@0.2.7 --precise 0.2.23; https://example.org/293");
}

#[test]
fn each_kind_has_its_level() {
    let kinds = [
        (AdvisoryKind::Unsound, "advisories/unsound"),
        (AdvisoryKind::Unmaintained, "advisories/unmaintained"),
        (AdvisoryKind::Notice, "advisories/notice"),
    ];
    for (kind, code) in kinds {
        let one = evidence(vec![AdvisoryMatch { kind, ..matched("1.0.0", &[]) }]);
        let with = |level| AdvisoriesPolicy {
            unsound: level,
            unmaintained: level,
            notice: level,
            ..AdvisoriesPolicy::default()
        };
        let warned = judge(&AdvisoriesPolicy::default(), &one, 0);
        assert_eq!((warned.outcome, warned.findings[0].code.as_str()), (Outcome::Passed, code));
        assert_eq!(judge(&with(Level::Refuse), &one, 0).outcome, Outcome::Refused);
        assert!(judge(&with(Level::Off), &one, 0).findings.is_empty());
    }
}

#[test]
fn a_package_from_git_warns() {
    let from_git = AdvisoryMatch { source: PackageSource::Git, ..matched("0.2.7", &[">= 0.2.23"]) };
    let verdict = judge(&AdvisoriesPolicy::default(), &evidence(vec![from_git]), 0);
    assert_eq!((verdict.outcome, verdict.findings[0].severity), (Outcome::Passed, Severity::Warning));
    assert!(verdict.findings[0].message.contains("from git"));
}

#[test]
fn the_smallest_upgrade_is_named() {
    let check = |version: &str, patched: &[&str], expected: &str| {
        let told = way_out(&matched(version, patched));
        assert!(told.starts_with(expected), "{version} {patched:?}: {told}");
    };
    check("0.6.9", &[">= 0.6.13, < 0.7.0", ">= 1.6.1"], "cargo update -p time@0.6.9 --precise 0.6.13");
    check("1.2.0", &[">= 0.6.13, < 0.7.0", ">= 1.6.1"], "cargo update -p time@1.2.0 --precise 1.6.1");
    check("1.2.0", &["> 1.2.4"], "cargo update -p time@1.2.0");
    check("1.2.0", &["^1.3"], "cargo update -p time@1.2.0 --precise 1.3.0");
    check("0.1.42", &[">= 0.2.23"], "raise its requirement to `time = \">= 0.2.23\"`");
    check("0.1.42", &["> 0.2.23"], "raise its requirement to `time = \"> 0.2.23\"`");
    check("0.0.2", &[">= 0.0.3"], "raise its requirement");
    check("1.2.0", &[], "no fixed version is known");
    check("1.2.0", &["< 1.0.0"], "no fixed version is known");
}

#[test]
fn an_old_snapshot_is_told_and_an_empty_lockfile_too() {
    let old = AdvisoriesEvidence { snapshot_age_days: 91, ..evidence(vec![]) };
    let verdict = judge(&AdvisoriesPolicy::default(), &old, 0);
    assert_eq!(verdict.outcome, Outcome::Passed);
    assert_eq!(verdict.findings[0].code, "advisories/stale-snapshot");
    assert!(verdict.findings[0].message.contains("91 days"));
    let fresh = AdvisoriesEvidence { snapshot_age_days: 90, packages: 0, ..evidence(vec![]) };
    let verdict = judge(&AdvisoriesPolicy::default(), &fresh, 0);
    assert_eq!((verdict.outcome, verdict.findings.len()), (Outcome::Passed, 1));
    assert_eq!(
        (verdict.findings[0].code.as_str(), &verdict.facts["packages"]),
        ("advisories/no-packages", &0.into())
    );
}
