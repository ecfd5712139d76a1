//! What rustfmt and clippy said.

use serde::{Deserialize, Serialize};

/// Diagnostics of both linters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LintEvidence {
    /// The linters with their versions.
    pub tools: Vec<String>,
    /// Rust files that were looked at by rustfmt.
    pub files: u64,
    /// Packages that the compiler went through.
    pub packages: u64,
    /// What they found.
    pub diagnostics: Vec<Diagnostic>,
}

/// One diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Path relative to the workspace.
    pub file: String,
    /// Line, from 1; 0 where it has none.
    pub line: u32,
    /// The linter.
    pub tool: LintTool,
    /// Whether the compiler called it an error.
    pub severity: DiagnosticSeverity,
    /// The lint's name (`clippy::needless_return`), or an error code (`E0308`); empty where it has none.
    pub lint: String,
    /// The first line of the message.
    pub message: String,
    /// What the compiler printed for people, with the source.
    pub rendered: String,
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LintTool {
    /// The formatter.
    Rustfmt,
    /// rustc or clippy.
    Clippy,
}

/// The compiler's own level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiagnosticSeverity {
    /// It does not compile.
    Error,
    /// A warning, whatever level the source asks for.
    Warning,
}
