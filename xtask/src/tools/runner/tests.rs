//! The order of tests, and what happens where the outside does not play along.

use super::queue::{first, one_batch, slowest_first};
use super::*;
use crate::tools::build::Harness;
use crate::tools::build::wrapper::write_script;
use crate::world::Clock;
use std::sync::Mutex;

fn job_of(name: &str, path: PathBuf, timeout: Duration) -> Job {
    let binary = TestBinary {
        name: "p::lib".to_owned(),
        path,
        harness: Harness::Own,
        directory: PathBuf::from("/"),
        environment: BTreeMap::new(),
    };
    Job { name: name.to_owned(), binary: Arc::new(binary), test: None, timeout, index: 0 }
}

fn job(name: &str) -> Job {
    job_of(name, PathBuf::from("/no/such/binary"), Duration::from_secs(1))
}

fn site(
    environment: &[(&str, &str)],
    policy: &TestsPolicy,
    options: &RunOptions,
) -> anyhow::Result<Arc<Site>> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let world = World::with(environment.collect(), "/".into(), Clock::system());
    Site::prepare(&world, policy, options, Path::new("/w")).map(Arc::new)
}

#[test]
fn the_unknown_and_the_slow_go_before_the_quick() {
    let result = |name: &str, duration_millis| TestResult {
        duration_millis,
        ..TestResult::new(name, TestOutcome::Passed)
    };
    let tests = vec![result("quick", 1), result("slow", 900)];
    let previous = TestsEvidence { tests, ..TestsEvidence::default() };
    let jobs = slowest_first(vec![job("quick"), job("new"), job("slow")], Some(&previous));
    let names: Vec<_> = jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["new", "slow", "quick"]);
}

#[tokio::test]
async fn a_binary_that_cannot_be_started_is_no_pass_and_stops_what_comes_after() {
    let site = site(&[], &TestsPolicy::default(), &RunOptions::default()).unwrap();
    let policy = TestsPolicy { first: vec!["b".into(), "a".into()], ..TestsPolicy::default() };
    let (mut results, told) = (Results::default(), Mutex::new(Vec::new()));
    let tell = |one: Told<'_>| told.lock().unwrap().push(format!("{one:?}"));
    let culprit = first(&site, vec![job("a"), job("b")], &policy, &mut results, &tell).await;
    assert_eq!(culprit.as_deref(), Some("b"), "the policy's order holds");
    assert!(
        matches!(&results.tests[0].outcome, TestOutcome::Vanished(why) if why.contains("no/such/binary"))
    );
    assert_eq!(results.tests[1].outcome, TestOutcome::NotRun("b".to_owned()));
    assert_eq!(*told.lock().unwrap(), ["Progress(\"first: b\")"]);
}

#[test]
fn a_temporary_directory_that_cannot_be_made_is_told() {
    let error = site(&[("TMPDIR", "/no/such/place")], &TestsPolicy::default(), &RunOptions::default());
    assert!(error.err().unwrap().to_string().contains("/no/such/place"));
}

/// A test that passes at its third attempt, with what each said.
#[tokio::test]
async fn what_is_tried_again_keeps_every_attempt_and_only_ci_tries_twice() {
    let directory = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\necho said >&2\necho x >> \"$0.count\"\n\
                  [ \"$(wc -l < \"$0.count\")\" -gt 2 ]\n";
    let run = async |name: &str, environment: &[(&str, &str)]| {
        let path = write_script(directory.path(), name, script).unwrap();
        let policy = TestsPolicy {
            retries: crate::policy::tests::Retries { local: 0, ci: 2 },
            environment: vec!["PATH".into()],
            ..TestsPolicy::default()
        };
        let site = site(environment, &policy, &RunOptions::default()).unwrap();
        let mut results = Results::default();
        let jobs = vec![job_of("p::flaky", path, Duration::from_secs(60))];
        one_batch(&site, jobs, &mut results, &|_| {}).await;
        results.tests.remove(0)
    };
    let path = ("PATH", "/usr/bin:/bin");
    let flaky = run("in-ci", &[path, ("CI", "true")]).await;
    assert_eq!((flaky.outcome.clone(), flaky.output.as_str()), (TestOutcome::Flaky, "said\n"), "{flaky:?}");
    let outcomes: Vec<_> = flaky.attempts.iter().map(|attempt| &attempt.outcome).collect();
    assert_eq!(outcomes, [&TestOutcome::Failed, &TestOutcome::Failed, &TestOutcome::Passed]);
    let once = run("here", &[path]).await;
    assert_eq!((once.outcome.clone(), once.tries()), (TestOutcome::Failed, 1));
}

#[tokio::test]
async fn output_is_shown_as_it_comes_and_what_is_slow_is_told_while_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    // The script ends only once it was told that it is slow.
    let mark = directory.path().join("told");
    let script = format!("#!/bin/sh\necho began\nuntil [ -e {} ]; do sleep 0.05; done\n", mark.display());
    let path = write_script(directory.path(), "slow", &script).unwrap();
    let options = RunOptions { capture: Capture::Live, ..RunOptions::default() };
    let policy = TestsPolicy { slow_secs: 1, ..TestsPolicy::default() };
    let site = site(&[("PATH", "/usr/bin:/bin")], &policy, &options).unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |one: Told<'_>| {
        told.lock().unwrap().push(match one {
            Told::Output(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Told::Notice(line) => {
                std::fs::write(&mark, "").unwrap();
                line.to_owned()
            }
            Told::Progress(line) => line.to_owned(),
        });
    };
    let mut results = Results::default();
    one_batch(&site, vec![job_of("p::slow", path, Duration::from_secs(600))], &mut results, &tell).await;
    assert_eq!(results.tests[0].outcome, TestOutcome::Passed);
    let told = told.into_inner().unwrap();
    assert_eq!(told[..2], ["began\n", "slow: p::slow has been running for 1 s"]);
    assert_eq!(told.last().unwrap(), "tests 1/1");
}

#[tokio::test]
async fn a_signal_takes_counts_along_only_where_lines_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = write_script(directory.path(), "killed", "#!/bin/sh\nkill -9 $$\n").unwrap();
    let lost = async |profiles: Option<PathBuf>, counting| {
        let options = RunOptions { profiles, counting, ..RunOptions::default() };
        let site = site(&[], &TestsPolicy::default(), &options).unwrap();
        let mut results = Results::default();
        let jobs = vec![job_of("p::killed", path.clone(), Duration::from_secs(60))];
        one_batch(&site, jobs, &mut results, &|_| {}).await;
        results.counts_lost
    };
    let profiles = Some(directory.path().join("profiles"));
    assert_eq!(lost(profiles.clone(), Counting::AtExit).await, ["p::killed"]);
    assert!(lost(profiles, Counting::Continuous).await.is_empty());
    assert!(lost(None, Counting::AtExit).await.is_empty());
}
