//! Every kind of test that cargo knows, in several feature sets: one virtual workspace, one run, and what its evidence,
//! verdict and tracefile say.

#[path = "kinds/files.rs"]
mod files;
#[path = "kinds/planted.rs"]
mod planted;
mod support;

use files::FILES;
use std::collections::{BTreeMap, BTreeSet};
use support::Ran;
use support::fixture::Fixture;

fn fixture(files: &[(&str, &str)]) -> Fixture {
    Fixture::of("every kind", files)
}

/// Code and message of each finding.
fn findings(fixture: &Fixture) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    fixture.findings().iter().map(|finding| (text(&finding["code"]), text(&finding["message"]))).collect()
}

/// The counts of one file's lines.
fn lines(fixture: &Fixture, file: &str) -> BTreeMap<u32, u64> {
    let tracefile = fixture.report("coverage.lcov");
    let of_file = tracefile.split("end_of_record").find(|record| record.contains(&format!("{file}\n")));
    let counts = of_file.unwrap_or_default().lines().filter_map(|line| {
        let (line, count) = line.strip_prefix("DA:")?.split_once(',')?;
        Some((line.parse().ok()?, count.split(',').next()?.parse().ok()?))
    });
    counts.collect()
}

#[test]
fn every_kind_of_test_runs_in_every_feature_set() {
    let fixture = fixture(FILES);
    let ran = fixture.run(&["ci", "--gate", "lint", "--gate", "coverage", "--offline"]);
    every_test_is_named(&fixture, &ran);
    what_is_not_built_is_told(&fixture, &ran);
    lines_of_all_sets_are_counted(&fixture, &ran);
    one_set_runs_again(&fixture);
}

fn every_test_is_named(fixture: &Fixture, ran: &Ran) {
    let evidence = fixture.json("evidence.json");
    let tests = evidence["gates"]["tests"]["result"]["Ok"]["tests"].as_array().cloned().unwrap_or_default();
    let named: BTreeMap<String, String> = tests
        .iter()
        .map(|test| {
            let outcome = test["outcome"]["is"].as_str().unwrap_or_default().to_owned();
            (test["name"].as_str().unwrap_or_default().to_owned(), outcome)
        })
        .collect();
    let expected = [
        "bare::lib$tests::alone [features: none]",
        "bare::lib$tests::as_the_set_says",
        "bare::lib$tests::as_the_set_says [features: none]",
        "kinds::bench/quick$in_a_benchmark",
        "kinds::bench/quick$in_a_benchmark [features: extra]",
        "kinds::doc$kinds/src/lib.rs - name (line 9)",
        "kinds::doc$kinds/src/lib.rs - name (line 9) [features: extra]",
        "kinds::doc$kinds/src/lib.rs - name (line 15)",
        "kinds::doc$kinds/src/lib.rs - name (line 15) [features: extra]",
        "kinds::doc$kinds/src/lib.rs - name (line 19)",
        "kinds::doc$kinds/src/lib.rs - name (line 19) [features: extra]",
        "kinds::doc$kinds/src/lib.rs - name (line 5)",
        "kinds::doc$kinds/src/lib.rs - name (line 5) [features: extra]",
        "kinds::example/show$in_an_example",
        "kinds::example/show$in_an_example [features: extra]",
        "kinds::kills$a_child_is_killed",
        "kinds::kills$a_child_is_killed [features: extra]",
        "kinds::lib$although_it_says_test_false",
        "kinds::lib$although_it_says_test_false [features: extra]",
        "kinds::needs_extra$with_extra [features: extra]",
        "kinds::whole",
        "kinds::whole [features: extra]",
        "macros::lib$inside_a_macro_crate",
        "still::lib$although_it_says_no_twice",
        "util::doc$util/src/lib.rs - larger (line 5)",
    ];
    let names: BTreeSet<&str> = named.keys().map(String::as_str).collect();
    assert_eq!(names, expected.into(), "{}", ran.all());
    assert!(named.values().all(|outcome| outcome == "passed"), "{named:#?}");
}

fn what_is_not_built_is_told(fixture: &Fixture, ran: &Ran) {
    let findings = findings(fixture);
    let told: BTreeSet<_> = findings
        .iter()
        .filter(|(code, _)| code == "tests/target-not-built")
        .map(|(_, message)| message.as_str())
        .collect();
    let expected = [
        "the tests of kinds::needs_never were not built: no feature set of the policy has never",
        "the tests of kinds::off were not built: its manifest says `test = false`",
        "the tests of macros::lib were not built: its manifest says `doctest = false`, and its documentation has code",
    ];
    assert_eq!(told, expected.into(), "{}", ran.all());
    let code = |wanted: &str| findings.iter().filter(|(code, _)| code == wanted).count();
    assert_eq!(
        (code("lint/rustdoc"), code("lint/rustdoc-not-checked")),
        (1, 2),
        "a broken link, and two libraries that rustdoc was not asked about: {findings:#?}"
    );
}

