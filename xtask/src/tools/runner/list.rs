//! Asking every test binary for its tests. A binary that does not answer with a list is broken, never empty.
//!
//! The answers are not kept for the next run: a test could write there, and then it would decide what is run.

use super::libtest::{read_list, shortened};
use super::process::{self, Ended, Limits};
use super::{
    BrokenBinary, Compiled, Filter, Harness, Job, Mark, Single, Site, TestBinary, TestsPolicy, cores,
    doctests,
};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a binary may take to name its tests.
const LIST_SECS_MAX: u64 = 60;
/// How long that list may be: some hundred thousand names.
const LIST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What all binaries answered.
#[derive(Default)]
pub(super) struct Listed {
    /// Tests to run, in the order of their names.
    pub(super) jobs: Vec<Job>,
    /// Tests that are marked `#[ignore]`, and that the policy does not want to run all the same.
    pub(super) ignored: Vec<Job>,
    /// Binaries that gave no list.
    pub(super) broken: Vec<BrokenBinary>,
    /// Integration tests without a test inside.
    pub(super) empty: Vec<String>,
}

/// Every test that was asked for, without running one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The tests, in the order of their names.
    pub tests: Vec<ListedTest>,
    /// Binaries that gave no list.
    pub broken: Vec<BrokenBinary>,
}

/// One test that was not run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ListedTest {
    /// Its name, as reports have it.
    pub name: String,
    /// The feature set that it is compiled with.
    pub features: String,
    /// Whether it is left out for its mark `#[ignore]`.
    pub ignored: bool,
}

/// Asks everything that can be wanted, documentation tests too.
pub(super) async fn everything(
    site: &Arc<Site>,
    compiled: &Compiled,
    policy: &TestsPolicy,
    filter: Filter<'_>,
) -> Listing {
    let listed = all(site, &compiled.tests, policy, filter, |_| false).await;
    let features = compiled.cargo.features.to_string();
    let test =
        |job: &Job, ignored| ListedTest { name: job.name.clone(), features: features.clone(), ignored };
    let mut tests: Vec<_> = listed.jobs.iter().map(|job| test(job, false)).collect();
    tests.extend(listed.ignored.iter().map(|job| test(job, true)));
    let mut broken = listed.broken;
    let words = filter.for_documentation(&tests.iter().map(|test| test.name.as_str()).collect::<Vec<_>>());
    if let Some(words) = words.filter(|_| policy.doctests) {
        match doctests::list(site, compiled, policy, &words).await {
            Ok(names) => tests.extend(names.into_iter().map(|(name, ignored)| {
                let features = features.clone();
                ListedTest { name, features, ignored }
            })),
            Err(error) => {
                broken.push(BrokenBinary { name: "doc".to_owned(), why: shortened(&format!("{error:#}")) });
            }
        }
    }
    let chosen = filter.among(tests.iter().map(|test| test.name.as_str()));
    let wanted: Vec<bool> = tests.iter().map(|test| chosen.has(&test.name)).collect();
    let mut wanted = wanted.into_iter();
    tests.retain(|_| wanted.next().unwrap_or(true));
    tests.sort();
    Listing { tests, broken }
}

/// Asks all binaries that can have a wanted test, or one that goes first, and whose results are not used again; several at a
/// time.
pub(super) async fn all(
    site: &Arc<Site>,
    binaries: &[TestBinary],
    policy: &TestsPolicy,
    filter: Filter<'_>,
    used_again: impl Fn(usize) -> bool,
) -> Listed {
    let mut listed = Listed::default();
    let goes_first = |binary: &str| {
        policy.first.iter().any(|name| name.split_once('$').map_or(name.as_str(), |(of, _)| of) == binary)
    };
    let wanted = |(index, binary): &(usize, &TestBinary)| {
        !used_again(*index) && (filter.may_want(&binary.name) || goes_first(&binary.name))
    };
    let mut waiting =
        binaries.iter().enumerate().filter(wanted).map(|(index, binary)| (index, Arc::new(binary.clone())));
    let mut running = JoinSet::new();
    loop {
        while running.len() < cores() {
            let Some((index, binary)) = waiting.next() else { break };
            let site = Arc::clone(site);
            running.spawn(async move {
                let answer = ask(&site, &binary, index).await;
                (index, binary, answer)
            });
        }
        let Some(ended) = running.join_next().await else { break };
        let (index, binary, answer) =
            ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        listed.add(index, &binary, answer, policy);
    }
    listed.jobs.sort_by(|a, b| a.name.cmp(&b.name));
    listed.empty.sort();
    listed.broken.sort_by(|a, b| a.name.cmp(&b.name));
    listed
}

/// The names inside a binary, and those of them that are ignored.
struct Names {
    all: Vec<String>,
    ignored: HashSet<String>,
}

impl Listed {
    fn add(
        &mut self,
        index: usize,
        binary: &Arc<TestBinary>,
        answer: Result<Option<Names>, String>,
        policy: &TestsPolicy,
    ) {
        let timeout = Duration::from_secs(policy.timeout_secs);
        let job = |name: String, test| Job { name, binary: Arc::clone(binary), test, timeout, index };
        match answer {
            Err(why) => self.broken.push(BrokenBinary { name: binary.name.clone(), why }),
            Ok(None) => self.jobs.push(job(binary.name.clone(), None)),
            Ok(Some(names)) => {
                if names.all.is_empty() && is_integration_test(&binary.name) {
                    self.empty.push(binary.name.clone());
                }
                let others = (names.all.len() as u64).saturating_sub(1);
                for test in names.all {
                    let name = format!("{}${test}", binary.name);
                    let mark = if names.ignored.contains(&test) { Mark::Ignored } else { Mark::None };
                    let left_out = mark == Mark::Ignored && !policy.must_run(&name);
                    let job = job(name, Some(Single { name: test, others, mark }));
                    if left_out { self.ignored.push(job) } else { self.jobs.push(job) }
                }
            }
        }
    }
}

