//! What is known about the policies themselves: the waivers in force, the day, and how the change differs from its base.

use crate::digest::Digest;
use crate::policy::waivers::Placed;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// What was read of the policies. Judging a release again uses this day and these waivers, not those of later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyEvidence {
    /// The day of the run, UTC.
    pub today: Date,
    /// How much was looked at: only of the whole it can be said that a waiver meets nothing.
    pub scope: Scope,
    /// Policy files that were read.
    pub files: u64,
    /// The waivers in force, expired ones too.
    pub waivers: Vec<Placed>,
    /// How the change's policies differ from those of its base, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything that the wanted gates look at.
    #[default]
    Whole,
    /// Some tests, some packages, or a shard.
    Part,
}

/// The base's policies against the change's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The base, for people: `main`, `first parent of the pull request's merge commit`.
    pub base: String,
    /// The base's commit.
    pub base_commit: String,
    /// The change's last commit: what an approval names.
    pub head_commit: String,
    /// The digest of everything in the base's policies.
    pub old: Digest,
    /// The digest of everything in the change's.
    pub new: Digest,
    /// What the base has.
    pub found: Found,
    /// What the change loosens, in the order of files and keys.
    pub loosened: Vec<Loosened>,
    /// The names of those whose approval counts.
    pub approved_by: Vec<String>,
    /// Approvals that do not count, each with the reason.
    pub not_counted: Vec<String>,
}

/// What the base has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Found {
    /// Policies.
    Policies,
    /// No policies at all: the change's judge.
    Nothing,
    /// Policies that this version cannot read: the change's judge, and somebody has to approve.
    Unreadable {
        /// Why.
        why: String,
    },
}

/// One key that the change loosens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Loosened {
    /// The file in `policies/`.
    pub file: String,
    /// The key, as `policy show` prints it: `advisories.unsound`.
    pub key: String,
    /// What the base says.
    pub old: String,
    /// What the change says.
    pub new: String,
    /// The line in the change's file, from 1; 0 where it does not stand there.
    pub line: u32,
}
