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
    assert!(messages(gate(&verdict, "tests")).contains("no shard was asked for lint, advisories, secrets"));
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
