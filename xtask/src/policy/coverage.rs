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
    /// Whether code that exists only under test (inline `#[cfg(test)]` items, `#[test]` functions) counts. Default
    /// `exclude`; reports show both numbers.
    pub test_code: TestCode,
    /// What reads the raw profiles. Default `builtin`, which needs no tool.
    pub engine: CoverageEngine,
    /// The folder of baselines, relative to the workspace. Default: `baselines` in the report folder.
    pub baselines: Option<String>,
}

/// Whether code that exists only under test counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TestCode {
    /// It is not product code.
    #[default]
    Exclude,
    /// It counts, as in every other tool on stable Rust.
    Include,
}

/// What reads the raw profiles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CoverageEngine {
    /// Gateline itself.
    #[default]
    Builtin,
    /// `llvm-profdata` and `llvm-cov` of the LLVM version that rustc has.
    LlvmCov,
    /// `llvm-cov` where its tools are there and match rustc, else `builtin`.
    Auto,
}

impl Default for CoveragePolicy {
    fn default() -> Self {
        CoveragePolicy {
            minimum: Percent::whole(80),
            test_code: TestCode::default(),
            engine: CoverageEngine::default(),
            baselines: None,
        }
    }
}
