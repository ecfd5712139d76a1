//! What outside scanners reported, made fit: bounded, in one line each, with paths of this workspace and without secrets.

use crate::verdict::Severity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was read of all reports.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannersEvidence {
    /// Each input of the policy, in its order.
    pub inputs: Vec<InputRead>,
}

/// One input of the policy, and what it gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRead {
    /// As the policy names it.
    pub file: String,
    /// Files that were read, relative to the workspace.
    pub files: Vec<String>,
    /// The tools that reported, with their versions where they tell.
    pub tools: Vec<String>,
    /// How it went.
    pub state: InputState,
    /// What was found, sorted.
    pub results: Vec<ScannerResult>,
    /// Results that are only counted, by severity: their level is off, or there are too many.
    pub counted: BTreeMap<Severity, u64>,
    /// Whether some of those are counted because there are too many.
    pub too_many: bool,
}

/// How reading an input went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum InputState {
    /// It is whole, and of this commit as far as it tells.
    #[default]
    Read,
    /// There is none.
    Missing {
        /// Why not.
        why: String,
    },
    /// It is there and proves nothing: damaged, half written, or of a tool that broke off.
    Unusable {
        /// Where and why.
        why: String,
    },
    /// It is older than the newest commit, or of another commit.
    Stale {
        /// What tells it.
        why: String,
    },
}

/// One result of a scanner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScannerResult {
    /// How bad, in our words.
    pub severity: Severity,
    /// Path relative to the workspace, where it names one in it.
    pub file: Option<String>,
    /// Line, from 1; 0 where it names none.
    pub line: u32,
    /// Last line; 0 where it names none.
    pub end_line: u32,
    /// The rule as the tool names it.
    pub rule: String,
    /// What it says.
    pub message: String,
    /// The tool.
    pub tool: String,
    /// What it is told apart by, wherever in its file it stands: 8 hexadecimal digits.
    pub identity: String,
    /// What the tool itself tells it apart by.
    pub fingerprints: BTreeMap<String, String>,
    /// Whether the tool calls it suppressed.
    pub suppressed: bool,
    /// The package that it speaks of, `name@version`.
    pub package: Option<String>,
    /// The advisory that it speaks of.
    pub advisory: Option<String>,
}
