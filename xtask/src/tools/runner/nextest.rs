//! The engine `nextest`: cargo-nextest decides what runs when, by its own configuration and profiles; how a test ended is
//! judged as in the engine `builtin`, from what its process said.
//!
//! nextest is given the very binaries of the one compilation, and starts each test through a script of ours (a target runner),
//! which keeps output and exit status and names the raw profiles. So nothing rests on nextest's reports: a test that calls
//! `exit(0)` has not passed, and one that a `default-filter` left out is told. The number of retries is the policy's, whatever
//! nextest's configuration says; its timeouts hold, and the policy's where it has none.
//!
//! By `builtin` still run: documentation tests, binaries without libtest, tests that go first or run in spite of `#[ignore]`,
//! and binaries that nextest does not know (further feature sets). Left out: processes that a test leaves behind are nextest's
//! affair, and a test's output is limited when it is read, not while it is written.

mod record;

use super::attempts::{Job, Mark};
use super::libtest::{conclude, shortened};
use super::{Capture, RunOptions, Site, Tell, Told, millis};
use crate::evidence::CouldNotRun;
use crate::evidence::tests::{Attempt, BrokenBinary, TestOutcome, TestResult};
use crate::policy::TestsPolicy;
use crate::policy::tests::Engine;
use crate::tools::build::wrapper::write_script;
use crate::tools::build::{Compiled, Harness};
use crate::world::{CleanEnvironment, CommandLine, Finished, World};
use anyhow::Context as _;
use record::{Record, read, runner};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long nextest may take to name its binaries.
const LIST_TIMEOUT: Duration = Duration::from_secs(600);
/// How long all tests may take.
const RUN_TIMEOUT: Duration = Duration::from_secs(6 * 3600);
/// Names given on the command line; where more are wanted, all run and the others are not told.
const NAMES_MAX: usize = 500;
/// nextest's exit codes that say how tests ended: all passed, some did not, none was there.
const ENDED: [i32; 3] = [0, 100, 4];
/// nextest's own configuration.
const CONFIGURATION: &str = ".config/nextest.toml";

/// cargo-nextest as it is here.
#[derive(Debug, Clone)]
pub(super) struct Nextest {
    /// `0.9.148`.
    pub(super) version: String,
    profile: String,
}

/// What nextest made of the jobs that it was given.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Jobs that are not nextest's.
    pub(super) left: Vec<Job>,
    pub(super) tests: Vec<TestResult>,
    pub(super) counts_lost: Vec<String>,
    pub(super) broken: Option<BrokenBinary>,
}

/// The engine, where the policy wants it and it is there.
///
/// # Errors
/// Where the policy insists on it and it is not there.
pub(super) async fn find(
    world: &World,
    compiled: &Compiled,
    policy: &TestsPolicy,
    options: &RunOptions,
) -> Result<Option<Nextest>, CouldNotRun> {
    // What is shown as it comes must not go through a file.
    if policy.engine == Engine::Builtin || options.capture == Capture::Live {
        return Ok(None);
    }
    let question = CommandLine::new("cargo-nextest", ["nextest", "--version"]).with_timeout(LIST_TIMEOUT);
    let answer = world.run(&question).await.ok().filter(|answer| answer.status.success());
    let version = answer.and_then(|answer| {
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        said.strip_prefix("cargo-nextest ")?.split_whitespace().next().map(str::to_owned)
    });
    match version {
        Some(version) => Ok(Some(Nextest { version, profile: profile(world, policy, &compiled.cargo.root) })),
        None if policy.engine == Engine::Auto => Ok(None),
        None => Err(CouldNotRun {
            message: "policies/tests.yaml wants the engine nextest, and cargo-nextest is not here".to_owned(),
            help: "name cargo-nextest in `partners` of policies/tests.yaml, then: cargo xtask setup"
                .to_owned(),
        }),
    }
}

/// The policy's profile; else `ci` in CI, where nextest's configuration has it.
fn profile(world: &World, policy: &TestsPolicy, root: &Path) -> String {
    if let Some(named) = &policy.nextest_profile {
        return named.clone();
    }
    let text = std::fs::read_to_string(root.join(CONFIGURATION)).unwrap_or_default();
    let has_ci = text
        .parse::<toml::Table>()
        .is_ok_and(|table| table.get("profile").and_then(|profiles| profiles.get("ci")).is_some());
    if world.in_ci() && has_ci { "ci".to_owned() } else { "default".to_owned() }
}

