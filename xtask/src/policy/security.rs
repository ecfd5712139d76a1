//! `policies/security.yaml`: known-vulnerable dependencies and committed secrets.

use super::lint::Level;
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
}

/// Which advisories refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdvisoriesPolicy {
    /// Vulnerabilities. Default refuse.
    pub vulnerability: Level,
    /// Unsound code. Default warn.
    pub unsound: Level,
    /// Unmaintained packages. Default warn.
    pub unmaintained: Level,
    /// Versions withdrawn from the registry, where the advisory database says so. Default warn.
    pub notice: Level,
    /// The embedded snapshot of the database may be this old before it is a warning. Default 90.
    pub snapshot_age_days_max: u32,
}

impl Default for AdvisoriesPolicy {
    fn default() -> Self {
        AdvisoriesPolicy {
            vulnerability: Level::Refuse,
            unsound: Level::Warn,
            unmaintained: Level::Warn,
            notice: Level::Warn,
            snapshot_age_days_max: 90,
        }
    }
}

/// The scan of tracked files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsPolicy {
    /// What a found secret does. Default refuse.
    pub level: Level,
    /// Path prefixes that are not scanned, each for a good reason written beside it.
    pub skip: Vec<String>,
}

impl Default for SecretsPolicy {
    fn default() -> Self {
        SecretsPolicy { level: Level::Refuse, skip: Vec::new() }
    }
}
