//! What is known of failing tests at the base of the change: words for each, a note for those that could not be asked, and
//! facts. It changes no outcome: a test that fails refuses wherever else it fails.

use super::{NAMED_MAX, listed, tests};
use crate::digest::short_commit;
use crate::evidence::TestsEvidence;
use crate::evidence::base_run::BaseRun;
use crate::evidence::tests::{TestOutcome, TestResult};
use crate::verdict::{Finding, Gate, Severity};

/// `; it passes on base (0123456789ab)`; nothing where nothing is known.
pub(super) fn said(test: &TestResult, run: Option<&BaseRun>) -> String {
    let (how, commit) = match (&test.at_base, run) {
        (Some(base), _) if base.outcome.is_failure() => ("it also fails on", &base.commit),
        (Some(base), _) if base.outcome == TestOutcome::Ignored => ("it is ignored on", &base.commit),
        (Some(base), _) => ("it passes on", &base.commit),
        (None, Some(run)) if run.lacks(&test.name) => ("it is not on", &run.commit),
        (None, _) => return String::new(),
    };
    format!("; {how} base ({})", short_commit(commit))
}

/// One note for each reason why the base could not be asked.
pub(super) fn unknown(evidence: &TestsEvidence) -> Vec<Finding> {
    let Some(run) = &evidence.base_run else { return Vec::new() };
    let note = |one: &crate::evidence::base_run::NotAsked| {
        let named: Vec<_> = one.tests.iter().take(NAMED_MAX).cloned().collect();
        let base =
            if run.commit.is_empty() { String::new() } else { format!(" ({})", short_commit(&run.commit)) };
        let (count, named) = (tests(one.tests.len()), listed(&named, one.tests.len()));
        let message = format!("the base{base} could not be asked about {count}: {}; {named}", one.why);
        Finding::new(Gate::Tests, "base-not-asked", Severity::Note, message, &one.help)
    };
    run.unknown.iter().map(note).collect()
}

/// How many of the failing tests end how at the base; `None` where nothing is known of any.
pub(super) fn facts(evidence: &TestsEvidence) -> Option<serde_json::Value> {
    let known: Vec<_> = evidence.tests.iter().filter_map(|test| test.at_base.as_ref()).collect();
    let run = evidence.base_run.as_ref();
    let commit = known.first().map(|base| &base.commit).or(run.map(|run| &run.commit))?;
    let fails = known.iter().filter(|base| base.outcome.is_failure()).count();
    Some(serde_json::json!({
        "commit": commit,
        "fails": fails,
        "passes": known.len() - fails,
        "absent": run.map_or(0, |run| run.absent.len()),
        "unknown": run.map_or(0, |run| run.unknown.iter().map(|one| one.tests.len()).sum::<usize>()),
    }))
}
