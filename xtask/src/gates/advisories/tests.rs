//! What each kind of advisory does to the gate, level by level.

use super::*;
use crate::evidence::advisories::DatabaseUsed;
use crate::verdict::Outcome;
use upgrade::way_out;

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
        direct: true,
        path: vec!["app@0.1.0".into(), format!("time@{version}")],
        ..AdvisoryMatch::default()
    }
}

fn judged(policy: &AdvisoriesPolicy, evidence: &AdvisoriesEvidence) -> GateVerdict {
    judge(policy, evidence, Occasion::Run, 0)
}

fn aged(age_days: u32) -> Vec<DatabaseUsed> {
    let (name, date) = ("embedded".to_owned(), "2026-08-20".to_owned());
    vec![DatabaseUsed { name, date, age_days, ..DatabaseUsed::default() }]
}

fn evidence(matches: Vec<AdvisoryMatch>) -> AdvisoriesEvidence {
    AdvisoriesEvidence { packages: 5, databases: aged(3), matches, ..Default::default() }
}

#[test]
fn a_vulnerability_refuses_with_place_and_way_out() {
    let evidence = evidence(vec![matched("0.2.7", &[">= 0.2.23"])]);
    let verdict = judged(&AdvisoriesPolicy::default(), &evidence);
    assert_eq!(verdict.outcome, Outcome::Refused);
    let finding = &verdict.findings[0];
    assert_eq!(finding.code, "advisories/vulnerability");
    assert_eq!((finding.file.as_deref(), finding.line), (Some("Cargo.lock"), Some(12)));
    assert_eq!(finding.message, "RUSTSEC-2020-0071: time 0.2.7 (linked): a segfault");
    assert_eq!(
        finding.help,
        "cargo update -p time@0.2.7 --precise 0.2.23; needed by app@0.1.0 > time@0.2.7; https://example.org/293"
    );
    assert_eq!(finding.subject.as_deref(), Some("RUSTSEC-2020-0071"));
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
        let warned = judged(&AdvisoriesPolicy::default(), &one);
        assert_eq!((warned.outcome, warned.findings[0].code.as_str()), (Outcome::Passed, code));
        assert_eq!(judged(&with(Level::Refuse), &one).outcome, Outcome::Refused);
        assert!(judged(&with(Level::Off), &one).findings.is_empty());
    }
}

#[test]
fn a_package_from_git_warns() {
    let from_git = AdvisoryMatch { source: PackageSource::Git, ..matched("0.2.7", &[">= 0.2.23"]) };
    let verdict = judged(&AdvisoriesPolicy::default(), &evidence(vec![from_git]));
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
fn an_old_snapshot_is_told_and_refuses_a_release() {
    let check = |age: u32, occasion, outcome, codes: &[&str]| {
        let old = AdvisoriesEvidence { databases: aged(age), ..evidence(vec![]) };
        let verdict = judge(&AdvisoriesPolicy::default(), &old, occasion, 0);
        let found: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!((verdict.outcome, found.as_slice()), (outcome, codes), "{age}");
    };
    let stale = ["advisories/stale-snapshot"];
    check(30, Occasion::Run, Outcome::Passed, &[]);
    check(31, Occasion::Run, Outcome::Passed, &stale);
    check(400, Occasion::Run, Outcome::Passed, &stale);
    check(90, Occasion::Release, Outcome::Passed, &stale);
    check(91, Occasion::Release, Outcome::Refused, &stale);
}

#[test]
fn the_policy_says_whether_age_refuses_a_run_and_nothing_lets_an_old_release_through() {
    let check = |stale_snapshot, age: u32, occasion, outcome, findings: usize| {
        let policy = AdvisoriesPolicy { stale_snapshot, ..AdvisoriesPolicy::default() };
        let verdict =
            judge(&policy, &AdvisoriesEvidence { databases: aged(age), ..evidence(vec![]) }, occasion, 0);
        assert_eq!(
            (verdict.outcome, verdict.findings.len()),
            (outcome, findings),
            "{stale_snapshot:?} {age}"
        );
    };
    check(Level::Refuse, 30, Occasion::Run, Outcome::Passed, 0);
    check(Level::Refuse, 31, Occasion::Run, Outcome::Refused, 1);
    check(Level::Refuse, 31, Occasion::Release, Outcome::Refused, 1);
    check(Level::Off, 400, Occasion::Run, Outcome::Passed, 0);
    check(Level::Off, 90, Occasion::Release, Outcome::Passed, 0);
    check(Level::Off, 91, Occasion::Release, Outcome::Refused, 1);
}

#[test]
fn what_there_is_to_say_of_the_looking_up_is_said() {
    let told = AdvisoriesEvidence {
        packages: 0,
        refresh_failed: Some("no network".into()),
        unresolved: Some("no cargo".into()),
        compared: LockfileOfBase::Unreadable { why: "no git".into() },
        ..evidence(vec![matched("0.2.7", &[])])
    };
    let verdict = judged(&AdvisoriesPolicy::default(), &told);
    let codes: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "advisories/vulnerability",
            "advisories/refresh-failed",
            "advisories/base-unreadable",
            "advisories/unresolved",
            "advisories/no-packages"
        ]
    );
    assert!(verdict.findings[0].message.contains("(taken as linked)"));
}

