//! `init`: policies and workflows for a repository that has none.
//!
//! Gather, show the diff, ask, write all of it or nothing. A file that is there is never overwritten, so a second run has
//! nothing to do.

mod action;
mod start;

use super::context::Context;
use super::site::Consent;
use crate::cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::human::counted;
use crate::tools::init::{self, Ground, Kind, Placing, Setting, Staged, Steps, Wanted, Whose};
use crate::workspace::Workspace;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// The package that makes `cargo xtask` possible.
const SUITE: &str = "gateline";

/// What will be done, as `--format json` shows it.
#[derive(Debug, Serialize)]
struct Proposal {
    schema: &'static str,
    files: Vec<Line>,
    /// The unified diff of everything that is written, but for generated files.
    diff: String,
    left_out: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Line {
    path: String,
    act: Act,
    /// Lines that are added, and those of ours that a kept file does not have.
    lines: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_at: Option<String>,
    /// How a kept file differs from what would be written.
    #[serde(skip_serializing_if = "String::is_empty")]
    differs: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Act {
    New,
    AddLines,
    Same,
    Kept,
}

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// What is written.
    Writes,
    /// Also how kept files differ.
    Everything,
}

/// Where a repository that has been given workflows says which Action it uses.
const WORKFLOW: &str = ".github/workflows/pull-request.yml";

/// `init`.
pub(super) async fn init(context: &Context, asked: cli::Init) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let ground = init::ground(&context.world, &workspace).await?;
    let mut left_out = Vec::new();
    let setting = setting(context, &workspace, &ground, &asked, &mut left_out).await?;
    let target = workspace.shown(&workspace.target).to_string_lossy().into_owned();
    let placings = init::placings(&workspace.root, &target, &ground, &setting)?;
    let staged: Vec<Staged> = placings.iter().filter_map(|one| staged(&workspace.root, one)).collect();
    let proposal = proposal(&placings, left_out);
    let detail = if context.global.verbose { Detail::Everything } else { Detail::Writes };
    context.console.result(&proposal, |_| human(&proposal, detail));
    if staged.is_empty() {
        context.console.note("nothing to write: what is missing is not ours to add, and what is there stays");
        return Ok(Exit::Done);
    }
    if asked.dry_run {
        context.console.note("nothing was written: --dry-run");
        return Ok(Exit::Done);
    }
    if !agreed(context, asked.yes.into(), staged.len())? {
        context.console.note("nothing was written");
        return Ok(Exit::Done);
    }
    init::write(&staged)?;
    let files = counted(staged.len() as u64, "file");
    context.console.note(format!("wrote {files}\nnext: look at them, git add --all, and {}", next(&setting)));
    Ok(Exit::Done)
}

fn next(setting: &Setting) -> &'static str {
    if setting.steps == Steps::Xtask { "cargo xtask ci" } else { "gateline ci" }
}

fn agreed(context: &Context, consent: Consent, files: usize) -> anyhow::Result<bool> {
    if consent == Consent::Given {
        return Ok(true);
    }
    if !context.console.can_ask() {
        return Err(Failure::usage(
            "nothing was written: there is no terminal to ask at",
            "look at the diff above, then add --yes",
        ));
    }
    Ok(context.console.ask(&format!("Write {}?", counted(files as u64, "file"))))
}

/// What the files depend on, from the repository and from what was asked.
async fn setting(
    context: &Context,
    workspace: &Workspace,
    ground: &Ground,
    asked: &cli::Init,
    left_out: &mut Vec<String>,
) -> anyhow::Result<Setting> {
    let is_ours = workspace.packages.iter().any(|package| package.name == SUITE);
    let steps = match &asked.action {
        None if is_ours => Steps::Xtask,
        // No workflow is written there, so no Action is needed.
        None if ground.above.is_some() => Steps::Action(String::new()),
        None => {
            let there = std::fs::read_to_string(workspace.root.join(WORKFLOW)).unwrap_or_default();
            Steps::Action(action::used_by(&there).map_or_else(|| action::action(None), Ok)?)
        }
        given => Steps::Action(action::action(given.as_deref())?),
    };
    if let Some(above) = &ground.above {
        let above = above.display();
        left_out.push(format!(
            ".github/: the repository's root is {above}, and workflows there need `working-directory` or `workspace`; \
             run `init` on a workspace at the root to see them"
        ));
    }
    if asked.owner.is_none() && ground.above.is_none() {
        left_out.push(".github/CODEOWNERS: nobody is named; add --owner @organisation/team".to_owned());
    }
    if steps != Steps::Xtask {
        let why = "the alias `cargo xtask` is for a workspace that has Gateline as a package";
        left_out.push(format!(".cargo/config.toml: {why}"));
    }
    if ground.target_ignored.is_none() {
        left_out.push(".gitignore: the target directory lies outside the workspace".to_owned());
    }
    let nightly = start::nightly_only(context, workspace).await;
    let mut start = if asked.from_current {
        start::start(context, workspace, asked.from.as_deref(), &nightly).await?
    } else {
        init::Start::default()
    };
    start.entries.extend(init::leaving_out(&nightly));
    left_out.extend(start.left_out.iter().cloned());
    Ok(Setting {
        steps,
        branch: ground.branch.clone(),
        image: workspace.service_package(None).ok().map(|package| package.name.clone()),
        owner: asked.owner.as_deref().map(action::owner).transpose()?,
        whose: Whose::Theirs,
        policies: policies(context, workspace)?,
        start,
    })
}