fn lines_of_all_sets_are_counted(fixture: &Fixture, ran: &Ran) {
    let generic = lines(fixture, "util/src/lib.rs");
    let expected = [(9, 1), (10, 1), (11, 0), (12, 1), (13, 1), (14, 1)];
    assert_eq!(generic, expected.into(), "a doctest instantiates it, and is itself no code: {}", ran.all());
    let without_std = lines(fixture, "bare/src/lib.rs");
    assert_eq!((without_std.get(&9), without_std.get(&13)), (Some(&1), Some(&1)), "{without_std:?}");
    let killed = lines(fixture, "kinds/src/bin/serve.rs");
    assert_eq!((killed.get(&6), killed.get(&8)), (Some(&8), Some(&2)), "killed in two sets: {killed:?}");
}

/// The command that a finding would give.
fn one_set_runs_again(fixture: &Fixture) {
    let name = "bare::lib$tests::as_the_set_says [features: none]";
    let ran = fixture.run(&["test", name, "--offline"]).exits(0);
    ran.says(&["tests [features: none]", "1 passed, 0 failed"]);
}

#[test]
fn a_feature_that_nobody_has_is_an_error() {
    let manifest = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let fixture = fixture(&[
        ("Cargo.toml", manifest),
        ("src/lib.rs", "//! One.\n"),
        ("policies/tests.yaml", "features: [default, nobody]\n"),
        (".gitignore", "target\n"),
    ]);
    fixture
        .run(&["test", "--offline"])
        .exits(1)
        .says(&["no package of the workspace has the feature `nobody`"]);
}

/// Two functions that clippy and rustfmt would write otherwise, and one program under clippy.
const UNTIDY: &str = "//! One.\n\n/// Two.\npub fn two() -> u32 {\n    return 2;\n}\n\n/// Three.\npub fn three()  -> u32 { let x = 3; return x; }\n";
const ONE: &str = "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

fn untidy(policy: &str) -> Fixture {
    let files = [(".gitignore", "target\nCargo.lock\n"), ("Cargo.toml", ONE), ("src/lib.rs", UNTIDY)];
    fixture(&[&files[..], &[("policies/lint.yaml", policy)]].concat())
}

#[test]
fn lint_fix_writes_what_tools_are_sure_of_and_never_into_a_dirty_tree() {
    let fixture = untidy("clippy: refuse\n");
    let library = fixture.workspace.join("src/lib.rs");
    fixture.run(&["lint", "--offline"]).exits(10);
    assert!(findings(&fixture).iter().any(|(code, _)| code == "lint/clippy"));
    assert!(fixture.report("verdict.json").contains("\"replacement\""), "a finding carries its fix");
    std::fs::write(&library, format!("{UNTIDY}// mine\n")).expect("written");
    fixture.run(&["lint", "--fix", "--offline"]).exits(2).says(&["--allow-dirty"]);
    assert!(std::fs::read_to_string(&library).expect("read").contains("return 2;"), "nothing was written");
    fixture.run(&["lint", "--fix", "--allow-dirty", "--offline"]);
    let fixed = std::fs::read_to_string(&library).expect("read");
    assert!(!fixed.contains("return") && fixed.contains("// mine"), "{fixed}");
    assert!(fixed.contains("pub fn three() -> u32 {\n"), "formatted, too: {fixed}");
}

#[test]
fn lint_apart_finds_the_same() {
    let together = untidy("share_compile: auto\n");
    let apart = untidy("share_compile: off\n");
    for fixture in [&together, &apart] {
        fixture.run(&["ci", "--gate", "lint", "--gate", "tests", "--offline"]).exits(10);
    }
    let lint = |fixture: &Fixture| {
        let findings = findings(fixture);
        findings.into_iter().filter(|(code, _)| code.starts_with("lint/")).collect::<Vec<_>>()
    };
    assert_eq!(lint(&together), lint(&apart));
    assert!(lint(&apart).len() >= 2, "{:?}", lint(&apart));
    let why = |fixture: &Fixture| fixture.json("verdict.json")["gates"][0]["facts"]["compiled_apart"].clone();
    assert_eq!(why(&together), serde_json::Value::Null);
    assert!(why(&apart).as_str().is_some_and(|why| why.contains("share_compile: off")));
}

