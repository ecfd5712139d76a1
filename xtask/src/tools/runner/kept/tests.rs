//! What is used again, and what is not.

use super::*;
use crate::policy::Policy;
use crate::tools::build::Harness;
use crate::workspace::graph::Relocked;
use proptest::prelude::*;

fn binary(folder: &Path, name: &str, bytes: &str) -> TestBinary {
    let path = folder.join(name.replace("::", "-"));
    std::fs::write(&path, bytes).unwrap();
    TestBinary {
        name: name.to_owned(),
        path,
        harness: Harness::Libtest,
        directory: folder.to_owned(),
        environment: BTreeMap::new(),
    }
}

fn kept(folder: &Path, unaffected: &[&str], second: i64) -> Kept {
    let conditions = Digest::of(b"conditions");
    let record: Option<Record> = remember::said(folder, &record_of("default"), &conditions);
    let at = Timestamp::from_second(second).unwrap();
    Kept {
        target: folder.to_owned(),
        set: "default".to_owned(),
        unaffected: unaffected.iter().map(|name| (*name).to_owned()).collect(),
        documented: vec!["p".to_owned()],
        conditions,
        now: EarlierRun { at, commit: "c".repeat(40), dirty: false },
        changed: BTreeMap::new(),
        lockfile: None,
        identity: OnceLock::new(),
        record: record.unwrap_or_default(),
    }
}

fn passed(name: &str) -> TestResult {
    TestResult::new(name, TestOutcome::Passed)
}

fn evidence(tests: Vec<TestResult>) -> TestsEvidence {
    TestsEvidence { tests, ..TestsEvidence::default() }
}

/// Two binaries and a documentation test; the raw profiles of the first run.
struct Fixture {
    folder: tempfile::TempDir,
    binaries: Vec<TestBinary>,
    profiles: PathBuf,
}

impl Fixture {
    fn after_one_run(tests: Vec<TestResult>) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let binaries = vec![binary(folder.path(), "p::lib", "one"), binary(folder.path(), "q::it", "two")];
        let profiles = folder.path().join("profiles");
        std::fs::create_dir_all(profiles.join("objects")).unwrap();
        for file in ["0-7_0.profraw", "1-8_0.profraw", "doc-9_0.profraw", "objects/x"] {
            std::fs::write(profiles.join(file), file).unwrap();
        }
        let first = kept(folder.path(), &[], 100);
        let chosen = first.choose(&binaries, &[], Some(&profiles));
        assert!(chosen.told().is_empty(), "nothing is kept yet");
        first.keep(&binaries, &evidence(tests), &chosen, Some(&profiles));
        Fixture { folder, binaries, profiles }
    }

    fn all_passed() -> Fixture {
        Fixture::after_one_run(vec![passed("p::lib$a"), passed("p::doc$x (line 1)"), passed("q::it$b")])
    }

    /// What a second run uses again, by names of tests.
    fn again(&self, unaffected: &[&str], first: &[&str]) -> Vec<String> {
        let first: Vec<String> = first.iter().map(|name| (*name).to_owned()).collect();
        let kept = kept(self.folder.path(), unaffected, 200);
        let chosen = kept.choose(&self.binaries, &first, Some(&self.profiles));
        chosen.tests().map(|test| test.name).collect()
    }
}

#[test]
fn what_passed_and_has_the_same_inputs_is_used_again_with_its_profiles() {
    let mut fixture = Fixture::all_passed();
    std::fs::remove_dir_all(&fixture.profiles).unwrap();
    std::fs::create_dir_all(&fixture.profiles).unwrap();
    fixture.binaries.reverse();
    assert_eq!(fixture.again(&["p", "q"], &[]), ["q::it$b", "p::lib$a", "p::doc$x (line 1)"]);
    let read = |name: &str| std::fs::read_to_string(fixture.profiles.join(name)).unwrap_or_default();
    let files = ["1-7_0.profraw", "0-8_0.profraw", "doc-9_0.profraw", "objects/x"].map(read);
    assert_eq!(files, ["0-7_0.profraw", "1-8_0.profraw", "doc-9_0.profraw", "objects/x"]);
}

