//! What dependencies say of their licences.

use crate::workspace::dependencies::Reach;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Every package whose manifest is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicencesEvidence {
    /// Sorted by name and version.
    pub packages: Vec<Licenced>,
    /// Packages that only the lockfile names, for other platforms or features: their manifests were not read.
    pub not_read: u64,
}

/// One package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licenced {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it is a package of the workspace.
    pub member: bool,
    /// How it is reached.
    pub reach: Reach,
    /// Line of its entry in Cargo.lock, 0 where it has none.
    pub line: u32,
    /// The shortest path from the workspace to it, both included.
    pub path: Vec<String>,
    /// What its manifest says, as it is written.
    pub expression: Option<String>,
    /// The file with its licence, where its manifest names one.
    pub file: Option<String>,
    /// SHA-256 of that file, and of those that clarifications name, in hexadecimal digits.
    pub hashes: BTreeMap<String, String>,
}
