//! Workspace: what is here. Packages from `cargo metadata`, the commit and the state of the tree from git.

pub mod change;
pub mod dependencies;
pub mod graph;

use crate::digest::Digest;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

pub use change::Change;

/// A cargo workspace in a git repository.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder of the workspace's Cargo.toml.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    /// The packages of the workspace, by name.
    pub packages: Vec<Package>,
    /// The name of the root package, if there is one.
    pub root_package: Option<String>,
    /// What git says of it.
    pub repository: Repository,
}

/// What git says of a folder; paths are relative to it.
#[derive(Debug, Clone)]
pub struct Repository {
    /// HEAD, 40 hexadecimal digits.
    pub commit: String,
    /// When it was committed.
    pub commit_time: Timestamp,
    /// The branch; `None` on a detached HEAD.
    pub branch: Option<String>,
    /// Paths that differ from HEAD, tracked or not, ignored ones left out.
    pub changed: Vec<String>,
    /// The digest of HEAD's tree and of what differs from it.
    pub tree: Digest,
    /// Files that git tracks.
    pub tracked: Vec<PathBuf>,
}

/// One package of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its folder.
    pub directory: PathBuf,
    /// Its binaries.
    pub binaries: Vec<String>,
    /// What it is, for image labels.
    pub description: Option<String>,
    /// An SPDX expression.
    pub license: Option<String>,
    /// Where its source is.
    pub repository: Option<String>,
}

impl Workspace {
    /// Whether anything differs from HEAD.
    pub fn dirty(&self) -> bool {
        !self.repository.changed.is_empty()
    }

    /// A path as reports show it: relative to the root, where it is below it.
    pub fn shown<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// The package whose binary becomes the image: the named one, else the root package, else the only one with a
    /// binary. `Err` holds the names to choose from.
    pub fn service_package(&self, named: Option<&str>) -> Result<&Package, Vec<&str>> {
        let with_binary: Vec<&Package> =
            self.packages.iter().filter(|package| !package.binaries.is_empty()).collect();
        let wanted = named.or(self.root_package.as_deref());
        let chosen = match wanted.and_then(|name| with_binary.iter().find(|package| package.name == name)) {
            Some(package) => Some(*package),
            None if named.is_none() && with_binary.len() == 1 => with_binary.first().copied(),
            None => None,
        };
        chosen.ok_or_else(|| with_binary.iter().map(|package| package.name.as_str()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(packages: &[(&str, &[&str])], root_package: Option<&str>) -> Workspace {
        let package = |(name, binaries): &(&str, &[&str])| Package {
            name: (*name).to_owned(),
            version: "1.0.0".into(),
            directory: "/w".into(),
            binaries: binaries.iter().map(|name| (*name).to_owned()).collect(),
            description: None,
            license: None,
            repository: None,
        };
        Workspace {
            root: "/w".into(),
            target: "/w/target".into(),
            packages: packages.iter().map(package).collect(),
            root_package: root_package.map(str::to_owned),
            repository: Repository {
                commit: "c".into(),
                commit_time: Timestamp::UNIX_EPOCH,
                branch: None,
                changed: vec![],
                tree: Digest::of(b""),
                tracked: vec![],
            },
        }
    }

    #[test]
    fn the_service_is_the_named_the_root_or_the_only_binary() {
        let two = workspace(&[("a", &["a"]), ("b", &["b"]), ("lib", &[])], Some("b"));
        let name = |found: Result<&Package, Vec<&str>>| {
            found.map(|package| package.name.clone()).map_err(|names| names.join(","))
        };
        assert_eq!(name(two.service_package(None)), Ok("b".into()));
        assert_eq!(name(two.service_package(Some("a"))), Ok("a".into()));
        assert_eq!(name(two.service_package(Some("lib"))), Err("a,b".into()));
        assert_eq!(
            name(workspace(&[("a", &["a"]), ("lib", &[])], None).service_package(None)),
            Ok("a".into())
        );
        assert_eq!(
            name(workspace(&[("a", &["a"]), ("b", &["b"])], None).service_package(None)),
            Err("a,b".into())
        );
    }

    #[test]
    fn paths_are_shown_from_the_root() {
        let workspace = workspace(&[], None);
        assert_eq!(workspace.shown(Path::new("/w/src/a.rs")), Path::new("src/a.rs"));
        assert_eq!(workspace.shown(Path::new("/other")), Path::new("/other"));
    }
}