impl Nextest {
    /// Runs those of the jobs that are nextest's.
    pub(super) async fn run(
        &self,
        site: &Site,
        compiled: &Compiled,
        jobs: Vec<Job>,
        tell: Tell<'_>,
    ) -> Outcome {
        let (mine, left): (Vec<_>, Vec<_>) = jobs.into_iter().partition(is_for_nextest);
        let mut outcome = Outcome { left, ..Outcome::default() };
        if mine.is_empty() {
            return outcome;
        }
        tell(Told::Progress("tests, run by nextest"));
        if let Err(error) = self.perform(site, compiled, mine, &mut outcome).await {
            let why = shortened(&format!("{error:#}"));
            outcome.broken = Some(BrokenBinary { name: "nextest".to_owned(), why });
        }
        outcome
    }

    async fn perform(
        &self,
        site: &Site,
        compiled: &Compiled,
        jobs: Vec<Job>,
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let folder = site.directory.path().join("nextest");
        let records = folder.join("records");
        std::fs::create_dir_all(&records)?;
        let script = write_script(&folder, "runner", &runner(site, &jobs, &records))?;
        let script = script.to_string_lossy().into_owned();
        // nextest splits a runner at spaces.
        anyhow::ensure!(!script.contains(char::is_whitespace), "TMPDIR has a space in its name: {script}");
        let metadata = binaries(site, compiled, &jobs).await?;
        let (jobs, unknown): (Vec<_>, Vec<_>) =
            jobs.into_iter().partition(|job| metadata.known.contains(&job.binary.path));
        outcome.left.extend(unknown);
        if jobs.is_empty() {
            return Ok(());
        }
        let list = folder.join("binaries.json");
        std::fs::write(&list, metadata.text)?;
        let configuration = folder.join("tool.toml");
        let timeout = jobs.iter().map(|job| job.timeout.as_secs()).max().unwrap_or_default().max(1);
        let text =
            format!("[profile.default]\nslow-timeout = {{ period = \"{timeout}s\", terminate-after = 1 }}\n");
        std::fs::write(&configuration, text)?;
        let command = self.command(site, compiled, &[&list, &configuration], &script, &jobs);
        let finished = site.world.run(&command).await?;
        let said = ended(&finished);
        let mut found = read(&records)?;
        for job in jobs {
            let name = job.test.as_ref().map(|test| test.name.clone()).unwrap_or_default();
            let attempts = found.remove(&(job.index, name)).unwrap_or_default();
            if attempts.iter().any(Record::was_killed) && site.profiles.are_lost_by_signals() {
                outcome.counts_lost.push(job.name.clone());
            }
            outcome.tests.push(result(&job, attempts, said.as_deref()));
        }
        said.map_or(Ok(()), |said| Err(anyhow::Error::msg(said)))
    }

    /// The run: in the tests' declared environment, to which nextest adds what it sets and what setup scripts say.
    fn command(
        &self,
        site: &Site,
        compiled: &Compiled,
        [list, configuration]: &[&PathBuf; 2],
        script: &str,
        jobs: &[Job],
    ) -> CommandLine {
        let mut command =
            CommandLine::new("cargo-nextest", ["nextest", "run", "--no-fail-fast", "--color", "never"])
                .arg("--binaries-metadata")
                .arg(list.to_string_lossy())
                .arg("--tool-config-file")
                .arg(format!("gateline:{}", configuration.display()))
                .arg("--profile")
                .arg(&self.profile)
                .arg("--retries")
                .arg(site.retries.to_string())
                .arg("--no-tests")
                .arg("pass")
                .in_directory(&compiled.cargo.root)
                .with_timeout(RUN_TIMEOUT);
        let names: BTreeSet<&str> =
            jobs.iter().filter_map(|job| job.test.as_ref()).map(|test| test.name.as_str()).collect();
        let all: usize = jobs.iter().map(|job| job.index).collect::<HashSet<_>>().len();
        let every = jobs.len() as u64 >= expected(jobs) && all == compiled.tests.len();
        if !every && names.len() <= NAMES_MAX {
            command.arguments.extend(["--".to_owned(), "--exact".to_owned()]);
            command.arguments.extend(names.into_iter().map(str::to_owned));
        }
        command.clean_environment = CleanEnvironment::Empty;
        for (name, value) in &site.environment {
            command = command.env(name, value);
        }
        let triple = compiled.cargo.toolchain.host.to_uppercase().replace(['-', '.'], "_");
        command.env(format!("CARGO_TARGET_{triple}_RUNNER"), script).env("CARGO_NET_OFFLINE", "true")
    }
}

