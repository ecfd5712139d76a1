//! The engine `builtin`: every test in a process of its own, counted so that nothing can fool it.
//!
//! Each binary is asked for its list, then each test is run by name, several at a time, the slowest of the last run
//! first. A `runner` in cargo's configuration is never used: it could answer for the tests.
//!
//! Tests that the policy puts `first` run before all others, one after the other, whatever the filter: they prepare what
//! others use. Where one of them does not pass, the others are not started, and each says so: their failures would only
//! hide the cause.

mod doctests;
mod environment;
mod libtest;
mod list;
mod process;

pub use doctests::objects as doctest_objects;
pub use environment::INSIDE_GATE;
pub use libtest::SKIP_MARK;

use super::build::{Compilation, Compiled, Harness, TestBinary};
use super::cargo::Progress;
use crate::evidence::tests::{BrokenBinary, Surroundings, TestOutcome, TestResult, TestsEvidence};
use crate::evidence::{CouldNotRun, Measured};
use crate::policy::TestsPolicy;
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The name and version of this engine in evidence.
pub const ENGINE: &str = concat!("builtin ", env!("CARGO_PKG_VERSION"));

/// What a run is besides the policy.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Run only tests whose full name contains this.
    pub filter: Option<String>,
    /// Where raw profiles go; they are thrown away where `None`.
    pub profiles: Option<PathBuf>,
    /// The last run, for its times.
    pub previous: Option<TestsEvidence>,
}

/// Runs every test of what was compiled.
pub async fn run(
    world: &World,
    compiled: &Compiled,
    policy: &TestsPolicy,
    options: &RunOptions,
    progress: Progress<'_>,
) -> Measured<TestsEvidence> {
    let start = world.monotonic();
    let result = match Site::prepare(world, policy, options, &compiled.cargo.root) {
        Ok(site) => Ok(perform(&Arc::new(site), compiled, policy, options, progress).await),
        Err(error) => {
            Err(CouldNotRun { message: format!("{error:#}"), help: "df -h; cargo xtask doctor".to_owned() })
        }
    };
    let duration_millis = millis(world.monotonic() - start);
    Measured { result, duration_millis }
}

/// What all tests of one run share.
struct Site {
    world: World,
    /// The tests' TMPDIR and, where nobody wants them, the raw profiles. Removed at the end.
    directory: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    profiles: PathBuf,
}

/// One test to be run.
#[derive(Debug, Clone)]
struct Job {
    name: String,
    binary: Arc<TestBinary>,
    /// The test inside the binary; `None` runs the whole binary.
    test: Option<Single>,
    timeout: Duration,
    /// Which binary, for the names of raw profiles.
    index: usize,
}

/// One test of a binary.
#[derive(Debug, Clone)]
struct Single {
    /// Its name inside the binary.
    name: String,
    /// How many others the binary has.
    others: u64,
}

impl Site {
    fn prepare(
        world: &World,
        policy: &TestsPolicy,
        options: &RunOptions,
        root: &Path,
    ) -> anyhow::Result<Site> {
        let base = world.env("TMPDIR").unwrap_or("/tmp");
        let directory = tempfile::Builder::new().prefix("gateline-").tempdir_in(base);
        let directory = directory.with_context(|| format!("failed to make a directory in {base}"))?;
        let temporary = directory.path().join("t");
        let profiles = options.profiles.clone().unwrap_or_else(|| directory.path().join("profiles"));
        for needed in [&temporary, &profiles] {
            std::fs::create_dir_all(needed)
                .with_context(|| format!("failed to make {}", needed.display()))?;
        }
        let (temporary, root) = (temporary.to_string_lossy(), root.to_string_lossy());
        let environment = environment::declared(world.environment(), &policy.environment, &temporary, &root);
        Ok(Site { world: world.clone(), directory, environment, profiles })
    }

    /// A command in the tests' environment. Raw profiles of one test binary and its children share a pool of four files;
    /// the binary's number keeps others out, because `%m` alone is not unique.
    fn command(&self, binary: &TestBinary, index: usize, arguments: &[&str]) -> CommandLine {
        let profile = self.profiles.join(format!("{index}-%4m%c.profraw"));
        let mut command = CommandLine::new(binary.path.to_string_lossy(), arguments.iter().copied())
            .in_directory(&binary.directory);
        for (name, value) in self.environment.iter().chain(&binary.environment) {
            command = command.env(name, value);
        }
        command.env("LLVM_PROFILE_FILE", profile.to_string_lossy())
    }

