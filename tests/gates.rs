//! The gates *lint* and *tests* against real cargo, rustc, clippy, rustfmt and rustdoc, on workspaces that hold each trap
//! that peers fall into. No dependencies, so that each compiles in a second.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which may stop a test")]

#[path = "gates/traps.rs"]
mod traps;

use gateline::evidence::tests::{TestOutcome, TestResult};
use gateline::evidence::{LintEvidence, Measured, TestsEvidence};
use gateline::policy::tests::Retries;
use gateline::policy::{LintPolicy, TestsPolicy};
use gateline::tools::build::{self, Compilation, Compiled, Harness};
use gateline::tools::cargo::{Cargo, Network};
use gateline::tools::lint::{self, Formatting};
use gateline::tools::runner::{self, RunOptions};
use gateline::verdict::{GateVerdict, Outcome};
use gateline::world::{Clock, World};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use traps::TRAPS;

/// A workspace in a directory whose name has a space and a letter beyond ASCII.
struct Fixture {
    _directory: tempfile::TempDir,
    root: PathBuf,
    world: World,
}

impl Fixture {
    fn new(files: &[(&str, &str)]) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("a wörkspace");
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Fixture { _directory: directory, root, world: world() }
    }

    async fn cargo(&self) -> Cargo {
        Cargo::discover(&self.world, &self.root, Network::Offline).await.unwrap()
    }

    async fn compile(&self) -> Compiled {
        build::compile(&self.world, &self.cargo().await, &|_| {}).await.unwrap()
    }

    async fn run(&self, compiled: &Compiled, policy: &TestsPolicy, options: &RunOptions) -> TestsEvidence {
        runner::run(&self.world, compiled, policy, options, &|_| {}).await.result.unwrap()
    }

    async fn lint(&self, compiled: &Compiled) -> LintEvidence {
        let policy = LintPolicy::default();
        let format = lint::format(&self.world, &compiled.cargo, &policy).await;
        lint::gather(&policy, compiled, format).result.unwrap()
    }
}

/// The real world without what would send cargo elsewhere: whoever runs these stories may build in a folder of their own.
fn world() -> World {
    let real = World::real().unwrap();
    let elsewhere = [
        "CARGO_TARGET_DIR",
        "CARGO_BUILD_TARGET_DIR",
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
    ];
    let mut environment = real.environment().clone();
    environment.retain(|name, _| !elsewhere.contains(&name.as_str()));
    World::with(environment, real.directory().to_owned(), Clock::system())
}