/// Tests of the binaries that these jobs are of.
fn expected(jobs: &[Job]) -> u64 {
    let sizes: BTreeMap<usize, u64> =
        jobs.iter().filter_map(|job| Some((job.index, job.test.as_ref()?.others + 1))).collect();
    sizes.values().sum()
}

fn is_for_nextest(job: &Job) -> bool {
    let plain = job.test.as_ref().is_some_and(|test| test.mark == Mark::None);
    plain && job.binary.harness == Harness::Libtest
}

/// What nextest is told of the binaries.
struct Metadata {
    text: String,
    known: HashSet<PathBuf>,
}

/// The list that nextest itself makes of what is compiled, less the binaries that are none of the jobs'.
async fn binaries(site: &Site, compiled: &Compiled, jobs: &[Job]) -> anyhow::Result<Metadata> {
    let words = ["nextest", "list", "--workspace", "--all-targets", "--offline", "--color", "never"];
    let command = CommandLine::new("cargo-nextest", words)
        .arg("--list-type")
        .arg("binaries-only")
        .arg("--message-format")
        .arg("json")
        .in_directory(&compiled.cargo.root)
        .with_timeout(LIST_TIMEOUT);
    let answer = site.world.run(&compiled.same_compiler(command)).await?;
    let said = String::from_utf8_lossy(&answer.stderr).into_owned();
    anyhow::ensure!(answer.status.success(), "nextest gave no list of binaries: {}", said.trim());
    let wanted: HashSet<&Path> = jobs.iter().map(|job| job.binary.path.as_path()).collect();
    metadata(&answer.stdout, &wanted)
}

fn metadata(answer: &[u8], wanted: &HashSet<&Path>) -> anyhow::Result<Metadata> {
    let mut document: serde_json::Value =
        serde_json::from_slice(answer).context("nextest's list of binaries is no JSON")?;
    let binaries = document.get_mut("rust-binaries").and_then(serde_json::Value::as_object_mut);
    let binaries = binaries.context("nextest's list has no `rust-binaries`")?;
    let mut known = HashSet::new();
    binaries.retain(|_, binary| {
        let path = binary.get("binary-path").and_then(serde_json::Value::as_str).map(PathBuf::from);
        let path = path.filter(|path| wanted.contains(path.as_path()));
        path.is_some_and(|path| known.insert(path))
    });
    Ok(Metadata { text: document.to_string(), known })
}

/// Why nextest did not do its work; `None` where it did.
fn ended(finished: &Finished) -> Option<String> {
    let said = String::from_utf8_lossy(&finished.stderr);
    let said = said.find("error:").map_or(said.trim(), |at| said.get(at..).unwrap_or_default().trim());
    match finished.status.code() {
        _ if finished.timed_out => Some(format!("nextest did not end within {} s", RUN_TIMEOUT.as_secs())),
        Some(code) if ENDED.contains(&code) => None,
        Some(code) => Some(format!("nextest ended with exit status {code}: {said}")),
        None => Some("a signal ended nextest".to_owned()),
    }
}

fn result(job: &Job, attempts: Vec<Record>, failed: Option<&str>) -> TestResult {
    if attempts.is_empty() {
        let why = match failed {
            Some(said) => said.to_owned(),
            None => format!("nextest left it out: see default-filter and overrides in {CONFIGURATION}"),
        };
        return TestResult::new(&job.name, TestOutcome::Vanished(shortened(&why)));
    }
    let others = job.test.as_ref().map_or(0, |test| test.others);
    let attempt = |record: Record| {
        let outcome = conclude(record.ended, others, &record.stdout, &record.stderr);
        let output =
            if outcome == TestOutcome::Passed { String::new() } else { record.stdout + &record.stderr };
        Attempt { outcome, duration_millis: millis(record.took.unwrap_or(job.timeout)), output }
    };
    TestResult::of_attempts(&job.name, attempts.into_iter().map(attempt).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_jobs_binaries_are_left_in_the_list() {
        let text = br#"{"rust-build-meta": {}, "rust-binaries": {"a": {"binary-path": "/a"}, "b": {"binary-path": "/b"}}}"#;
        let read = metadata(text, &HashSet::from([Path::new("/b"), Path::new("/c")])).unwrap();
        assert_eq!(read.known, HashSet::from([PathBuf::from("/b")]));
        assert!(read.text.contains("rust-build-meta") && !read.text.contains("/a"), "{}", read.text);
        assert!(metadata(b"{}", &HashSet::new()).is_err() && metadata(b"[", &HashSet::new()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_list_or_an_error(bytes: Vec<u8>) {
            let _ = metadata(&bytes, &HashSet::new());
        }
    }
}
