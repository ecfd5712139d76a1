//! Runs that a stranger brings about and that have secrets, write access, or our own machines.
//!
//! The trigger alone is no hole: labelling a pull request needs it. The hole is the stranger's code or data in such a run. Jobs
//! whose condition keeps strangers out (the head is in the same repository, a certain event, a maintainer) are not found.

use super::super::condition::Case;
use super::super::expression;
use super::super::model::{Document, Job, OF_STRANGERS, PRIVILEGED, Step, Workflow};
use super::super::tree::Node;
use super::injection::Scope;
use super::{At, Found};
use crate::evidence::workflows::Audit;
use github_actions_expressions::op::BinOp;
use github_actions_expressions::{Expr, SpannedExpr};

/// Contexts that name what a stranger wants to have checked out.
const HEADS: [&str; 8] = [
    "github.head_ref",
    "github.event.pull_request.head.",
    "github.event.pull_request.merge_commit_sha",
    "github.event.workflow_run.head_sha",
    "github.event.workflow_run.head_branch",
    "github.event.workflow_run.head_commit.",
    "github.event.workflow_run.head_repository.",
    "github.event.workflow_run.pull_requests.",
];
/// Events that reach a runner of ours from a fork.
const TO_RUNNERS: [&str; 3] = ["pull_request", "pull_request_target", "issue_comment"];
/// Actions that fetch what another run left.
const FETCHES: [&str; 3] =
    ["actions/download-artifact", "dawidd6/action-download-artifact", "aochmann/actions-download-artifact"];

pub(super) fn look(document: &Document, workflow: &Workflow, found: &mut Found<'_>) {
    triggers(workflow, found);
    for job in &workflow.jobs {
        let scope = Scope { document, job: Some(job), step: None };
        let events = workflow.reached_by(job, &OF_STRANGERS);
        if !events.is_empty() {
            for step in job.steps.iter().filter(|step| reaches(step, &events)) {
                head(scope, job, step, &events, found);
            }
            bots(job, found);
        }
        if events.contains(&"workflow_run") {
            artifacts(job, found);
        }
        runners(workflow, job, found);
    }
}

fn reaches(step: &Step, events: &[&str]) -> bool {
    events.iter().any(|event| step.can_run(Case::Stranger { event }))
}

fn triggers(workflow: &Workflow, found: &mut Found<'_>) {
    for trigger in workflow.triggers.iter().filter(|one| PRIVILEGED.contains(&one.event.as_str())) {
        let case = Case::Stranger { event: &trigger.event };
        if workflow.jobs.iter().any(|job| job.can_run(case)) {
            let what = format!(
                "`{}` gives a run that strangers bring about secrets, write access and the default branch's cache",
                trigger.event
            );
            found.add(Audit::PrivilegedTrigger, At::line(trigger.at.line), what);
        }
    }
}

/// The stranger's code, checked out.
fn head(scope: Scope<'_>, job: &Job, step: &Step, events: &[&str], found: &mut Found<'_>) {
    let scope = Scope { step: Some(step), ..scope };
    let at = At::step(Some(job), step);
    let event = events.join(", ");
    if step.action().is_some_and(|action| action == "actions/checkout") {
        for input in ["ref", "repository"] {
            let Some(node) = step.input(input) else { continue };
            let text = node.text().unwrap_or_default();
            let sources = scope.sources(text);
            let of_head = sources.iter().find(|source| HEADS.iter().any(|head| source.starts_with(head)));
            let by_number = text.contains("refs/pull/") && !sources.is_empty();
            let named = of_head.map(String::as_str).or(by_number.then_some("refs/pull/"));
            if let Some(name) = named {
                let what = format!(
                    "`{name}` is a stranger's code, checked out in a run of `{event}`, which has secrets and write access"
                );
                return found.add(Audit::HeadCheckout, at.on(node.at.line), what);
            }
        }
    }
    let Some((node, run)) = step.node.get("run").zip(step.run()) else { return };
    let fetches = |line: &str| {
        let line = line.trim();
        line.contains("gh pr checkout") || (line.contains("git fetch") && line.contains("pull/"))
    };
    let mut offset = 0;
    for line in run.split_inclusive('\n') {
        if fetches(line) {
            let what = format!(
                "a stranger's code is fetched in a run of `{event}`, which has secrets and write access"
            );
            found.add(Audit::HeadCheckout, at.on(node.line_of(offset)), what);
        }
        offset += line.len();
    }
}

