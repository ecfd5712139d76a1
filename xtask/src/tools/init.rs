//! The files that `gateline init` writes, and how they come into a repository: policies, workflows, and the few lines that
//! other files need.
//!
//! Here: which files there are, as a function of the [`Setting`]. Our own workflows are rendered from the same templates (a
//! tidy test compares them), so what others get is what runs here. Left out on purpose: a release workflow, because what a
//! release consists of is each repository's own.

mod additions;
pub mod current;
mod diff;
mod ground;
mod place;
mod policies;
pub mod takeover;
mod template;
mod write;

pub use diff::unified;
pub use ground::{Ground, ground};
pub use place::{Placing, place};
pub use policies::{Entry, Start, leaving_out};
pub use write::{Staged, write};

use crate::policy::schema;
use std::path::Path;
use template::render;

/// What the templates depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// How a workflow runs a verb.
    pub steps: Steps,
    /// The default branch.
    pub branch: String,
    /// The package whose binary becomes an image.
    pub image: Option<String>,
    /// Who answers for policies and workflows, as CODEOWNERS names them.
    pub owner: Option<String>,
    /// Whose repository it is.
    pub whose: Whose,
    /// The folder of the policies, relative to the workspace.
    pub policies: String,
    /// What the policies start from.
    pub start: Start,
}

/// How a workflow runs a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Steps {
    /// `cargo xtask VERB`: the suite is a package of the workspace.
    Xtask,
    /// The Action, as `uses:` names it, with its commit.
    Action(String),
}

/// Whose repository it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Gateline's own.
    Ours,
    /// Anybody else's.
    Theirs,
}

/// A file that a repository should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Path relative to the workspace.
    pub path: String,
    /// What it holds.
    pub text: String,
    /// What it is.
    pub kind: Kind,
    /// Other paths where the same thing may lie already.
    pub or_at: &'static [&'static str],
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Written by hand from here on.
    Own,
    /// Generated: its text is not worth showing.
    Generated,
}

/// The workflows, `(name, template)`.
const WORKFLOWS: [(&str, &str); 5] = [
    ("pull-request.yml", include_str!("init/templates/pull-request.yml")),
    ("merge-queue.yml", include_str!("init/templates/merge-queue.yml")),
    ("main.yml", include_str!("init/templates/main.yml")),
    ("schedule.yml", include_str!("init/templates/schedule.yml")),
    ("report.yml", include_str!("init/templates/report.yml")),
];
const DEPENDABOT: &str = include_str!("init/templates/dependabot.yml");
const CODEOWNERS: &str = include_str!("init/templates/CODEOWNERS");
const PULL_REQUEST: &str = include_str!("init/templates/pull_request_template.md");

/// The files of `.github/` that are rendered for every repository, ours too.
pub fn workflows(setting: &Setting) -> Vec<Wanted> {
    let mut files: Vec<Wanted> = WORKFLOWS
        .into_iter()
        .map(|(name, template)| own(format!(".github/workflows/{name}"), render(template, setting), &[]))
        .collect();
    let elsewhere = &[".github/dependabot.yaml", ".github/renovate.json", "renovate.json"];
    files.push(own(".github/dependabot.yml".to_owned(), render(DEPENDABOT, setting), elsewhere));
    files
}

/// What only other people's repositories get from us.
pub fn manners(setting: &Setting) -> Vec<Wanted> {
    let mut files = Vec::new();
    if setting.owner.is_some() {
        let text = render(CODEOWNERS, setting);
        files.push(own(".github/CODEOWNERS".to_owned(), text, &["CODEOWNERS", "docs/CODEOWNERS"]));
    }
    let elsewhere = &[
        "pull_request_template.md",
        "PULL_REQUEST_TEMPLATE.md",
        "docs/pull_request_template.md",
        "docs/PULL_REQUEST_TEMPLATE.md",
        ".github/PULL_REQUEST_TEMPLATE.md",
        ".github/PULL_REQUEST_TEMPLATE",
    ];
    files.push(own(".github/pull_request_template.md".to_owned(), render(PULL_REQUEST, setting), elsewhere));
    files
}

/// What becomes of every file that the repository should have, in the order of their paths; `ground` says which those are.
///
/// # Errors
/// Where a file cannot be read or would lie outside, or what policies start from makes none.
pub fn placings(
    root: &Path,
    target: &str,
    ground: &Ground,
    setting: &Setting,
) -> anyhow::Result<Vec<(Wanted, Placing)>> {
    let mut wanted = policy_files(setting)?;
    if ground.above.is_none() {
        wanted.extend([workflows(setting), manners(setting)].concat());
    }
    let mut all = Vec::new();
    for file in wanted {
        let placing = place(root, &file)?;
        all.push((file, placing));
    }
    if setting.steps == Steps::Xtask {
        all.push(additions::alias(root)?);
    }
    if ground.target_ignored == Some(false) {
        all.push(additions::ignored(root, target)?);
    }
    all.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    Ok(all)
}

/// The policies, and their schemas beside them.
///
/// # Errors
/// Where what they start from makes no policy.
pub fn policy_files(setting: &Setting) -> anyhow::Result<Vec<Wanted>> {
    let folder = &setting.policies;
    let mut files: Vec<Wanted> = policies::texts(setting)?
        .into_iter()
        .map(|(name, text)| own(format!("{folder}/{name}"), text, &[]))
        .collect();
    files.extend(schema::all().into_iter().map(|(name, schema)| Wanted {
        path: format!("{folder}/schema/{name}.schema.json"),
        text: format!("{schema:#}\n"),
        kind: Kind::Generated,
        or_at: &[],
    }));
    Ok(files)
}

fn own(path: String, text: String, or_at: &'static [&'static str]) -> Wanted {
    Wanted { path, text, kind: Kind::Own, or_at }
}
