//! `--affected`, `--shard` and `ci merge` as people and CI systems use them, on a small workspace with real cargo and git.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may stop a test")]
#![expect(clippy::disallowed_methods, reason = "the fixture needs a lockfile from the real cargo")]

mod support;

use std::path::Path;
use support::{Ran, git, repository_of};

const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"3\"\n"),
    (".gitignore", "/target\n/out\n"),
    ("policies/tests.yaml", "unaffected_by: ['docs/**']\n"),
    ("docs/guide.md", "old\n"),
    ("crates/core/Cargo.toml", "[package]\nname = \"core-part\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    (
        "crates/core/src/lib.rs",
        "//! Core.\n\n/// One.\n///\n/// ```\n/// assert_eq!(core_part::one(), 1);\n/// ```\npub fn one() -> u32 {\n    1\n}\n\n\
         #[cfg(test)]\nmod tests {\n    #[test]\n    fn one_is_one() {\n        assert_eq!(super::one(), 1);\n    }\n}\n",
    ),
    (
        "crates/app/Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dev-dependencies]\n\
         core-part = { path = \"../core\" }\n",
    ),
    (
        "crates/app/src/lib.rs",
        "//! App.\n\n/// Two.\npub fn two() -> u32 {\n    2\n}\n\n/// Three.\npub fn three() -> u32 {\n    3\n}\n",
    ),
    (
        "crates/app/tests/both.rs",
        "//! Both.\n\n#[test]\nfn two_is_two() {\n    assert_eq!(app::two(), core_part::one() + 1);\n}\n\n\
         #[test]\nfn three_is_three() {\n    assert_eq!(app::three(), 3);\n}\n",
    ),
];

fn gateline(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = support::gateline(folder, &folder.join("state"), arguments);
    command.args(["--format", "json", "--offline"]).output().unwrap().into()
}

fn commit(folder: &Path, path: &str, text: &str) {
    std::fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
    std::fs::write(folder.join(path), text).unwrap();
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", path]);
}

fn gate<'a>(verdict: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    verdict["gates"].as_array().unwrap().iter().find(|gate| gate["gate"] == name).unwrap()
}

fn messages(gate: &serde_json::Value) -> String {
    let findings = gate["findings"].as_array().unwrap().iter();
    findings.map(|finding| format!("{}: {}\n", finding["code"], finding["message"])).collect()
}

