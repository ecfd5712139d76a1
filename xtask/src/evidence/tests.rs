//! Every test with its outcome.

use serde::{Deserialize, Serialize};

/// All tests of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TestsEvidence {
    /// The runner and its version.
    pub engine: String,
    /// Where the tests ran: a missing test partner is tolerated on a laptop only.
    #[serde(default)]
    pub surroundings: Surroundings,
    /// Every test that was found, sorted by name.
    pub tests: Vec<TestResult>,
    /// How they compare with the base's, where all were run and a baseline is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<super::baseline::TestsCompared>,
    /// Test binaries that could not be listed or said something else than a list.
    pub broken: Vec<BrokenBinary>,
    /// The compiler's errors, where the workspace does not compile.
    pub compile_errors: Vec<super::lint::Diagnostic>,
}

/// Where tests ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// How it ended.
    pub outcome: TestOutcome,
    /// Wall time.
    pub duration_millis: u64,
    /// What it printed, for a test that did not pass; bounded, head and tail kept.
    pub output: String,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is", content = "why")]
pub enum TestOutcome {
    /// It ran to its end and said so.
    Passed,
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

impl TestResult {
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
            let outcome = TestOutcome::Passed;
            let result = TestResult { name: name.into(), outcome, duration_millis: 0, output: String::new() };
            result.documented_at().map(|(file, line)| (file.to_owned(), line))
        };
        assert_eq!(place("p::doc$src/lib.rs - a::b (line 7)"), Some(("src/lib.rs".into(), 7)));
        assert_eq!(place("p::doc$src/lib.rs (line 1)"), Some(("src/lib.rs".into(), 1)));
        assert_eq!(place("p::lib$a::b"), None);
    }
}
