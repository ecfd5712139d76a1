//! The gate *tests*: every test passed, every binary was heard, and there was at least one.
//!
//! A test whose partner is missing (it prints `gateline-skip: WHAT`) is a warning on a laptop and refuses in CI. Ignored
//! and skipped tests prove nothing, so a run of only those is nothing checked.

mod fewer;

use crate::evidence::TestsEvidence;
use crate::evidence::tests::{Surroundings, TestOutcome, TestResult};
use crate::gates::lint::explained;
use crate::policy::TestsPolicy;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use std::collections::BTreeMap;

/// The slowest tests that the facts name.
const SLOWEST_MAX: usize = 5;

/// Judges the outcomes.
pub fn judge(policy: &TestsPolicy, evidence: &TestsEvidence, duration_ms: u64) -> GateVerdict {
    let mut findings: Vec<_> = evidence.compile_errors.iter().map(does_not_compile).collect();
    findings.extend(evidence.broken.iter().map(|broken| {
        let message = format!("{} gave no list of its tests: {}", broken.name, broken.why);
        Finding::new(Gate::Tests, "broken-binary", Severity::Error, message, rerun(&broken.name))
    }));
    findings.extend(evidence.tests.iter().filter_map(|test| finding(test, evidence.surroundings)));
    findings.extend(not_run(evidence));
    findings.extend(fewer::finding(policy.fewer, evidence));
    if evidence.compile_errors.is_empty() && evidence.broken.is_empty() {
        findings.extend(policy.first.iter().filter(|name| !is_known(name, evidence)).map(first_missing));
    }
    let proved = evidence.tests.iter().any(proves_something);
    if !proved && findings.is_empty() {
        findings.push(nothing_ran(evidence));
    }
    let verdict = GateVerdict::of(Gate::Tests, duration_ms, facts(evidence), findings);
    if proved { verdict } else { verdict.nothing_checked() }
}

fn nothing_ran(evidence: &TestsEvidence) -> Finding {
    let (message, help) = match evidence.tests.len() {
        0 => (
            "no test was found, so nothing was proved",
            "write one, or name another filter: cargo xtask test",
        ),
        _ => ("every test is ignored or was skipped, so nothing was proved", "cargo xtask doctor"),
    };
    Finding::new(Gate::Tests, "none", Severity::Note, message, help)
}

fn proves_something(test: &TestResult) -> bool {
    use TestOutcome::{Failed, Ignored, NotRun, Passed, Skipped, TimedOut, Vanished};
    match test.outcome {
        Passed | Failed | TimedOut | Vanished(_) => true,
        Ignored | Skipped(_) | NotRun(_) => false,
    }
}

fn is_known(name: &str, evidence: &TestsEvidence) -> bool {
    evidence.tests.iter().any(|test| test.name == name)
}

fn first_missing(name: &String) -> Finding {
    let message = format!("the policy puts {name} first, but there is no such test");
    let help = "correct `first` in policies/tests.yaml";
    Finding::new(Gate::Tests, "first-missing", Severity::Error, message, help)
}

fn does_not_compile(error: &crate::evidence::lint::Diagnostic) -> Finding {
    let (message, help) = (error.message.clone(), explained(&error.lint));
    let finding = Finding::new(Gate::Tests, "does-not-compile", Severity::Error, message, help);
    if error.file.is_empty() { finding } else { finding.at(&error.file, error.line) }
}

/// The command that runs one test again.
fn rerun(name: &str) -> String {
    format!("cargo xtask test '{name}'")
}

fn finding(test: &TestResult, surroundings: Surroundings) -> Option<Finding> {
    let (what, severity, message) = match &test.outcome {
        TestOutcome::Passed | TestOutcome::Ignored | TestOutcome::NotRun(_) => return None,
        TestOutcome::Failed => {
            ("failed", Severity::Error, format!("{} failed{}", test.name, reason(&test.output)))
        }
        TestOutcome::TimedOut => {
            let seconds = test.duration_millis / 1000;
            ("timed-out", Severity::Error, format!("{} was killed after {seconds} s", test.name))
        }
        TestOutcome::Vanished(why) => ("vanished", Severity::Error, format!("{}: {why}", test.name)),
        TestOutcome::Skipped(missing) => {
            let severity = match surroundings {
                Surroundings::Laptop => Severity::Warning,
                Surroundings::Ci => Severity::Error,
            };
            ("skipped", severity, format!("{} did not run: {missing}", test.name))
        }
    };
    let help = match test.outcome {
        TestOutcome::Skipped(_) => "cargo xtask setup".to_owned(),
        _ => rerun(&test.name),
    };
    let finding = Finding::new(Gate::Tests, what, severity, message, help);
    let place =
        test.documented_at().or_else(|| panicked_at(&test.output).map(|(file, line, _)| (file, line)));
    Some(match place {
        Some((file, line)) => finding.at(plain(file), line),
        None => finding,
    })
}