    /// Runs one test.
    async fn perform(&self, job: &Job) -> TestResult {
        let arguments: Vec<&str> = match (&job.test, job.binary.harness) {
            (Some(test), _) => vec!["--exact", &test.name, "--nocapture"],
            (None, Harness::OwnBenchmark) => vec!["--test"],
            (None, _) => vec![],
        };
        let command = self.command(&job.binary, job.index, &arguments);
        let ran = match process::run(&self.world, command, process::Limits::of_a_test(job.timeout)).await {
            Ok(ran) => ran,
            Err(error) => return failed_to_start(&job.name, &error),
        };
        let outcome = match &job.test {
            Some(test) => libtest::conclude(ran.ended, test.others, &ran.stdout, &ran.stderr),
            None => libtest::conclude_own(ran.ended, &ran.stdout, &ran.stderr),
        };
        let output = match outcome {
            TestOutcome::Passed => String::new(),
            _ => [ran.stdout, ran.stderr].concat(),
        };
        TestResult { name: job.name.clone(), outcome, duration_millis: millis(ran.duration), output }
    }
}

fn failed_to_start(name: &str, error: &anyhow::Error) -> TestResult {
    TestResult {
        name: name.to_owned(),
        outcome: TestOutcome::Vanished(format!("{error:#}")),
        duration_millis: 0,
        output: String::new(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

async fn perform(
    site: &Arc<Site>,
    compiled: &Compiled,
    policy: &TestsPolicy,
    options: &RunOptions,
    progress: Progress<'_>,
) -> TestsEvidence {
    let in_ci = site.world.env("CI").is_some_and(|value| value != "false");
    let mut evidence = TestsEvidence {
        engine: ENGINE.to_owned(),
        surroundings: if in_ci { Surroundings::Ci } else { Surroundings::Laptop },
        ..TestsEvidence::default()
    };
    if compiled.outcome == Compilation::DoesNotCompile {
        evidence.compile_errors = compiled.errors().cloned().collect();
        return evidence;
    }
    let listed = list::all(site, &compiled.tests, policy).await;
    evidence.broken = listed.broken;
    let chosen = |name: &str| options.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
    evidence.tests.extend(listed.ignored.into_iter().filter(|result| chosen(&result.name)));
    let (first, others): (Vec<_>, Vec<_>) =
        listed.jobs.into_iter().partition(|job| policy.first.contains(&job.name));
    let others: Vec<_> = others.into_iter().filter(|job| chosen(&job.name)).collect();
    let culprit = run_first(site, in_order(first, policy), &mut evidence.tests, progress).await;
    match culprit {
        Some(culprit) => evidence.tests.extend(others.into_iter().map(|job| not_run(job, &culprit))),
        None => {
            let others = slowest_first(others, options.previous.as_ref());
            evidence.tests.extend(run_parallel(site, others, progress).await);
            if policy.doctests {
                let (tests, broken) =
                    doctests::run(site, compiled, policy, options.filter.as_deref(), progress).await;
                evidence.tests.extend(tests);
                evidence.broken.extend(broken);
            }
        }
    }
    evidence.tests.sort_by(|a, b| a.name.cmp(&b.name));
    evidence
}

/// The jobs that go first, in the policy's order, with its longer timeout.
fn in_order(mut first: Vec<Job>, policy: &TestsPolicy) -> Vec<Job> {
    first.sort_by_key(|job| policy.first.iter().position(|name| *name == job.name));
    for job in &mut first {
        job.timeout = Duration::from_secs(policy.first_timeout_secs);
    }
    first
}

/// Runs them one after the other; gives the name of the first that did not pass.
async fn run_first(
    site: &Site,
    first: Vec<Job>,
    results: &mut Vec<TestResult>,
    progress: Progress<'_>,
) -> Option<String> {
    let mut culprit: Option<String> = None;
    for job in first {
        if let Some(culprit) = &culprit {
            results.push(not_run(job, culprit));
            continue;
        }
        progress(&format!("first: {}", job.name));
        let result = site.perform(&job).await;
        if !matches!(result.outcome, TestOutcome::Passed | TestOutcome::Skipped(_)) {
            culprit = Some(result.name.clone());
        }
        results.push(result);
    }
    culprit
}

fn not_run(job: Job, culprit: &str) -> TestResult {
    TestResult {
        name: job.name,
        outcome: TestOutcome::NotRun(culprit.to_owned()),
        duration_millis: 0,
        output: String::new(),
    }
}

/// Heaviest first keeps all cores busy to the end; a test without a time may be the heaviest.
fn slowest_first(mut jobs: Vec<Job>, previous: Option<&TestsEvidence>) -> Vec<Job> {
    let times: HashMap<&str, u64> = previous
        .into_iter()
        .flat_map(|evidence| &evidence.tests)
        .map(|test| (test.name.as_str(), test.duration_millis))
        .collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(times.get(job.name.as_str()).copied().unwrap_or(u64::MAX)));
    jobs
}

async fn run_parallel(site: &Arc<Site>, jobs: Vec<Job>, progress: Progress<'_>) -> Vec<TestResult> {
    let total = jobs.len();
    let mut results = Vec::with_capacity(total);
    let mut failed = 0_usize;
    let mut waiting = jobs.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < cores() {
            let Some(job) = waiting.next() else { break };
            let site = Arc::clone(site);
            running.spawn(async move { site.perform(&job).await });
        }
        let Some(ended) = running.join_next().await else { break };
        // A task of ours that panics is a bug; the panic goes on instead of losing a test.
        let result: TestResult = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let good =
            matches!(result.outcome, TestOutcome::Passed | TestOutcome::Ignored | TestOutcome::Skipped(_));
        failed += usize::from(!good);
        results.push(result);
        progress(&told(results.len(), total, failed));
    }
    results
}

fn told(done: usize, total: usize, failed: usize) -> String {
    if failed == 0 {
        format!("tests {done}/{total}")
    } else {
        format!("tests {done}/{total}, {failed} failed")
    }
}

/// Tests at a time.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str) -> Job {
        let binary = TestBinary {
            name: "p::lib".to_owned(),
            path: PathBuf::from("/no/such/binary"),
            harness: Harness::Libtest,
            directory: PathBuf::from("/"),
            environment: BTreeMap::new(),
        };
        let timeout = Duration::from_secs(1);
        Job { name: name.to_owned(), binary: Arc::new(binary), test: None, timeout, index: 0 }
    }

    fn names(jobs: &[Job]) -> Vec<&str> {
        jobs.iter().map(|job| job.name.as_str()).collect()
    }

    #[test]
    fn the_unknown_and_the_slow_go_before_the_quick() {
        let result = |name: &str, duration_millis| TestResult {
            name: name.to_owned(),
            outcome: TestOutcome::Passed,
            duration_millis,
            output: String::new(),
        };
        let tests = vec![result("quick", 1), result("slow", 900)];
        let previous = TestsEvidence { tests, ..TestsEvidence::default() };
        let jobs = slowest_first(vec![job("quick"), job("new"), job("slow")], Some(&previous));
        assert_eq!(names(&jobs), ["new", "slow", "quick"]);
    }

    #[test]
    fn the_first_ones_keep_the_policys_order_and_timeout() {
        let policy = TestsPolicy { first: vec!["b".into(), "a".into()], ..TestsPolicy::default() };
        let jobs = in_order(vec![job("a"), job("b")], &policy);
        assert_eq!((names(&jobs), jobs[0].timeout.as_secs()), (vec!["b", "a"], 900));
        assert_eq!((told(1, 2, 0), told(2, 2, 1)), ("tests 1/2".into(), "tests 2/2, 1 failed".into()));
    }

    #[tokio::test]
    async fn a_binary_that_cannot_be_started_is_no_pass_and_stops_what_comes_after() {
        let world = World::with([].into(), "/".into(), crate::world::Clock::system());
        let site =
            Site::prepare(&world, &TestsPolicy::default(), &RunOptions::default(), Path::new("/w")).unwrap();
        let mut results = Vec::new();
        let culprit = run_first(&site, vec![job("a"), job("b")], &mut results, &|_| {}).await;
        assert_eq!(culprit.as_deref(), Some("a"));
        assert!(matches!(&results[0].outcome, TestOutcome::Vanished(why) if why.contains("no/such/binary")));
        assert_eq!(results[1].outcome, TestOutcome::NotRun("a".to_owned()));
    }

    #[test]
    fn a_temporary_directory_that_cannot_be_made_is_told() {
        let environment = [("TMPDIR".to_owned(), "/no/such/place".to_owned())].into();
        let world = World::with(environment, "/".into(), crate::world::Clock::system());
        let error = Site::prepare(&world, &TestsPolicy::default(), &RunOptions::default(), Path::new("/w"))
            .err()
            .unwrap();
        assert!(error.to_string().contains("/no/such/place"));
    }
}
