//! Baseline: what a commit of the default branch reached, kept so that later changes can be compared with it.
//!
//! One file per commit, written after the gates of a clean tree. Comparing is done while measuring, and only what came of it goes
//! into the evidence: a verdict is judged again without the store.

use super::coverage::CoverageEvidence;
use super::tests::{AtBase, TestOutcome, TestsEvidence};
use crate::digest::{Digest, short_commit};
use crate::policy::coverage::TestCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The schema of a baseline's file.
pub const SCHEMA: &str = "gateline/baseline/v1";

/// Names of tests that evidence holds; more are counted.
pub const NAMES_MAX: usize = 200;

/// What one commit reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// [`SCHEMA`].
    pub schema: String,
    /// The commit, 40 hexadecimal digits (64 in a SHA-256 repository).
    pub commit: String,
    /// When it was measured.
    pub recorded: Timestamp,
    /// The digest of the toolchain that measured it.
    pub toolchain: Digest,
    /// Every test, sorted by name; absent where tests were not run as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Vec<BaselineTest>>,
    /// Lines by file; absent where they were not measured, or a test failed and lines are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<BaselineCoverage>,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineTest {
    /// As [`super::tests::TestResult::name`].
    pub name: String,
    /// How it ended.
    pub outcome: BaselineOutcome,
    /// Wall time.
    pub duration_millis: u64,
}

/// How a test of a baseline ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineOutcome {
    /// It passed.
    Passed,
    /// It failed, hung or vanished.
    Failed,
    /// It is marked `#[ignore]`.
    Ignored,
    /// It was not run there, for want of a partner or of a test before it.
    DidNotRun,
}

/// Lines by file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineCoverage {
    /// The engine and its version: another one may count other lines.
    pub engine: String,
    /// Whether code that exists only under test is in it.
    #[serde(default)]
    pub test_code: TestCode,
    /// Every file, by its path relative to the workspace.
    pub files: BTreeMap<String, BaselineFile>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineFile {
    /// The digest of its bytes: the same bytes have the same lines.
    pub digest: Digest,
    /// Executable lines that ran.
    pub covered: u64,
    /// Executable lines.
    pub total: u64,
    /// Executable lines that did not run, as ranges from first to last, both included.
    pub uncovered: Vec<(u32, u32)>,
}

/// How old a baseline is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Age {
    /// Its commit.
    pub commit: String,
    /// How many commits (first parents) it is behind the one that was asked for.
    pub behind: u32,
    /// Whole days since it was measured.
    pub days: u32,
}

/// How the tests of a run compare with those of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestsCompared {
    /// The baseline.
    pub age: Age,
    /// Tests that the baseline ran or would run: those that are not ignored.
    pub before: u64,
    /// The same of this run.
    pub now: u64,
    /// Names that are gone or ignored now, sorted; at most [`NAMES_MAX`] of them.
    pub gone: Vec<String>,
    /// How many more are gone.
    pub gone_more: u64,
    /// How many names are new.
    pub new: u64,
}

impl Age {
    /// For people: `a1b2c3d4e5f6, 3 commits back, 2 days old`.
    pub fn words(&self) -> String {
        let commit = short_commit(&self.commit);
        let plural = |count: u32| if count == 1 { "" } else { "s" };
        let (behind, days) = (self.behind, self.days);
        format!("{commit}, {behind} commit{} back, {days} day{} old", plural(behind), plural(days))
    }
}

impl From<&TestOutcome> for BaselineOutcome {
    fn from(outcome: &TestOutcome) -> Self {
        match outcome {
            // What passes at some attempt is there and can pass: a failure is something else.
            TestOutcome::Passed | TestOutcome::Flaky => BaselineOutcome::Passed,
            TestOutcome::Ignored => BaselineOutcome::Ignored,
            TestOutcome::Skipped(_) | TestOutcome::NotRun(_) => BaselineOutcome::DidNotRun,
            TestOutcome::Failed | TestOutcome::TimedOut | TestOutcome::Vanished(_) => BaselineOutcome::Failed,
        }
    }
}

