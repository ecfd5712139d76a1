//! `policies/image.yaml`: which package becomes an image, and what the image says of itself.

use super::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The image of one binary package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImagePolicy {
    /// The package whose binary goes into the image. Default: the only binary package, or the root package.
    pub package: Option<String>,
    /// The binary, where the package has several. Default: the package's name.
    pub binary: Option<String>,
    /// The cargo profile. Default `release`.
    pub profile: String,
    /// Cargo features of that package.
    pub features: Vec<String>,
    /// Arguments after the entry point.
    pub arguments: Vec<String>,
    /// Ports that the service listens on in the container. Default none.
    pub ports: Vec<u16>,
    /// Environment in the image's config.
    pub environment: BTreeMap<String, String>,
    /// Labels besides those made from cargo metadata and git.
    pub labels: BTreeMap<String, String>,
    /// The numeric user and group that the process runs as; root is refused. Default 65532.
    pub user: u32,
    /// Most bytes of the compressed image. Default 100 MB.
    pub size_bytes_max: u64,
    /// The signed evidence without which no image is rolled out.
    pub verify: VerifyPolicy,
}

/// The signed evidence of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VerifyPolicy {
    /// `refuse`: an image without evidence that holds is not rolled out. `warn` says it and goes on. Default `refuse`.
    pub level: Level,
    /// What must be attached, each exactly once. Default all three.
    pub required: Vec<RequiredEvidence>,
    /// Whether the key of this machine (`key show`), which `ship` makes by itself, is admitted. Default true.
    pub local_key: bool,
    /// Further keys that are admitted: P-256 public keys as PEM. Default none.
    pub keys: Vec<String>,
    /// Days after which a build is too old to be rolled out anew. Default 90.
    pub age_days_max: u32,
}

/// A kind of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RequiredEvidence {
    /// How it was built: SLSA provenance.
    Provenance,
    /// What it is made of: CycloneDX.
    Sbom,
    /// What the gates said.
    Verdict,
}

impl Default for VerifyPolicy {
    fn default() -> Self {
        VerifyPolicy {
            level: Level::Refuse,
            required: vec![RequiredEvidence::Provenance, RequiredEvidence::Sbom, RequiredEvidence::Verdict],
            local_key: true,
            keys: Vec::new(),
            age_days_max: 90,
        }
    }
}

impl Default for ImagePolicy {
    fn default() -> Self {
        ImagePolicy {
            package: None,
            binary: None,
            profile: "release".to_owned(),
            features: Vec::new(),
            arguments: Vec::new(),
            ports: Vec::new(),
            environment: BTreeMap::new(),
            labels: BTreeMap::new(),
            user: 65532,
            size_bytes_max: 100_000_000,
            verify: VerifyPolicy::default(),
        }
    }
}
