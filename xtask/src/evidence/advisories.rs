//! Known advisories for what Cargo.lock names.

use serde::{Deserialize, Serialize};

/// What the advisory database says of the lockfile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisoriesEvidence {
    /// Packages from registries that were looked up.
    pub packages: u64,
    /// The date of the snapshot, `2026-08-21`.
    pub snapshot_date: String,
    /// The commit of the database that the snapshot was made from.
    pub snapshot_commit: String,
    /// The snapshot's age in days when this was measured.
    pub snapshot_age_days: u32,
    /// Advisories that apply, sorted by id and package.
    pub matches: Vec<AdvisoryMatch>,
}

/// One advisory that applies to one package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AdvisoryMatch {
    /// `RUSTSEC-2024-0001`.
    pub id: String,
    /// The package.
    pub package: String,
    /// The version in Cargo.lock.
    pub version: String,
    /// What kind of advisory.
    pub kind: AdvisoryKind,
    /// Its title.
    pub title: String,
    /// Requirements that a fixed version meets (`>= 1.2.3`); empty where there is none.
    pub patched: Vec<String>,
    /// Line of the package's entry in Cargo.lock.
    pub line: u32,
    /// Where to read more: what the advisory cites, which is also the attribution of CC-BY-4.0 entries.
    #[serde(default)]
    pub url: String,
    /// Where the package comes from.
    #[serde(default)]
    pub source: PackageSource,
}

/// Where a package comes from: the version of a git checkout tells less than that of a registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageSource {
    /// A registry.
    #[default]
    Registry,
    /// A git repository: its version number may be older than its code.
    Git,
}

/// The kinds that RustSec tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdvisoryKind {
    /// A vulnerability.
    Vulnerability,
    /// Unsound code.
    Unsound,
    /// Nobody maintains it.
    Unmaintained,
    /// A notice.
    Notice,
}
