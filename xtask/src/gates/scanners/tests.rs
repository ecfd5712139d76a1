//! What each state and each result of a report does to the verdict.

use super::*;
use crate::policy::lint::Level;
use crate::verdict::Outcome;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn input(text: &str) -> ScannerInput {
    serde_yaml::from_str(text).unwrap()
}

fn result(severity: Severity) -> ScannerResult {
    ScannerResult {
        severity,
        file: Some("src/a.rs".into()),
        line: 3,
        end_line: 4,
        rule: "js/sql-injection".into(),
        message: "a query is built from text".into(),
        tool: "CodeQL".into(),
        identity: "0a1b2c3d".into(),
        fingerprints: [("primaryLocationLineHash".to_owned(), "39fa2ee980eb94b0:1".to_owned())].into(),
        suppressed: false,
        package: None,
        advisory: None,
    }
}

fn judged(input: ScannerInput, read: InputRead) -> GateVerdict {
    let policy = ScannersPolicy { inputs: vec![input], ..ScannersPolicy::default() };
    judge(&policy, &ScannersEvidence { inputs: vec![read] }, &[], 7)
}

#[track_caller]
fn check(policy: &str, read: InputRead, outcome: Outcome, code: &str) {
    let verdict = judged(input(policy), read);
    let codes: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(verdict.outcome, outcome, "{policy}: {codes:?}");
    assert_eq!(codes, if code.is_empty() { vec![] } else { vec![code] }, "{policy}");
}

fn in_state(state: InputState) -> InputRead {
    InputRead { file: "r.sarif".into(), state, ..InputRead::default() }
}

fn with(result: ScannerResult) -> InputRead {
    InputRead { results: vec![result], ..in_state(InputState::Read) }
}

#[test]
fn no_scanner_named_passes_and_a_clean_report_does() {
    let verdict = judge(&ScannersPolicy::default(), &ScannersEvidence::default(), &[], 0);
    assert_eq!((verdict.outcome, verdict.findings.len()), (Outcome::Passed, 0));
    check("file: r.sarif", in_state(InputState::Read), Outcome::Passed, "");
}

#[test]
fn what_is_no_whole_report_of_this_commit_is_never_a_pass() {
    let why = || "why".to_owned();
    let unusable = || in_state(InputState::Unusable { why: why() });
    let missing = || in_state(InputState::Missing { why: why() });
    let stale = || in_state(InputState::Stale { why: why() });
    check("file: r.sarif", unusable(), Outcome::Error, "scanners/could-not-run");
    check("{file: r.sarif, required: false}", unusable(), Outcome::Error, "scanners/could-not-run");
    check("file: r.sarif", missing(), Outcome::Error, "scanners/could-not-run");
    check("{file: r.sarif, required: false}", missing(), Outcome::Passed, "scanners/missing");
    check("file: r.sarif", stale(), Outcome::Refused, "scanners/stale");
    check("{file: .pf/readthis, format: theauditor}", stale(), Outcome::Error, "scanners/could-not-run");
    let lenient = ScannersPolicy { inputs: vec![input("file: r.sarif")], stale: Level::Warn };
    let verdict = judge(&lenient, &ScannersEvidence { inputs: vec![stale()] }, &[], 0);
    assert_eq!(verdict.outcome, Outcome::Passed);
    let verdict = judge(&lenient, &ScannersEvidence::default(), &[], 0);
    assert_eq!(verdict.outcome, Outcome::Error, "evidence of another policy");
}

#[test]
fn levels_are_the_policys() {
    let code = "scanners/js-sql-injection";
    check("file: r", with(result(Severity::Error)), Outcome::Refused, code);
    check("{file: r, errors: warn}", with(result(Severity::Error)), Outcome::Passed, code);
    check("file: r", with(result(Severity::Warning)), Outcome::Passed, code);
    check("{file: r, warnings: refuse}", with(result(Severity::Warning)), Outcome::Refused, code);
    check("file: r", with(result(Severity::Note)), Outcome::Passed, "");
    let suppressed = || with(ScannerResult { suppressed: true, ..result(Severity::Error) });
    check("file: r", suppressed(), Outcome::Refused, code);
    check("{file: r, suppressions: honour}", suppressed(), Outcome::Passed, code);
    let verdict = judged(input("{file: r, suppressions: honour}"), suppressed());
    assert!(verdict.findings[0].message.ends_with("(suppressed in the tool, which the policy honours)"));
}

