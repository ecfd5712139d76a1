//! Evidence: what was measured, by which tool, at which commit. Written only after every test process has ended.
//!
//! One type per gate, in the gate's file of this folder. Judging is `gates/`.

pub mod advisories;
pub mod against;
pub mod bans;
pub mod base_run;
pub mod baseline;
pub mod coverage;
pub mod image;
pub mod licences;
pub mod lines;
pub mod lint;
pub mod merge;
pub mod noise;
pub mod part;
pub mod patch;
pub mod policy;
pub mod reused;
pub mod sbom;
pub mod scanners;
pub mod secrets;
pub mod sources;
pub mod tests;
pub mod workflows;

use crate::digest::Digest;
use crate::workspace::Change;
use crate::workspace::change::Uncompared;
use serde::{Deserialize, Serialize};

pub use advisories::AdvisoriesEvidence;
pub use bans::BansEvidence;
pub use coverage::CoverageEvidence;
pub use image::ImageEvidence;
pub use licences::LicencesEvidence;
pub use lint::LintEvidence;
pub use policy::PolicyEvidence;
pub use scanners::ScannersEvidence;
pub use secrets::SecretsEvidence;
pub use sources::SourcesEvidence;
pub use tests::TestsEvidence;
pub use workflows::WorkflowsEvidence;

/// The schema of `evidence.json`.
pub const SCHEMA: &str = "gateline/evidence/v1";

/// What was measured of one workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// [`SCHEMA`].
    pub schema: String,
    /// What it speaks of.
    pub subject: Subject,
    /// What differs from the base, where it was compared with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Why it was compared with none, where `change` is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncompared: Option<Uncompared>,
    /// The gates that were performed. A gate that is absent was not performed.
    pub gates: GateEvidence,
}

/// What evidence speaks of: other inputs, other evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// Whether tracked or untracked files differed from it.
    pub dirty: bool,
    /// The digest of every file that git tracks or would track, with names and modes.
    pub tree: Digest,
    /// The digest of the policy in force.
    pub policy: Digest,
    /// `rustc -vV`, the linker's and the libc's version in one digest.
    pub toolchain: Digest,
}

/// The parts, each absent until performed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GateEvidence {
    /// rustfmt and clippy.
    pub lint: Option<Measured<LintEvidence>>,
    /// Every test with its outcome.
    pub tests: Option<Measured<TestsEvidence>>,
    /// Lines by file.
    pub coverage: Option<Measured<CoverageEvidence>>,
    /// Advisories that match Cargo.lock.
    pub advisories: Option<Measured<AdvisoriesEvidence>>,
    /// Licences of dependencies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licences: Option<Measured<LicencesEvidence>>,
    /// Packages that are there, and requirements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bans: Option<Measured<BansEvidence>>,
    /// Where dependencies come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Measured<SourcesEvidence>>,
    /// Secrets in tracked files, redacted.
    pub secrets: Option<Measured<SecretsEvidence>>,
    /// Workflows and actions of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflows: Option<Measured<WorkflowsEvidence>>,
    /// What outside scanners reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanners: Option<Measured<ScannersEvidence>>,
    /// Waivers, and what the change does to the policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Measured<PolicyEvidence>>,
    /// What the image weighs; judged once it is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Measured<ImageEvidence>>,
}

/// One gate's measurement: what came out, or why nothing could be measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured<E> {
    /// The result. `Err` is "could not run": never a pass.
    pub result: Result<E, CouldNotRun>,
    /// Wall time.
    pub duration_millis: u64,
}

/// Why a gate could not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouldNotRun {
    /// What failed, where and why.
    pub message: String,
    /// The next command to type.
    pub help: String,
}
