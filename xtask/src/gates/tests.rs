//! The gate *tests*: every test passed, every binary was heard, and there was at least one.
//!
//! A test whose partner is missing (it prints `gateline-skip: WHAT`) is a warning on a laptop and refuses in CI. Ignored
//! and skipped tests prove nothing, so a run of only those is nothing checked. A flaky test is neither a pass nor a failure:
//! the policy says what it does. What one test is told for stands in `findings`.

mod at_base;
mod fewer;
mod findings;

use crate::evidence::TestsEvidence;
use crate::evidence::tests::{LeftOut, NotBuilt, TestOutcome, TestResult};
use crate::gates::lint::explained;
use crate::policy::TestsPolicy;
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use findings::rerun;
use std::collections::BTreeMap;

/// The slowest tests that the facts name.
const SLOWEST_MAX: usize = 5;
/// Tests that one finding names.
const NAMED_MAX: usize = 10;

/// Judges the outcomes.
pub fn judge(policy: &TestsPolicy, evidence: &TestsEvidence, duration_ms: u64) -> GateVerdict {
    let mut findings: Vec<_> = evidence.compile_errors.iter().map(does_not_compile).collect();
    findings.extend(evidence.broken.iter().map(|broken| {
        let message = format!("{} gave no list of its tests: {}", broken.name, broken.why);
        Finding::new(Gate::Tests, "broken-binary", Severity::Error, message, rerun(&broken.name))
    }));
    findings.extend(evidence.tests.iter().flat_map(|test| findings::of(test, policy, evidence)));
    findings.extend(at_base::unknown(evidence));
    findings.extend(not_run(evidence));
    findings.extend(evidence.not_built.iter().map(not_built));
    findings.extend(evidence.left_out.iter().map(left_out));
    findings.extend(fewer::finding(policy.fewer, evidence));
    if evidence.compile_errors.is_empty() && evidence.broken.is_empty() {
        let missing = |name: &&String| !evidence.tests.iter().any(|test| policy.means(name, &test.name));
        findings.extend(policy.first.iter().filter(missing).map(first_missing));
        findings.extend(must_run_missing(policy, evidence));
    }
    findings.extend(evidence.empty.iter().map(empty_binary));
    findings.extend(slow(policy, evidence));
    findings.extend(counts_lost(evidence));
    let proved = evidence.tests.iter().any(proves_something);
    if !proved && findings.iter().all(|finding| finding.severity == Severity::Note) {
        findings.push(nothing_ran(evidence));
    }
    let verdict = GateVerdict::of(Gate::Tests, duration_ms, facts(policy, evidence), findings);
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
    use TestOutcome::{Failed, Flaky, Ignored, NotRun, Passed, Skipped, TimedOut, Vanished};
    match test.outcome {
        Passed | Flaky | Failed | TimedOut | Vanished(_) => true,
        Ignored | Skipped(_) | NotRun(_) => false,
    }
}

fn first_missing(name: &String) -> Finding {
    let message = format!("the policy puts {name} first, but there is no such test");
    let help = "correct `first` in policies/tests.yaml";
    Finding::new(Gate::Tests, "first-missing", Severity::Error, message, help)
}

/// A pattern of `must_run` that names no test. A run of some tests cannot tell.
fn must_run_missing(policy: &TestsPolicy, evidence: &TestsEvidence) -> Vec<Finding> {
    if !evidence.filters.is_empty() {
        return Vec::new();
    }
    let names = |pattern: &&String| !evidence.tests.iter().any(|test| policy.means(pattern, &test.name));
    let missing = policy.must_run.iter().filter(names).map(|pattern| {
        let message = format!("the policy says that {pattern} must run, but there is no such test");
        let help = "correct `must_run` in policies/tests.yaml; cargo xtask test --list prints every name";
        Finding::new(Gate::Tests, "must-run-missing", Severity::Error, message, help).about(pattern)
    });
    missing.collect()
}

fn empty_binary(name: &String) -> Finding {
    let message = format!("{name} has no test inside");
    Finding::new(Gate::Tests, "empty-binary", Severity::Note, message, "write one, or remove the file")
        .about(name)
}

/// One note for all tests that ran longer than the policy calls slow, the slowest first.
fn slow(policy: &TestsPolicy, evidence: &TestsEvidence) -> Option<Finding> {
    let slow = slow_tests(policy, evidence);
    let first = slow.first()?;
    let named: Vec<_> = slow
        .iter()
        .take(NAMED_MAX)
        .map(|test| format!("{} ({} s)", test.name, test.duration_millis / 1000))
        .collect();
    let message = format!(
        "{} took longer than {} s: {}",
        tests(slow.len()),
        policy.slow_secs,
        listed(&named, slow.len())
    );
    Some(Finding::new(Gate::Tests, "slow", Severity::Note, message, rerun(&first.name)))
}

