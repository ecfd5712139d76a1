//! `failed.json`: the tests that did not pass when they ran last. A whole run says it anew, a run of some tests changes what it
//! has seen, so that `test --rerun-failed` can be typed until nothing is left.
//!
//! It is a convenience and never evidence: nothing is judged by it.

use crate::commands::context::write_report;
use crate::evidence::TestsEvidence;
use crate::evidence::tests::TestOutcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

const FILE: &str = "failed.json";
const SCHEMA: &str = "gateline/failed/v1";
/// Names of more failures than anybody would run again one by one are not read.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Failed {
    schema: String,
    /// Full names of tests; a binary that gave no list is named as a whole.
    tests: BTreeSet<String>,
}

/// The tests that did not pass when they ran last; `None` where no run was recorded.
pub(in crate::commands) fn outstanding(reports: &Path) -> Option<Vec<String>> {
    Some(read(reports)?.into_iter().collect())
}

/// Writes down what a run has seen. One that could not compile has seen nothing.
pub(super) fn remember(reports: &Path, evidence: &TestsEvidence) -> anyhow::Result<()> {
    if !evidence.compile_errors.is_empty() {
        return Ok(());
    }
    let tests = after(read(reports).unwrap_or_default(), evidence);
    let failed = Failed { schema: SCHEMA.to_owned(), tests };
    write_report(&reports.join(FILE), &serde_json::to_vec_pretty(&failed)?)
}

fn read(reports: &Path) -> Option<BTreeSet<String>> {
    let file = reports.join(FILE);
    let size = std::fs::metadata(&file).ok()?.len();
    let bytes = (size <= FILE_BYTES_MAX).then(|| std::fs::read(file).ok())??;
    let failed: Failed = serde_json::from_slice(&bytes).ok()?;
    (failed.schema == SCHEMA).then_some(failed.tests)
}

/// What is left after a run: its failures, and for a run of some tests those of before that it has not seen.
fn after(before: BTreeSet<String>, evidence: &TestsEvidence) -> BTreeSet<String> {
    let of_binary =
        |name: &str, test: &str| test.strip_prefix(name).is_some_and(|rest| rest.starts_with('$'));
    let seen = |name: &String| {
        let ran = evidence.tests.iter().any(|test| test.name == *name || of_binary(name, &test.name));
        // A name that was asked for and is not there any more is a test that was removed.
        ran || evidence.filters.contains(name)
    };
    let mut left = match evidence.filters.is_empty() {
        true => BTreeSet::new(),
        false => before.into_iter().filter(|name| !seen(name)).collect(),
    };
    let failed = evidence
        .tests
        .iter()
        .filter(|test| test.outcome.is_failure() || matches!(test.outcome, TestOutcome::NotRun(_)));
    left.extend(failed.map(|test| test.name.clone()));
    left.extend(evidence.broken.iter().map(|broken| broken.name.clone()));
    left
}

#[cfg(test)]
mod proof {
    use super::*;
    use crate::evidence::tests::{BrokenBinary, TestResult};

    fn run(filters: &[&str], passed: &[&str], failed: &[&str]) -> TestsEvidence {
        let test = |name: &&str, outcome| TestResult::new(*name, outcome);
        let mut tests: Vec<_> = passed.iter().map(|name| test(name, TestOutcome::Passed)).collect();
        tests.extend(failed.iter().map(|name| test(name, TestOutcome::Failed)));
        let filters = filters.iter().map(|word| (*word).to_owned()).collect();
        TestsEvidence { filters, tests, ..TestsEvidence::default() }
    }

    #[test]
    fn runs_of_some_tests_change_what_they_have_seen() {
        let reports = tempfile::tempdir().unwrap();
        let check = |evidence: &TestsEvidence, expected: &[&str]| {
            remember(reports.path(), evidence).unwrap();
            assert_eq!(outstanding(reports.path()).unwrap(), expected, "{evidence:?}");
        };
        assert_eq!(outstanding(reports.path()), None);
        check(&run(&[], &["p$a"], &["p$b", "p$c", "p$gone"]), &["p$b", "p$c", "p$gone"]);
        check(&run(&["b"], &["p$b"], &[]), &["p$c", "p$gone"]);
        check(&run(&["a"], &[], &["p$a"]), &["p$a", "p$c", "p$gone"]);
        check(&run(&["p$a", "p$c", "p$gone"], &["p$a"], &["p$c"]), &["p$c"]);
        let broken = vec![BrokenBinary { name: "q".into(), why: String::new() }];
        check(&TestsEvidence { broken, ..run(&["q"], &[], &[]) }, &["p$c", "q"]);
        check(&run(&["q"], &["q$x"], &[]), &["p$c"]);
        check(&run(&[], &["p$a"], &[]), &[]);
    }

    #[test]
    fn what_is_no_record_is_none() {
        let reports = tempfile::tempdir().unwrap();
        for text in ["", "{}", "{\"schema\":\"other\",\"tests\":[\"a\"]}"] {
            std::fs::write(reports.path().join(FILE), text).unwrap();
            assert_eq!(outstanding(reports.path()), None, "{text}");
        }
    }
}
