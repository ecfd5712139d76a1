//! Every way to end has its finding, and only a run in which something passed and nothing failed is a pass.

use super::*;
use crate::evidence::base_run::BaseRun;
use crate::evidence::tests::{AtBase, Attempt, BrokenBinary, Surroundings};
use crate::policy::tests::FlakyLevel;
use crate::verdict::Outcome;
use proptest::prelude::*;

fn result(name: &str, outcome: TestOutcome) -> TestResult {
    TestResult { duration_millis: 1500, ..TestResult::new(name, outcome) }
}

fn evidence(outcomes: &[TestOutcome]) -> TestsEvidence {
    let tests =
        outcomes.iter().enumerate().map(|(index, one)| result(&format!("p::lib$t{index}"), one.clone()));
    TestsEvidence { tests: tests.collect(), ..TestsEvidence::default() }
}

fn check(evidence: &TestsEvidence, outcome: Outcome, codes: &[&str]) -> GateVerdict {
    let verdict = judge(&TestsPolicy::default(), evidence, 1);
    let found: Vec<_> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!((verdict.outcome, found.as_slice()), (outcome, codes));
    verdict
}

#[test]
fn each_way_not_to_pass_has_its_code() {
    use TestOutcome::{Failed, Ignored, NotRun, Passed, Skipped, TimedOut, Vanished};
    check(&evidence(&[Passed, Ignored]), Outcome::Passed, &[]);
    check(&evidence(&[Passed, Failed]), Outcome::Refused, &["tests/failed"]);
    check(&evidence(&[TimedOut]), Outcome::Refused, &["tests/timed-out"]);
    check(&evidence(&[Vanished("signal 6".into())]), Outcome::Refused, &["tests/vanished"]);
    check(&evidence(&[Passed, Skipped("git".into())]), Outcome::Passed, &["tests/skipped"]);
    let after = [Failed, NotRun("p::lib$t0".into()), NotRun("p::lib$t0".into())];
    let verdict = check(&evidence(&after), Outcome::Refused, &["tests/failed", "tests/first-failed"]);
    assert!(verdict.findings[1].message.starts_with("2 tests were not run"));
    assert_eq!(verdict.facts["not_run"], 2);
}

#[test]
fn nothing_that_ran_is_nothing_checked() {
    for outcomes in [&[][..], &[TestOutcome::Ignored], &[TestOutcome::Ignored, TestOutcome::Ignored]] {
        check(&evidence(outcomes), Outcome::NothingChecked, &["tests/none"]);
    }
    check(&evidence(&[TestOutcome::Skipped("git".into())]), Outcome::NothingChecked, &["tests/skipped"]);
}

#[test]
fn a_missing_partner_refuses_in_ci() {
    let mut in_ci = evidence(&[TestOutcome::Passed, TestOutcome::Skipped("git".into())]);
    in_ci.surroundings = Surroundings::Ci;
    check(&in_ci, Outcome::Refused, &["tests/skipped"]);
}

#[test]
fn broken_binaries_and_compile_errors_refuse_whatever_else_passed() {
    let mut with_broken = evidence(&[TestOutcome::Passed]);
    with_broken.broken.push(BrokenBinary { name: "p::it".into(), why: "exit status 0".into() });
    check(&with_broken, Outcome::Refused, &["tests/broken-binary"]);
    let error = crate::evidence::lint::Diagnostic {
        file: "src/lib.rs".into(),
        line: 4,
        tool: crate::evidence::lint::LintTool::Clippy,
        severity: crate::evidence::lint::DiagnosticSeverity::Error,
        lint: "E0425".into(),
        message: "cannot find value".into(),
        rendered: String::new(),
        edits: Vec::new(),
    };
    let broken = TestsEvidence { compile_errors: vec![error], ..TestsEvidence::default() };
    let verdict = check(&broken, Outcome::Refused, &["tests/does-not-compile"]);
    assert_eq!(
        (verdict.findings[0].file.as_deref(), verdict.findings[0].line),
        (Some("src/lib.rs"), Some(4))
    );
}

#[test]
fn a_test_that_the_policy_puts_first_must_exist() {
    let policy = TestsPolicy { first: vec!["p::lib$gone".into()], ..TestsPolicy::default() };
    let verdict = judge(&policy, &evidence(&[TestOutcome::Passed]), 0);
    assert_eq!(verdict.findings[0].code, "tests/first-missing");
}

