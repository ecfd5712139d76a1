//! The dependencies of a workspace: what cargo resolves for the wanted platforms and features, joined with what Cargo.lock names.
//!
//! Cargo is asked offline first, and for the wanted platforms only: packages of others need not be on this machine. It never writes
//! the lockfile. Where it has no answer, the lockfile alone is known, and the reason goes along. The answer is kept with the digest of
//! all that it depends on, as that of `cargo metadata --no-deps` is.

pub mod lockfile;
mod resolved;

use super::cargo::Network;
use super::metadata::Watched;
use super::remember::Memory;
use super::toolchain::Toolchain;
use crate::digest::{Digest, Hasher};
use crate::evidence::CouldNotRun;
use crate::policy::FeatureSet;
use crate::workspace::Workspace;
use crate::workspace::dependencies::Dependencies;
use crate::world::{CommandLine, World};
use cargo_metadata::{Metadata, MetadataCommand};
use lockfile::Lockfile;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// How long cargo may resolve, and fetch what is missing where it may.
const METADATA_SECS_MAX: u64 = 300;
/// What of cargo's complaint is told, in characters.
const COMPLAINT_CHARS_MAX: usize = 300;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The features of members that are on.
    pub features: &'a FeatureSet,
    /// The platforms that are built for, as triples; empty: this one.
    pub platforms: &'a [String],
    /// Whether cargo may fetch manifests that are missing here.
    pub network: Network,
}

/// An answer with what it depends on.
#[derive(Serialize, Deserialize)]
struct Kept {
    digest: Digest,
    watched: Watched,
    /// Manifests of path dependencies, which are no members.
    beside: Vec<PathBuf>,
    answer: Dependencies,
}

/// Everything that the workspace's Cargo.lock names.
///
/// # Errors
/// Where Cargo.lock is missing or is none. That cargo has no answer is told in the value.
pub async fn read(
    world: &World,
    workspace: &Workspace,
    wanted: Wanted<'_>,
) -> Result<Dependencies, CouldNotRun> {
    let text = lockfile::text(&workspace.root)?;
    let question = match question(world, workspace, wanted).await {
        Ok(question) => question,
        Err(why) => return only_locked(&text, why),
    };
    let asked = Digest::of(format!("{} {question}", workspace.root.display()).as_bytes());
    let memory = Memory::in_target(&workspace.target, &format!("dependencies-{}.json", asked.short()));
    if let Some(kept) = memory.read::<Kept>()
        && digest(world, workspace, &kept.watched, &kept.beside).as_ref() == Some(&kept.digest)
    {
        return Ok(kept.answer);
    }
    let begun = world.now();
    let metadata = match ask(world, &question, wanted.network).await {
        Ok(metadata) => metadata,
        Err(why) => return only_locked(&text, why),
    };
    let answer = resolved::join(&Lockfile::parse(&text)?, &metadata);
    let (watched, beside) = (Watched::of(&metadata), beside(&metadata));
    if let (Some(digest), false) = (digest(world, workspace, &watched, &beside), watched.changed_since(begun))
    {
        memory.write(&Kept { digest, watched, beside, answer: answer.clone() });
    }
    Ok(answer)
}

/// What a lockfile says by itself, without cargo's word on what is built.
pub fn of_lockfile(lockfile: &Lockfile) -> Dependencies {
    Dependencies { unresolved: Some("cargo was not asked".to_owned()), ..resolved::locked(lockfile) }
}

fn only_locked(text: &str, why: String) -> Result<Dependencies, CouldNotRun> {
    Ok(Dependencies { unresolved: Some(why), ..resolved::locked(&Lockfile::parse(text)?) })
}

async fn question(world: &World, workspace: &Workspace, wanted: Wanted<'_>) -> Result<CommandLine, String> {
    let mut platforms = wanted.platforms.to_vec();
    if platforms.is_empty() {
        let toolchain = Toolchain::read(world, &workspace.root, Some(&workspace.target)).await;
        let host = toolchain.and_then(|toolchain| toolchain.host().map(str::to_owned));
        platforms.push(host.map_err(|error| format!("{error:#}"))?);
    }
    let arguments = ["metadata", "--format-version", "1", "--color", "never", "--locked"];
    let mut command = CommandLine::new(world.env("CARGO").unwrap_or("cargo"), arguments);
    command.arguments.extend(wanted.features.arguments());
    for platform in platforms {
        command = command.arg("--filter-platform").arg(platform);
    }
    Ok(command.in_directory(&workspace.root).with_timeout(Duration::from_secs(METADATA_SECS_MAX)))
}

/// Offline first: a manifest that is here costs no question to a registry.
async fn ask(world: &World, question: &CommandLine, network: Network) -> Result<Metadata, String> {
    let offline = run(world, &question.clone().arg("--offline")).await;
    match (offline, network) {
        (Err(_), Network::Online) => run(world, question).await,
        (answer, _) => answer,
    }
}

async fn run(world: &World, command: &CommandLine) -> Result<Metadata, String> {
    let finished = world.run(command).await.map_err(|error| format!("{error:#}"))?;
    if finished.timed_out {
        return Err(format!("cargo gave no answer after {METADATA_SECS_MAX} s"));
    }
    if !finished.status.success() {
        let said = String::from_utf8_lossy(&finished.stderr);
        let said: Vec<&str> = said.split_whitespace().collect();
        return Err(said.join(" ").chars().take(COMPLAINT_CHARS_MAX).collect());
    }
    let text = String::from_utf8(finished.stdout).map_err(|_| "cargo metadata is not UTF-8".to_owned())?;
    MetadataCommand::parse(text).map_err(|error| format!("cargo metadata cannot be read: {error}"))
}

/// Manifests of path dependencies: their edges may change while the lockfile stays.
fn beside(metadata: &Metadata) -> Vec<PathBuf> {
    let of_path = metadata
        .packages
        .iter()
        .filter(|package| package.source.is_none() && !metadata.workspace_members.contains(&package.id));
    of_path.map(|package| package.manifest_path.clone().into_std_path_buf()).collect()
}

fn digest(world: &World, workspace: &Workspace, watched: &Watched, beside: &[PathBuf]) -> Option<Digest> {
    let mut hasher = Hasher::default();
    hasher.field(watched.digest(world, &workspace.root)?.hex().as_bytes());
    for manifest in beside {
        hasher.field(&super::identity::contents(manifest)?);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests;
