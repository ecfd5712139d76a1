//! Secrets in files, in what commits bring, and in the history. The value itself never gets here.

use serde::{Deserialize, Serialize};

/// What the scan found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsEvidence {
    /// What was looked at.
    #[serde(default)]
    pub scope: SecretsScope,
    /// Files that were read: each version of a file counts once.
    pub files: u64,
    /// Files that were not read to their end, with the reason.
    pub skipped: Vec<(String, String)>,
    /// Where a secret stands, sorted by file and line.
    pub found: Vec<SecretFound>,
}

/// What was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "of")]
pub enum SecretsScope {
    /// Every tracked file.
    #[default]
    Tree,
    /// What the change brings: each of its commits, and what is not committed yet.
    Change {
        /// The base's commit.
        base: String,
        /// Commits behind it.
        commits: u64,
    },
    /// What the next commit would bring.
    Staged,
    /// Every version of every file that a reference leads to.
    History {
        /// Commits.
        commits: u64,
    },
}

/// One place.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretFound {
    /// Path relative to the workspace.
    pub file: String,
    /// Line, from 1; in the file as it is now, else as the commit left it.
    pub line: u32,
    /// The rule's name (`github-token`).
    pub rule: String,
    /// What kind of secret, for people.
    pub what: String,
    /// The first characters that only tell the kind (`ghp_…`), never the secret part.
    pub redacted: String,
    /// How it was told to be a secret.
    #[serde(default)]
    pub told_by: ToldBy,
    /// The commit that brought it, where commits were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether it is still in the file.
    #[serde(default)]
    pub stands: Stands,
    /// The names that waivers give to this value: each the text of such a waiver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
}

/// How a secret was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToldBy {
    /// By a form that its issuer gives, or by its place.
    #[default]
    Form,
    /// By a name beside it and by looking random.
    Look,
}

/// Whether a secret is still in its file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// It is.
    #[default]
    Still,
    /// A later commit took it out: the history has it.
    Removed,
    /// Nobody looked.
    Unknown,
}
