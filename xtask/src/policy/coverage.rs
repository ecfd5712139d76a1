//! `policies/coverage.yaml`: how much of the code the tests must reach.

use super::Percent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The bars for line coverage. How each is computed stands in docs/reference/coverage-gate.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CoveragePolicy {
    /// Least share of executable lines, over the whole workspace, that the tests must run. Default 80.
    pub minimum: Percent,
    /// Least share of the executable lines that a change brings. Default 80.
    pub patch_minimum: Percent,
    /// Percentage points that the whole may fall below the baseline of the base. Default 1.
    pub drop_max: Percent,
    /// Least share in every package. Default none.
    pub package_minimum: Option<Percent>,
    /// Least share in these packages, instead of `package_minimum`.
    pub packages: BTreeMap<String, Percent>,
    /// Least share in every file. Default none.
    pub file_minimum: Option<Percent>,
    /// Least share in every file that a change adds. Default none: `patch_minimum` holds for them together with the rest.
    pub new_file_minimum: Option<Percent>,
    /// Whether there must be a commit to compare with. Default auto.
    pub base: BaseDemand,
    /// Whether there must be a baseline of the base. Default auto.
    pub baseline: BaselineDemand,
    /// Whether code that exists only under test (inline `#[cfg(test)]` items, `#[test]` functions) counts. Default
    /// `exclude`; reports show both numbers.
    pub test_code: TestCode,
    /// What reads the raw profiles. Default `builtin`, which needs no tool.
    pub engine: CoverageEngine,
    /// The folder of baselines, relative to the workspace. Default: `baselines` in the report folder.
    pub baselines: Option<String>,
    /// Coverage files from elsewhere (LCOV, Cobertura, llvm-cov's JSON), of any language, whose lines are added. Default none.
    pub inputs: Vec<CoverageInput>,
}

/// Coverage files from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoverageInput {
    /// The file, relative to the workspace. `*` stands for any characters of one name, `**` for any folders. It must be there.
    pub file: String,
    /// What it is. Default auto: by its first character.
    #[serde(default)]
    pub format: InputFormat,
    /// The beginning of paths that is taken away, for what was measured in another folder.
    #[serde(default)]
    pub strip: Option<String>,
    /// What is put before relative paths, for what was measured in a folder of the workspace.
    #[serde(default)]
    pub prefix: Option<String>,
}

/// What a coverage file is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputFormat {
    /// By its first character.
    #[default]
    Auto,
    /// An LCOV tracefile.
    Lcov,
    /// Cobertura XML.
    Cobertura,
    /// `llvm-cov export` in JSON.
    LlvmJson,
}

/// When a commit to compare with must be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaseDemand {
    /// For pull requests and merge queues in CI, and wherever `--base` names one.
    #[default]
    Auto,
    /// Always.
    Required,
}

/// When a baseline must be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineDemand {
    /// Never: a note says that there is none.
    #[default]
    Auto,
    /// Whenever there is a base: without a baseline, the gate refuses.
    Required,
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
            patch_minimum: Percent::whole(80),
            drop_max: Percent::whole(1),
            package_minimum: None,
            packages: BTreeMap::new(),
            file_minimum: None,
            new_file_minimum: None,
            base: BaseDemand::default(),
            baseline: BaselineDemand::default(),
            test_code: TestCode::default(),
            engine: CoverageEngine::default(),
            baselines: None,
            inputs: Vec::new(),
        }
    }
}