#[test]
fn affected_packages_shards_and_their_merge() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("w");
    std::fs::create_dir(&folder).unwrap();
    repository_of(&folder, &FILES);
    std::process::Command::new("cargo")
        .args(["generate-lockfile", "--offline"])
        .current_dir(&folder)
        .output()
        .unwrap();
    commit(&folder, "crates/app/CHANGES.txt", "first\n");

    // A change of the core affects who uses it in tests; one of the app alone does not affect the core.
    commit(&folder, "crates/app/CHANGES.txt", "second\n");
    let verdict = gateline(&folder, &["test", "--affected", "--base", "HEAD~1"]).exits(0).json();
    let tests = gate(&verdict, "tests");
    assert_eq!((&tests["facts"]["passed"], &tests["facts"]["packages_not_affected"]), (&2.into(), &1.into()));
    assert!(messages(tests).contains("app (crates/app/CHANGES.txt)"), "{}", messages(tests));

    // Nothing that tests look at changed: that is a pass with its reason, and coverage has no totals.
    commit(&folder, "docs/guide.md", "new\n");
    let arguments = ["ci", "--gate", "coverage", "--affected", "--base", "HEAD~1"];
    let verdict = gateline(&folder, &arguments).exits(0).json();
    assert!(messages(gate(&verdict, "tests")).contains("no package is affected since"));
    assert!(messages(gate(&verdict, "coverage")).contains("coverage/totals-not-judged"));

    // A file of nobody marks everything, and is named.
    commit(&folder, "scripts/x.sh", "true\n");
    let verdict = gateline(&folder, &["test", "--affected", "--base", "HEAD~1"]).exits(0).json();
    assert!(messages(gate(&verdict, "tests")).contains("scripts/x.sh: no package owns it"));
    assert_eq!(gate(&verdict, "tests")["facts"]["passed"], 4);

    // Two shards: each says what it is, and together they are what one run would be.
    for shard in ["1", "2"] {
        let (which, out) = (format!("{shard}/2"), format!("out/{shard}"));
        let arguments = ["ci", "--gate", "coverage", "--shard", &which, "--report-dir", &out];
        let verdict = gateline(&folder, &arguments).exits(0).json();
        assert_eq!(gate(&verdict, "tests")["facts"]["part"]["shard"]["count"], 2);
    }
    let verdict =
        gateline(&folder, &["ci", "merge", "out/1", "out/2", "--report-dir", "out/whole"]).exits(0).json();
    assert_eq!(gate(&verdict, "tests")["facts"]["passed"], 4);
    assert_eq!(gate(&verdict, "tests")["facts"].get("part"), None);
    assert!(messages(gate(&verdict, "tests")).contains(
        "no shard was asked for lint, advisories, licences, bans, sources, secrets, workflows, scanners"
    ));
    assert_eq!(gate(&verdict, "coverage")["facts"]["lines"], serde_json::json!({"covered": 9, "total": 9}));
    assert!(
        folder.join("out/whole/coverage.lcov").is_file() && folder.join("out/whole/evidence.json").is_file()
    );
    // A gate that is demanded and that no shard measured is not passed by silence.
    gateline(&folder, &["ci", "merge", "out/1", "out/2", "--gate", "secrets"]).exits(1);
    // The whole is compared with the baseline of its base, as one run would be: here nothing runs `three` any more.
    let baseline = folder.join("target/gateline/baselines");
    gateline(&folder, &["ci", "--gate", "coverage", "--record-baseline"]).exits(0);
    assert_eq!(std::fs::read_dir(&baseline).unwrap().count(), 1);
    let less =
        "//! Both.\n\n#[test]\nfn two_is_two() {\n    assert_eq!(app::two(), core_part::one() + 1);\n}\n";
    commit(&folder, "crates/app/tests/both.rs", less);
    for shard in ["1", "2"] {
        let (which, out) = (format!("{shard}/2"), format!("out/{shard}"));
        let arguments =
            ["ci", "--gate", "coverage", "--shard", &which, "--report-dir", &out, "--base", "HEAD~1"];
        gateline(&folder, &arguments).exits(0);
    }
    let baselines = baseline.display().to_string();
    let whole = ["--base", "HEAD~1", "--baselines", &baselines, "--report-dir", "out/w"];
    let arguments = [&["ci", "merge", "out/1", "out/2"], &whole[..]].concat();
    let verdict = gateline(&folder, &arguments).exits(10).json();
    assert!(messages(gate(&verdict, "coverage")).contains("coverage fell from 100 %"), "{verdict}");
    gateline(&folder, &["ci", "merge", "out/1"]).exits(2).says(&["of 2 shards, 1 missing: 2"]);
    gateline(&folder, &["ci", "merge", "out/1", "out/2", "out/1"]).exits(2).says(&["shard 1 is there twice"]);
    commit(&folder, "docs/guide.md", "newer\n");
    gateline(&folder, &["ci", "merge", "out/1", "out/2"]).exits(2).says(&["is foreign: it speaks of"]);
    gateline(&folder, &["ci", "--shard", "3/2"]).exits(2).says(&["I from 1 to N"]);

    // What cargo said is remembered, and a new member is noticed all the same.
    let remembered = folder.join("target/gateline/remembered");
    assert!(std::fs::read_dir(remembered).unwrap().count() >= 2);
    let new = "[package]\nname = \"newcomer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    std::fs::create_dir_all(folder.join("crates/new/src")).unwrap();
    std::fs::write(folder.join("crates/new/src/lib.rs"), "//! New.\n\n#[test]\nfn new() {}\n").unwrap();
    std::fs::write(folder.join("crates/new/Cargo.toml"), new).unwrap();
    std::fs::remove_file(folder.join("Cargo.lock")).unwrap();
    let verdict = gateline(&folder, &["test", "newcomer"]).exits(0).json();
    assert_eq!(gate(&verdict, "tests")["facts"]["passed"], 1);
}

const SETS: [(&str, &str); 5] = [
    (
        "Cargo.toml",
        "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[features]\ndefault = [\"base\"]\nbase = []\n\
         extra = []\n",
    ),
    (".gitignore", "/target\n/out\n/state\nCargo.lock\n"),
    ("policies/tests.yaml", "features: [default, all, none]\nfirst: ['one::it$prepares']\n"),
    (
        "src/lib.rs",
        "//! One.\n\n/// What is on.\n///\n/// ```\n/// assert!(one::on() < 3);\n/// ```\npub fn on() -> u32 {\n    \
         u32::from(cfg!(feature = \"base\")) + u32::from(cfg!(feature = \"extra\"))\n}\n\n#[cfg(test)]\nmod tests {\n    \
         #[test]\n    fn always() {\n        assert!(super::on() < 3);\n    }\n\n    #[cfg(feature = \"extra\")]\n    #[test]\n    \
         fn with_extra() {\n        assert_eq!(super::on(), 2);\n    }\n\n    #[cfg(not(feature = \"base\"))]\n    #[test]\n    \
         fn without_base() {\n        assert_eq!(super::on(), 0);\n    }\n}\n",
    ),
    ("tests/it.rs", "//! It.\n\n#[test]\nfn prepares() {}\n"),
];

