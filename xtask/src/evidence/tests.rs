//! Every test with its outcome.

use super::part::Part;
use serde::{Deserialize, Serialize};

/// All tests of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TestsEvidence {
    /// The runner and its version.
    pub engine: String,
    /// Where the tests ran: a missing test partner is tolerated on a laptop only.
    #[serde(default)]
    pub surroundings: Surroundings,
    /// Which part of the tests was asked for, where that was not all of them.
    #[serde(default, skip_serializing_if = "Part::is_empty")]
    pub part: Part,
    /// What was asked for, where that was not every test. Such a run never stands for a whole one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Every test that was found and asked for, sorted by name.
    pub tests: Vec<TestResult>,
    /// How they compare with the base's, where all were run and a baseline is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<super::baseline::TestsCompared>,
    /// What the base said of those that fail, where it was asked by running them there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_run: Option<super::base_run::BaseRun>,
    /// Test binaries that could not be listed or said something else than a list.
    pub broken: Vec<BrokenBinary>,
    /// Targets with tests that were not built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_built: Vec<NotBuilt>,
    /// Targets that the policy leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// The compiler's errors, where the workspace does not compile.
    pub compile_errors: Vec<super::lint::Diagnostic>,
    /// Integration tests (`package::target`) that have no test inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty: Vec<String>,
    /// Tests that a signal ended while lines were counted: what they ran is not in the raw profiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts_lost: Vec<String>,
    /// Results of earlier runs with the same inputs that stand among `tests`. Never in CI, never for a release.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reused: Vec<super::reused::Reused>,
}

impl TestsEvidence {
    /// Forgets integration tests that are empty in one feature set and have a test in another; what is empty in several is
    /// named once.
    pub fn forget_what_is_empty_in_one_set(&mut self) {
        let plain = |name: &str| name.split(" [").next().unwrap_or(name).to_owned();
        let mut seen = std::collections::BTreeSet::new();
        let tests = &self.tests;
        let has_test = |binary: &str| {
            tests.iter().any(|test| test.name.strip_prefix(binary).is_some_and(|rest| rest.starts_with('$')))
        };
        self.empty.retain(|name| {
            let plain = plain(name);
            !has_test(&plain) && seen.insert(plain)
        });
    }
}

/// Where tests ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surroundings {
    /// Somebody's machine.
    #[default]
    Laptop,
    /// A CI system (`CI` is set), where every test partner must be there.
    Ci,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestResult {
    /// `package::target$module::test`, where the target is `lib`, `bin/NAME`, `example/NAME`, `bench/NAME` or the plain
    /// name of an integration test; a binary without libtest is `package::target`; doctests: `package::doc$src/lib.rs - item (line 3)`.
    pub name: String,
    /// How it ended, after the last attempt.
    pub outcome: TestOutcome,
    /// Wall time of the last attempt.
    pub duration_millis: u64,
    /// What it printed in the last attempt that did not pass; bounded, head and tail kept.
    pub output: String,
    /// Every attempt in order, where there was more than one; `outcome`, `duration_millis` and `output` are all that there is
    /// to say of a single one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The names of processes that outlived the test's own and were ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
    /// How it ended at the base, where it failed here and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_base: Option<AtBase>,
}

/// One attempt of a test that had several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// How it ended.
    pub outcome: TestOutcome,
    /// Wall time.
    pub duration_millis: u64,
    /// What it printed, unless it passed; bounded, head and tail kept.
    pub output: String,
}

/// How a test ended at the base of the change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtBase {
    /// The base's commit.
    pub commit: String,
    /// How it ended there.
    pub outcome: TestOutcome,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub enum TestOutcome {
    /// It ran to its end and said so.
    Passed,
    /// It did not pass, and then it did: nothing of what it tests had changed in between.
    Flaky,
    /// It is marked `#[ignore]`.
    Ignored,
    /// A test partner that it needs is missing here; the text names it. In CI this is a failure.
    Skipped(String),
    /// It ran and failed.
    Failed,
    /// It was killed after the timeout.
    TimedOut,
    /// The process ended without saying how the test ended: `exit(0)`, an abort, a signal.
    Vanished(String),
    /// It was not started, because a test that the policy puts first did not pass; the text names that one.
    NotRun(String),
}

/// A test binary that gave no list of its tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenBinary {
    /// `package::target`.
    pub name: String,
    /// What it did instead.
    pub why: String,
}

/// A target whose tests were not built, because no feature set has what it needs or the manifest switches them off.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotBuilt {
    /// `package::target`.
    pub target: String,
    /// Its main file, relative to the workspace.
    pub file: String,
    /// Why cargo left it out.
    pub why: String,
}

/// A target that the policy leaves out: it was neither compiled nor linted nor run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftOut {
    /// `package::target`, as the policy has it.
    pub target: String,
    /// The policy's reason.
    pub reason: String,
    /// Its main file, relative to the workspace; `None` where there is no such target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where there is none: the target with the nearest name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

