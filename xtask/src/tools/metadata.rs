//! `cargo metadata`: the packages of the workspace.

use super::git;
use crate::failure::Failure;
use crate::workspace::{Package, Workspace};
use crate::world::{CommandLine, World};
use anyhow::Context as _;
use cargo_metadata::{Metadata, MetadataCommand, TargetKind};
use std::path::{Path, PathBuf};

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
    let metadata = metadata(world, directory).await?;
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

async fn metadata(world: &World, directory: &Path) -> anyhow::Result<Metadata> {
    let command =
        CommandLine::new("cargo", ["metadata", "--format-version=1", "--no-deps"]).in_directory(directory);
    let missing = |error: anyhow::Error| {
        Failure::infrastructure(format!("{error:#}"), "install Rust: https://rustup.rs")
    };
    let finished = world.run(&command).await.map_err(missing)?;
    if !finished.status.success() {
        let said = String::from_utf8_lossy(&finished.stderr);
        return Err(Failure::usage(
            format!("cargo cannot read the workspace: {}", said.trim()),
            "mend the manifest",
        ));
    }
    let said = std::str::from_utf8(&finished.stdout).context("cargo metadata is not UTF-8")?;
    MetadataCommand::parse(said).context("failed to read what `cargo metadata` said")
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