/// The folder of the policies from the workspace's root.
fn policies(context: &Context, workspace: &Workspace) -> anyhow::Result<String> {
    let folder = context.policy_folder(workspace);
    let inside = folder.strip_prefix(&workspace.root).ok().and_then(Path::to_str);
    let inside = inside.filter(|folder| !folder.is_empty()).map(str::to_owned);
    inside.ok_or_else(|| {
        let message = format!("--policies {}: that is no folder in the workspace", folder.display());
        Failure::usage(message, "leave --policies out")
    })
}

fn staged(root: &Path, (wanted, placing): &(Wanted, Placing)) -> Option<Staged> {
    let (before, after) = match placing {
        Placing::New(text) => (None, text),
        Placing::More { before, after } => (Some(before.clone()), after),
        Placing::Same | Placing::Kept { .. } => return None,
    };
    Some(Staged { file: root.join(&wanted.path), before, after: after.clone() })
}

fn proposal(placings: &[(Wanted, Placing)], left_out: Vec<String>) -> Proposal {
    let (mut files, mut diff) = (Vec::new(), String::new());
    for (wanted, placing) in placings {
        let path = &wanted.path;
        let (act, differs, kept_at) = match placing {
            Placing::Same => (Act::Same, String::new(), None),
            Placing::New(text) => (Act::New, init::unified(path, None, text), None),
            Placing::More { before, after } => {
                (Act::AddLines, init::unified(path, Some(before), after), None)
            }
            Placing::Kept { at, holds } => {
                let differs = holds.as_ref().map(|holds| init::unified(path, Some(holds), &wanted.text));
                (Act::Kept, differs.unwrap_or_default(), Some(at.clone()))
            }
        };
        let lines = differs.lines().filter(|line| line.starts_with('+')).count().saturating_sub(1);
        let is_shown = wanted.kind == Kind::Own && matches!(act, Act::New | Act::AddLines);
        if is_shown {
            diff += &differs;
        }
        let differs = if act == Act::Kept { differs } else { String::new() };
        files.push(Line { path: path.clone(), act, lines, kept_at, differs });
    }
    Proposal { schema: "gateline/init/v1", files, diff, left_out }
}

fn human(proposal: &Proposal, detail: Detail) -> String {
    let mut text = proposal.diff.clone();
    if !text.is_empty() {
        text.push('\n');
    }
    for line in &proposal.files {
        let what = match (line.act, &line.kept_at) {
            (Act::New, _) => format!("new, {}", counted(line.lines as u64, "line")),
            (Act::AddLines, _) => format!("{} added", counted(line.lines as u64, "line")),
            (Act::Same, _) => "is there already".to_owned(),
            (Act::Kept, Some(at)) if *at != line.path => format!("kept: {at} is there"),
            (Act::Kept, _) => "kept: it is there and differs".to_owned(),
        };
        let _ = writeln!(text, "{}  {what}", line.path);
    }
    let kept: Vec<&Line> = proposal.files.iter().filter(|line| !line.differs.is_empty()).collect();
    if !kept.is_empty() && detail == Detail::Everything {
        text += "\nwhat would be written against what was kept:\n";
        kept.iter().for_each(|line| text += &line.differs);
    } else if !kept.is_empty() {
        text += "\nkept files are never overwritten; `init --dry-run -v` shows how they differ: copy over what you want\n";
    }
    if !proposal.left_out.is_empty() {
        text += "\nleft out:\n";
        proposal.left_out.iter().for_each(|line| {
            let _ = writeln!(text, "  {line}");
        });
    }
    text.trim_end().to_owned()
}