#[test]
fn another_file_program_or_variable_runs_again() {
    let mut fixture = Fixture::all_passed();
    assert_eq!(fixture.again(&["q"], &[]), ["q::it$b"], "p's files changed");
    assert_eq!(fixture.again(&[], &[]), [""; 0]);
    fixture.binaries[1] = binary(fixture.folder.path(), "q::it", "other bytes");
    assert_eq!(fixture.again(&["p", "q"], &[]), ["p::lib$a", "p::doc$x (line 1)"]);
    fixture.binaries[1] = binary(fixture.folder.path(), "q::it", "two");
    assert_eq!(fixture.again(&["p", "q"], &[]).len(), 3, "the same bytes written anew");
    fixture.binaries[1].environment.insert("A".into(), "b".into());
    assert_eq!(fixture.again(&["p", "q"], &[]).len(), 2);
    let program = fixture.folder.path().join("program");
    fixture.binaries[1].environment = [("CARGO_BIN_EXE_x".to_owned(), program.display().to_string())].into();
    assert_eq!(fixture.again(&["p", "q"], &[]).len(), 2, "a program that is not there");
}

#[test]
fn first_tests_are_used_again_only_with_everything() {
    let fixture = Fixture::all_passed();
    assert_eq!(fixture.again(&["p", "q"], &["q::it$b"]).len(), 3);
    assert_eq!(fixture.again(&["q"], &["q::it$b"]), [""; 0]);
}

#[test]
fn only_a_clean_pass_is_kept() {
    let tests = |one: TestResult| vec![one, passed("p::doc$x (line 1)"), passed("q::it$b")];
    let check = |one: TestResult, expected: &[&str]| {
        let fixture = Fixture::after_one_run(tests(one.clone()));
        assert_eq!(fixture.again(&["p", "q"], &[]), expected, "{one:?}");
    };
    let rest = ["q::it$b", "p::doc$x (line 1)"];
    check(TestResult::new("p::lib$a", TestOutcome::Failed), &rest);
    check(TestResult::new("p::lib$a", TestOutcome::Flaky), &rest);
    check(TestResult::new("p::lib$a", TestOutcome::Skipped("redis".into())), &rest);
    check(TestResult { left_behind: vec!["sleep".into()], ..passed("p::lib$a") }, &rest);
    check(TestResult::new("p::lib$a", TestOutcome::Ignored), &["p::lib$a", "q::it$b", "p::doc$x (line 1)"]);
}

#[test]
fn results_keep_the_run_that_they_come_from_and_the_name_of_their_profiles() {
    let fixture = Fixture::all_passed();
    let mut names = Vec::new();
    for second in [300, 400] {
        let again = kept(fixture.folder.path(), &["p", "q"], second);
        let chosen = again.choose(&fixture.binaries, &[], Some(&fixture.profiles));
        let told = chosen.told();
        assert_eq!((told.len(), told[0].binaries, told[0].tests), (1, 3, 3));
        assert_eq!(told[0].from.at.as_second(), 100);
        again.keep(&fixture.binaries, &evidence(chosen.tests().collect()), &chosen, Some(&fixture.profiles));
        names.push(again.identity().cloned());
    }
    assert!(names[0].is_some() && names[0] == names[1], "{names:?}");
    let anew = kept(fixture.folder.path(), &[], 500);
    let tests = vec![passed("p::lib$a"), passed("p::doc$x (line 1)"), passed("q::it$b")];
    let none = anew.choose(&fixture.binaries, &[], None);
    anew.keep(&fixture.binaries, &evidence(tests), &none, Some(&fixture.profiles));
    assert!(anew.identity().is_some() && anew.identity().cloned() != names[0]);
}