fn outcome<'a>(evidence: &'a TestsEvidence, name: &str) -> &'a TestResult {
    let found = evidence.tests.iter().find(|test| test.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {:#?}", evidence.tests))
}

fn codes(verdict: &GateVerdict) -> Vec<&str> {
    let mut codes: Vec<_> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[tokio::test]
async fn every_trap_is_told_for_what_it_is() {
    let fixture = Fixture::new(&TRAPS);
    // A runner that answers for the tests, as a change could bring it.
    let config = "[target.'cfg(all())']\nrunner = \"true\"\n";
    std::fs::create_dir_all(fixture.root.join(".cargo")).unwrap();
    std::fs::write(fixture.root.join(".cargo/config.toml"), config).unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |line: &str| told.lock().unwrap().push(line.to_owned());
    let compiled = build::compile(&fixture.world, &fixture.cargo().await, &tell).await.unwrap();
    assert_eq!(compiled.outcome, Compilation::Succeeded, "{:#?}", compiled.diagnostics);
    assert!(told.lock().unwrap().iter().any(|line| line.starts_with("compiling ") && line.contains('/')));
    every_binary_is_known(&compiled);
    the_linters_agree(&fixture, &compiled).await;

    let profiles = fixture.root.join("target/profiles");
    let policy = TestsPolicy { timeout_secs: 5, ..TestsPolicy::default() };
    let options = RunOptions { profiles: Some(profiles.clone()), ..RunOptions::default() };
    let evidence = fixture.run(&compiled, &policy, &options).await;
    every_outcome_is_right(&evidence);
    let verdict = gateline::gates::tests::judge(&policy, &evidence, 0);
    let expected = [
        "tests/broken-binary",
        "tests/counts-lost",
        "tests/empty-binary",
        "tests/failed",
        "tests/leaked",
        "tests/skipped",
        "tests/timed-out",
        "tests/vanished",
    ];
    assert_eq!((verdict.outcome, codes(&verdict).as_slice()), (Outcome::Refused, &expected[..]));
    assert!(
        std::fs::read_dir(&profiles).unwrap().count() >= 4,
        "tests, children and doctests leave profiles"
    );
    nothing_is_left_in_the_tree(&fixture.root);
    a_filter_runs_little(&fixture, &compiled, &policy).await;
    what_is_tried_again_is_flaky(&fixture, &compiled, &policy).await;
    what_must_run_is_run(&fixture, &compiled, &policy).await;
    a_list_runs_nothing(&fixture, &compiled, &policy).await;
    what_runs_first_must_pass(&fixture, &compiled, &policy).await;
    nothing_is_compiled_twice(&fixture).await;
}

fn every_binary_is_known(compiled: &Compiled) {
    let found: Vec<_> = compiled.tests.iter().map(|test| (test.name.as_str(), test.harness)).collect();
    let expected = [
        ("macros::lib", Harness::Libtest),
        ("traps::bench/speed", Harness::OwnBenchmark),
        ("traps::bin/traps", Harness::Libtest),
        ("traps::early", Harness::Libtest),
        ("traps::empty", Harness::Libtest),
        ("traps::lib", Harness::Libtest),
        ("traps::starts", Harness::Libtest),
        ("traps::whole", Harness::Own),
    ];
    assert_eq!(found, expected);
    assert_eq!(compiled.binaries.len(), 1, "{:?}", compiled.binaries);
    assert!(compiled.objects().all(Path::exists));
    assert_eq!(compiled.packages.len(), 2);
}

async fn the_linters_agree(fixture: &Fixture, compiled: &Compiled) {
    let evidence = fixture.lint(compiled).await;
    let found: Vec<_> =
        evidence.diagnostics.iter().map(|one| (one.file.as_str(), one.line, one.lint.as_str())).collect();
    assert_eq!(found, [("src/lib.rs", 7, "clippy::needless_return"), ("src/lib.rs", 14, "")]);
    assert_eq!((evidence.files, evidence.packages), (8, 2));
    let verdict = gateline::gates::lint::judge(&LintPolicy::default(), &evidence, 0);
    assert_eq!((verdict.outcome, codes(&verdict)), (Outcome::Refused, vec!["lint/clippy", "lint/rustfmt"]));
}

fn every_outcome_is_right(evidence: &TestsEvidence) {
    use TestOutcome::{Failed, Ignored, Passed, Skipped, TimedOut};
    let expected = [
        ("macros::lib$inside_a_macro_crate", Passed),
        ("traps::bench/speed", Passed),
        ("traps::doc$src/lib.rs - none (line 16)", Ignored),
        ("traps::doc$src/lib.rs - three (line 11)", Failed),
        ("traps::doc$src/lib.rs - two (line 3)", Passed),
        ("traps::lib$tests::environment_is_declared", Passed),
        ("traps::lib$tests::fails", Failed),
        ("traps::lib$tests::hangs", TimedOut),
        ("traps::lib$tests::ignored", Ignored),
        ("traps::lib$tests::leaves_a_child", Passed),
        ("traps::lib$tests::panics_as_it_should", Passed),
        ("traps::lib$tests::partner_is_missing", Skipped("no such partner".into())),
        ("traps::lib$tests::passes", Passed),
        ("traps::lib$tests::passes_at_last", Failed),
        ("traps::starts$the_binary_runs", Passed),
        ("traps::whole", Passed),
    ];
    for (name, expected) in expected {
        let test = outcome(evidence, name);
        assert_eq!(test.outcome, expected, "{test:#?}");
    }
    let vanished =
        [("exits", "exit status 0"), ("aborts", "signal 6 (SIGABRT)"), ("segfaults", "signal 11 (SIGSEGV)")];
    for (name, why) in vanished {
        let test = outcome(evidence, &format!("traps::lib$tests::{name}"));
        assert!(matches!(&test.outcome, TestOutcome::Vanished(said) if said.contains(why)), "{test:#?}");
    }
    assert_eq!(evidence.tests.len(), 19);
    assert_eq!(outcome(evidence, "traps::lib$tests::leaves_a_child").left_behind, ["sleep"]);
    let left_behind = evidence.tests.iter().filter(|test| !test.left_behind.is_empty()).count();
    assert_eq!((left_behind, evidence.empty.as_slice()), (1, &["traps::empty".to_owned()][..]));
    let lost = ["aborts", "hangs", "segfaults"].map(|name| format!("traps::lib$tests::{name}"));
    assert_eq!(evidence.counts_lost, lost);
    assert!(outcome(evidence, "traps::lib$tests::hangs").output.contains("before the hang"));
    assert!(outcome(evidence, "traps::lib$tests::fails").output.contains("two is not three"));
    let broken: Vec<_> = evidence.broken.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(broken, ["traps::early"], "{:?}", evidence.broken);
}

fn nothing_is_left_in_the_tree(root: &Path) {
    let mut names: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = [".cargo", "Cargo.lock", "Cargo.toml", "benches", "macros", "src", "target", "tests"];
    assert_eq!(names, expected);
}

async fn a_filter_runs_little(fixture: &Fixture, compiled: &Compiled, policy: &TestsPolicy) {
    let run = async |words: &[&str]| {
        let evidence = fixture.run(compiled, policy, &asked(words)).await;
        assert_eq!(evidence.filters, words);
        evidence.tests.into_iter().map(|test| test.name).collect::<Vec<_>>()
    };
    assert_eq!(run(&["doc$src/lib.rs - two"]).await, ["traps::doc$src/lib.rs - two (line 3)"]);
    // A whole name is that test alone; `passes_at_last` has it inside.
    let two = ["traps::lib$tests::passes", "traps::starts$the_binary_runs"];
    assert_eq!(run(&two).await, two);
}

fn asked(words: &[&str]) -> RunOptions {
    RunOptions { filters: words.iter().map(|word| (*word).to_owned()).collect(), ..RunOptions::default() }
}

async fn what_is_tried_again_is_flaky(fixture: &Fixture, compiled: &Compiled, policy: &TestsPolicy) {
    let policy = TestsPolicy { retries: Retries { local: 1, ci: 1 }, ..policy.clone() };
    let evidence =
        fixture.run(compiled, &policy, &asked(&["lib$tests::passes_at_last", "lib$tests::fails"])).await;
    let flaky = outcome(&evidence, "traps::lib$tests::passes_at_last");
    assert_eq!((flaky.outcome.clone(), flaky.tries()), (TestOutcome::Flaky, 2), "{flaky:#?}");
    assert!(flaky.output.contains("the first time") && flaky.attempts[1].output.is_empty(), "{flaky:#?}");
    let failed = outcome(&evidence, "traps::lib$tests::fails");
    assert_eq!((failed.outcome.clone(), failed.tries()), (TestOutcome::Failed, 2));
    let verdict = gateline::gates::tests::judge(&policy, &evidence, 0);
    assert_eq!(codes(&verdict), ["tests/failed", "tests/flaky"]);
}

async fn what_must_run_is_run(fixture: &Fixture, compiled: &Compiled, policy: &TestsPolicy) {
    let policy = TestsPolicy { must_run: vec!["traps::*$tests::ignored".into()], ..policy.clone() };
    let evidence = fixture.run(compiled, &policy, &asked(&["tests::ignored"])).await;
    assert_eq!(outcome(&evidence, "traps::lib$tests::ignored").outcome, TestOutcome::Passed);
}

async fn a_list_runs_nothing(fixture: &Fixture, compiled: &Compiled, policy: &TestsPolicy) {
    let list =
        async |words: &[&str]| runner::list(&fixture.world, compiled, policy, &asked(words)).await.unwrap();
    let all = list(&[]).await;
    let ignored: Vec<_> =
        all.tests.iter().filter(|test| test.ignored).map(|test| test.name.as_str()).collect();
    let expected = vec!["traps::doc$src/lib.rs - none (line 16)", "traps::lib$tests::ignored"];
    assert_eq!((all.tests.len(), ignored), (19, expected), "{all:#?}");
    assert!(all.tests.iter().any(|test| test.name == "traps::doc$src/lib.rs - two (line 3)"), "{all:#?}");
    assert_eq!(all.broken.len(), 1);
    let some = list(&["tests::hangs"]).await;
    assert_eq!(some.tests.len(), 1, "{some:#?}");
}

async fn what_runs_first_must_pass(fixture: &Fixture, compiled: &Compiled, policy: &TestsPolicy) {
    let first = vec!["traps::lib$tests::passes".to_owned(), "traps::lib$tests::fails".to_owned()];
    let policy = TestsPolicy { first, ..policy.clone() };
    let evidence = fixture.run(compiled, &policy, &asked(&["the_binary_runs"])).await;
    assert_eq!(outcome(&evidence, "traps::lib$tests::passes").outcome, TestOutcome::Passed);
    let kept_back = &outcome(&evidence, "traps::starts$the_binary_runs").outcome;
    assert_eq!(*kept_back, TestOutcome::NotRun("traps::lib$tests::fails".to_owned()));
    assert_eq!(evidence.tests.len(), 3);
}

/// Tests, doctests and a second compilation share one set of artifacts.
async fn nothing_is_compiled_twice(fixture: &Fixture) {
    let libraries = || {
        let deps = std::fs::read_dir(fixture.root.join("target/debug/deps")).unwrap();
        deps.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "rlib"))
            .count()
    };
    assert_eq!(libraries(), 1);
    let again = fixture.compile().await;
    assert_eq!(libraries(), 1);
    assert_eq!(again.diagnostics.len(), 1, "a warm build tells its warnings again");
}

