//! `ci rollup`: one verdict over the jobs of a workflow, for the one check that a branch requires.
//!
//! GitHub takes a skipped job for a passed one, and a job whose needs failed is skipped. So a required check must run always
//! and look at what it needs: success is success, a skip only where it was declared, anything else refuses.

use crate::commands::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// `needs` may be this long; GitHub's own limit for the outputs of a run is 50 MB, results are a few bytes a job.
const NEEDS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a workflow says of one job (`toJSON(needs)`); its outputs do not matter.
#[derive(Debug, Deserialize)]
struct Need {
    result: String,
}

/// The roll-up, as `--format json` shows it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Rollup {
    schema: &'static str,
    outcome: &'static str,
    jobs: Vec<Job>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Job {
    job: String,
    result: String,
    counts_as: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Counts {
    Passed,
    MayBeSkipped,
    Refused,
}

/// The variable that has the jobs where `--needs` is not given: a workflow needs no shell to pass it on.
const NEEDS: &str = "GATELINE_NEEDS";

/// `ci rollup [--needs JSON] [--may-skip JOB]…`.
pub(super) fn rollup(context: &Context, needs: Option<&str>, may_skip: &[String]) -> anyhow::Result<Exit> {
    let needs = needs.or_else(|| context.world.env(NEEDS));
    let needs = needs.ok_or_else(|| {
        let help = "set GATELINE_NEEDS to `${{ toJSON(needs) }}` in `env:`, or give --needs JSON";
        Failure::usage("nothing says which jobs there were", help)
    })?;
    let (rollup, exit) = judge(needs, may_skip)?;
    context.console.result(&rollup, |_| human(&rollup));
    Ok(exit)
}

fn judge(needs: &str, may_skip: &[String]) -> anyhow::Result<(Rollup, Exit)> {
    let wrong = |why: String| {
        Failure::usage(
            format!("--needs is not what a workflow says of its jobs: {why}"),
            "set GATELINE_NEEDS to `${{ toJSON(needs) }}` in the `env:` of the step",
        )
    };
    if needs.len() > NEEDS_BYTES_MAX {
        return Err(wrong(format!("it is longer than {NEEDS_BYTES_MAX} bytes")));
    }
    let needs: BTreeMap<String, Need> =
        serde_json::from_str(needs).map_err(|error| wrong(error.to_string()))?;
    if let Some(unknown) = may_skip.iter().find(|job| !needs.contains_key(*job)) {
        let known: Vec<&str> = needs.keys().map(String::as_str).collect();
        let message = format!("--may-skip names `{unknown}`, which is not among the jobs that are needed");
        return Err(Failure::usage(message, format!("name one of {}", known.join(", "))));
    }
    let jobs: Vec<Job> = needs
        .into_iter()
        .map(|(job, need)| {
            let counts_as = match need.result.as_str() {
                "success" => Counts::Passed,
                "skipped" if may_skip.contains(&job) => Counts::MayBeSkipped,
                _ => Counts::Refused,
            };
            Job { job, result: need.result, counts_as }
        })
        .collect();
    let (outcome, exit) = if jobs.iter().any(|job| job.counts_as == Counts::Refused) {
        ("refused", Exit::Refused)
    } else if jobs.iter().any(|job| job.counts_as == Counts::Passed) {
        ("passed", Exit::Done)
    } else {
        ("nothing-checked", Exit::NothingChecked)
    };
    Ok((Rollup { schema: "gateline/rollup/v1", outcome, jobs }, exit))
}

fn human(rollup: &Rollup) -> String {
    let mut text = String::new();
    let width = rollup.jobs.iter().map(|job| job.job.chars().count()).max().unwrap_or(0);
    for job in &rollup.jobs {
        let why = match (job.counts_as, job.result.as_str()) {
            (Counts::Passed, _) => "",
            (Counts::MayBeSkipped, _) => ", which was declared",
            (Counts::Refused, "skipped") => {
                ": a job that did not run proved nothing (declare it with --may-skip)"
            }
            (Counts::Refused, _) => ": look at its log",
        };
        let _ = writeln!(text, "{:<width$}  {}{why}", job.job, job.result);
    }
    let _ = write!(text, "{}", rollup.outcome.replace('-', " "));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(results: &[&str], may_skip: &[&str], expected: Exit) {
        let needs: BTreeMap<String, serde_json::Value> = results
            .iter()
            .enumerate()
            .map(|(at, result)| {
                (format!("job{at}"), serde_json::json!({"result": result, "outputs": {"a": "b"}}))
            })
            .collect();
        let may_skip: Vec<String> = may_skip.iter().map(|job| (*job).to_owned()).collect();
        let (rollup, exit) = judge(&serde_json::to_string(&needs).unwrap(), &may_skip).unwrap();
        assert_eq!(exit, expected, "{}", human(&rollup));
    }

    #[test]
    fn skipped_is_not_passed() {
        check(&["success", "success"], &[], Exit::Done);
        check(&["success", "skipped"], &[], Exit::Refused);
        check(&["success", "skipped"], &["job1"], Exit::Done);
        check(&["success", "skipped"], &["job0"], Exit::Refused);
        for other in ["failure", "cancelled", "", "Success", "neutral"] {
            check(&["success", other], &["job1"], Exit::Refused);
        }
        check(&["skipped"], &["job0"], Exit::NothingChecked);
        check(&[], &[], Exit::NothingChecked);
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for (needs, may_skip) in
            [("", None), ("[]", None), ("{\"a\": 1}", None), ("{}", Some("a".to_owned()))]
        {
            let error = judge(needs, &may_skip.into_iter().collect::<Vec<_>>()).unwrap_err();
            assert_eq!(Failure::exit_of(&error), Exit::Usage, "{needs}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_a_verdict_or_an_error(needs in "\\PC{0,60}|(\\{\"a\":\\{\"result\":\"(success|skipped|x)\"\\}\\})") {
            let passes = matches!(judge(&needs, &[]), Ok((_, Exit::Done)));
            prop_assert_eq!(passes, needs.contains("success"));
        }
    }
}
