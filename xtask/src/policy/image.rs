//! `policies/image.yaml`: which package becomes an image, and what the image says of itself.

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
        }
    }
}