#[test]
fn a_program_that_is_another_one_under_clippy_is_tested_as_it_ships() {
    let library = "//! One.\n\n/// Whether clippy looks.\npub fn linted() -> bool {\n    cfg!(clippy)\n}\n\n\
                   #[cfg(test)]\nmod tests {\n    #[test]\n    fn is_not_linted() {\n        assert!(!super::linted());\n    }\n}\n";
    let fixture =
        fixture(&[(".gitignore", "target\nCargo.lock\n"), ("Cargo.toml", ONE), ("src/lib.rs", library)]);
    fixture.run(&["ci", "--gate", "lint", "--gate", "tests", "--offline"]).exits(0);
    let facts = fixture.json("verdict.json")["gates"][0]["facts"]["compiled_apart"].clone();
    assert_eq!(facts, "src/lib.rs asks for `cfg(clippy)`");
}

/// What only another compiler understands, in a benchmark and in a program that a test starts.
fn with_nightly(policy: &str) -> Fixture {
    let broken = "#![feature(no_such_feature)]\nfn main() {}\n";
    let it = "//! It.\n\n#[test]\nfn starts_what_is_left_out() {\n    let program = env!(\"CARGO_BIN_EXE_soon\");\n    \
              let ended = std::process::Command::new(program).output().unwrap();\n    \
              assert!(String::from_utf8_lossy(&ended.stderr).contains(\"one::bin/soon is left out\"));\n}\n";
    let library = "//! One.\n\n/// Two.\npub fn two() -> u32 {\n    2\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    \
                   fn two_is_two() {\n        assert_eq!(super::two(), 2);\n    }\n}\n";
    fixture(&[
        (".gitignore", "target\nCargo.lock\n"),
        ("Cargo.toml", ONE),
        ("src/lib.rs", library),
        ("src/bin/soon.rs", broken),
        ("benches/night-time.rs", broken),
        ("tests/it.rs", it),
        ("policies/tests.yaml", policy),
    ])
}

#[test]
fn a_target_that_the_policy_leaves_out_is_told_and_never_compiled() {
    let policy = "leave_out:\n  one::bench/night-time: needs nightly\n  one::bin/soon: not ported yet\n";
    let fixture = with_nightly(policy);
    let ran = fixture.run(&["ci", "--gate", "lint", "--gate", "coverage", "--offline"]).exits(0);
    let told = "one::bench/night-time was not checked, because the policy leaves it out: needs nightly";
    ran.says(&[told, "2 passed, 2 targets left out"]);
    let findings = findings(&fixture);
    let of = |wanted: &str| findings.iter().filter(|(code, _)| code == wanted).count();
    assert_eq!((of("tests/left-out"), of("lint/clippy-not-checked")), (2, 2), "{findings:#?}");
    for report in ["summary.md", "report.sarif", "verdict.json"] {
        assert!(fixture.report(report).contains(told), "{report}");
    }
    let junit = fixture.report("junit.xml");
    assert_eq!(junit.matches("the policy leaves it out, it was not checked").count(), 2, "{junit}");
    let facts = fixture.json("verdict.json")["gates"][1]["facts"].clone();
    assert_eq!((&facts["passed"], &facts["failed"]), (&2.into(), &0.into()), "{facts}");
    assert!(!fixture.report("coverage.lcov").contains("soon.rs"), "what was not compiled has no lines");

    // One that is no target: what does not compile is told, and so is the name that is nearest.
    fixture.write("policies/tests.yaml", &policy.replace("night-time", "nighttime"));
    fixture.refused(&["test", "--offline"], 10, "tests/does-not-compile");
    let missing = "the policy leaves out one::bench/nighttime, but there is no such target; did you mean one::bench/night-time?";
    assert!(self::findings(&fixture).contains(&("tests/left-out-missing".to_owned(), missing.to_owned())));
}

#[test]
fn where_everything_is_left_out_nothing_is_checked() {
    let files = [
        (".gitignore", "target\nCargo.lock\n"),
        ("Cargo.toml", ONE),
        ("src/main.rs", "fn main() {\n    no_such_function();\n}\n"),
        ("policies/tests.yaml", "leave_out: {one::bin/one: not yet}\n"),
    ];
    let fixture = fixture(&files);
    fixture.run(&["test", "--offline"]).exits(3).says(&["one::bin/one was not checked"]);
}