#[test]
fn a_failure_says_where_why_and_how_to_run_it_again() {
    let mut failed = evidence(&[TestOutcome::Failed]);
    failed.tests[0].output = "thread 'a' panicked at /rustc/core/x.rs:1:1:\nhm\n\
                              thread 'a' (7) panicked at p/../src/a.rs:12:5:\nleft is right\nmore\n"
        .to_owned();
    let verdict = check(&failed, Outcome::Refused, &["tests/failed"]);
    let finding = &verdict.findings[0];
    assert_eq!((finding.file.as_deref(), finding.line), (Some("src/a.rs"), Some(12)));
    assert_eq!(finding.message, "p::lib$t0 failed: left is right");
    assert_eq!(finding.help, "cargo xtask test 'p::lib$t0'");
    let mut doc = evidence(&[TestOutcome::Failed]);
    doc.tests[0].name = "p::doc$src/lib.rs - two (line 9)".to_owned();
    assert_eq!(judge(&TestsPolicy::default(), &doc, 0).findings[0].line, Some(9));
}

#[test]
fn a_flaky_test_does_what_the_policy_says() {
    let attempt = |outcome, output: &str| Attempt { outcome, duration_millis: 5, output: output.to_owned() };
    let output = "thread 'a' panicked at src/a.rs:3:5:\nlate\n";
    let attempts = vec![attempt(TestOutcome::Failed, output), attempt(TestOutcome::Passed, "")];
    let tests = vec![TestResult::of_attempts("p::lib$a", attempts)];
    let evidence = TestsEvidence { tests, ..TestsEvidence::default() };
    let verdict = check(&evidence, Outcome::Passed, &["tests/flaky"]);
    let finding = &verdict.findings[0];
    assert_eq!(finding.message, "p::lib$a passed only at attempt 2: late");
    assert_eq!((finding.waived_as(), finding.line), ("p::lib$a", Some(3)));
    assert_eq!((&verdict.facts["flaky"], &verdict.facts["attempts"]), (&1.into(), &2.into()));
    let policy = TestsPolicy { flaky: FlakyLevel::Refuse, ..TestsPolicy::default() };
    assert_eq!(judge(&policy, &evidence, 0).outcome, Outcome::Refused);
}

#[test]
fn what_must_run_and_did_not_refuses() {
    let check = |outcomes: &[TestOutcome], pattern: &str, filters: &[&str], codes: &[&str]| {
        let policy = TestsPolicy { must_run: vec![pattern.into()], ..TestsPolicy::default() };
        let filters = filters.iter().map(|filter| (*filter).to_owned()).collect();
        let verdict = judge(&policy, &TestsEvidence { filters, ..evidence(outcomes) }, 0);
        let found: Vec<_> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(found, codes, "{outcomes:?} {pattern}");
    };
    use TestOutcome::{Ignored, Passed};
    check(&[Passed, Passed], "p::*$t1", &[], &[]);
    check(&[Passed, Ignored], "p::*$t1", &[], &["tests/must-run"]);
    check(&[Passed, Ignored], "p::lib$t0", &[], &[]);
    check(&[Passed], "p::lib$gone", &[], &["tests/must-run-missing"]);
    check(&[Passed], "p::lib$gone", &["t0"], &[]);
}

#[test]
fn what_is_slow_leaks_or_is_not_counted_is_told_and_passes() {
    let mut evidence = evidence(&[TestOutcome::Passed, TestOutcome::Passed]);
    evidence.tests[1].duration_millis = 61_000;
    evidence.tests[0].left_behind = vec!["sleep".into(), "sh".into()];
    evidence.counts_lost = vec!["p::lib$t9".into()];
    evidence.empty = vec!["p::nothing".into()];
    let codes = ["tests/leaked", "tests/empty-binary", "tests/slow", "tests/counts-lost"];
    let verdict = check(&evidence, Outcome::Passed, &codes);
    let said: Vec<_> = verdict.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(said[0], "p::lib$t0 left processes behind, which were ended: sleep, sh");
    assert_eq!(said[2], "1 test took longer than 60 s: p::lib$t1 (61 s)");
    assert_eq!((&verdict.facts["slow"], &verdict.facts["leaked"]), (&1.into(), &1.into()));
    let policy = TestsPolicy { first: vec!["p::lib$t1".into()], ..TestsPolicy::default() };
    assert_eq!(judge(&policy, &evidence, 0).facts["slow"], 0, "what goes first may take long");
    let names: Vec<_> = ["a", "b"].map(str::to_owned).into();
    assert_eq!((listed(&names, 2), listed(&names, 5)), ("a, b".into(), "a, b and 3 more".into()));
}