#[tokio::test]
async fn a_workspace_that_does_not_compile_is_refused_with_its_lines() {
    let manifest = "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let library =
        "pub fn one() -> u32 {\n    \"one\"\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn a() {}\n}\n";
    let fixture = Fixture::new(&[("Cargo.toml", manifest), ("src/lib.rs", library)]);
    let compiled = fixture.compile().await;
    assert_eq!(compiled.outcome, Compilation::DoesNotCompile);
    let policy = TestsPolicy::default();
    let evidence = fixture.run(&compiled, &policy, &RunOptions::default()).await;
    let verdict = gateline::gates::tests::judge(&policy, &evidence, 0);
    assert_eq!((verdict.outcome, codes(&verdict)), (Outcome::Refused, vec!["tests/does-not-compile"]));
    let finding = &verdict.findings[0];
    assert_eq!((finding.file.as_deref(), finding.line), (Some("src/lib.rs"), Some(2)));
    assert_eq!(
        verdict.findings.len(),
        1,
        "the library and its test build say it once: {:#?}",
        verdict.findings
    );
    let lint = gateline::gates::lint::judge(&LintPolicy::default(), &fixture.lint(&compiled).await, 0);
    assert_eq!((lint.outcome, codes(&lint)), (Outcome::Refused, vec!["lint/does-not-compile"]));
}

