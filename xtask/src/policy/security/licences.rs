//! `licences` of `policies/security.yaml`: under which licences dependencies may be.

use crate::policy::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What licences allow by default: to use, change and pass on, with the notice kept. MPL-2.0 asks for more, but of its own files
/// only.
const PERMISSIVE: [&str; 18] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "NCSA",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Which licences refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LicencesPolicy {
    /// A package that is under no allowed licence. Default refuse.
    pub level: Level,
    /// A package that names no licence, or one that is no SPDX expression. Default refuse.
    pub unclear: Level,
    /// Licences, as SPDX names them, with their exception where they have one: `Apache-2.0 WITH LLVM-exception`. Default: the
    /// permissive ones in docs/reference/licences-bans-sources.md.
    pub allow: Vec<String>,
    /// Licences that single packages may have besides. Default none.
    pub exceptions: Vec<LicenceException>,
    /// What the licence of a package is that does not say it well. Default none.
    pub clarifications: Vec<Clarification>,
    /// Whether packages count that only tests, examples and benches need. Default false.
    pub development: bool,
    /// Whether the packages of the workspace count. Default false.
    pub members: bool,
}

/// Licences that a package may have though others may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LicenceException {
    /// Its name.
    pub package: String,
    /// Which of its versions, as a requirement in Cargo.toml. Default all.
    #[serde(default)]
    pub version: Option<String>,
    /// The licences.
    pub allow: Vec<String>,
    /// Why.
    pub reason: String,
}

/// What the licence of a package is, as somebody has read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Clarification {
    /// Its name.
    pub package: String,
    /// Which of its versions, as a requirement in Cargo.toml. Default all.
    #[serde(default)]
    pub version: Option<String>,
    /// The licence, as an SPDX expression.
    pub expression: String,
    /// The file that says so, relative to the package.
    pub file: String,
    /// Its SHA-256 in hexadecimal digits: with another text, the clarification does not hold.
    pub sha256: String,
}

impl Default for LicencesPolicy {
    fn default() -> Self {
        LicencesPolicy {
            level: Level::Refuse,
            unclear: Level::Refuse,
            allow: PERMISSIVE.map(str::to_owned).to_vec(),
            exceptions: Vec::new(),
            clarifications: Vec::new(),
            development: false,
            members: false,
        }
    }
}
