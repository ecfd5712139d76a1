//! Shards that belong together make the whole; any others are refused.

use super::*;
use crate::digest::Digest;
use crate::evidence::part::Split;
use crate::evidence::tests::TestOutcome;
use crate::evidence::{CouldNotRun, SecretsEvidence, Subject};
use proptest::prelude::*;

fn measured<E>(result: E) -> Option<Measured<E>> {
    Some(Measured { result: Ok(result), duration_millis: 5 })
}

fn counts(lines: &[(u32, u64)]) -> LineCounts {
    let file = FileLines { file: "a.rs".to_owned(), lines: lines.to_vec().into(), ..FileLines::default() };
    LineCounts { engine: "e".to_owned(), files: vec![file], ..LineCounts::default() }
}

fn piece(index: u32, count: u32, tests: &[(&str, TestOutcome)], lines: &[(u32, u64)]) -> Piece {
    let digest = Digest::of(b"");
    let split = Split { tests: digest.clone(), total: 2 };
    let sets = [("none".to_owned(), split)].into();
    let shard = ShardPart { index, count, times: digest.clone(), tests: digest.clone(), total: 3, sets };
    let tests = tests.iter().map(|(name, outcome)| TestResult::new(*name, outcome.clone())).collect();
    let mut evidence = TestsEvidence { tests, engine: "t".to_owned(), ..TestsEvidence::default() };
    evidence.part.shard = Some(shard);
    let lines = counts(lines);
    let gates = GateEvidence {
        tests: measured(evidence),
        coverage: measured(lines.evidence()),
        ..GateEvidence::default()
    };
    let subject = Subject {
        commit: "c".to_owned(),
        dirty: false,
        tree: digest.clone(),
        policy: digest.clone(),
        toolchain: digest,
    };
    let evidence = serde_json::json!({"schema": SCHEMA, "subject": subject, "gates": gates});
    Piece {
        from: format!("shard-{index}"),
        evidence: serde_json::from_value(evidence).unwrap(),
        lines: Some(lines),
    }
}

fn two() -> [Piece; 2] {
    let passed = TestOutcome::Passed;
    [
        piece(1, 2, &[("p::lib$a", passed.clone()), ("p::it$first", passed.clone())], &[(1, 1), (2, 0)]),
        piece(2, 2, &[("p::lib$b", TestOutcome::Failed), ("p::it$first", passed)], &[(1, 2), (2, 3), (4, 0)]),
    ]
}

fn first() -> Vec<String> {
    vec!["p::it$first".to_owned()]
}

#[test]
fn tests_are_joined_and_lines_are_summed() {
    let whole = merge(&two(), &first()).unwrap();
    let tests = whole.evidence.gates.tests.unwrap().result.unwrap();
    let names: Vec<_> = tests.tests.iter().map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["p::it$first", "p::lib$a", "p::lib$b"]);
    assert!(tests.part.is_empty(), "what is whole is no part");
    assert_eq!(whole.lines.unwrap().files[0].lines, [(1, 3), (2, 3), (4, 0)]);
    let coverage = whole.evidence.gates.coverage.unwrap().result.unwrap();
    assert_eq!(coverage.totals(), (2, 3));
}

/// Merges after a change to the second shard; it must be refused with these words.
#[track_caller]
fn refused(change: impl FnOnce(&mut Piece), words: &str) {
    let [one, mut two] = two();
    change(&mut two);
    let why = merge(&[one, two], &first()).unwrap_err();
    assert!(why.contains(words), "{why}");
}

fn tests_mut(piece: &mut Piece) -> &mut TestsEvidence {
    piece.evidence.gates.tests.as_mut().unwrap().result.as_mut().unwrap()
}

fn shard_mut(piece: &mut Piece) -> &mut ShardPart {
    tests_mut(piece).part.shard.as_mut().unwrap()
}

#[test]
fn what_is_missing_doubled_or_foreign_is_refused_by_name() {
    let other = || Digest::of(b"other");
    refused(|two| two.evidence.subject.commit = "d".into(), "shard-2 is foreign: its commit is d");
    refused(|two| two.evidence.subject.tree = other(), "its tree is");
    refused(|two| two.evidence.subject.policy = other(), "its policy is");
    refused(|two| two.evidence.subject.toolchain = other(), "its toolchain is");
    refused(|two| two.evidence.schema = "x".into(), "its schema is x");
    refused(|two| shard_mut(two).index = 1, "shard 1 is there twice: shard-1 and shard-2");
    refused(|two| shard_mut(two).index = 3, "there is no shard 3 of 2");
    refused(|two| shard_mut(two).count = 3, "its number of shards is 3");
    refused(|two| shard_mut(two).times = other(), "other recorded times");
    refused(|two| shard_mut(two).tests = other(), "split from 3 tests");
    let of_set = "split from 2 tests of the features none, shard-1 from 2 or others";
    refused(|two| shard_mut(two).sets.get_mut("none").unwrap().tests = other(), of_set);
    refused(|two| shard_mut(two).sets.clear(), "split from 0 tests of the features none");
    let more = || Split { tests: other(), total: 1 };
    refused(
        |two| drop(shard_mut(two).sets.insert("all".into(), more())),
        "split from 1 tests of the features all",
    );
    refused(|two| tests_mut(two).part.shard = None, "it is no shard");
    refused(|two| tests_mut(two).filters = vec!["x".into()], "only some of its tests");
    refused(|two| tests_mut(two).tests[0].name = "p::lib$a".into(), "p::lib$a is in two shards");
    refused(|two| tests_mut(two).engine = "u".into(), "its engine is u");
    refused(|two| two.lines = None, "its lines.json is missing");
    refused(|two| two.evidence.gates.coverage = None, "it has no coverage");
    refused(|two| two.evidence.gates.tests = None, "it has no tests");
    let missing = merge(&two()[..1], &first()).unwrap_err();
    assert_eq!(missing, "of 2 shards, 1 missing: 2");
    assert!(merge(&[], &[]).is_err());
}

