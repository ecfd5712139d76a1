//! Which lines the tests ran.

use serde::{Deserialize, Serialize};

/// Line coverage by file, counted as lcov's `DA` lines are: executable lines, all instantiations merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageEvidence {
    /// The engine and its version.
    pub engine: String,
    /// Every source file of the workspace's packages that has executable lines, sorted by path.
    pub files: Vec<FileCoverage>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCoverage {
    /// Path relative to the workspace.
    pub file: String,
    /// The package that it belongs to.
    pub package: String,
    /// Executable lines that ran.
    pub covered: u64,
    /// Executable lines.
    pub total: u64,
    /// Executable lines that did not run, as ranges from first to last, both included.
    pub uncovered: Vec<(u32, u32)>,
}

impl CoverageEvidence {
    /// Covered and total lines of the whole workspace.
    pub fn totals(&self) -> (u64, u64) {
        self.files.iter().fold((0, 0), |(covered, total), file| (covered + file.covered, total + file.total))
    }
}