/// A bot, recognised by who brought the event about: whoever makes the bot act passes for it.
fn bots(job: &Job, found: &mut Found<'_>) {
    let conditions =
        std::iter::once((&job.node, None)).chain(job.steps.iter().map(|step| (&step.node, Some(step))));
    for (node, step) in conditions {
        let Some(condition) = node.get("if") else { continue };
        let text = condition.text().unwrap_or_default();
        let pieces = expression::pieces(text);
        let inner = pieces.first().map_or(text, |piece| piece.text);
        let Ok(parsed) = expression::parse(inner) else { continue };
        if let Some(name) = named_bot(&parsed) {
            let at = At { line: condition.at.line, job: Some(job), step };
            let what = format!(
                "the last actor is `{name}` as soon as somebody makes the bot act on their pull request: that proves nothing"
            );
            found.add(Audit::BotCondition, at, what);
        }
    }
}

/// `github.actor == 'x[bot]'`, wherever it stands.
fn named_bot(expression: &SpannedExpr<'_>) -> Option<String> {
    let Expr::BinExpr(both) = &expression.inner else { return None };
    if matches!(both.op, BinOp::And | BinOp::Or) {
        return named_bot(&both.lhs).or_else(|| named_bot(&both.rhs));
    }
    let actor = |side| {
        let name = expression::context_of(side)?;
        matches!(name.as_str(), "github.actor" | "github.triggering_actor").then_some(())
    };
    let sides = [(&both.lhs, &both.rhs), (&both.rhs, &both.lhs)];
    let named =
        sides.into_iter().find_map(|(one, other)| actor(one).and_then(|()| expression::text_of(other)));
    named.filter(|name| both.op == BinOp::Eq && name.ends_with("[bot]"))
}

/// What the first stage left: a stranger wrote every byte of it.
fn artifacts(job: &Job, found: &mut Found<'_>) {
    let mut fetched = false;
    // Where nothing was checked out, there is nothing to replace.
    let has_ours =
        job.steps.iter().any(|step| step.action().is_some_and(|action| action == "actions/checkout"));
    for step in job.steps.iter().filter(|step| step.can_run(Case::Stranger { event: "workflow_run" })) {
        let at = At::step(Some(job), step);
        let action = step.action().unwrap_or_default();
        let run = step.run().unwrap_or_default();
        let of_another_run = step.input("run-id").is_some() || action != FETCHES[0];
        if FETCHES.contains(&action.as_str()) && of_another_run {
            fetched = true;
            let path = step.input("path").and_then(|path| path.text()).unwrap_or_default().trim();
            if has_ours
                && matches!(path, "" | "." | "./" | "${{ github.workspace }}" | "${{github.workspace}}")
            {
                let what = "what a stranger's run left is unpacked over the workspace, where it may replace what later steps run";
                found.add(Audit::UnsafeArtifact, at, what);
            }
        }
        fetched |= run.contains("gh run download")
            || step
                .input("script")
                .and_then(|script| script.text())
                .is_some_and(|text| text.contains("downloadArtifact"));
        if let (true, Some(node)) = (fetched, step.node.get("run")) {
            from_file_to_environment(node, run, at, found);
        }
    }
}

/// `cat FILE >> "$GITHUB_ENV"` and its like.
fn from_file_to_environment(node: &Node, run: &str, at: At<'_>, found: &mut Found<'_>) {
    let mut offset = 0;
    for line in run.split_inclusive('\n') {
        let files = ["GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT"];
        let reads = ["cat ", "$(<", "jq ", "head ", "tail ", "sed "];
        if files.iter().any(|file| line.contains(file)) && reads.iter().any(|read| line.contains(read)) {
            let what = "a file that a stranger's run left goes into the environment or the outputs of later steps: a line end in it sets any of them";
            found.add(Audit::UnsafeArtifact, at.on(node.line_of(offset)), what);
        }
        offset += line.len();
    }
}

fn runners(workflow: &Workflow, job: &Job, found: &mut Found<'_>) {
    let Some(runs_on) = job.node.get("runs-on") else { return };
    let labels = runs_on.scalars();
    let own = labels.iter().any(|label| label.is("self-hosted")) || runs_on.get("group").is_some();
    let events = workflow.reached_by(job, &TO_RUNNERS);
    if own && !events.is_empty() {
        let what = format!(
            "`{}` runs a stranger's change on a machine of ours, which keeps what it did to it",
            events.join(", ")
        );
        found.add(Audit::SelfHosted, At::job(job).on(runs_on.at.line), what);
    }
}
