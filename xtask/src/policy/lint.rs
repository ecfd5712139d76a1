//! `policies/lint.yaml`: formatting and clippy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a finding of a tool does to the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The gate refuses.
    Refuse,
    /// The finding is shown, the gate passes.
    Warn,
    /// The finding is not looked for.
    Off,
}

/// The levels of the linters. Both refuse by default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LintPolicy {
    /// Files that rustfmt would change.
    pub rustfmt: Level,
    /// Warnings of rustc and clippy. Errors always refuse.
    pub clippy: Level,
}

impl Default for LintPolicy {
    fn default() -> Self {
        LintPolicy { rustfmt: Level::Refuse, clippy: Level::Refuse }
    }
}
