//! `policies/lint.yaml`: formatting, clippy, documentation, the oldest Rust, and what is not used.

use super::FeatureSet;
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

impl Level {
    /// The milder of two.
    #[must_use]
    pub const fn at_most(self, ceiling: Level) -> Level {
        match (self, ceiling) {
            (Level::Off, _) | (_, Level::Off) => Level::Off,
            (Level::Warn, _) | (_, Level::Warn) => Level::Warn,
            (Level::Refuse, Level::Refuse) => Level::Refuse,
        }
    }
}

/// Whether one compilation serves lint, tests and coverage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShareCompile {
    /// One compilation, unless a member's source asks for `cfg(clippy)`: such a workspace is linted by itself.
    #[default]
    Auto,
    /// `cargo clippy` by itself, then an instrumented compilation: more time, the same findings.
    Off,
}

/// The levels of the linters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LintPolicy {
    /// Files that rustfmt would change. Default refuse.
    pub rustfmt: Level,
    /// Warnings of rustc and clippy. Errors always refuse. Default refuse.
    pub clippy: Level,
    /// Warnings of rustdoc about the libraries: broken links, bad code blocks. Default warn.
    pub rustdoc: Level,
    /// Packages that the toolchain of their `rust-version` does not compile. Where that toolchain is not installed, a
    /// note says that it was not checked. Default refuse.
    pub msrv: Level,
    /// Dependencies that no source names, by `cargo-shear` or else `cargo-machete`; a note where neither is installed.
    /// Default off.
    pub unused_dependencies: Level,
    /// Feature sets that are compiled for their errors and warnings, besides those that policies/tests.yaml tests.
    /// Default none.
    pub feature_sets: Vec<FeatureSet>,
    /// Whether one compilation serves lint, tests and coverage. Default auto.
    pub share_compile: ShareCompile,
}

impl Default for LintPolicy {
    fn default() -> Self {
        LintPolicy {
            rustfmt: Level::Refuse,
            clippy: Level::Refuse,
            rustdoc: Level::Warn,
            msrv: Level::Refuse,
            unused_dependencies: Level::Off,
            feature_sets: Vec::new(),
            share_compile: ShareCompile::Auto,
        }
    }
}
