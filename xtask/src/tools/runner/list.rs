//! Asking every test binary for its tests. A binary that does not answer with a list is broken, never empty.

use super::libtest::{read_list, shortened};
use super::process::{self, Ended, Limits};
use super::{
    BrokenBinary, Harness, Job, Single, Site, TestBinary, TestOutcome, TestResult, TestsPolicy, cores,
};
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
    /// Tests to run.
    pub(super) jobs: Vec<Job>,
    /// Tests that are marked `#[ignore]`.
    pub(super) ignored: Vec<TestResult>,
    /// Binaries that gave no list.
    pub(super) broken: Vec<BrokenBinary>,
}

/// Asks all binaries, several at a time.
pub(super) async fn all(site: &Arc<Site>, binaries: &[TestBinary], policy: &TestsPolicy) -> Listed {
    let mut listed = Listed::default();
    let mut waiting = binaries.iter().cloned().map(Arc::new).enumerate();
    let mut running = JoinSet::new();
    let timeout = Duration::from_secs(policy.timeout_secs);
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
        listed.add(index, &binary, answer, timeout);
    }
    listed.jobs.sort_by(|a, b| a.name.cmp(&b.name));
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
        timeout: Duration,
    ) {
        let job = |name: String, test| Job { name, binary: Arc::clone(binary), test, timeout, index };
        match answer {
            Err(why) => self.broken.push(BrokenBinary { name: binary.name.clone(), why }),
            Ok(None) => self.jobs.push(job(binary.name.clone(), None)),
            Ok(Some(names)) => {
                let others = (names.all.len() as u64).saturating_sub(1);
                for test in names.all {
                    let name = format!("{}${test}", binary.name);
                    if names.ignored.contains(&test) {
                        self.ignored.push(ignored(name));
                    } else {
                        self.jobs.push(job(name, Some(Single { name: test, others })));
                    }
                }
            }
        }
    }
}

fn ignored(name: String) -> TestResult {
    TestResult { name, outcome: TestOutcome::Ignored, duration_millis: 0, output: String::new() }
}

/// `None` for a binary that is one test as a whole.
async fn ask(site: &Site, binary: &TestBinary, index: usize) -> Result<Option<Names>, String> {
    if binary.harness != Harness::Libtest {
        return Ok(None);
    }
    let all = list(site, binary, index, &["--list"]).await?;
    let ignored = list(site, binary, index, &["--list", "--ignored"]).await?;
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
    let unwanted = site.directory.path().join("lists/%m.profraw");
    command = command.env("LLVM_PROFILE_FILE", unwanted.to_string_lossy());
    let limits = Limits { timeout: Duration::from_secs(LIST_SECS_MAX), end_bytes: LIST_BYTES_MAX };
    let ran = process::run(&site.world, command, limits).await.map_err(|error| format!("{error:#}"))?;
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

    async fn listed(scripts: &[(&str, Harness, &str)]) -> Listed {
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
        let policy = TestsPolicy::default();
        let site =
            Arc::new(Site::prepare(&world, &policy, &RunOptions::default(), directory.path()).unwrap());
        all(&site, &binaries, &policy).await
    }

    #[tokio::test]
    async fn a_binary_is_a_list_one_test_or_broken() {
        let good = "case $2 in --ignored) echo 'b: test'; echo; echo '1 test, 0 benchmarks';; \
                    *) echo 'a: test'; echo 'b: test'; echo; echo '2 tests, 0 benchmarks';; esac";
        let listed = listed(&[
            ("good", Harness::Libtest, good),
            ("whole", Harness::Own, "exit 1"),
            ("early", Harness::Libtest, "echo no >&2; exit 3"),
            ("chatty", Harness::Libtest, "echo hello"),
        ])
        .await;
        let jobs: Vec<_> = listed.jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(jobs, ["p::good$a", "p::whole"]);
        assert_eq!(listed.ignored.len(), 1);
        let broken: Vec<_> = listed.broken.iter().map(|one| format!("{}: {}", one.name, one.why)).collect();
        assert_eq!(
            broken,
            ["p::chatty: its list has no end", "p::early: listing its tests ended with exit status 3: no"]
        );
    }
}