impl TestOutcome {
    /// Whether it ran and is not good: what a retry tries again.
    pub const fn is_failure(&self) -> bool {
        matches!(self, TestOutcome::Failed | TestOutcome::TimedOut | TestOutcome::Vanished(_))
    }
}

impl TestResult {
    /// The result of a test that took no time and said nothing.
    pub fn new(name: impl Into<String>, outcome: TestOutcome) -> TestResult {
        TestResult {
            name: name.into(),
            outcome,
            duration_millis: 0,
            output: String::new(),
            attempts: Vec::new(),
            left_behind: Vec::new(),
            at_base: None,
        }
    }

    /// The result of these attempts, of which there is at least one; what comes before the last did not pass.
    pub fn of_attempts(name: impl Into<String>, mut attempts: Vec<Attempt>) -> TestResult {
        let mut result = TestResult::new(name, TestOutcome::Vanished("it was not started".to_owned()));
        if let Some(last) = attempts.last() {
            let flaky = attempts.len() > 1 && last.outcome == TestOutcome::Passed;
            result.outcome = if flaky { TestOutcome::Flaky } else { last.outcome.clone() };
            result.duration_millis = last.duration_millis;
        }
        let telling = attempts.iter().rev().find(|attempt| !attempt.output.is_empty());
        result.output = telling.map(|attempt| attempt.output.clone()).unwrap_or_default();
        if attempts.len() == 1 {
            attempts.clear();
        }
        result.attempts = attempts;
        result
    }

    /// How often it was tried; 0 for a test that was not started.
    pub fn tries(&self) -> usize {
        match self.outcome {
            TestOutcome::Ignored | TestOutcome::NotRun(_) => 0,
            _ => self.attempts.len().max(1),
        }
    }

    /// The file and line of a documentation test; `None` for any other.
    pub fn documented_at(&self) -> Option<(&str, u32)> {
        let (_, test) = self.name.split_once("::doc$")?;
        let (file, rest) =
            test.split_once(" - ").or_else(|| test.split_once(" (line").map(|_| (test, test)))?;
        let line = rest.rsplit_once("(line ")?.1.strip_suffix(')')?;
        Some((file.split(" (line").next().unwrap_or(file), line.parse().ok()?))
    }
}

#[cfg(test)]
mod proof {
    use super::*;

    #[test]
    fn documentation_tests_say_where_they_are() {
        let place = |name: &str| {
            let result = TestResult::new(name, TestOutcome::Passed);
            result.documented_at().map(|(file, line)| (file.to_owned(), line))
        };
        assert_eq!(place("p::doc$src/lib.rs - a::b (line 7)"), Some(("src/lib.rs".into(), 7)));
        assert_eq!(place("p::doc$src/lib.rs (line 1)"), Some(("src/lib.rs".into(), 1)));
        assert_eq!(place("p::lib$a::b"), None);
    }

    fn attempt(outcome: TestOutcome, output: &str) -> Attempt {
        Attempt { outcome, duration_millis: 7, output: output.to_owned() }
    }

    #[test]
    fn failed_and_then_passed_is_flaky_and_nothing_else_is() {
        use TestOutcome::{Failed, Flaky, Passed, TimedOut};
        let check = |outcomes: &[TestOutcome], expected: TestOutcome, tries: usize, kept: usize| {
            let attempts = outcomes.iter().map(|outcome| attempt(outcome.clone(), "")).collect();
            let result = TestResult::of_attempts("a", attempts);
            assert_eq!((result.outcome.clone(), result.tries()), (expected, tries), "{outcomes:?}");
            assert_eq!((result.attempts.len(), result.duration_millis), (kept, 7), "{outcomes:?}");
        };
        check(&[Passed], Passed, 1, 0);
        check(&[Failed], Failed, 1, 0);
        check(&[Failed, Passed], Flaky, 2, 2);
        check(&[TimedOut, Failed, Passed], Flaky, 3, 3);
        check(&[Failed, TimedOut], TimedOut, 2, 2);
        let flaky = TestResult::of_attempts("a", vec![attempt(Failed, "why"), attempt(Passed, "")]);
        assert_eq!(flaky.output, "why", "a flaky test says what went wrong");
    }

    #[test]
    fn evidence_of_earlier_versions_is_read() {
        let old = r#"{"engine":"builtin 0.1.0","tests":[{"name":"a","outcome":{"is":"passed"},"duration_millis":1,
                      "output":""}],"broken":[],"compile_errors":[]}"#;
        let read: TestsEvidence = serde_json::from_str(old).unwrap();
        assert_eq!((read.tests[0].tries(), read.filters.len(), read.empty.len()), (1, 0, 0));
        let again: TestsEvidence = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again, read);
    }
}
