//! Cargo: its commands with the flags that every call needs, the toolchain behind it, and what is in the workspace.

pub mod configured;
mod features;
mod targets;

pub use features::Take;
pub use targets::{Omitted, flag, section, target_name};

use super::metadata;
use super::toolchain::{self, Asker};
use crate::evidence::CouldNotRun;
use crate::evidence::tests::LeftOut;
use crate::failure::Failure;
use crate::policy::FeatureSet;
use crate::world::{CommandLine, World};
use cargo_metadata::{Metadata, Package, PackageId, TargetKind};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a question to cargo or rustc may take.
const QUESTION_SECS_MAX: u64 = 120;

/// Variables that a child of ours must never see: writing to these files steers the CI system.
pub const CI_STEERING: [&str; 4] = ["GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"];

/// Whether cargo may use the network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// Fetch what is missing.
    #[default]
    Online,
    /// `--offline`.
    Offline,
}

/// Something told while work goes on: one short line.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The toolchain that cargo uses here, and the workspace as cargo sees it.
#[derive(Debug, Clone)]
pub struct Cargo {
    program: String,
    network: Network,
    /// The workspace's root.
    pub root: PathBuf,
    /// The directory of everything compiled.
    pub target_directory: PathBuf,
    /// The members, as `cargo metadata` tells them.
    pub packages: Vec<Package>,
    /// The toolchain.
    pub toolchain: Toolchain,
    /// With which features members are compiled.
    pub features: FeatureSet,
    /// The members that are compiled; `None`: all of them.
    selection: Option<Vec<PackageId>>,
    /// Targets that the policy leaves out, found or not.
    left_out: Vec<LeftOut>,
    /// What of them is compiled, as cargo is told; empty: every target.
    targets: Vec<String>,
}

/// rustc and its companions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub rustc: String,
    /// `x86_64-unknown-linux-gnu`.
    pub host: String,
    /// Where it is installed.
    pub sysroot: PathBuf,
    /// `clippy-driver`, where that component is installed.
    pub clippy_driver: Option<PathBuf>,
}

impl Cargo {
    /// Asks rustc and cargo what is here.
    ///
    /// # Errors
    /// Where there is no toolchain, no manifest, or one that cargo cannot read.
    pub async fn discover(world: &World, root: &Path, network: Network) -> Result<Cargo, CouldNotRun> {
        let program = world.env("CARGO").unwrap_or("cargo").to_owned();
        let metadata = metadata::read(world, root).await.map_err(|error| CouldNotRun {
            message: format!("{error:#}"),
            help: Failure::help_of(&error).unwrap_or("cargo metadata").to_owned(),
        })?;
        let members: BTreeSet<_> = metadata.workspace_members.iter().cloned().collect();
        let Metadata { packages, workspace_root, target_directory, .. } = metadata;
        Ok(Cargo {
            program,
            network,
            root: workspace_root.into_std_path_buf(),
            toolchain: Toolchain::discover(world, root, target_directory.as_std_path()).await?,
            target_directory: target_directory.into_std_path_buf(),
            packages: packages.into_iter().filter(|package| members.contains(&package.id)).collect(),
            features: FeatureSet::Default,
            selection: None,
            left_out: Vec::new(),
            targets: Vec::new(),
        })
    }

