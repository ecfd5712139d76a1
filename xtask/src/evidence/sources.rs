//! Where packages come from.

use serde::{Deserialize, Serialize};

/// Every package of the lockfile with its source, and what takes packages from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourcesEvidence {
    /// Packages that are not of this repository, sorted by name and version.
    pub packages: Vec<Sourced>,
    /// `[patch]`, `[source]`, `paths` and `include`.
    pub replaced: Vec<Replaced>,
    /// Manifests and configurations that cannot be read: what they take from elsewhere is unknown.
    #[serde(default)]
    pub unreadable: Vec<Unreadable>,
}

/// A file of cargo that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unreadable {
    /// The file, relative to the workspace.
    pub file: String,
    /// The line of the fault, 0 where it has none.
    pub line: u32,
    /// What is wrong with it.
    pub why: String,
}

/// One package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// As Cargo.lock writes it; `None` for a path outside of the repository.
    pub source: Option<String>,
    /// Line of its entry in Cargo.lock, 0 where it has none.
    pub line: u32,
    /// The shortest path from the workspace to it, both included.
    pub path: Vec<String>,
}

/// Something that takes packages from elsewhere than their requirement says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Replaced {
    /// The file, relative to the workspace.
    pub file: String,
    /// Line, 0 where it was not found.
    pub line: u32,
    /// What is taken: `patch.crates-io.serde`, `source.crates-io`, `include`.
    pub key: String,
    /// From where, as it is written.
    pub from: String,
}
