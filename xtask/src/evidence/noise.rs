//! Noise: lines that some runs of the same commit reach and others do not.
//!
//! Nobody's change is to be refused for them, so the comparison with a baseline leaves them out where the file is still the one that
//! was looked at, and allows for as many lines where it is not.

use super::coverage::{CoverageEvidence, LineCounts};
use crate::digest::Digest;
use crate::policy::Percent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema of `noise.json`.
pub const SCHEMA: &str = "gateline/noise/v1";

/// What several runs of one commit had different.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noise {
    /// [`SCHEMA`].
    pub schema: String,
    /// The commit that was run.
    pub commit: String,
    /// The toolchain that compiled it.
    pub toolchain: Digest,
    /// When.
    pub recorded: Timestamp,
    /// How often it was run.
    pub runs: u32,
    /// The fewest covered lines of a run.
    pub covered_min: u64,
    /// The most.
    pub covered_max: u64,
    /// Executable lines.
    pub total: u64,
    /// The drop that would let every run pass against every other, in percentage points, rounded up.
    pub tolerance: Percent,
    /// Files with lines that flap, by path.
    pub files: BTreeMap<String, NoisyFile>,
}

/// One file with lines that flap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoisyFile {
    /// The digest of its bytes: line numbers hold for these only.
    pub digest: Digest,
    /// Executable lines that some runs reached and others did not, as ranges from first to last.
    pub lines: Vec<(u32, u32)>,
}

/// What several runs of the same code had different: the lines that flap by file, and the spread of covered lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// Lines that flap, by file; never an empty list.
    pub files: BTreeMap<String, Vec<(u32, u32)>>,
    /// The fewest covered lines of a run.
    pub covered_min: u64,
    /// The most.
    pub covered_max: u64,
    /// Executable lines.
    pub total: u64,
}

/// Compares runs of the same code.
pub fn spread(runs: &[LineCounts]) -> Spread {
    let (mut spread, mut seen) = (Spread::default(), BTreeMap::<&str, BTreeMap<u32, (u32, u32)>>::new());
    for file in runs.iter().flat_map(|run| &run.files) {
        let lines = seen.entry(&file.file).or_default();
        for (line, count) in &file.lines {
            let (ran, all) = lines.entry(line).or_default();
            *ran += u32::from(count > 0);
            *all += 1;
        }
    }
    for (file, lines) in &seen {
        // A line that was executable in some runs only flaps as well.
        let whole = u32::try_from(runs.len()).unwrap_or(u32::MAX);
        let flaps = |(ran, all): &(u32, u32)| *ran > 0 && (*ran < *all || *all < whole);
        let flapping = lines.iter().filter(|(_, seen)| flaps(seen)).map(|(line, _)| *line);
        let ranges = ranges(flapping);
        if !ranges.is_empty() {
            spread.files.insert((*file).to_owned(), ranges);
        }
    }
    let covered = runs.iter().map(|run| run.files.iter().map(super::coverage::FileLines::covered).sum());
    let covered: Vec<u64> = covered.collect();
    spread.covered_min = covered.iter().copied().min().unwrap_or(0);
    spread.covered_max = covered.iter().copied().max().unwrap_or(0);
    spread.total = seen.values().map(|lines| lines.len() as u64).sum();
    spread
}

impl Spread {
    /// How many lines flap.
    pub fn lines(&self) -> u64 {
        self.files.values().map(|ranges| length(ranges)).sum()
    }

    /// The drop between the best and the worst run, in percentage points, rounded up.
    pub fn tolerance(&self) -> Percent {
        Percent::above(self.covered_max - self.covered_min, self.total)
    }
}

impl NoisyFile {
    /// Of its flapping lines: how many there are, and how many ran according to these uncovered ranges.
    pub(super) fn count(&self, uncovered: &[(u32, u32)]) -> (u64, u64) {
        let missed: u64 = self.lines.iter().map(|range| overlap(*range, uncovered)).sum();
        (self.size(), self.size() - missed)
    }

    /// How many lines flap.
    pub fn size(&self) -> u64 {
        length(&self.lines)
    }
}

/// How many lines of a range lie in others, which do not touch each other.
fn overlap((first, last): (u32, u32), others: &[(u32, u32)]) -> u64 {
    let shared = |(from, to): &(u32, u32)| {
        let (start, end) = (first.max(*from), last.min(*to));
        (start <= end).then(|| u64::from(end - start) + 1)
    };
    others.iter().filter_map(shared).sum()
}

fn length(ranges: &[(u32, u32)]) -> u64 {
    ranges.iter().map(|(first, last)| u64::from(last.saturating_sub(*first)) + 1).sum()
}

/// Lines in order as ranges of neighbours.
fn ranges(lines: impl Iterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(line) => *last = line,
            _ => ranges.push((line, line)),
        }
    }
    ranges
}

/// The files of evidence by path.
pub(super) fn by_path(evidence: &CoverageEvidence) -> BTreeMap<&str, &super::coverage::FileCoverage> {
    evidence.files.iter().map(|file| (file.file.as_str(), file)).collect()
}

#[cfg(test)]
mod proof {
    use super::super::coverage::FileLines;
    use super::*;
    use proptest::prelude::*;

    fn run(lines: &[(u32, u64)]) -> LineCounts {
        let file = FileLines { file: "a.rs".into(), lines: lines.to_vec().into(), ..FileLines::default() };
        LineCounts { files: vec![file], ..LineCounts::default() }
    }

    #[test]
    fn lines_that_only_some_runs_reach_flap() {
        let runs = [
            run(&[(1, 3), (2, 0), (3, 1), (4, 0), (9, 1)]),
            run(&[(1, 1), (2, 0), (3, 0), (4, 2)]),
            run(&[(1, 1), (2, 0), (3, 1), (4, 1), (9, 1)]),
        ];
        let spread = spread(&runs);
        assert_eq!(spread.files, [("a.rs".to_owned(), vec![(3, 4), (9, 9)])].into());
        assert_eq!((spread.covered_min, spread.covered_max, spread.total, spread.lines()), (2, 4, 5, 3));
        assert_eq!(spread.tolerance().to_string(), "40");
        assert_eq!(super::spread(&[]).tolerance().to_string(), "0");
    }

    proptest! {
        #[test]
        fn equal_runs_have_no_noise_and_lines_are_counted_right(
            lines in prop::collection::btree_map(1u32..60, 0u64..3, 0..40),
            noisy in prop::collection::btree_set(1u32..60, 0..20),
        ) {
            let lines: Vec<(u32, u64)> = lines.into_iter().collect();
            let same = spread(&[run(&lines), run(&lines), run(&lines)]);
            prop_assert!(same.files.is_empty() && same.tolerance() == Percent::whole(0));
            let file = NoisyFile { digest: Digest::of(b""), lines: ranges(noisy.iter().copied()) };
            let uncovered: Vec<u32> = lines.iter().filter(|(_, count)| *count == 0).map(|(line, _)| *line).collect();
            let missed = noisy.iter().filter(|line| uncovered.contains(line)).count();
            let (all, ran) = file.count(&ranges(uncovered.into_iter()));
            prop_assert_eq!((all, ran), (noisy.len() as u64, (noisy.len() - missed) as u64));
        }
    }
}