#[test]
fn a_finding_has_its_place_its_fingerprints_and_what_a_waiver_names() {
    let verdict = judged(input("file: r"), with(result(Severity::Error)));
    let finding = &verdict.findings[0];
    assert_eq!(
        (finding.file.as_deref(), finding.line, finding.end_line),
        (Some("src/a.rs"), Some(3), Some(4))
    );
    assert_eq!(finding.waived_as(), "src/a.rs#0a1b2c3d");
    assert_eq!(finding.fingerprints["primaryLocationLineHash"], "39fa2ee980eb94b0:1");
    assert_eq!(finding.message, "CodeQL, js/sql-injection: a query is built from text");
}

#[test]
fn what_another_gate_says_is_not_said_twice() {
    let ours = |gate, subject: &str, message: &str| {
        let finding = Finding::new(gate, "x", Severity::Error, message, "h").about(subject);
        GateVerdict::of(gate, 0, json!({}), vec![finding])
    };
    let theirs = |rule: &str, advisory: Option<&str>| ScannerResult {
        rule: rule.into(),
        package: Some("time@0.1.45".into()),
        advisory: advisory.map(str::to_owned),
        ..result(Severity::Error)
    };
    let check = |others: &[GateVerdict], theirs: ScannerResult, twice: u64| {
        let policy = ScannersPolicy { inputs: vec![input("file: r")], ..ScannersPolicy::default() };
        let verdict = judge(&policy, &ScannersEvidence { inputs: vec![with(theirs)] }, others, 0);
        assert_eq!(verdict.facts["said_by_other_gates"], twice);
        assert_eq!(verdict.findings.len() as u64, 1 - twice);
    };
    let advisory = [ours(Gate::Advisories, "s", "RUSTSEC-2020-0071: time 0.1.45: segfault")];
    check(&advisory, theirs("vulnerability", Some("RUSTSEC-2020-0071")), 1);
    check(&advisory, theirs("vulnerability", Some("RUSTSEC-2020-0159")), 0);
    check(&[], theirs("vulnerability", Some("RUSTSEC-2020-0071")), 0);
    check(&[ours(Gate::Licences, "time@0.1.45", "m")], theirs("rejected", None), 1);
    check(&[ours(Gate::Licences, "time@0.1.44", "m")], theirs("rejected", None), 0);
    check(&[ours(Gate::Bans, "time", "m")], theirs("duplicate", None), 1);
    check(&[ours(Gate::Sources, "time@0.1.45", "m")], theirs("source-not-allowed", None), 1);
}

#[test]
fn what_is_only_counted_does_what_is_listed_does() {
    let read = |severity, too_many| InputRead {
        counted: BTreeMap::from([(severity, 9)]),
        too_many,
        ..in_state(InputState::Read)
    };
    check("file: r", read(Severity::Note, false), Outcome::Passed, "");
    check("file: r", read(Severity::Error, true), Outcome::Refused, "scanners/unlisted");
    check("file: r", read(Severity::Warning, true), Outcome::Passed, "scanners/unlisted");
    check("{file: r, errors: off}", read(Severity::Error, true), Outcome::Passed, "");
}

proptest! {
    #[test]
    fn every_rule_gives_a_code_that_waivers_can_name(rule in "\\PC{0,100}|[a-zA-Z0-9/._-]{0,90}") {
        let code = format!("scanners/{}", code(&rule));
        prop_assert_eq!(crate::policy::waivers::cannot_be_waived(&code), None);
        prop_assert!(code.len() < 80);
    }
}
