//! `secrets` of `policies/security.yaml`: what was committed and should not have been.

use crate::policy::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The scan for secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsPolicy {
    /// What a found secret does. Default refuse.
    pub level: Level,
    /// What a value does that is told only by a name beside it and by looking random. Never more than `level`. Default refuse.
    pub generic: Level,
    /// Path prefixes that are not scanned, each for a good reason written beside it.
    pub skip: Vec<String>,
}

impl Default for SecretsPolicy {
    fn default() -> Self {
        SecretsPolicy { level: Level::Refuse, generic: Level::Refuse, skip: Vec::new() }
    }
}
