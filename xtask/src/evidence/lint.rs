//! What rustfmt, rustc, clippy, rustdoc and their like said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Diagnostics of all linters.
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
    /// What the policy asks for and could not be looked at here, for a reason that is no failure.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<Unchecked>,
    /// How lint and tests shared their compilation, where they did not: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compiled_apart: Option<String>,
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
    /// What the tool would write instead, where it is sure; all of it or nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<Edit>,
}

/// One stretch of a file with what comes in its place. Lines and columns count from 1, columns in characters; the end is
/// the first place that stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Edit {
    /// Path relative to the workspace.
    pub file: String,
    /// Where it begins.
    pub line: u32,
    /// Where it begins in that line.
    pub column: u32,
    /// Where it ends.
    pub end_line: u32,
    /// Where it ends in that line.
    pub end_column: u32,
    /// What comes in its place.
    pub replacement: String,
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unchecked {
    /// The linter that would have looked.
    pub tool: LintTool,
    /// What was not looked at and why.
    pub why: String,
    /// How it can be.
    pub help: String,
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LintTool {
    /// The formatter.
    Rustfmt,
    /// rustc or clippy.
    Clippy,
    /// The documentation's compiler.
    Rustdoc,
    /// The toolchain of a package's `rust-version`.
    Msrv,
    /// Whoever looks for dependencies that nobody uses.
    UnusedDependencies,
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