/// `package::target` with a plain target: any other has its kind before it, or is `lib`.
fn is_integration_test(binary: &str) -> bool {
    binary.rsplit_once("::").is_some_and(|(_, target)| target != "lib" && !target.contains('/'))
}

/// `None` for a binary that is one test as a whole.
async fn ask(site: &Site, binary: &TestBinary, index: usize) -> Result<Option<Names>, String> {
    if binary.harness != Harness::Libtest {
        return Ok(None);
    }
    let (all, ignored) = tokio::join!(
        list(site, binary, index, &["--list"]),
        list(site, binary, index, &["--list", "--ignored"]),
    );
    let (all, ignored) = (all?, ignored?);
    Ok(Some(Names { all, ignored: ignored.into_iter().collect() }))
}

async fn list(
    site: &Site,
    binary: &TestBinary,
    index: usize,
    arguments: &[&str],
) -> Result<Vec<String>, String> {
    let mut command = site.command(binary, index, arguments);
    // Listing must not count as running: start-up code of the binary would be covered by no test.
    command = command.env("LLVM_PROFILE_FILE", "/dev/null");
    let limits = Limits { timeout: Duration::from_secs(LIST_SECS_MAX), end_bytes: LIST_BYTES_MAX };
    let ran = process::run(&site.world, command, limits, None).await.map_err(|error| format!("{error:#}"))?;
    if ran.ended != Ended::Exited(0) {
        let said = ran.stderr.lines().next().map(shortened).unwrap_or_default();
        return Err(format!("listing its tests ended with {}: {said}", ran.ended));
    }
    read_list(&ran.stdout)
}

#[cfg(test)]
mod tests {
    use super::super::RunOptions;
    use super::*;
    use crate::tools::build::wrapper::write_script;
    use crate::world::{Clock, World};

    async fn listed(scripts: &[(&str, Harness, &str)], policy: &TestsPolicy, filter: &[&str]) -> Listed {
        let directory = tempfile::tempdir().unwrap();
        let binaries: Vec<_> = scripts
            .iter()
            .map(|(name, harness, script)| TestBinary {
                name: format!("p::{name}"),
                path: write_script(directory.path(), name, &format!("#!/bin/sh\n{script}\n")).unwrap(),
                harness: *harness,
                directory: directory.path().to_path_buf(),
                environment: [].into(),
            })
            .collect();
        let world = World::with([].into(), "/".into(), Clock::system());
        let site = Site::prepare(&world, policy, &RunOptions::default(), std::path::Path::new("/w"));
        let filter: Vec<String> = filter.iter().map(|word| (*word).to_owned()).collect();
        all(&Arc::new(site.unwrap()), &binaries, policy, Filter(&filter), |_| false).await
    }

    fn names(jobs: &[Job]) -> Vec<&str> {
        jobs.iter().map(|job| job.name.as_str()).collect()
    }

    const GOOD: &str = "case $2 in --ignored) echo 'b: test'; echo; echo '1 test, 0 benchmarks';; \
                        *) echo 'a: test'; echo 'b: test'; echo; echo '2 tests, 0 benchmarks';; esac";

    #[tokio::test]
    async fn a_binary_is_a_list_one_test_or_broken() {
        let scripts = [
            ("good", Harness::Libtest, GOOD),
            ("whole", Harness::Own, "exit 1"),
            ("early", Harness::Libtest, "echo no >&2; exit 3"),
            ("chatty", Harness::Libtest, "echo hello"),
            ("empty", Harness::Libtest, "echo 0 tests, 0 benchmarks"),
        ];
        let listed = listed(&scripts, &TestsPolicy::default(), &[]).await;
        assert_eq!(
            (names(&listed.jobs), names(&listed.ignored)),
            (vec!["p::good$a", "p::whole"], vec!["p::good$b"])
        );
        assert_eq!(listed.empty, ["p::empty"]);
        let broken: Vec<_> = listed.broken.iter().map(|one| format!("{}: {}", one.name, one.why)).collect();
        assert_eq!(
            broken,
            ["p::chatty: its list has no end", "p::early: listing its tests ended with exit status 3: no"]
        );
        assert!(!is_integration_test("p::bin/empty") && !is_integration_test("p::lib"));
    }

    #[tokio::test]
    async fn what_is_marked_runs_where_the_policy_says_so_and_only_who_can_answer_is_asked() {
        let scripts = [("good", Harness::Libtest, GOOD), ("other", Harness::Libtest, "exit 3")];
        let policy = TestsPolicy { must_run: vec!["*$b".into()], ..TestsPolicy::default() };
        let listed = listed(&scripts, &policy, &["good$b"]).await;
        assert_eq!((names(&listed.jobs), listed.ignored.len()), (vec!["p::good$a", "p::good$b"], 0));
        assert_eq!(listed.jobs[1].test.as_ref().unwrap().mark, Mark::Ignored);
        assert!(listed.broken.is_empty(), "{:?}", listed.broken);
        let policy = TestsPolicy { first: vec!["p::other$x".into()], ..TestsPolicy::default() };
        let listed = self::listed(&scripts, &policy, &["good$b"]).await;
        assert_eq!(listed.broken.len(), 1, "a test that goes first is looked for whatever the filter");
    }
}
