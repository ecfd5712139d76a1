//! Functions, regions and the summary's lines, as `llvm-cov report` counts them. Pure.
//!
//! Records of one file that begin at the same place are instantiations of one function. It ran if one of them did; of
//! their regions and lines, the largest numbers count (`FunctionCoverageSummary` in LLVM 22,
//! llvm/tools/llvm-cov/CoverageSummaryInfo.cpp). So these lines are not those of [`super::lines`] over the whole file.

use super::lines::{self, Kind, Place, Region};
use super::test_code::TestLines;
use crate::evidence::coverage::{FunctionCount, Share};
use std::collections::BTreeMap;

/// The functions of one file, by the place where they begin.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<Place, Group>);

/// All instantiations of one function.
#[derive(Debug)]
struct Group {
    symbol: String,
    count: u64,
    regions: Share,
    lines: Share,
}

impl Groups {
    /// Adds one instantiation: its regions in this file, in the order of the record. Code on lines to leave out does not
    /// count.
    pub(super) fn add(&mut self, symbol: Option<&str>, regions: Vec<Region>, leave_out: &TestLines) {
        let Some(first) = regions.first().copied() else { return };
        if leave_out.contains(first.start.line()) {
            return;
        }
        let kept = |region: &&Region| region.kind == Kind::Code && !leave_out.contains(region.start.line());
        let own = Share::of(regions.iter().filter(kept).map(|region| region.count > 0));
        let lines = lines::count(regions);
        let kept = lines.iter().filter(|(line, _)| !leave_out.contains(*line));
        let lines = Share::of(kept.map(|(_, count)| *count > 0));
        let group = self.0.entry(first.start).or_insert_with(|| Group {
            symbol: symbol.unwrap_or_default().to_owned(),
            count: 0,
            regions: Share::default(),
            lines: Share::default(),
        });
        group.count = group.count.wrapping_add(first.count);
        group.regions = larger(group.regions, own);
        group.lines = larger(group.lines, lines);
    }

    /// Each function with its count, in the order of the file.
    pub(super) fn counts(&self) -> Vec<FunctionCount> {
        let count = |(place, group): (&Place, &Group)| FunctionCount {
            name: named(&group.symbol),
            line: place.line(),
            count: group.count,
        };
        self.0.iter().map(count).collect()
    }

    /// Regions of all functions.
    pub(super) fn regions(&self) -> Share {
        self.0.values().fold(Share::default(), |sum, group| sum.plus(group.regions))
    }

    /// Lines of all functions.
    pub(super) fn summary_lines(&self) -> Share {
        self.0.values().fold(Share::default(), |sum, group| sum.plus(group.lines))
    }
}

fn larger(one: Share, other: Share) -> Share {
    Share { covered: one.covered.max(other.covered), total: one.total.max(other.total) }
}

/// The demangled name, without the hash. Symbols that are local to their unit carry its file's name before a `;`.
fn named(symbol: &str) -> String {
    let symbol = symbol.rsplit(';').next().unwrap_or(symbol);
    format!("{:#}", rustc_demangle::demangle(symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code((line, column, end): (u32, u32, u32), count: u64) -> Region {
        Region { start: Place::new(line, column), end: Place::new(end, 9), count, kind: Kind::Code }
    }

    #[test]
    fn instantiations_are_one_function_and_the_best_one_counts() {
        let mut groups = Groups::default();
        groups.add(Some("_RNvC1a3foo"), vec![code((1, 1, 5), 0), code((2, 5, 2), 0)], TestLines::none());
        groups.add(None, vec![code((1, 1, 5), 3), code((2, 5, 3), 0)], TestLines::none());
        groups.add(Some("main"), vec![code((9, 1, 9), 0)], TestLines::none());
        let counts: Vec<_> = groups.counts().into_iter().map(|one| (one.name, one.line, one.count)).collect();
        assert_eq!(counts, [("a::foo".to_owned(), 1, 3), ("main".to_owned(), 9, 0)]);
        assert_eq!(groups.regions(), Share { covered: 1, total: 3 });
        assert_eq!(groups.summary_lines(), Share { covered: 4, total: 6 });
    }

    #[test]
    fn test_code_inside_of_a_function_and_whole_test_functions_are_left_out() {
        let mut groups = Groups::default();
        let test = TestLines::from_iter([(3, 4), (8, 9)]);
        groups.add(None, vec![code((1, 1, 5), 1), code((3, 5, 4), 1)], &test);
        groups.add(None, vec![code((8, 1, 9), 1)], &test);
        assert_eq!((groups.counts().len(), groups.regions()), (1, Share { covered: 1, total: 1 }));
        assert_eq!(groups.summary_lines(), Share { covered: 3, total: 3 });
    }
}