#[test]
fn a_failure_that_the_base_has_too_says_so_and_still_refuses() {
    let mut evidence = evidence(&[TestOutcome::Failed]);
    let commit = "0123456789abcdef".to_owned();
    evidence.tests[0].at_base = Some(AtBase { commit: commit.clone(), outcome: TestOutcome::TimedOut });
    let verdict = check(&evidence, Outcome::Refused, &["tests/failed-on-base"]);
    assert_eq!(verdict.findings[0].message, "p::lib$t0 failed; it also fails on base (0123456789ab)");
    let at_base = |outcome| Some(AtBase { commit: commit.clone(), outcome });
    let said = |outcome, words: &str| {
        let mut evidence = evidence.clone();
        evidence.tests[0].at_base = at_base(outcome);
        let verdict = check(&evidence, Outcome::Refused, &["tests/failed"]);
        assert_eq!(verdict.findings[0].message, format!("p::lib$t0 failed; it {words} base (0123456789ab)"));
    };
    said(TestOutcome::Passed, "passes on");
    said(TestOutcome::Ignored, "is ignored on");
}

#[test]
fn a_base_that_could_not_be_asked_is_a_note_and_speaks_for_no_test() {
    let commit = "0123456789abcdef".to_owned();
    let mut run = BaseRun { commit, absent: vec!["p::lib$t1".into()], ..BaseRun::default() };
    run.not_asked(["p::lib$t0".to_owned()], "it does not compile", "git log");
    let failed =
        TestsEvidence { base_run: Some(run), ..evidence(&[TestOutcome::Failed, TestOutcome::Failed]) };
    let codes = ["tests/failed", "tests/failed", "tests/base-not-asked"];
    let verdict = check(&failed, Outcome::Refused, &codes);
    let said: Vec<_> = verdict.findings.iter().map(|finding| finding.message.as_str()).collect();
    let expected = [
        "p::lib$t0 failed",
        "p::lib$t1 failed; it is not on base (0123456789ab)",
        "the base (0123456789ab) could not be asked about 1 test: it does not compile; p::lib$t0",
    ];
    assert_eq!(said, expected);
    assert_eq!(
        (&verdict.facts["at_base"]["absent"], &verdict.facts["at_base"]["unknown"]),
        (&1.into(), &1.into())
    );
}

#[test]
fn a_run_of_some_tests_says_so() {
    let filters = vec!["lib".to_owned()];
    let some = TestsEvidence { filters, ..evidence(&[TestOutcome::Passed]) };
    assert_eq!(check(&some, Outcome::Passed, &[]).facts["filters"], serde_json::json!(["lib"]));
    assert!(check(&evidence(&[TestOutcome::Passed]), Outcome::Passed, &[]).facts.get("filters").is_none());
}

proptest! {
    #[test]
    fn a_pass_means_that_something_passed_and_nothing_failed(choices in prop::collection::vec(0usize..8, 0..8)) {
        let kinds = [
            TestOutcome::Passed,
            TestOutcome::Ignored,
            TestOutcome::Skipped("x".into()),
            TestOutcome::Failed,
            TestOutcome::TimedOut,
            TestOutcome::Vanished("x".into()),
            TestOutcome::NotRun("x".into()),
            TestOutcome::Flaky,
        ];
        let outcomes: Vec<_> = choices.iter().map(|choice| kinds[*choice].clone()).collect();
        let verdict = judge(&TestsPolicy::default(), &evidence(&outcomes), 0);
        let good = (choices.contains(&0) || choices.contains(&7)) && choices.iter().all(|choice| *choice < 3 || *choice == 7);
        prop_assert_eq!(verdict.outcome == Outcome::Passed, good);
        prop_assert_eq!(&verdict.facts["total"], choices.len());
    }
}
