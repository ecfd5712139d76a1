//! `policies/security.yaml`: the parts of the security group, each in its own file here.

mod advisories;
mod secrets;

pub use advisories::AdvisoriesPolicy;
pub use secrets::SecretsPolicy;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The security group: each part is a gate of its own in the verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityPolicy {
    /// Known advisories for what Cargo.lock names.
    pub advisories: AdvisoriesPolicy,
    /// Secrets in tracked files.
    pub secrets: SecretsPolicy,
}
