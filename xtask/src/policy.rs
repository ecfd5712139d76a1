//! Policy: what is demanded. Parsed from `policies/*.yaml`, validated, hashed.
//!
//! A missing file means the documented default, never "no gate". An unknown key is an error that names the file,
//! the line and the nearest known key. This is the only module that knows `serde_yaml`.

pub mod approvals;
pub mod approvers;
pub mod coverage;
pub mod features;
pub mod file;
pub mod github;
pub mod image;
pub mod lint;
pub mod loosened;
pub mod notifications;
pub mod origin;
pub mod parse;
pub mod percent;
pub mod places;
pub mod rollout;
pub mod schema;
pub mod security;
pub mod set;
pub mod tests;
pub mod waivers;
pub mod windows;

use crate::digest::{Digest, Hasher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use coverage::CoveragePolicy;
pub use features::FeatureSet;
pub use github::GithubPolicy;
pub use image::ImagePolicy;
pub use lint::LintPolicy;
pub use percent::Percent;
pub use rollout::RolloutPolicy;
pub use security::SecurityPolicy;
pub use set::{PolicySet, Texts};
pub use tests::TestsPolicy;

/// Everything that is demanded of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `policies/lint.yaml`.
    pub lint: LintPolicy,
    /// `policies/tests.yaml`.
    pub tests: TestsPolicy,
    /// `policies/coverage.yaml`.
    pub coverage: CoveragePolicy,
    /// `policies/security.yaml`.
    pub security: SecurityPolicy,
    /// `policies/image.yaml`.
    pub image: ImagePolicy,
    /// `policies/rollout.yaml`.
    pub rollout: RolloutPolicy,
    /// `policies/github.yaml`.
    pub github: GithubPolicy,
}

/// Where the policies in force were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySource {
    /// `worktree`, or the git reference that `--policy-ref` named.
    pub source: String,
    /// The digest of the policy in force: of its values, so a comment does not change it.
    pub hash: Digest,
}

impl Policy {
    /// The digest of the values in force.
    pub fn hash(&self) -> Digest {
        let mut hasher = Hasher::default();
        // A policy is plain data with string keys: it always serialises.
        hasher.field(&serde_json::to_vec(self).unwrap_or_default());
        hasher.finish()
    }
}
