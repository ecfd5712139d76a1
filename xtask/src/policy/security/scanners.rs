//! `scanners` of `policies/security.yaml`: results of other tools, which the gate reads and judges.

use crate::policy::lint::Level;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Results of other scanners. What each format is, and when a report is no proof, stands in docs/reference/scanners.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScannersPolicy {
    /// The reports that are read. Default none: then the gate passes and says that no scanner is named.
    pub inputs: Vec<ScannerInput>,
    /// A report that is older than the newest commit, or of another commit. TheAuditor's folder could not be judged then,
    /// whatever this says. Default refuse.
    pub stale: Level,
}

/// The report of one scanner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScannerInput {
    /// The file, relative to the workspace, or TheAuditor's folder `.pf/readthis`. `*` stands for any characters of one
    /// name, `**` for any folders.
    pub file: String,
    /// What it is. Default sarif.
    #[serde(default)]
    pub format: ScannerFormat,
    /// Whether the gate could not run where it is missing. Default true.
    #[serde(default = "required")]
    pub required: bool,
    /// What results do that the tool calls errors, critical or high. Default refuse.
    #[serde(default = "refuse")]
    pub errors: Level,
    /// What results do that it calls warnings or medium. Default warn.
    #[serde(default = "warn")]
    pub warnings: Level,
    /// What results do that it calls notes, low or information. Default off, which counts them.
    #[serde(default = "off")]
    pub notes: Level,
    /// Whether results count that the tool itself calls suppressed. Default ignore: they do.
    #[serde(default)]
    pub suppressions: Suppressions,
    /// The beginning of paths that is taken away, for what was scanned in another folder.
    #[serde(default)]
    pub strip: Option<String>,
}

/// What a report is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScannerFormat {
    /// SARIF 2.1.0, of any tool.
    #[default]
    Sarif,
    /// The folder `.pf/readthis` that TheAuditor writes.
    #[serde(rename = "theauditor")]
    TheAuditor,
    /// What `cargo deny --format json check` writes.
    CargoDeny,
    /// What `cargo audit --json` writes.
    CargoAudit,
}

/// What becomes of results that the tool calls suppressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Suppressions {
    /// They are results as all others.
    #[default]
    Ignore,
    /// They are told as notes.
    Honour,
}

impl Default for ScannersPolicy {
    fn default() -> Self {
        ScannersPolicy { inputs: Vec::new(), stale: Level::Refuse }
    }
}

impl ScannerFormat {
    /// As policies write it.
    pub const fn name(self) -> &'static str {
        match self {
            ScannerFormat::Sarif => "sarif",
            ScannerFormat::TheAuditor => "theauditor",
            ScannerFormat::CargoDeny => "cargo-deny",
            ScannerFormat::CargoAudit => "cargo-audit",
        }
    }
}

fn required() -> bool {
    true
}

fn refuse() -> Level {
    Level::Refuse
}

fn warn() -> Level {
    Level::Warn
}

fn off() -> Level {
    Level::Off
}