    /// A workspace that is known without asking.
    #[cfg(test)]
    pub(crate) fn known(
        root: PathBuf,
        packages: Vec<Package>,
        toolchain: Toolchain,
        network: Network,
    ) -> Cargo {
        let target_directory = root.join("target");
        Cargo {
            program: "cargo".to_owned(),
            network,
            root,
            target_directory,
            packages,
            toolchain,
            features: FeatureSet::Default,
            selection: None,
            left_out: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// A cargo command in the workspace, with the flags that every call needs. Without a Cargo.lock there is nothing to
    /// be locked to.
    pub fn command<'a>(&self, verb: &'a str, arguments: impl IntoIterator<Item = &'a str>) -> CommandLine {
        let mut command = CommandLine::new(&self.program, [verb]).in_directory(&self.root);
        if self.root.join("Cargo.lock").exists() {
            command = command.arg("--locked");
        }
        if self.network == Network::Offline {
            command = command.arg("--offline");
        }
        command.arguments.extend(arguments.into_iter().map(str::to_owned));
        CI_STEERING
            .iter()
            .fold(command.env("CARGO_TERM_COLOR", "never"), |command, name| command.env_remove(*name))
    }

    /// A cargo sub-command that takes none of those flags (`cargo fmt`).
    pub fn plain_command<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> CommandLine {
        CommandLine::new(&self.program, arguments).in_directory(&self.root).env("CARGO_TERM_COLOR", "never")
    }

    /// The packages that can have doctests; `cargo test --doc` fails on others.
    pub fn with_doctests(&self) -> impl Iterator<Item = (&Package, &cargo_metadata::Target)> {
        self.selected().filter_map(|package| {
            let tested = |target: &&cargo_metadata::Target| target.doctest && is_library(&target.kind);
            Some((package, package.targets.iter().find(tested)?))
        })
    }
}

/// Whether a target is a library of any kind.
pub fn is_library(kinds: &[TargetKind]) -> bool {
    kinds.iter().any(|kind| {
        !matches!(
            kind,
            TargetKind::Bin
                | TargetKind::Test
                | TargetKind::Bench
                | TargetKind::Example
                | TargetKind::CustomBuild
        )
    })
}

impl Toolchain {
    async fn discover(world: &World, root: &Path, target: &Path) -> Result<Toolchain, CouldNotRun> {
        let rustc = world.env("RUSTC").unwrap_or("rustc");
        let asker = Asker::new(world, root, Some(target));
        let failed = |message: String| CouldNotRun { message, help: toolchain::RUST_HELP.to_owned() };
        let version = asker.ask(rustc, &["-vV"]).await.map_err(failed)?;
        let sysroot = PathBuf::from(asker.ask(rustc, &["--print", "sysroot"]).await.map_err(failed)?);
        let driver = sysroot.join("bin/clippy-driver");
        Ok(Toolchain {
            rustc: version.lines().next().unwrap_or_default().to_owned(),
            host: version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned(),
            clippy_driver: driver.is_file().then_some(driver),
            sysroot,
        })
    }
}

/// The names of targets whose manifest says `harness = false`, as (section, name): `cargo metadata` does not tell.
pub fn without_harness(manifest: &str) -> BTreeSet<(&'static str, String)> {
    let Ok(manifest) = manifest.parse::<toml::Table>() else {
        // Cargo has read this file; what it accepts and we do not is run as libtest and judged by its list.
        return BTreeSet::new();
    };
    let mut found = BTreeSet::new();
    for section in ["test", "bench", "bin", "example"] {
        let targets = manifest.get(section).and_then(toml::Value::as_array);
        for target in targets.into_iter().flatten() {
            let name = target.get("name").and_then(toml::Value::as_str);
            let harness = target.get("harness").and_then(toml::Value::as_bool);
            if let (Some(name), Some(false)) = (name, harness) {
                found.insert((section, name.to_owned()));
            }
        }
    }
    if manifest.get("lib").and_then(|lib| lib.get("harness")).and_then(toml::Value::as_bool) == Some(false) {
        found.insert(("lib", String::new()));
    }
    found
}

/// Runs a question and gives its standard output.
pub(crate) async fn ask(world: &World, question: &CommandLine, help: &str) -> Result<Vec<u8>, CouldNotRun> {
    let question = question.clone().with_timeout(Duration::from_secs(QUESTION_SECS_MAX));
    let failed = |why: String| CouldNotRun {
        message: format!("failed to run `{question}`: {why}"),
        help: help.to_owned(),
    };
    let finished = world.run(&question).await.map_err(|error| failed(format!("{error:#}")))?;
    if finished.timed_out {
        return Err(failed(format!("no answer after {QUESTION_SECS_MAX} s")));
    }
    if !finished.status.success() {
        return Err(failed(String::from_utf8_lossy(&finished.stderr).trim().to_owned()));
    }
    Ok(finished.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_without_a_harness_are_named() {
        let manifest = "[lib]\nharness = false\n[[test]]\nname = \"a\"\nharness = false\n[[test]]\nname = \"b\"\n\
                        [[bench]]\nname = \"c\"\nharness = false\n[[bin]]\nname = \"d\"\nharness = true\n";
        let found: Vec<_> = without_harness(manifest).into_iter().collect();
        let named = |section, name: &str| (section, name.to_owned());
        assert_eq!(found, [named("bench", "c"), named("lib", ""), named("test", "a")]);
        assert!(without_harness("not [ toml").is_empty());
    }

    #[test]
    fn every_call_has_its_flags() {
        let directory = tempfile::tempdir().unwrap();
        let toolchain = Toolchain {
            rustc: String::new(),
            host: String::new(),
            sysroot: PathBuf::new(),
            clippy_driver: None,
        };
        let root = directory.path().to_path_buf();
        let known = |network| Cargo::known(root.clone(), vec![], toolchain.clone(), network);
        let check = |network, expected: &[&str]| {
            assert_eq!(known(network).command("test", ["--doc"]).arguments, expected);
        };
        check(Network::Online, &["test", "--doc"]);
        std::fs::write(root.join("Cargo.lock"), "").unwrap();
        check(Network::Online, &["test", "--locked", "--doc"]);
        check(Network::Offline, &["test", "--locked", "--offline", "--doc"]);
        let command = known(Network::Online).command("test", []);
        assert_eq!(command.environment["GITHUB_ENV"], None);
    }

    #[tokio::test]
    async fn a_directory_without_a_manifest_is_told_with_help() {
        let empty = tempfile::tempdir().unwrap();
        let world = World::real().unwrap();
        let why = Cargo::discover(&world, empty.path(), Network::Offline).await.unwrap_err();
        assert!(why.message.contains("Cargo.toml") && why.help.contains("cargo metadata"), "{why:?}");
    }
}
