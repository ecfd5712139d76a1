//! A part passes for what it is, and never for the whole.

use super::*;
use crate::digest::Digest;
use crate::evidence::part::{AffectedPart, ShardPart};
use crate::evidence::tests::{TestOutcome, TestResult};
use crate::policy::{CoveragePolicy, TestsPolicy};

fn affected(packages: &[&str], unaffected: &[&str]) -> Part {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let packages = owned(packages).into_iter().map(|name| (name, "a/src/lib.rs".to_owned())).collect();
    let affected = AffectedPart {
        base: "0123456789".to_owned(),
        packages,
        everything: None,
        unaffected: owned(unaffected),
    };
    Part { affected: Some(affected), shard: None }
}

fn shard() -> Part {
    let none = || Digest::of(b"");
    let shard = ShardPart { index: 2, count: 3, times: none(), tests: none(), total: 9, sets: [].into() };
    Part { affected: None, shard: Some(shard) }
}

fn judged(outcomes: &[TestOutcome], part: Part) -> GateVerdict {
    let result = |(index, outcome): (usize, &TestOutcome)| TestResult {
        name: format!("a::lib$t{index}"),
        outcome: outcome.clone(),
        ..passed()
    };
    let tests = outcomes.iter().enumerate().map(result).collect();
    let evidence = TestsEvidence { tests, part, ..TestsEvidence::default() };
    of_tests(crate::gates::tests::judge(&TestsPolicy::default(), &evidence, 1), &evidence)
}

fn passed() -> TestResult {
    serde_json::from_value(
        json!({"name": "", "outcome": {"is": "passed"}, "duration_millis": 1, "output": ""}),
    )
    .unwrap()
}

fn of(part: &Part) -> TestsEvidence {
    TestsEvidence { part: part.clone(), ..TestsEvidence::default() }
}

fn codes(verdict: &GateVerdict) -> Vec<&str> {
    verdict.findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn nothing_affected_passes_with_that_reason_and_nothing_at_all_does_not() {
    let none = judged(&[], affected(&[], &["a", "b"]));
    assert_eq!((none.outcome, codes(&none)), (Outcome::Passed, vec!["tests/none-affected"]));
    assert_eq!(none.findings[0].message, "no package is affected since 0123456");
    assert_eq!(none.facts["packages_not_affected"], 2);
    assert_eq!(judged(&[], Part::default()).outcome, Outcome::NothingChecked);
    assert_eq!(judged(&[], affected(&["a"], &[])).outcome, Outcome::NothingChecked, "all are affected");
    assert_eq!(judged(&[TestOutcome::Ignored], affected(&["a"], &["b"])).outcome, Outcome::NothingChecked);
}

#[test]
fn what_ran_is_judged_and_the_reason_is_told() {
    let good = judged(&[TestOutcome::Passed], affected(&["a"], &["b"]));
    assert_eq!((good.outcome, codes(&good)), (Outcome::Passed, vec!["tests/affected"]));
    let message = "1 packages not affected since 0123456; affected: a (a/src/lib.rs)";
    assert_eq!(good.findings[0].message, message);
    let bad = judged(&[TestOutcome::Failed], affected(&["a"], &["b"]));
    assert_eq!((bad.outcome, codes(&bad)), (Outcome::Refused, vec!["tests/failed", "tests/affected"]));
    let one = judged(&[TestOutcome::Passed], shard());
    assert_eq!((one.outcome, codes(&one)), (Outcome::Passed, vec!["tests/shard"]));
    assert_eq!(one.facts["part"]["shard"]["index"], 2);
    assert_eq!(judged(&[], shard()).outcome, Outcome::Passed, "more shards than tests");
}

#[test]
fn totals_of_a_part_are_not_judged() {
    use crate::evidence::CoverageEvidence;
    let evidence: CoverageEvidence = serde_json::from_value(json!({"engine": "e", "files": [
        {"file": "a.rs", "package": "a", "covered": 1, "total": 9, "uncovered": [[2, 9]]}]}))
    .unwrap();
    let verdict = || crate::gates::coverage::judge(&CoveragePolicy::default(), &evidence, 1);
    assert_eq!(of_coverage(verdict(), &Part::default()).outcome, Outcome::Refused);
    for part in [shard(), affected(&["a"], &["b"])] {
        let verdict = of_coverage(verdict(), &part);
        assert_eq!(verdict.outcome, Outcome::Passed);
        assert_eq!(verdict.findings[0].code, "coverage/totals-not-judged");
        assert!(verdict.findings.iter().all(|finding| finding.severity == Severity::Note));
    }
    let with_patch = || {
        let mut verdict = verdict();
        let finding = Finding::new(Gate::Coverage, "patch-below-minimum", Severity::Error, "m", "h");
        verdict.findings.push(finding);
        verdict
    };
    assert_eq!(of_coverage(with_patch(), &affected(&["a"], &["b"])).outcome, Outcome::Refused);
    assert_eq!(of_coverage(with_patch(), &shard()).outcome, Outcome::Passed, "the merge judges it");
}

#[test]
fn a_release_needs_the_whole() {
    for part in [shard(), affected(&["a"], &["b"])] {
        let verdict = for_release(judged(&[TestOutcome::Passed], part.clone()), &of(&part));
        assert_eq!((verdict.outcome, verdict.findings[0].code.as_str()), (Outcome::Refused, "tests/part"));
    }
    let whole = affected(&["a"], &[]);
    assert_eq!(
        for_release(judged(&[TestOutcome::Passed], whole.clone()), &of(&whole)).outcome,
        Outcome::Passed
    );
}

#[test]
fn a_release_never_uses_results_again() {
    let from = crate::evidence::reused::EarlierRun {
        at: jiff::Timestamp::from_second(0).unwrap(),
        commit: "0123456789".to_owned(),
        dirty: false,
    };
    let reused = vec![crate::evidence::reused::Reused { from, binaries: 1, tests: 3 }];
    let evidence = TestsEvidence { reused, ..TestsEvidence::default() };
    let verdict = for_release(judged(&[TestOutcome::Passed], Part::default()), &evidence);
    assert_eq!((verdict.outcome, codes(&verdict)), (Outcome::Refused, vec!["tests/used-again"]));
    assert!(verdict.findings[0].message.ends_with("those of 3 tests are from commit 0123456"));
}
