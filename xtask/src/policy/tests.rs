//! `policies/tests.yaml`: how tests are run.

use super::FeatureSet;
use super::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How tests are run, one process per test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TestsPolicy {
    /// A test that runs longer is killed with its whole process group and fails. Default 120.
    pub timeout_secs: u64,
    /// Tests that run before all others, one after the other, with `first_timeout_secs`: they prepare what others use.
    /// Names as reports show them: `package::target$module::test`.
    pub first: Vec<String>,
    /// The timeout of those. Default 900.
    pub first_timeout_secs: u64,
    /// Fewer tests than the baseline of the base has (docs/reference/coverage-gate.md). Default warn.
    pub fewer: Level,
    /// Whether documentation tests run. Default true.
    pub doctests: bool,
    /// Variables that tests receive besides the declared minimum (PATH, HOME, TMPDIR, USER, LANG, CARGO_*).
    pub environment: Vec<String>,
    /// Feature sets that are compiled and tested, each `default`, `all`, `none` or names with commas between. The first
    /// is the one that lint looks at, and whose tests have their plain names; tests of the others end in
    /// ` [features: SET]`. A further set takes the packages that it changes. Default `[default]`.
    pub features: Vec<FeatureSet>,
    /// Programs that tests need as partners: `doctor` looks for them and `setup` installs them. Of `openssl`, `skopeo`,
    /// `umoci`, `cargo-nextest`, `cargo-llvm-cov`, `llvm-tools`, `diff-cover`.
    pub partners: Vec<String>,
}

impl Default for TestsPolicy {
    fn default() -> Self {
        TestsPolicy {
            timeout_secs: 120,
            first: Vec::new(),
            first_timeout_secs: 900,
            fewer: Level::Warn,
            doctests: true,
            environment: Vec::new(),
            features: vec![FeatureSet::Default],
            partners: Vec::new(),
        }
    }
}