#[test]
fn a_run_without_lines_serves_none_that_counts_them_but_not_the_other_way_round() {
    let fixture = Fixture::all_passed();
    let without = kept(fixture.folder.path(), &["p", "q"], 300);
    let chosen = without.choose(&fixture.binaries, &[], None);
    assert_eq!(chosen.tests().count(), 3);
    without.keep(&fixture.binaries, &evidence(chosen.tests().collect()), &chosen, None);
    assert_eq!(fixture.again(&["p", "q"], &[]).len(), 3, "the profiles are still there");
    let without = kept(fixture.folder.path(), &[], 400);
    let tests = vec![passed("p::lib$a"), passed("p::doc$x (line 1)"), passed("q::it$b")];
    let none = without.choose(&fixture.binaries, &[], None);
    without.keep(&fixture.binaries, &evidence(tests), &none, None);
    assert_eq!(fixture.again(&["p", "q"], &[]), [""; 0]);
}

#[test]
fn results_grow_old() {
    let at = |second| Timestamp::from_second(second).unwrap();
    assert!(is_young(at(0), at(7 * 86_400)) && !is_young(at(0), at(7 * 86_400 + 1)));
    assert!(!is_young(at(10), at(0)), "a clock that was set back proves nothing");
}

#[test]
fn a_lockfile_that_is_the_same_marks_nobody() {
    assert_eq!(affected::between(Some("x"), Some("x"), &[]), Relocked::default());
    assert!(matches!(affected::between(None, Some("x"), &[]), Relocked::Unknown(_)));
    let policy = Policy::default().tests;
    let graph = Graph { packages: [("p".to_owned(), Default::default())].into() };
    let unknown = Differences { paths: BTreeSet::new(), lockfile: Relocked::Unknown("why".into()) };
    assert!(same(&graph, unknown, &policy).is_empty());
    assert_eq!(same(&graph, Differences::default(), &policy), ["p".to_owned()].into());
}

#[test]
fn states_tell_contents_modes_and_what_cannot_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let state = |name: &str| identity::states(folder.path(), [&name.to_owned()])[name].clone();
    std::fs::write(folder.path().join("a"), "1").unwrap();
    let one = state("a");
    std::fs::write(folder.path().join("a"), "2").unwrap();
    assert!(one != state("a") && !identity::is_unsure(&one));
    assert_eq!(state("gone"), "gone");
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    assert!(identity::is_unsure(&state("folder")) && identity::is_unsure(&state("a\u{fffd}")));
    std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
    assert_eq!(state("link"), "link to a");
}

proptest! {
    #[test]
    fn any_bytes_are_a_record_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let folder = tempfile::tempdir().unwrap();
        let remembered = folder.path().join("gateline/remembered");
        std::fs::create_dir_all(&remembered).unwrap();
        std::fs::write(remembered.join("tests-default.json"), bytes).unwrap();
        let _ = remember::said::<Record>(folder.path(), &record_of("default"), &Digest::of(b""));
    }
}

#[test]
fn a_binary_without_tests_is_an_answer_unless_it_was_stopped() {
    let rest = || vec![passed("p::doc$x (line 1)"), passed("q::it$b")];
    let fixture = Fixture::after_one_run(rest());
    let kept_now = kept(fixture.folder.path(), &["p", "q"], 200);
    let chosen = kept_now.choose(&fixture.binaries, &[], Some(&fixture.profiles));
    assert!(chosen.has(0) && chosen.has(1) && chosen.has_documentation());
    let stopped = TestResult::new("q::it$b", TestOutcome::NotRun("q::it$a".into()));
    let fixture = Fixture::after_one_run(vec![stopped]);
    let kept_now = kept(fixture.folder.path(), &["p", "q"], 200);
    let chosen = kept_now.choose(&fixture.binaries, &[], Some(&fixture.profiles));
    assert!(!chosen.has(0) && !chosen.has(1) && !chosen.has_documentation());
}
