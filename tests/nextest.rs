//! Story: the engines `builtin` and `nextest` find the same tests and say the same of each, on a workspace with the traps that
//! nextest alone is green for.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]

use gateline::evidence::tests::{TestOutcome, TestsEvidence};
use gateline::policy::TestsPolicy;
use gateline::policy::tests::{Engine, Retries};
use gateline::tools::build::{self, Compiled};
use gateline::tools::cargo::{Cargo, Network};
use gateline::tools::partners;
use gateline::tools::runner::{self, RunOptions};
use gateline::world::{Clock, CommandLine, World};
use std::collections::BTreeMap;
use std::path::Path;

const FILES: [(&str, &str); 6] = [
    (
        "Cargo.toml",
        "[package]\nname = \"two\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[[test]]\nname = \"own\"\nharness = false\n",
    ),
    (
        "src/lib.rs",
        "//! Two.\n/// ```\n/// assert_eq!(two::two(), 3);\n/// ```\npub fn two() -> u32 {\n    2\n}\n\n#[cfg(test)]\nmod tests {\n    \
         #[test]\n    fn passes() {\n        assert_eq!(super::two(), 2);\n    }\n    #[test]\n    fn fails() {\n        \
         assert_eq!(super::two(), 3);\n    }\n    #[test]\n    #[ignore]\n    fn ignored() {}\n}\n",
    ),
    ("tests/own.rs", "fn main() {}\n"),
    ("tests/alone.rs", "#[test]\nfn leaves() {\n    std::process::exit(0);\n}\n"),
    (
        "tests/others.rs",
        "#[test]\nfn hangs() {\n    std::thread::sleep(std::time::Duration::from_secs(1000));\n}\n#[test]\nfn aborts() {\n    \
         std::process::abort();\n}\n#[test]\nfn flaky() {\n    let mark = concat!(env!(\"CARGO_TARGET_TMPDIR\"), \"/mark\");\n    \
         if !std::path::Path::new(mark).exists() {\n        std::fs::write(mark, \"\").unwrap();\n        panic!(\"at \
         first\");\n    }\n}\n#[test]\nfn hidden() {\n    panic!(\"nobody saw it\");\n}\n",
    ),
    (".config/nextest.toml", "[profile.default]\ndefault-filter = \"not test(hidden)\"\nretries = 5\n"),
];

struct Story {
    folder: tempfile::TempDir,
    world: World,
    compiled: Compiled,
}

impl Story {
    async fn new(world: World) -> Story {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in FILES {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let cargo = Cargo::discover(&world, folder.path(), Network::Offline).await.unwrap();
        let compiled = build::compile(&world, &cargo, &|_| {}).await.unwrap();
        Story { folder, world, compiled }
    }

    async fn run(&self, engine: Engine, filters: &[&str], profiles: &Path) -> TestsEvidence {
        let _ = std::fs::remove_file(self.folder.path().join("target/tmp/mark"));
        let retries = Retries { local: 1, ci: 1 };
        let policy = TestsPolicy { engine, retries, timeout_secs: 3, ..TestsPolicy::default() };
        let filters = filters.iter().map(|word| (*word).to_owned()).collect();
        let options = RunOptions { filters, profiles: Some(profiles.to_owned()), ..RunOptions::default() };
        runner::run(&self.world, &self.compiled, &policy, &options, &|_| {}).await.result.unwrap()
    }
}

/// Each test's outcome, without the words in which it is told, and the number of attempts.
fn outcomes(evidence: &TestsEvidence) -> BTreeMap<String, (TestOutcome, usize)> {
    let plain = |outcome: &TestOutcome| match outcome {
        TestOutcome::Vanished(_) => TestOutcome::Vanished(String::new()),
        other => other.clone(),
    };
    evidence.tests.iter().map(|test| (test.name.clone(), (plain(&test.outcome), test.tries()))).collect()
}

fn profiles_of(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let numbers = names.map(|name| name.to_string_lossy().split('-').next().unwrap_or_default().to_owned());
    let mut numbers: Vec<String> = numbers.collect();
    numbers.sort();
    numbers.dedup();
    numbers
}

#[tokio::test]
async fn both_engines_say_the_same() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let real = World::real().unwrap();
    // Whoever runs this story may build in a folder of their own.
    let mut environment = real.environment().clone();
    environment.retain(|name, _| !["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"].contains(&name.as_str()));
    let world = World::with(environment, real.directory().to_owned(), Clock::system());
    let world = partners::within_reach(world, repository);
    let version = CommandLine::new("cargo-nextest", ["nextest", "--version"]);
    if !world.run(&version).await.is_ok_and(|finished| finished.status.success()) {
        eprintln!("{}cargo-nextest", runner::SKIP_MARK);
        return;
    }
    let story = Story::new(world).await;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let builtin = story.run(Engine::Builtin, &[], folders[0].path()).await;
    let nextest = story.run(Engine::Nextest, &[], folders[1].path()).await;
    assert!(nextest.engine.starts_with("nextest ") && nextest.broken.is_empty(), "{:?}", nextest.broken);
    let (mut expected, mut found) = (outcomes(&builtin), outcomes(&nextest));
    // The one difference: what the configuration hides did not run, and that is no pass.
    assert_eq!(expected.remove("two::others$hidden"), Some((TestOutcome::Failed, 2)));
    assert_eq!(found.remove("two::others$hidden"), Some((TestOutcome::Vanished(String::new()), 1)));
    assert_eq!(found, expected);
    assert_eq!(found["two::others$flaky"], (TestOutcome::Flaky, 2));
    assert_eq!(found["two::alone$leaves"].0, TestOutcome::Vanished(String::new()));
    assert_eq!(found["two::others$hangs"].0, TestOutcome::TimedOut);
    assert_eq!(found["two::own"].0, TestOutcome::Passed);
    assert!(
        found
            .iter()
            .any(|(name, (outcome, _))| name.starts_with("two::doc$") && *outcome == TestOutcome::Failed)
    );
    let said = |evidence: &TestsEvidence| {
        evidence.tests.iter().find(|test| test.name == "two::lib$tests::fails").unwrap().output.clone()
    };
    assert!(said(&nextest).contains("assertion") && said(&builtin).contains("assertion"));
    assert_eq!(builtin.counts_lost, nextest.counts_lost);
    assert_eq!(profiles_of(folders[0].path()), profiles_of(folders[1].path()));
    let some = story.run(Engine::Auto, &["tests::passes"], folders[1].path()).await;
    assert_eq!(outcomes(&some).keys().collect::<Vec<_>>(), ["two::lib$tests::passes"]);
    assert_eq!(some.tests[0].outcome, TestOutcome::Passed);
}
