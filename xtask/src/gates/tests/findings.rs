//! What one test is told for: its outcome, whether it had to run, and what it left behind. Each names the test, so that a
//! waiver can, and the command that runs it again.

use super::at_base;
use crate::evidence::TestsEvidence;
use crate::evidence::tests::{Surroundings, TestOutcome, TestResult};
use crate::policy::TestsPolicy;
use crate::policy::tests::FlakyLevel;
use crate::verdict::{Finding, Gate, Severity};

/// The command that runs one test again.
pub(super) fn rerun(name: &str) -> String {
    format!("cargo xtask test '{name}'")
}

/// What is to be said of one test.
pub(super) fn of(test: &TestResult, policy: &TestsPolicy, evidence: &TestsEvidence) -> Vec<Finding> {
    [outcome(test, policy, evidence), must_run(test, policy), leaked(test)].into_iter().flatten().collect()
}

fn finding(test: &TestResult, what: &str, severity: Severity, message: String) -> Finding {
    Finding::new(Gate::Tests, what, severity, message, rerun(&test.name)).about(&test.name)
}

fn outcome(test: &TestResult, policy: &TestsPolicy, evidence: &TestsEvidence) -> Option<Finding> {
    let name = &test.name;
    let said = match &test.outcome {
        TestOutcome::Passed | TestOutcome::Ignored | TestOutcome::NotRun(_) => return None,
        TestOutcome::Flaky => return Some(placed(test, flaky(test, policy))),
        TestOutcome::Skipped(missing) => return Some(skipped(test, missing, evidence.surroundings)),
        TestOutcome::Failed => format!("{name} failed{}{}", attempts(test), reason(&test.output)),
        TestOutcome::TimedOut => {
            format!("{name} was killed after {} s{}", test.duration_millis / 1000, attempts(test))
        }
        TestOutcome::Vanished(why) => format!("{name}: {why}{}", attempts(test)),
    };
    let fails_there = test.at_base.as_ref().is_some_and(|base| base.outcome.is_failure());
    let what = if fails_there { "failed-on-base" } else { code(&test.outcome) };
    let said = said + &at_base::said(test, evidence.base_run.as_ref());
    Some(placed(test, finding(test, what, Severity::Error, said)))
}

fn code(outcome: &TestOutcome) -> &'static str {
    match outcome {
        TestOutcome::TimedOut => "timed-out",
        TestOutcome::Vanished(_) => "vanished",
        _ => "failed",
    }
}

fn attempts(test: &TestResult) -> String {
    match test.tries() {
        0 | 1 => String::new(),
        tries => format!(" in all {tries} attempts"),
    }
}

fn flaky(test: &TestResult, policy: &TestsPolicy) -> Finding {
    let severity = match policy.flaky {
        FlakyLevel::Allow => Severity::Warning,
        FlakyLevel::Refuse => Severity::Error,
    };
    let tries = test.tries();
    let message = format!("{} passed only at attempt {tries}{}", test.name, reason(&test.output));
    finding(test, "flaky", severity, message)
}

fn skipped(test: &TestResult, missing: &str, surroundings: Surroundings) -> Finding {
    let severity = match surroundings {
        Surroundings::Laptop => Severity::Warning,
        Surroundings::Ci => Severity::Error,
    };
    let message = format!("{} did not run: {missing}", test.name);
    Finding { help: "cargo xtask setup".to_owned(), ..finding(test, "skipped", severity, message) }
}

/// A test that the policy wants to run and that did not. One that was kept back by another is told for that.
fn must_run(test: &TestResult, policy: &TestsPolicy) -> Option<Finding> {
    let not_run = matches!(test.outcome, TestOutcome::Ignored | TestOutcome::Skipped(_));
    if !not_run || !policy.must_run(&test.name) {
        return None;
    }
    let message = format!("the policy says that {} must run, and it did not", test.name);
    let help = "take its mark away, or correct `must_run` in policies/tests.yaml".to_owned();
    Some(Finding { help, ..finding(test, "must-run", Severity::Error, message) })
}

fn leaked(test: &TestResult) -> Option<Finding> {
    let (first, rest) = test.left_behind.split_first()?;
    let rest: String = rest.iter().map(|name| format!(", {name}")).collect();
    let message = format!("{} left processes behind, which were ended: {first}{rest}", test.name);
    Some(finding(test, "leaked", Severity::Warning, message))
}

/// The finding at the test's place, where its output or its name tells it.
fn placed(test: &TestResult, finding: Finding) -> Finding {
    let panicked = || panicked_at(&test.output).map(|(file, line, _)| (file, line));
    match test.documented_at().or_else(panicked) {
        Some((file, line)) => finding.at(plain(file), line),
        None => finding,
    }
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
