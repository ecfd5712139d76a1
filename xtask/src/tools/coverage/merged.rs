//! All objects together: regions by file, lines, functions, and what of it is test code. Pure.
//!
//! Everything is counted once; what is test code is told apart afterwards, by line, so that both choices of the policy
//! come from the same numbers.

use super::doctests;
use super::files::Source;
use super::functions::Groups;
use super::lines::{self, Region};
use super::mapping::{Function, Mapping};
use super::test_code::{Scanned, TestLines};
use crate::evidence::coverage::{FileLines, LineCounts, Share};
use crate::policy::coverage::TestCode;
use std::collections::{BTreeMap, HashSet};

/// One file while objects are read.
#[derive(Default)]
struct Gathered {
    regions: Vec<Region>,
    functions: Groups,
}

/// Puts everything together by file. A function of several objects counts once: its counters are the sum of all
/// processes already (`RecordProvenance` in `CoverageMapping::loadFunctionRecord`).
pub(super) fn merge(
    mappings: Vec<Mapping>,
    of_doctests: Vec<Mapping>,
    scanned: &Scanned,
    choice: TestCode,
) -> LineCounts {
    let mut counts = LineCounts { test_code: choice, ..LineCounts::default() };
    for (source, gathered) in gather(mappings, of_doctests, scanned, choice) {
        let mut file = FileLines { file: source.file, package: source.package, ..FileLines::default() };
        let test = scanned.of(&file.file);
        let (test_lines, product): (Vec<_>, Vec<_>) =
            lines::count(gathered.regions).into_iter().partition(|(line, _)| test.contains(*line));
        counts.test_lines = counts.test_lines.plus(share(&test_lines));
        file.lines = match choice {
            TestCode::Exclude => product.into(),
            TestCode::Include => in_order(product, test_lines).into(),
        };
        if file.lines.is_empty() {
            continue;
        }
        (file.regions, file.summary_lines) =
            (gathered.functions.regions(), gathered.functions.summary_lines());
        file.functions = gathered.functions.counts();
        counts.doubts.extend(scanned.doubt_of(&file.file));
        counts.files.push(file);
    }
    counts
}

fn gather(
    mappings: Vec<Mapping>,
    of_doctests: Vec<Mapping>,
    scanned: &Scanned,
    choice: TestCode,
) -> Vec<(Source, Gathered)> {
    let (mut places, mut files) = (BTreeMap::new(), Vec::<Gathered>::new());
    let mut test = Vec::<&TestLines>::new();
    let mut seen = HashSet::new();
    let of_doctests = of_doctests.into_iter().map(|mapping| doctests::without_own_code(mapping, scanned));
    for mapping in mappings.into_iter().chain(of_doctests) {
        let mut here = Vec::with_capacity(mapping.sources.len());
        for source in mapping.sources {
            let lines = scanned.of(&source.file);
            let place = *places.entry(source).or_insert(files.len());
            if place == files.len() {
                files.push(Gathered::default());
                test.push(match choice {
                    TestCode::Exclude => lines,
                    TestCode::Include => TestLines::none(),
                });
            }
            here.push(place);
        }
        for mut function in mapping.functions {
            let first_file = function.regions.first().map(|(file, _)| here[*file]);
            if seen.insert((function.name, first_file)) {
                function.main = function.main.map(|file| here[file]);
                function.regions.iter_mut().for_each(|(file, _)| *file = here[*file]);
                add(&mut files, &test, function);
            }
        }
    }
    places.into_iter().map(|(source, place)| (source, std::mem::take(&mut files[place]))).collect()
}

/// A function belongs to the file of its first region; others may lie elsewhere.
fn add(files: &mut [Gathered], left_out: &[&TestLines], function: Function) {
    if let Some(main) = function.main {
        let own = function.regions.iter().filter(|(file, _)| *file == main).map(|(_, region)| *region);
        files[main].functions.add(function.symbol.as_deref(), own.collect(), left_out[main]);
    }
    function.regions.into_iter().for_each(|(file, region)| files[file].regions.push(region));
}

fn share(lines: &[(u32, u64)]) -> Share {
    Share::of(lines.iter().map(|(_, count)| *count > 0))
}

fn in_order(mut lines: Vec<(u32, u64)>, more: Vec<(u32, u64)>) -> Vec<(u32, u64)> {
    lines.extend(more);
    lines.sort_unstable();
    lines
}

#[cfg(test)]
mod tests;
