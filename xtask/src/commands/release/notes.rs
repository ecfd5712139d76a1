//! `release notes`: what the changelog says of a version, for people and for `github release`.

use super::{Released, released};
use crate::commands::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::release::notes::{self, CHANGELOG_BYTES_MAX, Notes, Unclear};
use crate::tools::bounded;
use crate::workspace::Workspace;
use serde_json::json;
use std::path::{Path, PathBuf};

/// The changelog of a workspace.
const CHANGELOG: &str = "CHANGELOG.md";

/// `release notes`.
pub(super) async fn notes(
    context: &Context,
    version: Option<String>,
    changelog: Option<PathBuf>,
) -> anyhow::Result<Exit> {
    let workspace = context.workspace().await?;
    let version = match version {
        Some(named) => named.strip_prefix('v').unwrap_or(&named).to_owned(),
        None => of_run(context, &released(context, &workspace, None).await?)?,
    };
    let changelog = changelog.map(|file| context.world.directory().join(file));
    let notes = read(&changelog.unwrap_or_else(|| workspace.root.join(CHANGELOG)), &version)?;
    let (version, day, text) = (notes.version.to_string(), notes.day.to_string(), &notes.text);
    context.console.result(&json!({"version": version, "day": day, "notes": text}), |_| text.clone());
    Ok(Exit::Done)
}

/// The version that is released here. A run for a tag must be for its tag: that is found before an hour of gates, not after it.
fn of_run(context: &Context, released: &Released) -> anyhow::Result<String> {
    let reference =
        context.world.env("GITHUB_REF").and_then(|reference| reference.strip_prefix("refs/tags/"));
    match reference.filter(|tag| *tag != format!("v{}", released.version)) {
        None => Ok(released.version.to_string()),
        Some(tag) => Err(Failure::error(
            Exit::Refused,
            format!("{tag} is not the tag of {} {}", released.name, released.version),
            format!("tag it v{}, or set the version in Cargo.toml before the tag", released.version),
        )),
    }
}

/// The notes of a version of this workspace.
pub(in crate::commands) fn of_version(workspace: &Workspace, version: &str) -> anyhow::Result<Notes> {
    read(&workspace.root.join(CHANGELOG), version)
}

fn read(file: &Path, version: &str) -> anyhow::Result<Notes> {
    let failed = |why: String| {
        let help = "write it as https://keepachangelog.com says, or name another: --changelog FILE";
        Failure::usage(format!("failed to read {}: {why}", file.display()), help)
    };
    let bytes = bounded::read(file, CHANGELOG_BYTES_MAX as u64).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("it is no text".to_owned()))?;
    notes::notes(&text, version).map_err(|unclear| {
        let help = match &unclear {
            Unclear::NoVersion(_) => "name it as MAJOR.MINOR.PATCH",
            Unclear::Missing(_) => {
                "rename `Unreleased` to the version with its day, in a commit before the tag"
            }
            Unclear::Doubled { .. } => "make one section of both",
            Unclear::TooLong { .. } => "say less, and point to a document for the rest",
            Unclear::Yanked { .. } => "release another version",
            _ => "mend that line",
        };
        Failure::usage(format!("{} has no notes for a release: {unclear}", file.display()), help)
    })
}
