//! `github release`: a version goes public, once it is proven and whole.
//!
//! Refused before GitHub is asked anything: a tag that is not the version's, a tag that is not of HEAD, a tree with changes, evidence that
//! is missing, of another commit, under other policies, or does not pass; a changelog that is not clear about the version. Then the draft,
//! the files, reading back, and the publication come in the order that [`crate::release::publication`] says.

#[cfg(feature = "github")]
pub(super) mod perform;

use super::Context;
use crate::cli::GithubRelease;
use crate::commands::release::{self as made, FOLDER, Released, released};
use crate::digest::{Digest, short_commit};
use crate::evidence::Evidence;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::release::proof::{Published, lets_out};
use crate::release::publication::{File, Wanted};
use crate::release::sums;
use crate::report::github::release as shown;
use crate::tools::github::context::Run;
use crate::tools::github::limits::RELEASE_ASSET_BYTES_MAX;
use crate::tools::github::token;
use crate::tools::{bounded, git};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// Bytes of the evidence; that of ten thousand tests has a tenth.
const EVIDENCE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What is published, and where its files are.
#[cfg_attr(not(feature = "github"), expect(dead_code, reason = "this build plans, and sends nothing"))]
struct Planned {
    wanted: Wanted,
    folder: PathBuf,
    sums: String,
}

/// `github release`.
pub(super) async fn release(context: &Context, asked: &GithubRelease) -> anyhow::Result<Exit> {
    let run = super::run(context, asked.repository.as_deref())?;
    let planned = plan(context, &run, asked).await?;
    if asked.dry_run {
        context.console.result(&planned.wanted, |style| shown::planned(style, &planned.wanted));
        return Ok(Exit::Done);
    }
    match token::identity(&context.world)?.filter(|_| !context.global.offline) {
        Some(who) => perform(context, &run, &planned, who).await,
        None => Err(Failure::usage("GitHub cannot be told: no token, or --offline", "set GITHUB_TOKEN")),
    }
}

async fn plan(context: &Context, run: &Run, asked: &GithubRelease) -> anyhow::Result<Planned> {
    let workspace = context.workspace().await?;
    let released = released(context, &workspace, None).await?;
    let tag = super::tag(run, asked.tag.as_deref())?;
    is_of_head(context, &workspace, &released, &tag).await?;
    proven(context, &workspace).await?;
    let notes = made::of_version(&workspace, &released.version.to_string())?;
    let folder = match &asked.assets {
        Some(named) => context.world.directory().join(named),
        None => super::folder(context).await?.join(FOLDER),
    };
    let mut assets = made::files(&folder)?;
    if let Some((name, _)) =
        assets.iter().find(|(_, file)| !(1..=RELEASE_ASSET_BYTES_MAX).contains(&file.size))
    {
        let message = format!("`{name}` is empty, or larger than GitHub takes (2 GiB)");
        return Err(Failure::usage(message, "build it again: cargo xtask release assets"));
    }
    let sums = made::sums(&assets)?.text();
    let list = File { size: sums.len() as u64, digest: Digest::of(sums.as_bytes()) };
    assets.insert(sums::FILE.to_owned(), list);
    let wanted = Wanted {
        title: tag.clone(),
        tag,
        commit: workspace.repository.commit.clone(),
        notes: notes.text,
        prerelease: !released.version.pre.is_empty(),
        assets,
    };
    Ok(Planned { wanted, folder, sums })
}

/// The tag is the version's, and of the commit that lies here.
async fn is_of_head(
    context: &Context,
    workspace: &Workspace,
    released: &Released,
    tag: &str,
) -> anyhow::Result<()> {
    let refuse = |message: String, help: String| Err(Failure::error(Exit::Refused, message, help));
    let expected = format!("v{}", released.version);
    if tag != expected {
        let message =
            format!("{tag} is not the tag of {} {}: that is {expected}", released.name, released.version);
        return refuse(message, "tag the commit whose Cargo.toml has the version".to_owned());
    }
    if let Some(first) = workspace.repository.changed.first() {
        let message = format!("{first} differs from the commit: what is released is of a commit");
        return refuse(message, "git status; commit it, or put it aside".to_owned());
    }
    let head = &workspace.repository.commit;
    let tagged = git::commit(&context.world, &workspace.root, &format!("refs/tags/{tag}")).await?;
    let tagged = tagged.trim();
    if tagged != head {
        let [theirs, ours] = [tagged, head].map(short_commit);
        let message = format!("{tag} is the tag of {theirs}, and HEAD is {ours}");
        return refuse(message, format!("git checkout {tag}"));
    }
    Ok(())
}

/// Evidence of this commit lies in the report folder, and passes.
async fn proven(context: &Context, workspace: &Workspace) -> anyhow::Result<()> {
    let policy = context.policy(workspace).await?.policy;
    let file = super::folder(context).await?.join("evidence.json");
    let refuse = |why: String| {
        let message = format!("{} does not let this commit out: {why}", file.display());
        Failure::error(Exit::Refused, message, "gather it for this commit: cargo xtask ci --fresh")
    };
    let evidence = evidence(&file).map_err(refuse)?;
    let repository = &workspace.repository;
    let published = Published { commit: &repository.commit, tree: &repository.tree, policy: &policy };
    lets_out(&evidence, &published).map_err(refuse)
}

fn evidence(file: &Path) -> Result<Evidence, String> {
    let bytes = bounded::read(file, EVIDENCE_BYTES_MAX).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

#[cfg(feature = "github")]
async fn perform(
    context: &Context,
    run: &Run,
    planned: &Planned,
    who: token::Identity,
) -> anyhow::Result<Exit> {
    perform::perform(context, run, planned, who).await
}

#[cfg(not(feature = "github"))]
async fn perform(context: &Context, _: &Run, _: &Planned, _: token::Identity) -> anyhow::Result<Exit> {
    super::rerun::with_feature(context, "github").await
}
