//! `advisories` of `policies/security.yaml`: what the advisory database says of dependencies.

use crate::policy::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
