//! Secrets in tracked files. The value itself never gets here.

use serde::{Deserialize, Serialize};

/// What the scan found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsEvidence {
    /// Files that were read.
    pub files: u64,
    /// Files that were not read to their end, with the reason.
    pub skipped: Vec<(String, String)>,
    /// Where a secret stands, sorted by file and line.
    pub found: Vec<SecretFound>,
}

/// One place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretFound {
    /// Path relative to the workspace.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// The rule's name (`github-token`).
    pub rule: String,
    /// What kind of secret, for people.
    pub what: String,
    /// The first characters that only tell the kind (`ghp_…`), never the secret part.
    pub redacted: String,
}