#[test]
fn a_shard_that_does_not_compile_refuses_the_whole_by_its_errors() {
    let broken = |piece: &mut Piece| {
        let error = serde_json::json!({"file": "a.rs", "line": 1, "tool": "clippy", "severity": "error",
            "lint": "", "message": "mismatched types", "rendered": ""});
        let errors = vec![serde_json::from_value(error).unwrap()];
        let engine = tests_mut(piece).engine.clone();
        *tests_mut(piece) = TestsEvidence { compile_errors: errors, engine, ..TestsEvidence::default() };
        let why = CouldNotRun { message: "it does not compile".into(), help: String::new() };
        piece.evidence.gates.coverage = Some(Measured { result: Err(why), duration_millis: 0 });
        piece.lines = None;
    };
    let judged = |pieces: &[Piece]| {
        let whole = merge(pieces, &first()).map(|whole| whole.evidence.gates)?;
        let tests = whole.tests.unwrap().result.unwrap();
        let verdict = crate::gates::of_these_tests(&crate::policy::TestsPolicy::default(), &tests);
        Ok::<_, String>((verdict.outcome, verdict.findings[0].code.clone()))
    };
    let refused = (crate::verdict::Outcome::Refused, "tests/does-not-compile".to_owned());
    let [one, mut two] = two();
    broken(&mut two);
    assert_eq!(judged(&[one.clone(), two.clone()]), Ok(refused.clone()));
    assert_eq!(judged(&[two.clone(), one.clone()]), Ok(refused.clone()));
    assert_eq!(judged(&[two.clone(), two.clone()]), Ok(refused));
    let three = piece(1, 3, &[], &[]);
    assert_eq!(judged(&[three, two]), Err("of 3 shards, 2 missing: 2, 3".to_owned()));
}

#[test]
fn other_gates_come_from_whoever_has_them_and_must_agree() {
    let secrets = |files| measured(SecretsEvidence { files, ..SecretsEvidence::default() });
    let [mut one, mut two] = two();
    one.evidence.gates.secrets = secrets(3);
    let whole = merge(&[one.clone(), two.clone()], &first()).unwrap();
    assert_eq!(whole.evidence.gates.secrets, secrets(3));
    two.evidence.gates.secrets = secrets(4);
    let why = merge(&[one, two], &first()).unwrap_err();
    assert_eq!(why, "shard-1 and shard-2 disagree about secrets");
}

#[test]
fn a_shard_without_tests_adds_nothing() {
    let [mut one, two] = two();
    one.lines = Some(LineCounts::default());
    let whole = merge(&[one, two.clone()], &first()).unwrap();
    assert_eq!(whole.lines, two.lines);
}

#[test]
fn a_first_test_that_failed_anywhere_failed() {
    let [one, mut two] = two();
    tests_mut(&mut two).tests[1].outcome = TestOutcome::Failed;
    let whole = merge(&[one, two], &first()).unwrap();
    assert_eq!(whole.evidence.gates.tests.unwrap().result.unwrap().tests[0].outcome, TestOutcome::Failed);
}

proptest! {
    #[test]
    fn whatever_the_order_the_whole_is_the_same(lines in prop::collection::vec(prop::collection::btree_map(1u32..9, 0u64..4, 0..6), 1..5), turn in 0usize..5) {
        let count = u32::try_from(lines.len()).unwrap();
        let mut pieces: Vec<_> = (1..).zip(&lines).map(|(index, lines)| {
            let name = format!("p::lib$t{index}");
            piece(index, count, &[(&name, TestOutcome::Passed)], &lines.clone().into_iter().collect::<Vec<_>>())
        }).collect();
        let whole = merge(&pieces, &[]).unwrap();
        let sum: u64 = lines.iter().flat_map(|lines| lines.values()).sum();
        let merged: u64 = whole.lines.iter().flat_map(|lines| &lines.files).flat_map(|file| &file.lines).map(|(_, count)| count).sum();
        prop_assert_eq!(merged, sum);
        let turn = turn % pieces.len();
        pieces.rotate_left(turn);
        let turned = merge(&pieces, &[]).unwrap();
        prop_assert_eq!(turned.lines, whole.lines);
        prop_assert_eq!(turned.evidence.gates, whole.evidence.gates);
    }
}
