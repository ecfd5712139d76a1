//! `policies/coverage.yaml`: how much of the code the tests must reach.

use super::Percent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The bar for line coverage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CoveragePolicy {
    /// Least share of executable lines, over the whole workspace, that the tests must run. Default 80.
    pub minimum: Percent,
    /// The folder of baselines, relative to the workspace. Default: `baselines` in the report folder.
    pub baselines: Option<String>,
}

impl Default for CoveragePolicy {
    fn default() -> Self {
        CoveragePolicy { minimum: Percent::whole(80), baselines: None }
    }
}
