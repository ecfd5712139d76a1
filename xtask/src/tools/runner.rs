//! The engine `builtin`: every test in a process of its own, counted so that nothing can fool it.
//!
//! Each binary is asked for its list, then each test is run by name, several at a time, the slowest of the last run
//! first. A `runner` in cargo's configuration is never used: it could answer for the tests. A test that did not pass is tried
//! again as often as the policy allows; that it passed then makes it flaky, never passed.
//!
//! Tests that the policy puts `first` run before all others, one after the other, whatever the filter: they prepare what
//! others use. Where one of them does not pass, the others are not started, and each says so: their failures would only
//! hide the cause.

mod attempts;
mod doctests;
mod environment;
mod filter;
mod kept;
mod left;
mod libtest;
mod list;
mod nextest;
mod process;
mod profiles;
mod queue;
pub mod selection;
mod sets;

pub use doctests::with_documentation_flags;
pub use environment::INSIDE_GATE;
pub use kept::{Kept, Setting};
pub use libtest::SKIP_MARK;
pub use list::{ListedTest, Listing};
pub use profiles::{Counting, doctest_objects, prefix_of, written_by};
pub use sets::{add_set, words_of_set};

use super::build::{Compilation, Compiled, Harness, TestBinary};
use super::cargo::configured;
use super::redaction::Redactor;
use crate::evidence::tests::{BrokenBinary, Surroundings, TestOutcome, TestResult, TestsEvidence};
use crate::evidence::{CouldNotRun, Measured};
use crate::policy::TestsPolicy;
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use attempts::{Job, Mark, Single};
use filter::Filter;
use kept::Chosen;
use profiles::Profiles;
use queue::{Results, Tell, cores};
use selection::{Selection, documentation_of};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The name and version of this engine in evidence.
pub const ENGINE: &str = concat!("builtin ", env!("CARGO_PKG_VERSION"));

/// What a run is besides the policy.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// Run only tests whose full name contains one of these; one that is a full name means that test alone.
    pub filters: Vec<String>,
    /// Where raw profiles go; they are thrown away where `None`.
    pub profiles: Option<PathBuf>,
    /// When counts reach the raw profiles.
    pub counting: Counting,
    /// Whether output is shown as it comes.
    pub capture: Capture,
    /// The last run, for its times.
    pub previous: Option<TestsEvidence>,
    /// Which packages and which shard; other tests are neither run nor in the evidence.
    pub selection: Selection,
    /// What earlier runs proved, where that may be used again; only with no filter and no selection.
    pub kept: Option<Arc<Kept>>,
}

/// What becomes of a test's output while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Capture {
    /// It is kept, and shown where the test does not pass.
    #[default]
    Kept,
    /// It is also shown as it comes, so tests run one at a time.
    Live,
}

