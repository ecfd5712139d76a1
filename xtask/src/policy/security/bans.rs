//! `bans` of `policies/security.yaml`: packages, versions and requirements that are not wanted.

use crate::policy::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is not wanted among dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BansPolicy {
    /// A package of `deny` that is there, or a feature of `features` that is on. Default refuse.
    pub level: Level,
    /// Packages that must not be there. Default none.
    pub deny: Vec<BannedPackage>,
    /// Features of packages that must not be on. Default none.
    pub features: Vec<BannedFeatures>,
    /// A package in several versions, where the workspace links or builds with more than one of them. Default off: it costs time and
    /// size, not safety; the report counts them.
    pub duplicates: Level,
    /// Packages that may be there in several versions. Default none.
    pub skip: Vec<SkippedDuplicate>,
    /// A requirement of a member that any version meets: `*`. Default warn.
    pub wildcards: Level,
    /// Whether a dependency on a path or on git may have no version. Default true.
    pub wildcard_paths: bool,
    /// Packages that run a script before they are compiled.
    pub build_scripts: BuildScripts,
}

/// A package that must not be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BannedPackage {
    /// Its name.
    pub package: String,
    /// Which of its versions, as a requirement in Cargo.toml. Default all.
    #[serde(default)]
    pub version: Option<String>,
    /// Why not.
    pub reason: String,
    /// What to use instead.
    #[serde(default)]
    pub instead: Option<String>,
    /// Packages that may need it all the same.
    #[serde(default)]
    pub needed_by: Vec<String>,
}

/// Features of a package that must not be on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BannedFeatures {
    /// Its name.
    pub package: String,
    /// Which of its versions, as a requirement in Cargo.toml. Default all.
    #[serde(default)]
    pub version: Option<String>,
    /// Features that must not be on.
    #[serde(default)]
    pub deny: Vec<String>,
    /// Where there are any: the only features that may be on, besides `default` itself.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Why not.
    pub reason: String,
}

/// A package that may be there in several versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SkippedDuplicate {
    /// Its name.
    pub package: String,
    /// Which of its versions does not count, as a requirement in Cargo.toml. Default all.
    #[serde(default)]
    pub version: Option<String>,
    /// Why.
    pub reason: String,
}

/// Packages that run a script before they are compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BuildScripts {
    /// A package with a build script that is not in the list. Default off.
    pub level: Level,
    /// The packages that may have one. Those of the workspace may.
    pub allow: Vec<String>,
}

impl Default for BansPolicy {
    fn default() -> Self {
        BansPolicy {
            level: Level::Refuse,
            deny: Vec::new(),
            features: Vec::new(),
            duplicates: Level::Off,
            skip: Vec::new(),
            wildcards: Level::Warn,
            wildcard_paths: true,
            build_scripts: BuildScripts::default(),
        }
    }
}

impl Default for BuildScripts {
    fn default() -> Self {
        BuildScripts { level: Level::Off, allow: Vec::new() }
    }
}