#[tokio::test]
async fn a_workspace_without_tests_is_nothing_checked() {
    let manifest = "[package]\nname = \"untested\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    // A binary only: `cargo test --doc` would fail on it.
    let fixture = Fixture::new(&[("Cargo.toml", manifest), ("src/main.rs", "fn main() {}\n")]);
    let compiled = fixture.compile().await;
    let policy = TestsPolicy::default();
    let evidence = fixture.run(&compiled, &policy, &RunOptions::default()).await;
    assert_eq!((evidence.tests.len(), evidence.broken.len()), (0, 0), "{evidence:#?}");
    let verdict = gateline::gates::tests::judge(&policy, &evidence, 0);
    assert_eq!(verdict.outcome, Outcome::NothingChecked);
    let lint = gateline::gates::lint::judge(&LintPolicy::default(), &fixture.lint(&compiled).await, 0);
    assert_eq!(lint.outcome, Outcome::Passed);
    a_linter_that_failed_is_no_pass(&compiled);
}

fn a_linter_that_failed_is_no_pass(compiled: &Compiled) {
    let policy = LintPolicy::default();
    let gather = |compiled: &Compiled, trouble: Option<&str>| {
        let formatting = Formatting { trouble: trouble.map(str::to_owned), ..Formatting::default() };
        lint::gather(&policy, compiled, Measured { result: Ok(formatting), duration_millis: 7 })
    };
    assert_eq!(gather(compiled, None).duration_millis, 7);
    let why = gather(compiled, Some("error: no such edition")).result.unwrap_err();
    assert!(why.message.contains("no such edition"), "{why:?}");
    let mut without_clippy = compiled.clone();
    without_clippy.cargo.toolchain.clippy_driver = None;
    let why = gather(&without_clippy, None).result.unwrap_err();
    assert_eq!(why.help, "rustup component add clippy");
}