/// Something told while tests run.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// What happens now: one short line, soon replaced by another.
    Progress(&'a str),
    /// A line that stays.
    Notice(&'a str),
    /// What a test prints, as it comes.
    Output(&'a [u8]),
}

/// Runs every test of what was compiled.
pub async fn run(
    world: &World,
    compiled: &Compiled,
    policy: &TestsPolicy,
    options: &RunOptions,
    tell: &(dyn Fn(Told<'_>) + Send + Sync),
) -> Measured<TestsEvidence> {
    let start = world.monotonic();
    let result = match site_and_engine(world, compiled, policy, options).await {
        Ok(site) => Ok(perform(&Arc::new(site), compiled, policy, options, tell).await),
        Err(why) => Err(why),
    };
    let duration_millis = millis(world.monotonic() - start);
    Measured { result, duration_millis }
}

/// Names every test of what was compiled that the filters choose, without running one.
///
/// # Errors
/// Where there is no room for the programs that are asked.
pub async fn list(
    world: &World,
    compiled: &Compiled,
    policy: &TestsPolicy,
    options: &RunOptions,
) -> Result<Listing, CouldNotRun> {
    let site =
        Site::prepare(world, policy, options, &compiled.cargo.root).map_err(|error| no_site(&error))?;
    let mut listing = list::everything(&Arc::new(site), compiled, policy, Filter(&options.filters)).await;
    Redactor::new(world).broken(&mut listing.broken);
    Ok(listing)
}

async fn site_and_engine(
    world: &World,
    compiled: &Compiled,
    policy: &TestsPolicy,
    options: &RunOptions,
) -> Result<Site, CouldNotRun> {
    let nextest = nextest::find(world, compiled, policy, options).await?;
    let site =
        Site::prepare(world, policy, options, &compiled.cargo.root).map_err(|error| no_site(&error))?;
    Ok(Site { nextest, ..site })
}

fn no_site(error: &anyhow::Error) -> CouldNotRun {
    CouldNotRun { message: format!("{error:#}"), help: "df -h; cargo xtask doctor".to_owned() }
}

/// What all tests of one run share.
struct Site {
    world: World,
    /// The tests' TMPDIR. Removed at the end.
    directory: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    surroundings: Surroundings,
    profiles: Profiles,
    retries: u8,
    slow: Option<Duration>,
    capture: Capture,
    /// Who runs what is left to it; `builtin` where `None`.
    nextest: Option<nextest::Nextest>,
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
        for needed in [Some(&temporary), options.profiles.as_ref()].into_iter().flatten() {
            std::fs::create_dir_all(needed)
                .with_context(|| format!("failed to make {}", needed.display()))?;
        }
        let environment = tests_environment(world, policy, &temporary.to_string_lossy(), root);
        let (surroundings, retries) = match world.in_ci() {
            true => (Surroundings::Ci, policy.retries.ci),
            false => (Surroundings::Laptop, policy.retries.local),
        };
        Ok(Site {
            world: world.clone(),
            directory,
            environment,
            surroundings,
            profiles: Profiles::of(options),
            retries,
            slow: (policy.slow_secs > 0).then(|| Duration::from_secs(policy.slow_secs)),
            capture: options.capture,
            nextest: None,
        })
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
    tell: Tell<'_>,
) -> TestsEvidence {
    let mut evidence = TestsEvidence {
        engine: site
            .nextest
            .as_ref()
            .map_or_else(|| ENGINE.to_owned(), |one| format!("nextest {}", one.version)),
        surroundings: site.surroundings,
        filters: options.filters.clone(),
        left_out: compiled.cargo.left_out().to_vec(),
        ..TestsEvidence::default()
    };
    if compiled.outcome == Compilation::DoesNotCompile {
        evidence.compile_errors = compiled.errors().cloned().collect();
        Redactor::new(&site.world).tests(&mut evidence);
        return evidence;
    }
    let filter = Filter(&options.filters);
    let again = used_again(compiled, policy, options).await;
    let listed = list::all(site, &compiled.tests, policy, filter, |index| again.has(index)).await;
    evidence.broken = listed.broken;
    evidence.empty = if options.filters.is_empty() { listed.empty } else { Vec::new() };
    let names = || listed.jobs.iter().chain(&listed.ignored).map(|job| job.name.as_str());
    let chosen = filter.among(names());
    let documentation = filter.for_documentation(&names().collect::<Vec<_>>());
    let documented = compiled.cargo.with_doctests().filter(|_| policy.doctests);
    let documented: Vec<_> = documented.map(|(package, _)| documentation_of(&package.name)).collect();
    let every = names().chain(documented.iter().map(String::as_str));
    let selected = options.selection.choose(every, &policy.first);
    evidence.part.shard.clone_from(&selected.shard);
    let wanted = |name: &str| chosen.has(name) && selected.has(name);
    let ignored = listed.ignored.iter().filter(|job| wanted(&job.name));
    let mut results = Results::default();
    results.tests.extend(again.tests());
    evidence.reused = again.told();
    results.tests.extend(ignored.map(|job| TestResult::new(&job.name, TestOutcome::Ignored)));
    let (first, others): (Vec<_>, Vec<_>) =
        listed.jobs.into_iter().partition(|job| policy.first.contains(&job.name));
    let others: Vec<_> = others.into_iter().filter(|job| wanted(&job.name)).collect();
    match queue::first(site, first, policy, &mut results, tell).await {
        Some(culprit) => {
            results.tests.extend(others.into_iter().map(|job| queue::not_run(job, &culprit)));
        }
        None => {
            let others = match &site.nextest {
                Some(nextest) => {
                    let ran = nextest.run(site, compiled, others, tell).await;
                    results.tests.extend(ran.tests);
                    results.counts_lost.extend(ran.counts_lost);
                    evidence.broken.extend(ran.broken);
                    ran.left
                }
                None => others,
            };
            let others = queue::slowest_first(others, options.previous.as_ref());
            queue::one_batch(site, others, &mut results, tell).await;
            if let Some(words) = documentation.filter(|_| policy.doctests && !again.has_documentation()) {
                let (tests, broken) = doctests::run(site, compiled, policy, (&words, &selected), tell).await;
                results.tests.extend(tests);
                evidence.broken.extend(broken);
            }
        }
    }
    evidence.tests = results.tests;
    evidence.tests.sort_by(|a, b| a.name.cmp(&b.name));
    evidence.counts_lost = results.counts_lost;
    evidence.counts_lost.sort();
    Redactor::new(&site.world).tests(&mut evidence);
    match &options.kept {
        Some(kept) => keep(kept, compiled, options, evidence, again).await,
        None => evidence,
    }
}

/// What need not run.
async fn used_again(compiled: &Compiled, policy: &TestsPolicy, options: &RunOptions) -> Chosen {
    let Some(kept) = options.kept.clone() else { return Chosen::default() };
    let (tests, first) = (compiled.tests.clone(), policy.first.clone());
    let profiles = options.profiles.clone();
    beside(move || kept.choose(&tests, &first, profiles.as_deref())).await
}

/// Keeps what this run proved, for the next.
async fn keep(
    kept: &Arc<Kept>,
    compiled: &Compiled,
    options: &RunOptions,
    evidence: TestsEvidence,
    again: Chosen,
) -> TestsEvidence {
    let (kept, tests, profiles) = (Arc::clone(kept), compiled.tests.clone(), options.profiles.clone());
    beside(move || {
        kept.keep(&tests, &evidence, &again, profiles.as_deref());
        evidence
    })
    .await
}

/// Work that reads and writes much, off the threads that wait.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // A panic of ours is a bug; it goes on instead of losing results.
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// The variables that every test sees, its temporary folder left out: that is another one in each run.
pub fn declared_environment(world: &World, policy: &TestsPolicy, root: &Path) -> BTreeMap<String, String> {
    let mut all = tests_environment(world, policy, "", root);
    for name in ["RUSTFLAGS", "RUSTDOCFLAGS"] {
        all.extend(world.env(name).map(|value| (name.to_owned(), value.to_owned())));
    }
    all
}

fn tests_environment(
    world: &World,
    policy: &TestsPolicy,
    temporary: &str,
    root: &Path,
) -> BTreeMap<String, String> {
    let configured = configured::variables(world, root);
    let (world, root) = (world.environment(), root.to_string_lossy());
    environment::declared(world, &policy.environment, configured, temporary, &root)
}

#[cfg(test)]
mod tests;
