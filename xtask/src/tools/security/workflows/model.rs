//! A workflow or an action as the audits look at it: views into the tree, not a copy of GitHub's schema. What is not looked at
//! may be anything; what is looked at and is of another kind makes the file unreadable.

use super::condition::{self, Case};
use super::tree::{self, Node};
use crate::policy::places::{Flaw, Place};
use std::rc::Rc;

/// A file that was read.
pub(super) struct Document {
    /// Path relative to the workspace.
    pub(super) path: String,
    /// Its text by line, for comments and columns.
    pub(super) lines: Vec<String>,
    /// What it defines.
    pub(super) what: Defined,
    /// All of it.
    pub(super) root: Rc<Node>,
}

/// What a file defines.
pub(super) enum Defined {
    Workflow(Workflow),
    /// The steps of a composite action, or the image of another one.
    Action {
        steps: Vec<Step>,
        image: Option<Rc<Node>>,
    },
}

/// A workflow.
pub(super) struct Workflow {
    pub(super) triggers: Vec<Trigger>,
    pub(super) jobs: Vec<Job>,
}

/// One event that starts it.
pub(super) struct Trigger {
    pub(super) event: String,
    pub(super) at: Place,
    /// What is said about it.
    pub(super) filters: Option<Rc<Node>>,
}

/// One job.
pub(super) struct Job {
    pub(super) name: String,
    pub(super) at: Place,
    pub(super) node: Rc<Node>,
    pub(super) steps: Vec<Step>,
}

/// One step.
pub(super) struct Step {
    pub(super) index: u32,
    pub(super) node: Rc<Node>,
}

/// What kind of file a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Workflow,
    Action,
}

/// Events whose run has secrets and write access, though a stranger brings them about.
pub(super) const PRIVILEGED: [&str; 2] = ["pull_request_target", "workflow_run"];
/// Events that strangers bring about and that run with secrets.
pub(super) const OF_STRANGERS: [&str; 7] = [
    "pull_request_target",
    "workflow_run",
    "issue_comment",
    "issues",
    "discussion",
    "discussion_comment",
    "fork",
];

/// What kind of file this path is to GitHub; `None` where it is neither.
pub(super) fn kind(path: &str) -> Option<Kind> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let yaml = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"))?;
    match (folder, yaml) {
        (".github/workflows", _) => Some(Kind::Workflow),
        (_, "action") => Some(Kind::Action),
        _ => None,
    }
}

/// Reads a file; `None` where a file called `action.yml` defines no action.
///
/// # Errors
/// Where and why GitHub would not take it.
pub(super) fn read(path: &str, text: &str, kind: Kind) -> Result<Option<Document>, Flaw> {
    let root = tree::read(text)?;
    let what = match kind {
        Kind::Workflow => Defined::Workflow(workflow(&root)?),
        Kind::Action => match root.get("runs") {
            None => return Ok(None),
            Some(runs) => Defined::Action { steps: steps(runs)?, image: runs.get("image").cloned() },
        },
    };
    Ok(Some(Document { path: path.to_owned(), lines: text.lines().map(str::to_owned).collect(), what, root }))
}

fn flaw<T>(at: Place, what: impl Into<String>) -> Result<T, Flaw> {
    Err(Flaw { place: at, what: what.into() })
}

fn workflow(root: &Rc<Node>) -> Result<Workflow, Flaw> {
    let Some((key, on)) = root.entry("on") else { return flaw(root.at, "no `on:`, so no workflow") };
    let Some((jobs_key, jobs)) = root.entry("jobs") else {
        return flaw(root.at, "no `jobs:`, so no workflow");
    };
    let named = |node: &Rc<Node>| match node.text() {
        Some(event) => Ok(Trigger { event: event.to_owned(), at: node.at, filters: None }),
        None => flaw(node.at, "an event that is no word"),
    };
    let triggers = match (on.entries(), on.items()) {
        ([], []) => vec![named(on)?],
        ([], items) => items.iter().map(named).collect::<Result<_, _>>()?,
        (entries, _) => entries
            .iter()
            .map(|(key, node)| Trigger { event: key.name.clone(), at: key.at, filters: Some(node.clone()) })
            .collect(),
    };
    if triggers.iter().all(|trigger| trigger.event.is_empty()) {
        return flaw(key.at, "`on:` names no event");
    }
    if jobs.entries().is_empty() {
        return flaw(jobs_key.at, "`jobs:` has no job");
    }
    let mut found = Vec::new();
    for (key, node) in jobs.entries() {
        if node.entries().is_empty() {
            return flaw(key.at, format!("the job `{}` is no mapping", key.name));
        }
        let steps = if node.get("uses").is_some() { Vec::new() } else { steps(node)? };
        if steps.is_empty() && node.get("uses").is_none() {
            return flaw(key.at, format!("the job `{}` has neither `steps:` nor `uses:`", key.name));
        }
        found.push(Job { name: key.name.clone(), at: key.at, node: node.clone(), steps });
    }
    Ok(Workflow { triggers, jobs: found })
}

fn steps(node: &Rc<Node>) -> Result<Vec<Step>, Flaw> {
    let Some(steps) = node.get("steps") else { return Ok(Vec::new()) };
    if steps.items().is_empty() && !steps.is_null() {
        return flaw(steps.at, "`steps:` is no list with steps");
    }
    let mut found = Vec::new();
    for (index, node) in steps.items().iter().enumerate() {
        let plain = |key: &str| node.get(key).is_none_or(|value| value.text().is_some());
        if node.entries().is_empty() || !plain("run") || !plain("uses") {
            return flaw(node.at, "a step that is no step");
        }
        found.push(Step { index: u32::try_from(index).unwrap_or(u32::MAX), node: node.clone() });
    }
    Ok(found)
}