impl Baseline {
    /// The tests for a baseline, where all of them were found.
    pub fn tests_of(evidence: &TestsEvidence) -> Option<Vec<BaselineTest>> {
        let whole = evidence.broken.is_empty() && evidence.compile_errors.is_empty();
        let test = |test: &super::tests::TestResult| BaselineTest {
            name: test.name.clone(),
            outcome: BaselineOutcome::from(&test.outcome),
            duration_millis: test.duration_millis,
        };
        whole.then(|| evidence.tests.iter().map(test).collect())
    }

    /// The lines for a baseline. A file that `digest` does not know is left out.
    pub fn coverage_of(
        evidence: &CoverageEvidence,
        digest: impl Fn(&str) -> Option<Digest>,
    ) -> BaselineCoverage {
        let file = |file: &super::coverage::FileCoverage| {
            let (covered, total, uncovered) = (file.covered, file.total, file.uncovered.clone());
            Some((file.file.clone(), BaselineFile { digest: digest(&file.file)?, covered, total, uncovered }))
        };
        BaselineCoverage {
            engine: evidence.engine.clone(),
            test_code: evidence.test_code,
            files: evidence.files.iter().filter_map(file).collect(),
        }
    }
}

/// Compares the tests of a run with a baseline's. A test that is ignored now is gone; one that is skipped for want of a partner
/// is not. The line in a documentation test's name moves with the text above it, so it is not part of the name here.
pub fn compare_tests(before: &[BaselineTest], age: Age, now: &TestsEvidence) -> TestsCompared {
    let count = |names: &mut dyn Iterator<Item = &str>| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        names.for_each(|name| *counts.entry(without_line(name).to_owned()).or_default() += 1);
        counts
    };
    let old = before.iter().filter(|test| test.outcome != BaselineOutcome::Ignored);
    let old = count(&mut old.map(|test| test.name.as_str()));
    let new = now.tests.iter().filter(|test| test.outcome != TestOutcome::Ignored);
    let new = count(&mut new.map(|test| test.name.as_str()));
    let surplus = |these: &BTreeMap<String, u64>, those: &BTreeMap<String, u64>| {
        let beyond = these.iter().map(|(name, count)| {
            let others = those.get(name).copied().unwrap_or(0);
            (name.clone(), count.saturating_sub(others))
        });
        beyond.filter(|(_, count)| *count > 0).collect::<Vec<_>>()
    };
    let mut gone: Vec<String> = surplus(&old, &new).into_iter().map(|(name, _)| name).collect();
    let gone_more = gone.len().saturating_sub(NAMES_MAX) as u64;
    gone.truncate(NAMES_MAX);
    TestsCompared {
        age,
        before: old.values().sum(),
        now: new.values().sum(),
        gone,
        gone_more,
        new: surplus(&new, &old).iter().map(|(_, count)| count).sum(),
    }
}

/// Says of each test that failed how the baseline of this very commit has it: an older baseline could speak of a failure that
/// was mended since.
pub fn compare_failures(before: &[BaselineTest], commit: &str, now: &mut TestsEvidence) {
    let named = |outcome: BaselineOutcome| -> BTreeSet<&str> {
        before.iter().filter(|test| test.outcome == outcome).map(|test| without_line(&test.name)).collect()
    };
    let (failed, passed) = (named(BaselineOutcome::Failed), named(BaselineOutcome::Passed));
    for test in now.tests.iter_mut().filter(|test| test.outcome.is_failure()) {
        let name = without_line(&test.name);
        let outcome = match (failed.contains(name), passed.contains(name)) {
            (true, _) => TestOutcome::Failed,
            (false, true) => TestOutcome::Passed,
            (false, false) => continue,
        };
        test.at_base = Some(AtBase { commit: commit.to_owned(), outcome });
    }
}

/// `p::doc$src/lib.rs - a::b (line 7)` without its line.
pub fn without_line(name: &str) -> &str {
    let documentation = name.contains("::doc$");
    name.rsplit_once(" (line ").map_or(name, |(head, _)| if documentation { head } else { name })
}

#[cfg(test)]
mod proof {
    use super::super::tests::TestResult;
    use super::*;
    use proptest::prelude::*;

    fn age() -> Age {
        Age { commit: "0123456789abcdef".into(), behind: 1, days: 2 }
    }

