//! `policies/security.yaml`: the parts of the security group, each in its own file here.

mod advisories;
mod secrets;
mod workflows;

pub use advisories::{AdvisoriesPolicy, AdvisoryScope, DATABASE_URL};
pub use secrets::SecretsPolicy;
pub use workflows::{AskZizmor, WorkflowsPolicy};

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
    /// Workflows and actions of the repository.
    pub workflows: WorkflowsPolicy,
}
