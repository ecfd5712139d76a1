//! Known advisories for what Cargo.lock names, with how near each package comes to what is shipped.

use crate::workspace::dependencies::Reach;
use serde::{Deserialize, Serialize};

/// What the advisory databases say of the lockfile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AdvisoriesEvidence {
    /// Packages from registries that were looked up.
    pub packages: u64,
    /// The databases that were asked: the main one first.
    pub databases: Vec<DatabaseUsed>,
    /// Advisories that apply, sorted by id and package.
    pub matches: Vec<AdvisoryMatch>,
    /// Why cargo did not say what is linked, where it did not: then everything counts as linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<String>,
    /// Packages of which it is known whether their version is withdrawn.
    pub yanked_known: u64,
    /// Packages of which that is not known here.
    pub yanked_unknown: u64,
    /// Why the last refresh of the database failed, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_failed: Option<String>,
    /// What the advisories are compared with.
    pub compared: LockfileOfBase,
}

/// A database that was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseUsed {
    /// For people: `embedded`, `clone of https://…`, a path.
    pub name: String,
    /// Its date, `2026-08-21`.
    pub date: String,
    /// Its commit, where it has one.
    pub commit: String,
    /// Its age in days when this was measured.
    pub age_days: u32,
    /// How many advisories it holds.
    pub advisories: u64,
}

/// What the advisories are compared with: only a change may inherit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "with")]
pub enum LockfileOfBase {
    /// With nothing: the default branch, a schedule, a push. Everything counts in full.
    #[default]
    Nothing,
    /// With the lockfile of this commit.
    Base {
        /// 40 hexadecimal digits.
        commit: String,
    },
    /// It should be compared and cannot be: everything counts as new.
    Unreadable {
        /// What failed, where and why.
        why: String,
    },
}

/// One advisory that applies to one package.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct AdvisoryMatch {
    /// `RUSTSEC-2024-0001`, `GHSA-…`; empty for a withdrawn version.
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
    pub url: String,
    /// Where the package comes from.
    pub source: PackageSource,
    /// How bad the database says it is, where it does: `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Its names elsewhere (`CVE-…`, `GHSA-…`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// How near the package comes to what is shipped.
    pub reach: Reach,
    /// Whether a member names the package itself.
    pub direct: bool,
    /// The shortest path from a member to it: `app@0.1.0`, …, `time@0.1.42`.
    pub path: Vec<String>,
    /// What the base has of it.
    pub on_base: OnBase,
}

/// What the base's lockfile has of an advisory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBase {
    /// Nothing, or it is not known: the change brings it.
    #[default]
    New,
    /// Another version of the package, to which the same advisory applies: an upgrade that does not go far enough.
    OtherVersion,
    /// The same version.
    Same,
}

/// Where a package comes from: a version tells most about one of crates.io.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackageSource {
    /// crates.io.
    #[default]
    Registry,
    /// Another registry: the package may be another one of the same name.
    OtherRegistry,
    /// A git repository: its version number may be older than its code.
    Git,
}

/// The kinds that RustSec tells apart, and what the registry says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdvisoryKind {
    /// A vulnerability.
    #[default]
    Vulnerability,
    /// Unsound code.
    Unsound,
    /// Nobody maintains it.
    Unmaintained,
    /// A notice.
    Notice,
    /// The version was withdrawn from the registry.
    Yanked,
}

impl AdvisoryMatch {
    /// What a waiver names: the advisory; for a withdrawn version the package.
    pub fn subject(&self) -> String {
        match self.id.as_str() {
            "" => format!("{}@{}", self.package, self.version),
            id => id.to_owned(),
        }
    }
}
