//! Lines of many files, packed from the start ([`Lines`]): a file of 100 MB needs less than it is long.
//!
//! What comes again for a file is kept as a run of its own, and runs are merged as they grow alike: a file of a million tiny
//! records costs no more than its length suggests.

use super::paths::PathRule;
use crate::evidence::coverage::FileLines;
use crate::evidence::lines::Lines;
use std::collections::{BTreeMap, HashMap};

/// Files of all inputs together, inside and outside of the workspace.
pub const FILES_MAX: usize = 500_000;
/// Lines of one record.
pub const RECORD_LINES_MAX: usize = 4_000_000;
/// Bytes that all packed lines may need.
pub const PACKED_BYTES_MAX: usize = 512 << 20;
/// Files outside of the workspace that are told by name.
const NAMES_MAX: usize = 20;

/// What was read so far.
pub struct Gathered<'a> {
    /// Whether there is such a file in the workspace.
    exists: &'a dyn Fn(&str) -> bool,
    files: BTreeMap<String, usize>,
    runs: Vec<Vec<Lines>>,
    bytes: usize,
    rule: PathRule,
    /// Raw paths of the current input, and what they are in the workspace.
    seen: HashMap<String, Option<usize>>,
    outside: Outside,
}

/// Files of one input that are not in the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outside {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub names: Vec<String>,
}

impl<'a> Gathered<'a> {
    /// Nothing yet.
    pub fn new(exists: &'a dyn Fn(&str) -> bool) -> Gathered<'a> {
        Gathered {
            exists,
            files: BTreeMap::new(),
            runs: Vec::new(),
            bytes: 0,
            rule: PathRule::default(),
            seen: HashMap::new(),
            outside: Outside::default(),
        }
    }

    /// The next input begins, with its rule for paths.
    pub fn start(&mut self, rule: PathRule) {
        self.rule = rule;
        self.seen.clear();
        self.outside = Outside::default();
    }

    /// How many files of the input are in the workspace, and which are not.
    pub fn finish(&mut self) -> (u64, Outside) {
        let inside = self.seen.values().filter(|place| place.is_some()).count() as u64;
        self.seen.clear();
        (inside, std::mem::take(&mut self.outside))
    }

    /// The file that a path of the input means; `None` where it is not in the workspace. A relative path may begin in any of
    /// `folders`.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn place(&mut self, raw: &str, folders: &[String]) -> Result<Option<usize>, String> {
        if let Some(known) = self.seen.get(raw) {
            return Ok(*known);
        }
        if self.seen.len() >= FILES_MAX || self.files.len() >= FILES_MAX {
            return Err(format!("more than {FILES_MAX} files"));
        }
        let found = self.rule.candidates(raw, folders).into_iter().find(|path| (self.exists)(path));
        let place = found.map(|path| {
            let next = self.runs.len();
            let place = *self.files.entry(path).or_insert(next);
            if place == next {
                self.runs.push(Vec::new());
            }
            place
        });
        if place.is_none() {
            self.outside.count += 1;
            if self.outside.names.len() < NAMES_MAX {
                self.outside.names.push(raw.to_owned());
            }
        }
        self.seen.insert(raw.to_owned(), place);
        Ok(place)
    }

    /// Adds the lines of a file, in any order, and empties the list. The same line twice is summed.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn add(&mut self, place: usize, lines: &mut Vec<(u32, u64)>) -> Result<(), String> {
        if !lines.is_sorted_by(|a, b| a.0 < b.0) {
            lines.sort_by_key(|(line, _)| *line);
            lines.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 = kept.1.saturating_add(next.1);
                }
                same
            });
        }
        let run: Lines = lines.drain(..).collect();
        let Some(runs) = self.runs.get_mut(place).filter(|_| !run.is_empty()) else { return Ok(()) };
        self.bytes += run.packed_bytes();
        runs.push(run);
        while let [.., before, last] = runs.as_slice() {
            if last.packed_bytes() * 2 < before.packed_bytes() {
                break;
            }
            self.bytes -= before.packed_bytes() + last.packed_bytes();
            let both: Lines = merged(before.iter(), last.iter()).collect();
            self.bytes += both.packed_bytes();
            runs.truncate(runs.len() - 2);
            runs.push(both);
        }
        if self.bytes > PACKED_BYTES_MAX {
            return Err(format!("more lines than {PACKED_BYTES_MAX} bytes hold"));
        }
        Ok(())
    }

    /// The lines of each file, sorted by path.
    pub fn into_files(mut self, package: impl Fn(&str) -> String) -> Vec<FileLines> {
        let mut files = Vec::with_capacity(self.files.len());
        for (file, place) in std::mem::take(&mut self.files) {
            let runs = self.runs.get_mut(place).map(std::mem::take).unwrap_or_default();
            let both = |sum: Lines, run: Lines| merged(sum.iter(), run.iter()).collect();
            if let Some(lines) = runs.into_iter().reduce(both) {
                let package = package(&file);
                files.push(FileLines { file, package, lines, ..FileLines::default() });
            }
        }
        files
    }
}

/// Two lists in order as one: the counts of a line that is in both are summed.
pub fn merged(
    first: impl Iterator<Item = (u32, u64)>,
    second: impl Iterator<Item = (u32, u64)>,
) -> impl Iterator<Item = (u32, u64)> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    std::iter::from_fn(move || match (first.peek().copied(), second.peek().copied()) {
        (Some((a, one)), Some((b, two))) if a == b => {
            first.next();
            second.next();
            Some((a, one.saturating_add(two)))
        }
        (Some((a, _)), Some((b, _))) if a > b => second.next(),
        (Some(_), _) => first.next(),
        (None, _) => second.next(),
    })
}

#[cfg(test)]
mod proof {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_in_any_order_are_summed(records in prop::collection::vec(prop::collection::vec((1u32..40, 0u64..5), 0..20), 0..12)) {
            let mut gathered = Gathered::new(&|_| true);
            let mut expected: BTreeMap<u32, u64> = BTreeMap::new();
            for record in &records {
                let place = gathered.place("a.rs", &[]).unwrap().unwrap();
                gathered.add(place, &mut record.clone()).unwrap();
                record.iter().for_each(|(line, count)| *expected.entry(*line).or_default() += count);
            }
            let files = gathered.into_files(|_| "p".into());
            let lines: Vec<(u32, u64)> = files.iter().flat_map(|file| &file.lines).collect();
            prop_assert_eq!(lines, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
