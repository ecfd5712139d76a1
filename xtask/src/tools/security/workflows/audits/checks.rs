//! Checks that are green though nothing was checked, conditions that always hold, and jobs without an end.
//!
//! GitHub takes a skipped check for a passed one. So the job that a ruleset requires runs always, looks at what it waited for, and
//! stands in a workflow that is started by every change.

use super::super::expression;
use super::super::model::{Job, Step, Workflow};
use super::super::tree::Node;
use super::{At, Found};
use crate::evidence::workflows::Audit;

/// Words in the name of a job that says whether the others passed.
const ROLL_UPS: [&str; 12] = [
    "required",
    "gate",
    "ci-ok",
    "ci-pass",
    "ci-success",
    "all-green",
    "allgreen",
    "all-checks",
    "all-pass",
    "conclusion",
    "check-result",
    "status-check",
];
/// Whole names of such jobs.
const ROLL_UP_NAMES: [&str; 8] = ["ok", "success", "passed", "done", "finish", "ci", "result", "bors"];
/// Most steps of such a job.
const ROLL_UP_STEPS_MAX: usize = 3;

pub(super) fn look(workflow: &Workflow, required: &[String], found: &mut Found<'_>) {
    for job in &workflow.jobs {
        always_true(&job.node, At::job(job), found);
        for step in &job.steps {
            always_true(&step.node, At::step(Some(job), step), found);
        }
        endless(job, found);
        if is_required(workflow, job, required) {
            roll_up(workflow, job, found);
        }
    }
}

/// Text around an expression makes a string, and a string that is not empty is true.
fn always_true(node: &Node, at: At<'_>, found: &mut Found<'_>) {
    let Some(condition) = node.get("if") else { return };
    let text = condition.text().unwrap_or_default();
    let pieces = expression::pieces(text);
    let Some((first, last)) = pieces.first().zip(pieces.last()) else { return };
    let around = first.range.start > 0 || last.range.end < text.len() || pieces.len() > 1;
    if around {
        let why = match text.trim() == text {
            true => "text stands beside the expression",
            false => "the block ends with a line end, which belongs to it",
        };
        let what = format!("this condition is always true: {why}, so it is a string that is not empty");
        found.add(Audit::AlwaysTrue, at.on(condition.at.line), what);
    }
}

fn endless(job: &Job, found: &mut Found<'_>) {
    // The workflow that is called says it of its own jobs.
    if job.steps.is_empty() || job.node.get("timeout-minutes").is_some() {
        return;
    }
    if job.steps.iter().all(|step| step.node.get("timeout-minutes").is_some()) {
        return;
    }
    let what = format!("the job `{}` may hang for six hours", job.name);
    found.add(Audit::MissingTimeout, At::job(job), what);
}

/// Whether a ruleset requires the job: the policy names it, or names none and it looks so.
fn is_required(workflow: &Workflow, job: &Job, required: &[String]) -> bool {
    let shown = job.node.get("name").and_then(|name| name.text()).unwrap_or(&job.name);
    if !required.is_empty() {
        return required.iter().any(|name| *name == job.name || name == shown);
    }
    let on_changes = ["pull_request", "merge_group"].iter().any(|event| workflow.trigger(event).is_some());
    let short = !job.needs().is_empty() && job.steps.len() <= ROLL_UP_STEPS_MAX && !job.steps.is_empty();
    let names = [shown, job.name.as_str()].map(|name| name.to_ascii_lowercase().replace([' ', '_'], "-"));
    let so_named = names.iter().any(|name| {
        ROLL_UP_NAMES.contains(&name.as_str()) || ROLL_UPS.iter().any(|word| name.contains(word))
    });
    on_changes && short && so_named
}

fn roll_up(workflow: &Workflow, job: &Job, found: &mut Found<'_>) {
    let condition = job.node.get("if").and_then(|condition| condition.text()).unwrap_or_default();
    let compact: String = condition.to_ascii_lowercase().split_whitespace().collect();
    let runs_always = compact.contains("always()")
        || compact.contains("!cancelled()")
        || (compact.contains("failure()") && compact.contains("success()"));
    let waits = !job.needs().is_empty();
    if waits && !runs_always {
        let what = format!(
            "`{}` is skipped when a job fails that it waits for, and a required check that was skipped counts as passed",
            job.name
        );
        found.add(Audit::SkippedCheck, At::job(job), what);
    } else if waits && !looks_at_results(job) {
        let what = format!(
            "`{}` runs always and looks at no result of {}: it is green whatever they say",
            job.name,
            job.needs().join(", ")
        );
        found.add(Audit::SkippedCheck, At::job(job), what);
    }
    for trigger in &workflow.triggers {
        for filter in ["paths", "paths-ignore"] {
            let changes = matches!(trigger.event.as_str(), "pull_request" | "pull_request_target");
            if let (true, Some(node)) = (changes, trigger.filter(filter)) {
                let what = format!(
                    "`{}` is required, and a change outside of these paths never starts it: the check waits for ever, or is made optional",
                    job.name
                );
                found.add(Audit::SkippedCheck, At::job(job).on(node.at.line), what);
            }
        }
    }
}

fn looks_at_results(job: &Job) -> bool {
    let named = |text: &str| text.contains("needs.") || text.contains("needs)") || text.contains("needs[");
    let by_action = |step: &Step| step.action().is_some_and(|action| action.contains("alls-green"));
    let status = |text: &str| text.contains("failure()") || text.contains("cancelled()");
    let condition =
        |step: &Step| step.node.get("if").and_then(|condition| condition.text()).is_some_and(status);
    job.node.scalars().iter().filter_map(|scalar| scalar.text()).any(named)
        || job.steps.iter().any(|step| by_action(step) || condition(step))
}