/// One finding for all tests that were not started, by the test that kept them from it.
fn not_run(evidence: &TestsEvidence) -> Vec<Finding> {
    let mut by_culprit: BTreeMap<&str, usize> = BTreeMap::new();
    for test in &evidence.tests {
        if let TestOutcome::NotRun(culprit) = &test.outcome {
            *by_culprit.entry(culprit).or_default() += 1;
        }
    }
    let told = |(culprit, count): (&str, usize)| {
        let message = format!("{count} tests were not run, because {culprit} runs first and did not pass");
        Finding::new(Gate::Tests, "first-failed", Severity::Error, message, rerun(culprit))
    };
    by_culprit.into_iter().map(told).collect()
}

/// `: ` and the panic's message, where there is one.
fn reason(output: &str) -> String {
    panicked_at(output).map_or_else(String::new, |(_, _, message)| format!(": {message}"))
}

/// The file, line and first line of the message of the first panic
/// (`thread 'x' panicked at src/a.rs:3:5:` since Rust 1.73). A panic inside the library's tests names foreign files too;
/// only relative paths are places in the workspace.
fn panicked_at(output: &str) -> Option<(&str, u32, &str)> {
    let mut lines = output.lines();
    loop {
        let Some((_, place)) = lines.next()?.split_once(" panicked at ") else { continue };
        let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
        let (_column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
        if let (Ok(line), false) = (line.parse(), file.starts_with('/')) {
            return Some((file, line, lines.next().unwrap_or_default()));
        }
    }
}

/// A path without `..`: a test that lives beside its package panics at `xtask/../tests/a.rs`.
fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn facts(evidence: &TestsEvidence) -> serde_json::Value {
    let count = |is: fn(&TestOutcome) -> bool| evidence.tests.iter().filter(|test| is(&test.outcome)).count();
    let mut slowest: Vec<_> = evidence.tests.iter().filter(|test| test.duration_millis > 0).collect();
    slowest.sort_by_key(|test| std::cmp::Reverse(test.duration_millis));
    let slowest: Vec<_> = slowest
        .iter()
        .take(SLOWEST_MAX)
        .map(|test| serde_json::json!({"name": test.name, "duration_ms": test.duration_millis}))
        .collect();
    serde_json::json!({
        "engine": evidence.engine,
        "total": evidence.tests.len(),
        "passed": count(|outcome| *outcome == TestOutcome::Passed),
        "failed": count(|outcome| matches!(
            outcome, TestOutcome::Failed | TestOutcome::TimedOut | TestOutcome::Vanished(_)
        )),
        "ignored": count(|outcome| *outcome == TestOutcome::Ignored),
        "skipped": count(|outcome| matches!(outcome, TestOutcome::Skipped(_))),
        "not_run": count(|outcome| matches!(outcome, TestOutcome::NotRun(_))),
        "slowest": slowest,
    })
}

#[cfg(test)]
mod proof {
    use super::*;
    use crate::evidence::tests::BrokenBinary;
    use crate::verdict::Outcome;
    use proptest::prelude::*;

    fn result(name: &str, outcome: TestOutcome) -> TestResult {
        TestResult { name: name.to_owned(), outcome, duration_millis: 1500, output: String::new() }
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

    proptest! {
        #[test]
        fn a_pass_means_that_something_passed_and_nothing_failed(choices in prop::collection::vec(0usize..7, 0..8)) {
            let kinds = [
                TestOutcome::Passed,
                TestOutcome::Ignored,
                TestOutcome::Skipped("x".into()),
                TestOutcome::Failed,
                TestOutcome::TimedOut,
                TestOutcome::Vanished("x".into()),
                TestOutcome::NotRun("x".into()),
            ];
            let outcomes: Vec<_> = choices.iter().map(|choice| kinds[*choice].clone()).collect();
            let verdict = judge(&TestsPolicy::default(), &evidence(&outcomes), 0);
            let good = choices.contains(&0) && choices.iter().all(|choice| *choice < 3);
            prop_assert_eq!(verdict.outcome == Outcome::Passed, good);
            prop_assert_eq!(&verdict.facts["total"], choices.len());
        }
    }
}
