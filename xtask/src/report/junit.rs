//! JUnit: what CI systems and test dashboards read. A suite per test binary; reruns and flakes as Surefire writes them.
//!
//! Written by `quick-junit`, the crate of nextest. Output is bounded, without control characters and escapes. There are no
//! timestamps: evidence has none per test, so that the same run gives the same file.

use super::text;
use crate::evidence::TestsEvidence;
use crate::evidence::tests::{Attempt, TestOutcome, TestResult};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};
use std::collections::BTreeMap;
use std::time::Duration;

/// Bytes of one test's output.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Bytes of all output; tests after that keep their message only.
const OUTPUTS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of a name or a message.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// The report.
///
/// # Errors
/// Where the XML writer refuses; with text in memory, it has no reason to.
pub fn write(evidence: &TestsEvidence, duration_ms: u64) -> anyhow::Result<String> {
    let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
    let mut room = OUTPUTS_BYTES_MAX;
    for test in &evidence.tests {
        let (binary, name) = names(&test.name);
        suites
            .entry(binary)
            .or_insert_with(|| suite(binary))
            .add_test_case(case(test, binary, name, &mut room));
    }
    for broken in &evidence.broken {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(line(&broken.why)).set_type("broken-binary");
        let mut case = TestCase::new("list of tests", status);
        case.set_classname(line(&broken.name));
        suites.entry(&broken.name).or_insert_with(|| suite(&broken.name)).add_test_case(case);
    }
    for error in &evidence.compile_errors {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(line(&error.message)).set_type("does-not-compile");
        status.set_description(printed(&error.rendered, OUTPUT_BYTES_MAX));
        let case = TestCase::new(line(&format!("{}:{}", error.file, error.line)), status);
        suites.entry("compile").or_insert_with(|| suite("compile")).add_test_case(case);
    }
    for left_out in evidence.left_out.iter().filter(|one| one.file.is_some()) {
        let target = left_out.target.as_str();
        let message = format!("the policy leaves it out, it was not checked: {}", left_out.reason);
        let mut case = TestCase::new(line(target), skipped(&message));
        case.set_classname(line(target));
        suites.entry(target).or_insert_with(|| suite(target)).add_test_case(case);
    }
    let mut report = Report::new("gateline");
    report.set_time(Duration::from_millis(duration_ms)).add_test_suites(suites.into_values());
    for suite in &mut report.test_suites {
        let time = suite.test_cases.iter().filter_map(|case| case.time).sum();
        suite.set_time(time);
    }
    Ok(report.to_string()?)
}

/// `package::target` and the test's own name; a binary without libtest is its own test.
fn names(name: &str) -> (&str, &str) {
    name.split_once('$').unwrap_or((name, name))
}

fn suite(name: &str) -> TestSuite {
    TestSuite::new(line(name))
}

fn case(test: &TestResult, binary: &str, name: &str, room: &mut usize) -> TestCase {
    let mut status = match &test.outcome {
        TestOutcome::Passed | TestOutcome::Flaky => TestCaseStatus::success(),
        TestOutcome::Ignored => skipped("it is marked #[ignore]"),
        TestOutcome::Skipped(missing) => skipped(&format!("a test partner is missing: {missing}")),
        TestOutcome::NotRun(culprit) => {
            skipped(&format!("it was not started, because {culprit} did not pass"))
        }
        TestOutcome::Failed | TestOutcome::TimedOut | TestOutcome::Vanished(_) => {
            let (kind, what, message) = failure(&test.outcome, test.duration_millis, &test.output);
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(message).set_type(what);
            status
        }
    };
    // The last attempt is the test case itself. Those before it did not pass: `flakyFailure` under a test that passed in the
    // end, `rerunFailure` under one that did not.
    let earlier = test.attempts.split_last().map_or(&[][..], |(_, earlier)| earlier);
    status.add_reruns(earlier.iter().map(|attempt| rerun(attempt, room)));
    let mut case = TestCase::new(line(name), status);
    case.set_classname(line(binary)).set_time(Duration::from_millis(test.duration_millis));
    // The output of a flaky test is that of an attempt, which has it already.
    if test.outcome != TestOutcome::Flaky {
        case.system_out = output(&test.output, room).map(Into::into);
    }
    case
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(line(message));
    status
}

fn rerun(attempt: &Attempt, room: &mut usize) -> TestRerun {
    let (kind, what, message) = failure(&attempt.outcome, attempt.duration_millis, &attempt.output);
    let mut rerun = TestRerun::new(kind);
    rerun.set_time(Duration::from_millis(attempt.duration_millis)).set_message(message).set_type(what);
    rerun.system_out = output(&attempt.output, room).map(Into::into);
    rerun
}

/// How a test that did not pass is called: a `failure` is what it said, an `error` what happened to it.
fn failure(outcome: &TestOutcome, millis: u64, output: &str) -> (NonSuccessKind, &'static str, String) {
    let (kind, what, message) = match outcome {
        TestOutcome::TimedOut => {
            (NonSuccessKind::Failure, "timed-out", format!("it was killed after {} s", millis / 1000))
        }
        TestOutcome::Vanished(why) => (NonSuccessKind::Error, "vanished", why.clone()),
        _ => (NonSuccessKind::Failure, "failed", said(output)),
    };
    (kind, what, line(&message))
}

/// What was printed, while there is room.
fn output(output: &str, room: &mut usize) -> Option<String> {
    let output = printed(output, OUTPUT_BYTES_MAX);
    let fits = !output.is_empty() && output.len() <= *room;
    fits.then(|| {
        *room -= output.len();
        output
    })
}

/// The line after the first panic, else the last line that says something.
fn said(output: &str) -> String {
    let output = text::plain(output);
    let after = output.lines().skip_while(|line| !line.contains(" panicked at ")).nth(1);
    let last = || output.lines().rev().find(|line| !line.trim().is_empty());
    after.or_else(last).unwrap_or("it failed and printed nothing").to_owned()
}

fn line(value: &str) -> String {
    text::cut(&text::one_line(value), LINE_BYTES_MAX)
}

/// Tabs are spaces here: the writer takes them for control characters.
fn printed(output: &str, bytes_max: usize) -> String {
    text::bounded(&text::plain(output).replace('\t', "    "), bytes_max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use proptest::prelude::*;

    fn sample_tests() -> TestsEvidence {
        sample::evidence().gates.tests.unwrap().result.unwrap()
    }

    #[test]
    fn the_sample() {
        insta::assert_snapshot!(write(&sample_tests(), 65_000).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_output_gives_xml_of_a_bounded_size(name in any::<String>(), output in any::<String>(), times in 1usize..3000) {
            let mut evidence = sample_tests();
            evidence.tests.truncate(4);
            evidence.tests[3].name = name;
            evidence.tests[3].output = output.repeat(times);
            let xml = write(&evidence, 1).unwrap();
            // Escaped, a byte is at most six.
            prop_assert!(xml.len() < 6 * (OUTPUT_BYTES_MAX + 3 * LINE_BYTES_MAX) + 8192, "{}", xml.len());
            let allowed = |letter: char| matches!(letter, '\n' | ' '..='\u{fffd}' | '\u{10000}'..);
            prop_assert!(xml.chars().all(allowed));
            prop_assert_eq!(xml.matches("<testcase ").count(), 5);
        }
    }
}
