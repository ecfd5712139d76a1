//! What rustdoc prints, read into results.

use super::*;

const TWO_CRATES: &str = "\
   Doc-tests first_one

running 2 tests
test src/lib.rs - a (line 1) ... ok
test src/lib.rs - b (line 7) - compile fail ... FAILED

failures:

---- src/lib.rs - b (line 7) stdout ----
error[E0425]: cannot find function
Couldn't compile the test.

failures:
    src/lib.rs - b (line 7)

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.11s

error: doctest failed, to rerun pass `-p first-one --doc`
   Doc-tests second

running 1 test
test second/src/lib.rs - c (line 2) ... ignored

test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.11s
";

fn read(text: &str, ended: Ended) -> (Vec<TestResult>, Vec<BrokenBinary>) {
    let crates = [("first_one", "first-one"), ("second", "second")];
    let mut reader = Reader::new(crates.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    for (index, line) in text.lines().enumerate() {
        reader.take(line, Duration::from_millis(index as u64));
    }
    reader.ended = Some(ended);
    reader.finish(&[])
}

#[test]
fn results_belong_to_their_package_and_failures_have_their_output() {
    let (results, broken) = read(TWO_CRATES, Ended::Exited(101));
    let names: Vec<_> = results.iter().map(|one| (one.name.as_str(), one.outcome.clone())).collect();
    assert_eq!(
        names,
        [
            ("first-one::doc$src/lib.rs - a (line 1)", TestOutcome::Passed),
            ("first-one::doc$src/lib.rs - b (line 7)", TestOutcome::Failed),
            ("second::doc$second/src/lib.rs - c (line 2)", TestOutcome::Ignored),
        ]
    );
    assert!(results[1].output.contains("E0425") && broken.is_empty(), "{broken:?}");
    assert_eq!(results[1].documented_at(), Some(("src/lib.rs", 7)));
}

#[test]
fn a_crate_without_a_sum_or_with_another_is_broken() {
    let silent = "   Doc-tests second\nall doctests ran in 0.20s\n";
    let (_, broken) = read(silent, Ended::Exited(0));
    assert_eq!(broken[0].why, "rustdoc gave no sum; it last said: all doctests ran in 0.20s");
    let (_, broken) = read(&TWO_CRATES.replace("1 passed", "2 passed"), Ended::Exited(101));
    assert_eq!((broken.len(), broken[0].name.as_str()), (1, "first-one::doc"));
    let (_, broken) = read("error: no such thing\n", Ended::Exited(101));
    assert_eq!(broken[0].why, "error: no such thing");
}

#[test]
fn a_hang_is_told_with_its_crate() {
    let (results, broken) = read("   Doc-tests second\n\nrunning 1 test\n", Ended::TimedOut);
    assert_eq!((results[0].name.as_str(), &results[0].outcome), ("second::doc", &TestOutcome::TimedOut));
    assert!(broken.is_empty());
}
