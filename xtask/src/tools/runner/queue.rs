//! Many tests: several at a time, or one after the other, with what is told while they run.

use super::attempts::{Counts, Job, Performed};
use super::{Capture, Site, Told};
use crate::evidence::TestsEvidence;
use crate::evidence::tests::{TestOutcome, TestResult};
use crate::policy::TestsPolicy;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// What waits to be told: a test that prints faster than a terminal reads is held up.
const MESSAGES_MAX: usize = 64;

/// Something told from inside a test's task.
#[derive(Debug)]
pub(super) enum Message {
    /// A line that stays.
    Notice(String),
    /// What a test prints, as it comes.
    Output(Vec<u8>),
}

/// The way from the tasks to whoever tells.
pub(super) type Messages = mpsc::Sender<Message>;

/// How what happens is told.
pub(super) type Tell<'a> = &'a (dyn Fn(Told<'_>) + Send + Sync);

/// What came of some tests.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) tests: Vec<TestResult>,
    /// Those whose counts of lines are lost.
    pub(super) counts_lost: Vec<String>,
}

impl Results {
    fn take(&mut self, performed: Performed) {
        if performed.counts == Counts::Lost {
            self.counts_lost.push(performed.result.name.clone());
        }
        self.tests.push(performed.result);
    }
}

impl Site {
    /// Where output goes as it comes, where somebody wants to see it.
    pub(super) fn live<'a>(&self, messages: &'a Messages) -> Option<&'a Messages> {
        (self.capture == Capture::Live).then_some(messages)
    }

    /// Tests at a time: what is seen as it comes would be mixed up by two.
    fn at_a_time(&self) -> usize {
        if self.capture == Capture::Live { 1 } else { cores() }
    }
}

/// Runs the jobs that go first, one after the other, in the policy's order and with its longer timeout; gives the name of the
/// first that did not pass.
pub(super) async fn first(
    site: &Arc<Site>,
    jobs: Vec<Job>,
    policy: &TestsPolicy,
    results: &mut Results,
    tell: Tell<'_>,
) -> Option<String> {
    let mut culprit: Option<String> = None;
    for job in in_order(jobs, policy) {
        if let Some(culprit) = &culprit {
            results.tests.push(not_run(job, culprit));
            continue;
        }
        let (name, told) = (job.name.clone(), format!("first: {}", job.name));
        tell(Told::Progress(&told));
        one_batch(site, vec![job], results, &|told| {
            if !matches!(told, Told::Progress(_)) {
                tell(told);
            }
        })
        .await;
        let good = |test: &TestResult| !test.outcome.is_failure();
        if !results.tests.last().is_some_and(good) {
            culprit = Some(name);
        }
    }
    culprit
}

/// The jobs in the policy's order, with its longer timeout.
fn in_order(mut jobs: Vec<Job>, policy: &TestsPolicy) -> Vec<Job> {
    jobs.sort_by_key(|job| policy.first.iter().position(|name| *name == job.name));
    for job in &mut jobs {
        job.timeout = Duration::from_secs(policy.first_timeout_secs);
    }
    jobs
}

/// A test that another kept from running.
pub(super) fn not_run(job: Job, culprit: &str) -> TestResult {
    TestResult::new(job.name, TestOutcome::NotRun(culprit.to_owned()))
}

/// Heaviest first keeps all cores busy to the end; a test without a time may be the heaviest.
pub(super) fn slowest_first(mut jobs: Vec<Job>, previous: Option<&TestsEvidence>) -> Vec<Job> {
    let times: HashMap<&str, u64> = previous
        .into_iter()
        .flat_map(|evidence| &evidence.tests)
        .map(|test| (test.name.as_str(), test.duration_millis))
        .collect();
    jobs.sort_by_key(|job| std::cmp::Reverse(times.get(job.name.as_str()).copied().unwrap_or(u64::MAX)));
    jobs
}

/// Runs all of them, as many at a time as there are cores.
pub(super) async fn one_batch(site: &Arc<Site>, jobs: Vec<Job>, results: &mut Results, tell: Tell<'_>) {
    let (total, mut done, mut failed) = (jobs.len(), 0_usize, 0_usize);
    let (sender, mut messages) = mpsc::channel(MESSAGES_MAX);
    let mut waiting = jobs.into_iter();
    let mut running: JoinSet<Performed> = JoinSet::new();
    loop {
        while running.len() < site.at_a_time() {
            let Some(job) = waiting.next() else { break };
            let (site, sender) = (Arc::clone(site), sender.clone());
            running.spawn(async move { site.perform(&job, &sender).await });
        }
        let ended = tokio::select! {
            biased;
            Some(message) = messages.recv() => {
                message.told(tell);
                continue;
            }
            ended = running.join_next() => ended,
        };
        let Some(ended) = ended else { break };
        // A task of ours that panics is a bug; the panic goes on instead of losing a test.
        let performed = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        while let Ok(message) = messages.try_recv() {
            message.told(tell);
        }
        let good = matches!(
            performed.result.outcome,
            TestOutcome::Passed | TestOutcome::Flaky | TestOutcome::Ignored | TestOutcome::Skipped(_)
        );
        done += 1;
        failed += usize::from(!good);
        results.take(performed);
        tell(Told::Progress(&told(done, total, failed)));
    }
}

impl Message {
    fn told(&self, tell: Tell<'_>) {
        match self {
            Message::Notice(line) => tell(Told::Notice(line)),
            Message::Output(bytes) => tell(Told::Output(bytes)),
        }
    }
}

fn told(done: usize, total: usize, failed: usize) -> String {
    if failed == 0 {
        format!("tests {done}/{total}")
    } else {
        format!("tests {done}/{total}, {failed} failed")
    }
}

/// Tests at a time.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