impl Document {
    /// The job of a workflow or the steps of an action, with the job where there is one.
    pub(super) fn blocks(&self) -> Vec<(Option<&Job>, &[Step])> {
        match &self.what {
            Defined::Workflow(workflow) => {
                workflow.jobs.iter().map(|job| (Some(job), job.steps.as_slice())).collect()
            }
            Defined::Action { steps, .. } => vec![(None, steps)],
        }
    }

    /// The workflow, where it is one.
    pub(super) fn workflow(&self) -> Option<&Workflow> {
        match &self.what {
            Defined::Workflow(workflow) => Some(workflow),
            Defined::Action { .. } => None,
        }
    }

    /// What stands behind `#` on the line of a value, after it.
    pub(super) fn comment(&self, node: &Node) -> Option<&str> {
        let line = self.lines.get(usize::try_from(node.at.line).ok()?.checked_sub(1)?)?;
        let after = line.get(line.find(node.text()?)? + node.text()?.len()..)?;
        let (_, comment) = after.split_once('#')?;
        Some(comment.trim())
    }
}

impl Workflow {
    /// What is said about an event, where it starts the workflow.
    pub(super) fn trigger(&self, event: &str) -> Option<&Trigger> {
        self.triggers.iter().find(|trigger| trigger.event == event)
    }

    /// The events of this list by which a stranger reaches the job.
    pub(super) fn reached_by<'a>(&self, job: &Job, events: &[&'a str]) -> Vec<&'a str> {
        let starts = events.iter().copied().filter(|event| self.trigger(event).is_some());
        starts.filter(|event| job.can_run(Case::Stranger { event })).collect()
    }
}

impl Trigger {
    /// Something that is said about it.
    pub(super) fn filter(&self, key: &str) -> Option<&Rc<Node>> {
        self.filters.as_ref()?.get(key)
    }
}

/// Whether the condition of a job or step can hold.
fn condition_can_hold(node: &Node, case: Case<'_>) -> bool {
    node.get("if").and_then(|condition| condition.text()).is_none_or(|text| condition::can_hold(text, case))
}

impl Job {
    /// Whether its condition can hold in that case.
    pub(super) fn can_run(&self, case: Case<'_>) -> bool {
        condition_can_hold(&self.node, case)
    }

    /// The jobs that it waits for.
    pub(super) fn needs(&self) -> Vec<&str> {
        let needs = self.node.get("needs").map(|needs| needs.one_or_more()).unwrap_or_default();
        needs.into_iter().filter_map(|need| need.text()).collect()
    }
}

impl Step {
    /// Whether its condition can hold in that case.
    pub(super) fn can_run(&self, case: Case<'_>) -> bool {
        condition_can_hold(&self.node, case)
    }

    /// The script.
    pub(super) fn run(&self) -> Option<&str> {
        self.node.get("run")?.text()
    }

    /// The action's name, without its version, in lower case: `actions/checkout`.
    pub(super) fn action(&self) -> Option<String> {
        let uses = self.node.get("uses")?.text()?;
        Some(uses.split('@').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    /// An input of the action. GitHub does not tell capitals from small letters here.
    pub(super) fn input(&self, name: &str) -> Option<&Rc<Node>> {
        let inputs = self.node.get("with")?.entries();
        inputs.iter().find(|(key, _)| key.name.eq_ignore_ascii_case(name)).map(|(_, node)| node)
    }

    /// Where it begins: the line of its first key.
    pub(super) fn line(&self) -> u32 {
        self.node.entries().first().map_or(self.node.at.line, |(key, _)| key.at.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_place() {
        for (path, expected) in [
            (".github/workflows/a.yml", Some(Kind::Workflow)),
            (".github/workflows/a.yaml", Some(Kind::Workflow)),
            (".github/workflows/old/a.yml", None),
            (".github/actions/x/action.yml", Some(Kind::Action)),
            ("action.yaml", Some(Kind::Action)),
            ("x/my-action.yml", None),
            (".github/dependabot.yml", None),
        ] {
            assert_eq!(kind(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_workflow_is_a_flaw() {
        let flaw = |text: &str| read("w.yml", text, Kind::Workflow).err().expect(text).what;
        for (text, expected) in [
            ("jobs: {a: {steps: [{run: a}]}}", "no `on:`"),
            ("on: push", "no `jobs:`"),
            ("on: push\njobs: []", "has no job"),
            ("on: push\njobs: {a: x}", "no mapping"),
            ("on: push\njobs: {a: {runs-on: x}}", "neither"),
            ("on: push\njobs: {a: {steps: {run: x}}}", "no list"),
            ("on: push\njobs: {a: {steps: [x]}}", "no step"),
            ("on: push\njobs: {a: {steps: [{run: [x]}]}}", "no step"),
            ("on: [[push]]\njobs: {a: {steps: [{run: x}]}}", "no word"),
            ("on:\njobs: {a: {steps: [{run: x}]}}", "names no event"),
        ] {
            assert!(flaw(text).contains(expected), "{text}: {}", flaw(text));
        }
        assert!(read("action.yml", "name: a form", Kind::Action).unwrap().is_none());
    }

    #[test]
    fn comments_stand_behind_their_value() {
        let text = "on: push\njobs:\n  a:\n    steps:\n      - uses: a/b@c # v1\n      - uses: a/b@d\n";
        let document = read("w.yml", text, Kind::Workflow).unwrap().unwrap();
        let steps = &document.workflow().unwrap().jobs[0].steps;
        let comment = |index: usize| document.comment(steps[index].node.get("uses").unwrap());
        assert_eq!((comment(0), comment(1)), (Some("v1"), None));
        assert_eq!((steps[0].line(), steps[0].action()), (5, Some("a/b".to_owned())));
    }
}
