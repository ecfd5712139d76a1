//! What a run at the base says of a test, and how much of it is kept.

use super::*;
use crate::evidence::tests::{BrokenBinary, TestResult};

fn ran(tests: &[(&str, TestOutcome)]) -> TestsEvidence {
    let tests = tests.iter().map(|(name, outcome)| TestResult::new(*name, outcome.clone())).collect();
    let broken = vec![BrokenBinary { name: "p::mute".into(), why: "exit 3".into() }];
    TestsEvidence { tests, broken, ..TestsEvidence::default() }
}

#[test]
fn a_test_ends_is_not_there_or_is_not_known() {
    use TestOutcome::{Failed, Flaky, Ignored, NotRun, Passed, Skipped};
    let doc = |line| format!("p::doc$src/lib.rs - a (line {line})");
    let (one, two) = (doc(3), doc(8));
    let evidence = ran(&[
        ("p::lib$fails", Failed),
        ("p::lib$flaps", Flaky),
        ("p::lib$off", Ignored),
        ("p::lib$skipped", Skipped("no db".into())),
        ("p::lib$late", NotRun("p::it$first".into())),
        (&one, Passed),
        (&two, Failed),
    ]);
    let check = |name: &str, lacks: &[&str], expected: Said| {
        let lacks: Vec<String> = lacks.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(ended(&evidence, name, &lacks), expected, "{name} {lacks:?}");
    };
    let unknown = |why: &str| Said::Unknown(why.to_owned());
    check("p::lib$fails", &[], Said::Ended(Failed));
    check("p::lib$fails", &["x", "y"], unknown("it fails there too, but the folder lacks x, y"));
    check("p::lib$flaps", &["x"], Said::Ended(Flaky));
    check("p::lib$off", &[], Said::Ended(Ignored));
    check("p::lib$skipped", &[], unknown("it did not run there: no db"));
    check(
        "p::lib$late",
        &[],
        unknown("it did not run there, because p::it$first runs first and did not pass"),
    );
    check("p::lib$gone", &[], Said::Absent);
    check("p::mute$any", &[], unknown("p::mute gave no list of its tests there: exit 3"));
    check("p::doc$src/lib.rs - a (line 21)", &[], Said::Ended(Failed));
}

#[test]
fn what_is_kept_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("target");
    std::fs::create_dir_all(kept.join("debug")).unwrap();
    std::fs::write(kept.join("debug/a"), [0; 100]).unwrap();
    bound(&kept, 100);
    assert!(kept.is_dir());
    bound(&kept, 99);
    assert!(!kept.exists());
}
