//! One test, from its first attempt to its last.

use super::process::{self, Ended, Ran};
use super::queue::{Message, Messages};
use super::{Site, libtest, millis};
use crate::evidence::tests::{Attempt, TestOutcome, TestResult};
use crate::tools::build::{Harness, TestBinary};
use crate::world::CommandLine;
use std::sync::Arc;
use std::time::Duration;

/// One test to be run.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) binary: Arc<TestBinary>,
    /// The test inside the binary; `None` runs the whole binary.
    pub(super) test: Option<Single>,
    pub(super) timeout: Duration,
    /// Which binary, for the names of raw profiles.
    pub(super) index: usize,
}

/// One test of a binary.
#[derive(Debug, Clone)]
pub(super) struct Single {
    /// Its name inside the binary.
    pub(super) name: String,
    /// How many others the binary has.
    pub(super) others: u64,
    /// Whether it is marked `#[ignore]` and runs all the same.
    pub(super) mark: Mark,
}

/// Whether a test is marked `#[ignore]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    Ignored,
}

/// What became of a test.
#[derive(Debug)]
pub(super) struct Performed {
    pub(super) result: TestResult,
    /// Whether its counts of lines reached their file.
    pub(super) counts: Counts,
}

/// Whether counts of lines reached their file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    Written,
    Lost,
}

impl Job {
    fn arguments(&self) -> Vec<&str> {
        match (&self.test, self.binary.harness) {
            (Some(test), _) => {
                let mut arguments = vec!["--exact", test.name.as_str(), "--nocapture"];
                arguments.extend((test.mark == Mark::Ignored).then_some("--include-ignored"));
                arguments
            }
            (None, Harness::OwnBenchmark) => vec!["--test"],
            (None, _) => vec![],
        }
    }
}

impl Site {
    /// A command in the tests' environment.
    pub(super) fn command(&self, binary: &TestBinary, index: usize, arguments: &[&str]) -> CommandLine {
        let mut command = CommandLine::new(binary.path.to_string_lossy(), arguments.iter().copied())
            .in_directory(&binary.directory);
        for (name, value) in self.environment.iter().chain(&binary.environment) {
            command = command.env(name, value);
        }
        command.env("LLVM_PROFILE_FILE", self.profiles.of_binary(index))
    }

    /// Runs one test as often as the policy allows, until it passes.
    pub(super) async fn perform(&self, job: &Job, messages: &Messages) -> Performed {
        let (mut attempts, mut left_behind) = (Vec::new(), Vec::new());
        let mut counts = Counts::Written;
        for _ in 0..=self.retries {
            let (attempt, ran) = self.attempt(job, messages).await;
            let again = attempt.outcome.is_failure();
            attempts.push(attempt);
            if let Some(ran) = ran {
                counts = self.counts(ran.ended);
                left_behind.extend(ran.left_behind);
            }
            if !again {
                break;
            }
        }
        let result = TestResult { left_behind, ..TestResult::of_attempts(&job.name, attempts) };
        Performed { result, counts }
    }

    async fn attempt(&self, job: &Job, messages: &Messages) -> (Attempt, Option<Ran>) {
        let command = self.command(&job.binary, job.index, &job.arguments());
        let limits = process::Limits::of_a_test(job.timeout);
        let run = process::run(&self.world, command, limits, self.live(messages));
        let mut ran = match self.watched(&job.name, run, messages).await {
            Ok(ran) => ran,
            Err(error) => {
                let outcome = TestOutcome::Vanished(format!("{error:#}"));
                return (Attempt { outcome, duration_millis: 0, output: String::new() }, None);
            }
        };
        let outcome = match &job.test {
            Some(test) => libtest::conclude(ran.ended, test.others, &ran.stdout, &ran.stderr),
            None => libtest::conclude_own(ran.ended, &ran.stdout, &ran.stderr),
        };
        let said = [std::mem::take(&mut ran.stdout), std::mem::take(&mut ran.stderr)];
        let output = if outcome == TestOutcome::Passed { String::new() } else { said.concat() };
        (Attempt { outcome, duration_millis: millis(ran.duration), output }, Some(ran))
    }

    /// Waits for a run, and tells each time that it has run for so long again.
    async fn watched<T>(&self, name: &str, run: impl Future<Output = T>, messages: &Messages) -> T {
        tokio::pin!(run);
        let Some(slow) = self.slow else { return run.await };
        let mut so_far = Duration::ZERO;
        loop {
            tokio::select! {
                ran = &mut run => return ran,
                () = tokio::time::sleep(slow) => {
                    so_far += slow;
                    let line = format!("slow: {name} has been running for {} s", so_far.as_secs());
                    // Nobody is there to be told only where the whole run is given up.
                    let _ = messages.send(Message::Notice(line)).await;
                }
            }
        }
    }

    fn counts(&self, ended: Ended) -> Counts {
        match ended {
            Ended::Exited(_) => Counts::Written,
            Ended::Signalled(_) | Ended::TimedOut if self.profiles.are_lost_by_signals() => Counts::Lost,
            Ended::Signalled(_) | Ended::TimedOut => Counts::Written,
        }
    }
}