/// Full names of the tests in the evidence of a report folder, or in a listing.
fn names(document: &serde_json::Value) -> Vec<String> {
    let tests = match document.get("tests") {
        Some(tests) => tests,
        None => &document["gates"]["tests"]["result"]["Ok"]["tests"],
    };
    tests.as_array().unwrap().iter().map(|test| test["name"].as_str().unwrap().to_owned()).collect()
}

fn read(file: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn sets() -> (tempfile::TempDir, std::path::PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("w");
    std::fs::create_dir(&folder).unwrap();
    repository_of(&folder, &SETS);
    (temporary, folder)
}

#[test]
fn every_feature_set_is_listed_split_and_merged() {
    let (_temporary, folder) = sets();
    let listing = gateline(&folder, &["test", "--list"]).exits(0).json();
    let every = names(&listing);
    let expected = [
        "one::doc$src/lib.rs - on (line 5)",
        "one::doc$src/lib.rs - on (line 5) [features: all]",
        "one::doc$src/lib.rs - on (line 5) [features: none]",
        "one::it$prepares",
        "one::it$prepares [features: all]",
        "one::it$prepares [features: none]",
        "one::lib$tests::always",
        "one::lib$tests::always [features: all]",
        "one::lib$tests::always [features: none]",
        "one::lib$tests::with_extra [features: all]",
        "one::lib$tests::without_base [features: none]",
    ];
    assert_eq!(every, expected);
    let features: Vec<_> =
        listing["tests"].as_array().unwrap().iter().map(|test| &test["features"]).collect();
    assert_eq!(features[..4], ["default", "all", "none", "default"]);
    // For people: the same names, and a word chooses among all of them.
    let mut command =
        support::gateline(&folder, &folder.join("state"), &["test", "--list", "with", "--offline"]);
    let shown: Ran = command.output().unwrap().into();
    let expected =
        "one::lib$tests::with_extra [features: all]\none::lib$tests::without_base [features: none]\n";
    assert_eq!(shown.exits(0).out, expected);

    let mut seen: Vec<String> = Vec::new();
    for shard in ["1", "2", "3"] {
        let (which, out) = (format!("{shard}/3"), format!("out/{shard}"));
        let arguments = ["ci", "--gate", "tests", "--shard", &which, "--report-dir", &out];
        let verdict = gateline(&folder, &arguments).exits(0).json();
        assert!(
            messages(gate(&verdict, "tests")).contains(&format!("this is shard {shard} of 3, of 8 tests"))
        );
        let ran = names(&read(&folder.join(&out).join("evidence.json")));
        let first = ran.iter().filter(|name| name.starts_with("one::it$prepares")).count();
        assert_eq!(first, 3, "what goes first runs in every shard and set: {ran:?}");
        seen.extend(ran);
    }
    seen.retain(|name| !name.starts_with("one::it$"));
    seen.sort();
    let others: Vec<_> = every.iter().filter(|name| !name.starts_with("one::it$")).cloned().collect();
    assert_eq!(seen, others, "each test of each set ran in exactly one shard");

    let all = ["ci", "merge", "out/1", "out/2", "out/3", "--report-dir", "out/whole"];
    let verdict = gateline(&folder, &all).exits(0).json();
    assert_eq!(gate(&verdict, "tests")["facts"]["passed"], 11);
    assert_eq!(names(&read(&folder.join("out/whole/evidence.json"))), every);
    gateline(&folder, &["ci", "merge", "out/1", "out/3"]).exits(2).says(&["of 3 shards, 1 missing: 2"]);
    // A shard that split other tests of one set is foreign, and so is one that has not split that set at all.
    let file = folder.join("out/2/evidence.json");
    let right = read(&file);
    let mut wrong = right.clone();
    let sets = &mut wrong["gates"]["tests"]["result"]["Ok"]["part"]["shard"]["sets"];
    sets.as_object_mut().unwrap().remove("none").unwrap();
    std::fs::write(&file, wrong.to_string()).unwrap();
    gateline(&folder, &all)
        .exits(2)
        .says(&["split from 0 tests of the features none, out/1 from 3 or others"]);
}

#[test]
fn what_failed_in_one_feature_set_runs_again_in_that_set_alone() {
    let (_temporary, folder) = sets();
    let library = SETS[3].1;
    let wrong = library.replace("super::on(), 2", "super::on(), 7").replace("on(), 0", "on(), 8");
    std::fs::write(folder.join("src/lib.rs"), wrong).unwrap();
    gateline(&folder, &["test"]).exits(10);
    std::fs::write(folder.join("src/lib.rs"), library.replace("super::on(), 2", "super::on(), 7")).unwrap();
    let again = |expected: &[&str], code| {
        let verdict = gateline(&folder, &["test", "--rerun-failed"]).exits(code).json();
        let ran = names(&read(&folder.join("target/gateline/some-tests/evidence.json")));
        let ran: Vec<_> = ran.into_iter().filter(|name| !name.starts_with("one::it$")).collect();
        assert_eq!(ran, expected, "{verdict}");
    };
    let all = "one::lib$tests::with_extra [features: all]";
    again(&[all, "one::lib$tests::without_base [features: none]"], 10);
    std::fs::write(folder.join("src/lib.rs"), library).unwrap();
    again(&[all], 0);
    gateline(&folder, &["test", "--rerun-failed"]).exits(3);
    // A whole name of the first set means that test, in that set.
    gateline(&folder, &["test", "one::lib$tests::always"]).exits(0);
    let ran = names(&read(&folder.join("target/gateline/some-tests/evidence.json")));
    assert_eq!(ran, ["one::it$prepares", "one::lib$tests::always"]);
}

#[test]
fn only_what_is_affected_is_compiled_and_the_rest_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("w");
    std::fs::create_dir(&folder).unwrap();
    // The core's own tests do not compile: whoever compiles them is told.
    let broken = "//! Broken.\n\n#[test]\nfn broken() {\n    let _: u32 = \"one\";\n}\n";
    let ignore = (".gitignore", "/target\n/out\n/state\n/Cargo.lock\n");
    let more = [("crates/core/tests/broken.rs", broken), ignore];
    repository_of(&folder, &[&FILES[..], &more].concat());
    commit(&folder, "crates/app/CHANGES.txt", "first\n");
    let affected = ["--affected", "--base", "HEAD~1"];
    let arguments = [&["ci", "--gate", "lint", "--gate", "tests"], &affected[..]].concat();
    let ran = gateline(&folder, &arguments).exits(0);
    let (verdict, lint) = (ran.json(), messages(gate(&ran.json(), "lint")));
    assert_eq!(gate(&verdict, "tests")["facts"]["passed"], 2);
    for code in ["lint/clippy-not-checked", "lint/rustdoc-not-checked"] {
        assert!(lint.contains(code) && lint.contains("does not affect: core-part"), "{lint}");
    }
    // What would run is shown with the file that marked it.
    let plan = gateline(&folder, &["plan", "ci", "--affected", "--base", "HEAD~1"]).exits(0).json();
    assert_eq!(plan["affected"]["packages"], serde_json::json!({"app": "crates/app/CHANGES.txt"}));
    assert_eq!(plan["affected"]["unaffected"], serde_json::json!(["core-part"]));
    let compile =
        plan["steps"].as_array().unwrap().iter().find(|step| step["step"]["do"] == "compile").unwrap();
    let runs = compile["runs"].to_string();
    assert!(runs.contains("--package") && runs.contains("app#") && !runs.contains("core-part#"), "{runs}");
    assert!(!runs.contains("--workspace"), "{runs}");
    gateline(&folder, &["plan", "ship", "--affected"]).exits(2);
    // Nothing is affected: nothing is compiled, and lint does not say that code is clean.
    commit(&folder, "docs/guide.md", "new\n");
    let ran = gateline(&folder, &arguments).exits(0).says(&["no package is affected"]);
    assert!(messages(gate(&ran.json(), "lint")).contains("does not affect: app, core-part"), "{}", ran.all());
    assert_eq!(gate(&ran.json(), "lint")["facts"]["packages"], 0);
    // The whole is another matter, also after what was remembered of a part.
    let verdict = gateline(&folder, &["ci", "--gate", "lint", "--gate", "tests"]).exits(10).json();
    assert!(messages(gate(&verdict, "tests")).contains("tests/does-not-compile"), "{verdict}");
    assert!(!messages(gate(&verdict, "lint")).contains("not-checked"), "{verdict}");
}
