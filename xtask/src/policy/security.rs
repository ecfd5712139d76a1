//! `policies/security.yaml`: the parts of the security group, each in its own file here.

mod advisories;
mod bans;
mod licences;
mod scanners;
mod secrets;
mod senseless;
mod sources;
mod workflows;

pub use advisories::{AdvisoriesPolicy, AdvisoryScope, DATABASE_URL};
pub use bans::{BannedFeatures, BannedPackage, BansPolicy, BuildScripts, SkippedDuplicate};
pub use licences::{Clarification, LicenceException, LicencesPolicy};
pub use scanners::{ScannerFormat, ScannerInput, ScannersPolicy, Suppressions};
pub use secrets::SecretsPolicy;
pub(crate) use senseless::LICENCES;
pub use sources::{CRATES_IO, GitPin, SourcesPolicy};
pub use workflows::{AskZizmor, WorkflowsPolicy};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The security group: each part is a gate of its own in the verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityPolicy {
    /// Known advisories for what Cargo.lock names.
    pub advisories: AdvisoriesPolicy,
    /// Licences of dependencies.
    pub licences: LicencesPolicy,
    /// Packages, versions and requirements that are not wanted.
    pub bans: BansPolicy,
    /// Where dependencies come from.
    pub sources: SourcesPolicy,
    /// Secrets in tracked files.
    pub secrets: SecretsPolicy,
    /// Workflows and actions of the repository.
    pub workflows: WorkflowsPolicy,
    /// Results of other scanners.
    pub scanners: ScannersPolicy,
}
