//! Which lines the tests ran.

use super::lines::Lines;
use crate::policy::coverage::TestCode;
use serde::{Deserialize, Serialize};

/// How many of how many: of lines, functions or regions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Those that ran.
    pub covered: u64,
    /// All of them.
    pub total: u64,
}

/// Line coverage by file, counted as lcov's `DA` lines are: executable lines, all instantiations merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageEvidence {
    /// The engine and its version.
    pub engine: String,
    /// Every source file of the workspace's packages that has executable lines, sorted by path.
    pub files: Vec<FileCoverage>,
    /// Files from elsewhere whose lines are among these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imported: Vec<ImportedInput>,
    /// What it was compared with.
    #[serde(default)]
    pub against: super::against::Against,
    /// Whether the numbers above hold code that exists only under test.
    #[serde(default)]
    pub test_code: TestCode,
    /// Executable lines of that code: add them where it was left out, take them away where it was not.
    #[serde(default)]
    pub test_lines: Share,
    /// What makes these numbers less sure than they look.
    #[serde(default)]
    pub doubts: Vec<Doubt>,
}

/// What one file from elsewhere gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedInput {
    /// Its path, relative to the workspace where it is in it.
    pub name: String,
    /// `lcov`, `cobertura` or `llvm-json`.
    pub format: String,
    /// Files of the workspace that it speaks of.
    pub files: u64,
    /// Files that it speaks of and that are not in the workspace.
    pub outside: u64,
    /// The first of them.
    pub outside_names: Vec<String>,
}

/// Why a number may be too low or too high, though everything that was there has been read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Doubt {
    /// What is doubtful.
    pub kind: DoubtKind,
    /// The file, relative to the workspace.
    pub file: String,
    /// What is known of it.
    pub message: String,
}

/// What is doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoubtKind {
    /// A source file whose test code could not be told from product code; all of it counts as product code.
    UnreadableSource,
    /// A raw profile that a child with an empty environment left in the tree: its counts are lost.
    StrayProfile,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Functions, all instantiations of one counted once: `FNF` and `FNH` of LCOV.
    #[serde(default)]
    pub functions: Share,
    /// Regions, of several instantiations of a function the best one: as `llvm-cov report` counts them.
    #[serde(default)]
    pub regions: Share,
    /// Lines as `llvm-cov report` counts them: per function, and of several instantiations the best one.
    #[serde(default)]
    pub summary_lines: Share,
}

/// How often each line ran: what reports need beyond the evidence. Not kept in `evidence.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCounts {
    /// The engine and its version.
    pub engine: String,
    /// Every file with executable lines, sorted by path.
    pub files: Vec<FileLines>,
    /// Files from elsewhere whose lines are among these.
    pub imported: Vec<ImportedInput>,
    /// Whether they hold code that exists only under test.
    pub test_code: TestCode,
    /// Executable lines of that code.
    pub test_lines: Share,
    /// What makes the numbers less sure than they look.
    pub doubts: Vec<Doubt>,
}

/// One file's lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLines {
    /// Path relative to the workspace.
    pub file: String,
    /// The package that it belongs to.
    pub package: String,
    /// Each executable line, from 1, and how often it ran; in order.
    pub lines: Lines,
    /// Its functions, all instantiations of one together, by line.
    pub functions: Vec<FunctionCount>,
    /// Regions, as [`FileCoverage::regions`].
    pub regions: Share,
    /// Lines as [`FileCoverage::summary_lines`].
    pub summary_lines: Share,
}

/// One function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCount {
    /// Its symbol, demangled; of several instantiations, the first one's.
    pub name: String,
    /// The line where it begins, from 1.
    pub line: u32,
    /// How often it was entered, all instantiations together.
    pub count: u64,
}

impl Share {
    /// How many of these are covered.
    pub fn of(covered: impl IntoIterator<Item = bool>) -> Share {
        covered.into_iter().fold(Share::default(), |share, covered| Share {
            covered: share.covered + u64::from(covered),
            total: share.total + 1,
        })
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Share) -> Share {
        Share { covered: self.covered + other.covered, total: self.total + other.total }
    }

    /// This without a part of it.
    #[must_use]
    pub fn minus(self, part: Share) -> Share {
        Share {
            covered: self.covered.saturating_sub(part.covered),
            total: self.total.saturating_sub(part.total),
        }
    }
}

impl LineCounts {
    /// What the gate judges.
    pub fn evidence(&self) -> CoverageEvidence {
        CoverageEvidence {
            engine: self.engine.clone(),
            files: self.files.iter().map(FileLines::coverage).collect(),
            imported: self.imported.clone(),
            against: super::against::Against::default(),
            test_code: self.test_code,
            test_lines: self.test_lines,
            doubts: self.doubts.clone(),
        }
    }
}

impl FileLines {
    /// Executable lines that ran.
    pub fn covered(&self) -> u64 {
        self.lines.iter().filter(|(_, count)| *count > 0).count() as u64
    }

    /// Functions, and those that ran.
    pub fn functions(&self) -> Share {
        Share::of(self.functions.iter().map(|function| function.count > 0))
    }

    fn coverage(&self) -> FileCoverage {
        FileCoverage {
            file: self.file.clone(),
            package: self.package.clone(),
            covered: self.covered(),
            total: self.lines.len() as u64,
            uncovered: self.uncovered(),
            functions: self.functions(),
            regions: self.regions,
            summary_lines: self.summary_lines,
        }
    }

    /// Neighbouring lines make one range; a line that is not executable is in none.
    fn uncovered(&self) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (line, _) in self.lines.iter().filter(|(_, count)| *count == 0) {
            match ranges.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(line) => *last = line,
                _ => ranges.push((line, line)),
            }
        }
        ranges
    }
}

impl CoverageEvidence {
    /// Functions of the whole workspace.
    pub fn functions(&self) -> Share {
        self.files.iter().fold(Share::default(), |sum, file| sum.plus(file.functions))
    }

    /// Regions of the whole workspace.
    pub fn regions(&self) -> Share {
        self.files.iter().fold(Share::default(), |sum, file| sum.plus(file.regions))
    }

    /// Lines of the whole workspace as `llvm-cov report` counts them.
    pub fn summary_lines(&self) -> Share {
        self.files.iter().fold(Share::default(), |sum, file| sum.plus(file.summary_lines))
    }

    /// Covered and total lines under the other choice of `test_code`.
    pub fn other_totals(&self) -> Share {
        let (covered, total) = self.totals();
        let lines = Share { covered, total };
        match self.test_code {
            TestCode::Exclude => lines.plus(self.test_lines),
            TestCode::Include => lines.minus(self.test_lines),
        }
    }

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
            let file = FileLines { lines: lines.clone().into(), ..FileLines::default() }.coverage();
            let listed: Vec<u32> = file.uncovered.iter().flat_map(|(first, last)| *first..=*last).collect();
            let expected: Vec<u32> = lines.iter().filter(|(_, count)| *count == 0).map(|(line, _)| *line).collect();
            prop_assert_eq!(listed.len() as u64, file.total - file.covered);
            prop_assert_eq!(listed, expected);
        }
    }
}