/// Found by hand: tests are not started by cargo, so what its configuration sets was not there; and a binary that has tests
/// in one feature set alone was missed among the raw profiles of the other.
#[test]
fn tests_see_what_cargo_would_give_them_and_their_lines_are_looked_for_in_their_own_set() {
    let configuration =
        "[env]\nFROM_CONFIGURATION = \"yes\"\nPLACE = { value = \"here\", relative = true }\n";
    let sees = "    assert_eq!(std::env::var(\"FROM_CONFIGURATION\").unwrap(), \"yes\");\n    \
                assert!(std::env::var(\"PLACE\").unwrap().ends_with(\"/every kind/here\"));\n    \
                assert!(std::path::Path::new(&std::env::var(\"CARGO\").unwrap()).is_file());\n";
    let library = "//! One.\n\n/// Two.\n///\n/// ```\n/// assert_eq!(std::env::var(\"FROM_CONFIGURATION\").unwrap(), \"yes\");\n/// \
                   assert_eq!(one::two(), 2);\n/// ```\npub fn two() -> u32 {\n    2\n}\n";
    let fixture = fixture(&[
        (".gitignore", "target\nCargo.lock\n"),
        ("Cargo.toml", &format!("{ONE}[features]\nextra = []\n")),
        (".cargo/config.toml", configuration),
        ("src/lib.rs", library),
        ("tests/sees.rs", &format!("//! Sees.\n\n#[test]\nfn it() {{\n{sees}}}\n")),
        (
            "tests/extra.rs",
            "//! Extra.\n\n#![cfg(feature = \"extra\")]\n\n#[test]\nfn with_extra() {\n    one::two();\n}\n",
        ),
        ("policies/tests.yaml", "features: [default, extra]\n"),
    ]);
    fixture.run(&["ci", "--gate", "coverage", "--offline"]).exits(0).says(&["5 passed"]);
    assert!(!fixture.codes().contains(&"tests/empty-binary".to_owned()), "it has a test in the other set");
    assert_eq!(lines(&fixture, "src/lib.rs"), [(9, 3), (10, 3), (11, 3)].into());
}

/// File and line of everything that clippy or rustc had to say; each place once, so that a doubled finding is seen.
fn places(fixture: &Fixture) -> Vec<(String, u64)> {
    let told = fixture.findings().into_iter().filter(|finding| finding["code"] == "lint/clippy");
    let place = |finding: serde_json::Value| {
        (
            finding["file"].as_str().unwrap_or_default().to_owned(),
            finding["line"].as_u64().unwrap_or_default(),
        )
    };
    let mut places: Vec<_> = told.map(place).collect();
    places.sort();
    places
}

#[test]
fn what_only_tests_use_is_found_however_lint_is_compiled() {
    let fixture = fixture(planted::FILES);
    let expected = [
        ("alone/src/lib.rs", 3),
        ("alone/src/lib.rs", 5),
        ("alone/src/lib.rs", 11),
        ("alone/src/lib.rs", 15),
        ("alone/src/lib.rs", 26),
        ("every/benches/quick.rs", 4),
        ("every/build.rs", 4),
        ("every/examples/show.rs", 4),
        ("every/examples/tested.rs", 3),
        ("every/examples/tested.rs", 11),
        ("every/src/main.rs", 4),
        ("every/tests/it.rs", 5),
        ("macros/src/lib.rs", 5),
        ("macros/src/lib.rs", 12),
        ("program/src/main.rs", 3),
        ("program/src/main.rs", 11),
    ];
    let expected: Vec<_> = expected.map(|(file, line)| (file.to_owned(), line)).into();
    let check = |arguments: &[&str]| {
        let ran = fixture.run(&[&["ci", "--offline", "--gate", "lint"], arguments].concat()).exits(10);
        assert_eq!(places(&fixture), expected, "{arguments:?}: {}", ran.all());
    };
    check(&["--gate", "coverage", "--gate", "tests"]);
    check(&[]);
    fixture.write("policies/lint.yaml", "share_compile: off\n");
    check(&["--gate", "tests"]);
    check(&[]);
    // What is not affected is not looked at, and what is, is looked at as a whole.
    std::fs::remove_file(fixture.workspace.join("policies/lint.yaml")).expect("it was written above");
    fixture.write(
        "program/src/main.rs",
        "fn only_tests() {}\nfn main() {}\n#[test]\nfn one() {\n    only_tests();\n}\n",
    );
    let ran = fixture.run(&["ci", "--offline", "--gate", "lint", "--affected", "--base", "HEAD"]).exits(10);
    assert_eq!(places(&fixture), [("program/src/main.rs".to_owned(), 1)], "{}", ran.all());
}