fn slow_tests<'a>(policy: &TestsPolicy, evidence: &'a TestsEvidence) -> Vec<&'a TestResult> {
    let limit = policy.slow_secs.saturating_mul(1000);
    // What the policy puts first has a timeout of its own, because it is known to be slow.
    let long =
        |test: &&TestResult| limit > 0 && test.duration_millis > limit && !policy.goes_first(&test.name);
    let mut slow: Vec<_> = evidence.tests.iter().filter(long).collect();
    slow.sort_by_key(|test| std::cmp::Reverse(test.duration_millis));
    slow
}

/// One note for all tests whose counts of lines are lost, because a signal ended them.
fn counts_lost(evidence: &TestsEvidence) -> Option<Finding> {
    let lost = &evidence.counts_lost;
    let first = lost.first()?;
    let named: Vec<_> = lost.iter().take(NAMED_MAX).cloned().collect();
    let message = format!(
        "a signal ended {}, so the lines that they ran are not counted: {}",
        tests(lost.len()),
        listed(&named, lost.len())
    );
    Some(Finding::new(Gate::Tests, "counts-lost", Severity::Note, message, rerun(first)))
}

fn tests(count: usize) -> String {
    if count == 1 { "1 test".to_owned() } else { format!("{count} tests") }
}

/// Names with commas, and how many are left out.
fn listed(named: &[String], of: usize) -> String {
    let names = named.join(", ");
    match of.saturating_sub(named.len()) {
        0 => names,
        rest => format!("{names} and {rest} more"),
    }
}

fn does_not_compile(error: &crate::evidence::lint::Diagnostic) -> Finding {
    let (message, help) = (error.message.clone(), explained(&error.lint));
    let finding = Finding::new(Gate::Tests, "does-not-compile", Severity::Error, message, help);
    if error.file.is_empty() { finding } else { finding.at(&error.file, error.line) }
}

/// Tests that nobody built are told, so that nobody believes that they passed.
fn not_built(target: &NotBuilt) -> Finding {
    let message = format!("the tests of {} were not built: {}", target.target, target.why);
    let help =
        "name a set that has the features in `features` of policies/tests.yaml, or switch the tests on";
    let finding = Finding::new(Gate::Tests, "target-not-built", Severity::Warning, message, help);
    finding.at(&target.file, 0).about(&target.target)
}

/// What the policy leaves out is named in every report: nobody shall believe that it was checked.
fn left_out(one: &LeftOut) -> Finding {
    let LeftOut { target, reason, file, nearest } = one;
    let finding = match file {
        Some(file) => {
            let message = format!("{target} was not checked, because the policy leaves it out: {reason}");
            let help = "take it out of `leave_out` in policies/tests.yaml, once that is mended";
            Finding::new(Gate::Tests, "left-out", Severity::Note, message, help).at(file, 0)
        }
        None => {
            let near = nearest.as_ref().map_or(String::new(), |near| format!("; did you mean {near}?"));
            let message = format!("the policy leaves out {target}, but there is no such target{near}");
            let help = "correct `leave_out` in policies/tests.yaml";
            Finding::new(Gate::Tests, "left-out-missing", Severity::Error, message, help)
        }
    };
    finding.about(target)
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

fn facts(policy: &TestsPolicy, evidence: &TestsEvidence) -> serde_json::Value {
    let count = |is: fn(&TestOutcome) -> bool| evidence.tests.iter().filter(|test| is(&test.outcome)).count();
    let mut slowest: Vec<_> = evidence.tests.iter().filter(|test| test.duration_millis > 0).collect();
    slowest.sort_by_key(|test| std::cmp::Reverse(test.duration_millis));
    let slowest: Vec<_> = slowest
        .iter()
        .take(SLOWEST_MAX)
        .map(|test| serde_json::json!({"name": test.name, "duration_ms": test.duration_millis}))
        .collect();
    let mut facts = serde_json::json!({
        "engine": evidence.engine,
        "total": evidence.tests.len(),
        "passed": count(|outcome| *outcome == TestOutcome::Passed),
        "flaky": count(|outcome| *outcome == TestOutcome::Flaky),
        "failed": count(TestOutcome::is_failure),
        "attempts": evidence.tests.iter().map(TestResult::tries).sum::<usize>(),
        "slow": slow_tests(policy, evidence).len(),
        "leaked": evidence.tests.iter().filter(|test| !test.left_behind.is_empty()).count(),
        "ignored": count(|outcome| *outcome == TestOutcome::Ignored),
        "skipped": count(|outcome| matches!(outcome, TestOutcome::Skipped(_))),
        "not_run": count(|outcome| matches!(outcome, TestOutcome::NotRun(_))),
        "slowest": slowest,
    });
    if let Some(said) = at_base::facts(evidence) {
        facts["at_base"] = said;
    }
    if !evidence.reused.is_empty() {
        facts["used_again"] = serde_json::json!(evidence.reused);
    }
    if !evidence.filters.is_empty() {
        facts["filters"] = evidence.filters.clone().into();
    }
    facts
}

#[cfg(test)]
mod proof;