    fn now(tests: &[(&str, TestOutcome)]) -> TestsEvidence {
        let result = |(name, outcome): &(&str, TestOutcome)| TestResult::new(*name, outcome.clone());
        TestsEvidence { tests: tests.iter().map(result).collect(), ..TestsEvidence::default() }
    }

    fn compared(before: &[(&str, TestOutcome)], after: &[(&str, TestOutcome)]) -> TestsCompared {
        compare_tests(&Baseline::tests_of(&now(before)).unwrap(), age(), &now(after))
    }

    #[test]
    fn what_fails_here_is_marked_with_how_it_ended_there() {
        use TestOutcome::{Failed, Passed, TimedOut};
        let doc = |line| format!("p::doc$src/lib.rs - a (line {line})");
        let (there, here) = (doc(3), doc(9));
        let before = [("both", Failed), ("mended", Failed), ("new", Passed), (there.as_str(), Failed)];
        let after = [("both", TimedOut), ("mended", Passed), ("new", Failed), (here.as_str(), Failed)];
        let mut evidence = now(&after);
        compare_failures(&Baseline::tests_of(&now(&before)).unwrap(), "c", &mut evidence);
        let marked = evidence
            .tests
            .iter()
            .filter_map(|test| Some((test.name.as_str(), test.at_base.clone()?.outcome)));
        assert_eq!(marked.collect::<Vec<_>>(), [("both", Failed), ("new", Passed), (here.as_str(), Failed)]);
    }

    #[test]
    fn renamed_is_one_gone_and_one_new_and_ignored_is_gone() {
        use TestOutcome::{Failed, Ignored, Passed, Skipped};
        let two = [("a", Passed), ("b", Failed)];
        let same = compared(&two, &[("a", Failed), ("b", Skipped("git".into()))]);
        assert_eq!((same.before, same.now, same.gone.len(), same.new), (2, 2, 0, 0));
        let renamed = compared(&two, &[("a", Passed), ("c", Passed)]);
        assert_eq!((renamed.before, renamed.now, renamed.gone, renamed.new), (2, 2, vec!["b".to_owned()], 1));
        let ignored = compared(&two, &[("a", Ignored), ("b", Passed)]);
        assert_eq!((ignored.before, ignored.now, ignored.gone), (2, 1, vec!["a".to_owned()]));
        assert_eq!(age().words(), "0123456789ab, 1 commit back, 2 days old");
    }

    #[test]
    fn a_documentation_test_may_move() {
        let passed = TestOutcome::Passed;
        let moved = compared(
            &[("p::doc$a.rs - b (line 3)", passed.clone()), ("p::doc$a.rs - b (line 9)", passed.clone())],
            &[("p::doc$a.rs - b (line 4)", passed)],
        );
        assert_eq!((moved.before, moved.now, moved.gone), (2, 1, vec!["p::doc$a.rs - b".to_owned()]));
    }

    #[test]
    fn what_does_not_compile_is_no_baseline() {
        let mut broken = now(&[("a", TestOutcome::Passed)]);
        broken.broken.push(super::super::tests::BrokenBinary { name: "p::it".into(), why: "no".into() });
        assert_eq!(Baseline::tests_of(&broken), None);
    }

    proptest! {
        #[test]
        fn gone_and_new_explain_the_difference(before in prop::collection::btree_set(0u8..20, 0..15), after in prop::collection::btree_set(0u8..20, 0..15)) {
            let names = |set: &BTreeSet<u8>| set.iter().map(|name| format!("t{name}")).collect::<Vec<_>>();
            let (before, after) = (names(&before), names(&after));
            let with = |names: &[String]| {
                let tests: Vec<(&str, TestOutcome)> = names.iter().map(|name| (name.as_str(), TestOutcome::Passed)).collect();
                now(&tests)
            };
            let compared = compare_tests(&Baseline::tests_of(&with(&before)).unwrap(), age(), &with(&after));
            prop_assert_eq!(compared.before + compared.new, compared.now + compared.gone.len() as u64);
            prop_assert!(compared.gone.iter().all(|name| before.contains(name) && !after.contains(name)));
        }
    }
}