/// Level, reach, source, scope and base are small: every combination is judged, and nothing raises a level.
#[test]
fn every_ceiling_holds_in_every_combination() {
    let levels = [Level::Off, Level::Warn, Level::Refuse];
    let sources = [PackageSource::Registry, PackageSource::OtherRegistry, PackageSource::Git];
    let bases = [OnBase::New, OnBase::OtherVersion, OnBase::Same];
    let mut count = 0;
    for level in levels {
        for ceiling in levels {
            let policy = AdvisoriesPolicy {
                vulnerability: level,
                build: ceiling,
                development: ceiling,
                lockfile: ceiling,
                inherited: ceiling,
                ..AdvisoriesPolicy::default()
            };
            for reach in Reach::ALL {
                for source in sources {
                    for on_base in bases {
                        for occasion in [Occasion::Run, Occasion::Release] {
                            let one = AdvisoryMatch { reach, source, on_base, ..matched("0.2.7", &[]) };
                            let verdict = judge(&policy, &evidence(vec![one]), occasion, 0);
                            let inherits = occasion == Occasion::Run && on_base != OnBase::New;
                            let held = reach != Reach::Linked || inherits;
                            let mut expected = if held { level.at_most(ceiling) } else { level };
                            if source != PackageSource::Registry {
                                expected = expected.at_most(Level::Warn);
                            }
                            let found = verdict.findings.first().map(|finding| finding.severity);
                            assert_eq!(
                                found,
                                match expected {
                                    Level::Off => None,
                                    Level::Warn => Some(Severity::Warning),
                                    Level::Refuse => Some(Severity::Error),
                                }
                            );
                            count += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(count, 3 * 3 * 4 * 3 * 3 * 2);
}

#[test]
fn scopes_are_those_of_cargo_deny() {
    let check = |scope, direct, told: bool| {
        let policy = AdvisoriesPolicy {
            unsound_scope: scope,
            unmaintained_scope: scope,
            ..AdvisoriesPolicy::default()
        };
        for kind in [AdvisoryKind::Unsound, AdvisoryKind::Unmaintained] {
            let one = AdvisoryMatch { kind, direct, ..matched("0.2.7", &[]) };
            assert_eq!(
                judged(&policy, &evidence(vec![one])).findings.len(),
                usize::from(told),
                "{scope:?} {direct}"
            );
        }
    };
    check(AdvisoryScope::All, true, true);
    check(AdvisoryScope::All, false, true);
    check(AdvisoryScope::Workspace, true, true);
    check(AdvisoryScope::Workspace, false, false);
    check(AdvisoryScope::Transitive, true, false);
    check(AdvisoryScope::Transitive, false, true);
}

#[test]
fn a_withdrawn_version_warns_and_is_waived_by_its_name() {
    let yanked = AdvisoryMatch {
        id: String::new(),
        kind: AdvisoryKind::Yanked,
        title: "withdrawn".into(),
        ..matched("0.2.7", &[])
    };
    let verdict = judged(&AdvisoriesPolicy::default(), &evidence(vec![yanked]));
    let finding = &verdict.findings[0];
    assert_eq!((finding.code.as_str(), finding.waived_as()), ("advisories/yanked", "time@0.2.7"));
    assert_eq!(finding.message, "time 0.2.7 (linked): withdrawn");
    assert!(finding.help.starts_with("cargo update -p time@0.2.7;"), "{}", finding.help);
}

#[test]
fn a_long_path_loses_its_middle_and_says_so() {
    let names = |count: usize| (0..count).map(|index| format!("p{index}")).collect::<Vec<_>>();
    assert_eq!(path(&names(2)), "p0 > p1");
    assert_eq!(path(&names(9)), "p0 > p1 > p2 > … 3 more … > p6 > p7 > p8");
}
