//! Which lines the tests ran.

use serde::{Deserialize, Serialize};

/// Line coverage by file, counted as lcov's `DA` lines are: executable lines, all instantiations merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageEvidence {
    /// The engine and its version.
    pub engine: String,
    /// Every source file of the workspace's packages that has executable lines, sorted by path.
    pub files: Vec<FileCoverage>,
    /// What it was compared with.
    #[serde(default)]
    pub against: super::against::Against,
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

/// How often each line ran: what reports need beyond the evidence. Not kept in `evidence.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineCounts {
    /// The engine and its version.
    pub engine: String,
    /// Every file with executable lines, sorted by path.
    pub files: Vec<FileLines>,
}

/// One file's lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileLines {
    /// Path relative to the workspace.
    pub file: String,
    /// The package that it belongs to.
    pub package: String,
    /// Each executable line, from 1, and how often it ran; in order.
    pub lines: Vec<(u32, u64)>,
}

impl LineCounts {
    /// What the gate judges.
    pub fn evidence(&self) -> CoverageEvidence {
        CoverageEvidence {
            engine: self.engine.clone(),
            files: self.files.iter().map(FileLines::coverage).collect(),
            against: super::against::Against::default(),
        }
    }
}

impl FileLines {
    /// Executable lines that ran.
    pub fn covered(&self) -> u64 {
        self.lines.iter().filter(|(_, count)| *count > 0).count() as u64
    }

    fn coverage(&self) -> FileCoverage {
        FileCoverage {
            file: self.file.clone(),
            package: self.package.clone(),
            covered: self.covered(),
            total: self.lines.len() as u64,
            uncovered: self.uncovered(),
        }
    }

    /// Neighbouring lines make one range; a line that is not executable is in none.
    fn uncovered(&self) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (line, _) in self.lines.iter().filter(|(_, count)| *count == 0) {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(*line) => *last = *line,
                _ => ranges.push((*line, *line)),
            }
        }
        ranges
    }
}

impl CoverageEvidence {
    /// Covered and total lines of the whole workspace.
    pub fn totals(&self) -> (u64, u64) {
        self.files.iter().fold((0, 0), |(covered, total), file| (covered + file.covered, total + file.total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_ranges_are_exactly_the_lines_that_did_not_run(counts in prop::collection::btree_map(1u32..60, 0u64..3, 0..40)) {
            let lines: Vec<_> = counts.into_iter().collect();
            let file = FileLines { lines: lines.clone(), ..FileLines::default() }.coverage();
            let listed: Vec<u32> = file.uncovered.iter().flat_map(|(first, last)| *first..=*last).collect();
            let expected: Vec<u32> = lines.iter().filter(|(_, count)| *count == 0).map(|(line, _)| *line).collect();
            prop_assert_eq!(listed.len() as u64, file.total - file.covered);
            prop_assert_eq!(listed, expected);
        }
    }
}
