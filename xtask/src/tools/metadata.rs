//! `cargo metadata`: the packages of the workspace. Its answer is kept with the digest of all that it depends on.

mod watch;

use super::git;
use super::identity::target_directory;
use super::remember::Memory;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::workspace::{Package, Workspace};
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use cargo_metadata::{Metadata, MetadataCommand, TargetKind};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;
pub(super) use watch::Watched;

/// How long cargo may read manifests.
const METADATA_SECS_MAX: u64 = 120;

/// Reads the workspace that contains `directory`.
///
/// # Errors
/// Usage errors with the next command where there is no Cargo.toml or no git repository, or a manifest is broken.
pub async fn workspace(world: &World, directory: &Path) -> anyhow::Result<Workspace> {
    if !directory.is_dir() {
        return Err(Failure::usage(
            format!("{} is not a folder", directory.display()),
            "name one with --workspace DIR",
        ));
    }
    if !directory.ancestors().any(|folder| folder.join("Cargo.toml").is_file()) {
        let message = format!("there is no Cargo.toml in {} or above it", directory.display());
        return Err(Failure::usage(
            message,
            "go to a cargo workspace, name one with --workspace DIR, or `cargo init`",
        ));
    }
    let metadata = read(world, directory).await?;
    let root = PathBuf::from(metadata.workspace_root.as_std_path());
    let repository = git::read(world, &root).await?;
    let root_manifest = metadata.workspace_root.join("Cargo.toml");
    let members = metadata.workspace_packages();
    let root_package = members.iter().find(|package| package.manifest_path == root_manifest);
    let root_package = root_package.map(|package| package.name.to_string());
    let mut packages: Vec<Package> = members.into_iter().map(package).collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Workspace {
        target: metadata.target_directory.clone().into_std_path_buf(),
        root,
        packages,
        root_package,
        repository,
    })
}

/// An answer of `cargo metadata` with what it depends on.
#[derive(Serialize, Deserialize)]
struct Kept {
    digest: Digest,
    watched: Watched,
    answer: String,
}

/// What cargo says about the workspace around a directory, without its dependencies.
///
/// # Errors
/// Usage errors with what cargo said where a manifest is broken; infrastructure where cargo is missing.
pub async fn read(world: &World, directory: &Path) -> anyhow::Result<Metadata> {
    let target = target_directory(world, directory);
    let name = format!("metadata-{}.json", Digest::of(directory.as_os_str().as_encoded_bytes()).short());
    let memory = target.as_ref().map(|target| Memory::in_target(target, &name));
    if let Some(kept) = memory.as_ref().and_then(|memory| memory.read::<Kept>())
        && kept.watched.digest(world, directory).as_ref() == Some(&kept.digest)
        && let Ok(metadata) = MetadataCommand::parse(&kept.answer)
    {
        return Ok(metadata);
    }
    let asked = world.now();
    let answer = ask(world, directory).await?;
    let metadata = MetadataCommand::parse(&answer).context("failed to read what `cargo metadata` said")?;
    if let (Some(memory), true) = (memory, target.as_deref() == Some(metadata.target_directory.as_std_path()))
    {
        let watched = Watched::of(&metadata);
        if let Some(digest) = watched.digest(world, directory)
            && !watched.changed_since(asked)
        {
            memory.write(&Kept { digest, watched, answer });
        }
    }
    Ok(metadata)
}

async fn ask(world: &World, directory: &Path) -> anyhow::Result<String> {
    let arguments = ["metadata", "--no-deps", "--format-version", "1", "--color", "never"];
    let command = CommandLine::new(world.env("CARGO").unwrap_or("cargo"), arguments)
        .in_directory(directory)
        .with_timeout(Duration::from_secs(METADATA_SECS_MAX));
    let missing = |why: String| {
        Failure::infrastructure(
            format!("failed to run `{command}`: {why}"),
            "install Rust: https://rustup.rs",
        )
    };
    let finished = world.run(&command).await.map_err(|error| missing(format!("{error:#}")))?;
    if finished.timed_out {
        return Err(missing(format!("no answer after {METADATA_SECS_MAX} s")));
    }
    if !finished.status.success() {
        let said = String::from_utf8_lossy(&finished.stderr);
        return Err(Failure::usage(
            format!("cargo cannot read the workspace: {}", said.trim()),
            "mend Cargo.toml; cargo metadata says more",
        ));
    }
    String::from_utf8(finished.stdout).context("cargo metadata is not UTF-8")
}

fn package(package: &cargo_metadata::Package) -> Package {
    let binary = |target: &&cargo_metadata::Target| target.kind.contains(&TargetKind::Bin);
    Package {
        name: package.name.to_string(),
        version: package.version.to_string(),
        directory: package
            .manifest_path
            .parent()
            .map(|folder| folder.as_std_path().to_owned())
            .unwrap_or_default(),
        binaries: package.targets.iter().filter(binary).map(|target| target.name.clone()).collect(),
        description: package.description.clone(),
        license: package.license.clone(),
        repository: package.repository.clone(),
    }
}
