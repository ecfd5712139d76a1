//! What is published must not be built from a cache: whoever ran code on the default branch, or in another workflow of it, may have
//! written what a cache gives back.

use super::super::condition::Case;
use super::super::model::{Document, Job, Step, Workflow};
use super::{At, Found};
use crate::evidence::workflows::Audit;

/// Actions that publish.
const PUBLISHERS: [&str; 15] = [
    "pypa/gh-action-pypi-publish",
    "softprops/action-gh-release",
    "ncipollo/release-action",
    "actions/create-release",
    "actions/attest-build-provenance",
    "actions/attest",
    "svenstaro/upload-release-action",
    "rubygems/release-gem",
    "js-devtools/npm-publish",
    "katyo/publish-crates",
    "rust-lang/crates-io-auth-action",
    "changesets/action",
    "goreleaser/goreleaser-action",
    "marvinpinto/action-automatic-releases",
    "release-plz/action",
];
/// Commands that publish.
const PUBLISHES: [&str; 12] = [
    "cargo publish",
    "npm publish",
    "pnpm publish",
    "yarn publish",
    "yarn npm publish",
    "twine upload",
    "uv publish",
    "poetry publish",
    "gem push",
    "gh release create",
    "gh release upload",
    "docker push",
];

pub(super) fn look(document: &Document, workflow: &Workflow, found: &mut Found<'_>) {
    let for_tags = is_for_releases(workflow);
    let feeding = feeding(workflow);
    for job in workflow.jobs.iter().filter(|job| job.can_run(Case::Tag)) {
        if !for_tags && !feeding.contains(&job.name.as_str()) {
            continue;
        }
        for step in job.steps.iter().filter(|step| step.can_run(Case::Tag)) {
            if let Some(how) = restores(document, step) {
                let why = if for_tags {
                    "a workflow for releases"
                } else {
                    "a job that publishes, or whose artifacts are published"
                };
                let what =
                    format!("{how} in {why}: what lies in the cache becomes part of what is published");
                let line = step.node.get("uses").map_or(step.line(), |uses| uses.at.line);
                found.add(Audit::CachePoisoning, At::step(Some(job), step).on(line), what);
            }
        }
    }
}

/// Whether it starts for releases only: each event is a release, or a push of tags and of nothing else.
fn is_for_releases(workflow: &Workflow) -> bool {
    let by_hand = ["workflow_dispatch", "workflow_call"];
    let mut events =
        workflow.triggers.iter().filter(|trigger| !by_hand.contains(&trigger.event.as_str())).peekable();
    events.peek().is_some()
        && events.all(|trigger| match trigger.event.as_str() {
            "release" => true,
            "push" => trigger.filter("tags").is_some() && trigger.filter("branches").is_none(),
            _ => false,
        })
}

/// The jobs that publish, and those that they wait for whose artifacts they may publish.
fn feeding(workflow: &Workflow) -> Vec<&str> {
    let publishing = workflow.jobs.iter().filter(|job| job.can_run(Case::Tag) && publishes(job));
    let mut found: Vec<&str> = publishing.map(|job| job.name.as_str()).collect();
    let mut next = 0;
    while let Some(name) = found.get(next).copied() {
        next += 1;
        let needs = workflow.jobs.iter().filter(|job| job.name == name).flat_map(Job::needs);
        for job in needs.filter_map(|need| workflow.jobs.iter().find(|job| job.name == need)) {
            let uploads =
                |step: &Step| step.action().is_some_and(|action| action == "actions/upload-artifact");
            if job.steps.iter().any(uploads) && !found.contains(&job.name.as_str()) {
                found.push(&job.name);
            }
        }
    }
    found
}

fn publishes(job: &Job) -> bool {
    job.steps.iter().filter(|step| step.can_run(Case::Tag)).any(|step| {
        let action = step.action().unwrap_or_default();
        let pushes_image =
            action == "docker/build-push-action" && step.input("push").is_some_and(|push| push.is("true"));
        pushes_image
            || PUBLISHERS.contains(&action.as_str())
            || step.run().is_some_and(|run| {
                PUBLISHES.iter().any(|words| run.contains(words) && !run.contains("--dry-run"))
            })
    })
}

/// How a step brings back what an earlier run left; `None` where it does not, or where an expression decides.
fn restores(document: &Document, step: &Step) -> Option<String> {
    let action = step.action()?;
    let input =
        |name: &str| step.input(name).and_then(|value| value.text()).unwrap_or_default().trim().to_owned();
    let off = |name: &str| {
        matches!(input(name).to_ascii_lowercase().as_str(), "false") || input(name).contains("${{")
    };
    let on = |name: &str| {
        !matches!(input(name).to_ascii_lowercase().as_str(), "" | "false") && !input(name).contains("${{")
    };
    let restores = match action.as_str() {
        "actions/cache" | "actions/cache/restore" => !matches!(input("lookup-only").as_str(), "true"),
        "swatinem/rust-cache" => !matches!(input("lookup-only").as_str(), "true"),
        "actions/setup-node" | "actions/setup-python" | "actions/setup-java" | "actions/setup-dotnet" => {
            on("cache")
        }
        // With caches unless told otherwise.
        "actions/setup-go" => {
            let version = super::pins::version(document, step).map_or(u32::MAX, |version| version.0);
            if version < 4 { on("cache") } else { !off("cache") }
        }
        "ruby/setup-ruby" => on("bundler-cache"),
        "pnpm/action-setup" => on("cache"),
        "astral-sh/setup-uv" => on("enable-cache") && input("enable-cache") != "auto",
        "gradle/actions/setup-gradle" | "gradle/gradle-build-action" => !on("cache-disabled"),
        "docker/build-push-action" => input("cache-from").contains("type=gha"),
        "mozilla-actions/sccache-action" => true,
        "actions-rust-lang/setup-rust-toolchain" => !off("cache"),
        _ => return None,
    };
    restores.then(|| format!("`{action}` restores a cache"))
}