#[tokio::test]
async fn without_clippy_the_tests_still_run() {
    let manifest = "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let fixture = Fixture::new(&[("Cargo.toml", manifest), ("src/lib.rs", "#[test]\nfn a() {}\n")]);
    let mut cargo = fixture.cargo().await;
    cargo.toolchain.clippy_driver = None;
    let compiled = build::compile(&fixture.world, &cargo, &|_| {}).await.unwrap();
    let policy = TestsPolicy { doctests: false, ..TestsPolicy::default() };
    let evidence = fixture.run(&compiled, &policy, &RunOptions::default()).await;
    assert_eq!(outcome(&evidence, "plain::lib$a").outcome, TestOutcome::Passed);
    assert_eq!(gateline::gates::tests::judge(&policy, &evidence, 0).outcome, Outcome::Passed);
}

#[tokio::test]
async fn what_cargo_cannot_do_is_no_refusal() {
    let manifest =
        "[package]\nname = \"stale\"\nversion = \"0.1.0\"\nedition = \"2024\"\nbuild = \"build.rs\"\n";
    let build = "fn main() {\n    panic!(\"no such tool here\")\n}\n";
    let files = [("Cargo.toml", manifest), ("src/lib.rs", ""), ("build.rs", build)];
    let fixture = Fixture::new(&files);
    let cargo = fixture.cargo().await;
    let script = build::compile(&fixture.world, &cargo, &|_| {}).await.unwrap_err();
    assert!(script.message.contains("no such tool here"), "{script:?}");
    // A lockfile for another version of the package: cargo would have to rewrite it.
    std::fs::write(
        fixture.root.join("Cargo.lock"),
        "version = 4\n\n[[package]]\nname = \"stale\"\nversion = \"0.0.9\"\n",
    )
    .unwrap();
    let stale = build::compile(&fixture.world, &cargo, &|_| {}).await.unwrap_err();
    assert!(stale.message.contains("lock file") && stale.help.contains("Cargo.lock"), "{stale:?}");
    // A dependency that is not here, without the network.
    let lacking = manifest.replace("build = \"build.rs\"", "[dependencies]\ngateline-no-such-crate = \"1\"");
    let fixture = Fixture::new(&[("Cargo.toml", &lacking), ("src/lib.rs", "")]);
    let missing = build::compile(&fixture.world, &fixture.cargo().await, &|_| {}).await.unwrap_err();
    assert!(missing.message.contains("gateline-no-such-crate"), "{missing:?}");
    assert!(missing.help.contains("cargo fetch"), "{missing:?}");
}
