//! `sources` of `policies/security.yaml`: where dependencies may come from.

use crate::policy::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the public registry in policies.
pub const CRATES_IO: &str = "crates.io";

/// Where dependencies may come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SourcesPolicy {
    /// A package of a registry that is not named. Default refuse.
    pub unknown_registry: Level,
    /// A package of a git repository that is not named. Default refuse.
    pub unknown_git: Level,
    /// The registries: `crates.io`, or the URL of an index. Default crates.io.
    pub registries: Vec<String>,
    /// URLs of git repositories. One that ends in `/` means all below it. Default none.
    pub git: Vec<String>,
    /// How closely a git dependency must be pinned in its manifest: Cargo.lock always names its commit. Default any.
    pub git_pin: GitPin,
    /// A path dependency outside of the repository, which nobody else has. Default refuse.
    pub outside_paths: Level,
    /// Packages that the workspace's manifest (`[patch]`) or its cargo configuration (`[source]`, `paths`) takes from elsewhere than
    /// their requirement says. Default warn.
    pub replaced: Level,
}

/// How closely a git dependency is pinned, the loosest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GitPin {
    /// Not at all: the default branch.
    #[default]
    Any,
    /// A branch.
    Branch,
    /// A tag.
    Tag,
    /// A commit.
    Rev,
}

impl Default for SourcesPolicy {
    fn default() -> Self {
        SourcesPolicy {
            unknown_registry: Level::Refuse,
            unknown_git: Level::Refuse,
            registries: vec![CRATES_IO.to_owned()],
            git: Vec::new(),
            git_pin: GitPin::Any,
            outside_paths: Level::Refuse,
            replaced: Level::Warn,
        }
    }
}
