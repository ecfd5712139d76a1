//! Which lines exist only under test: inline `#[cfg(test)]` items, `#[test]` functions, and files that only such
//! modules declare.
//!
//! Sources are read as tokens ([`items`]), so that neither strings nor comments can pretend, and code inside of macros
//! is seen too. Module declarations are followed to their files; a file is test code only where every way that leads
//! to it is. What cannot be read counts as product code and is told. Left out: `include!`, and macros that make test
//! code out of other words.

mod items;
mod modules;

use super::files::Sources;
use crate::evidence::coverage::{Doubt, DoubtKind};
use items::Items;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Rust files of one workspace.
const FILES_MAX: usize = 100_000;
/// Folders inside of each other.
const DEPTH_MAX: usize = 64;
/// One source file: generated ones of bindings have some 5 MB.
const SOURCE_BYTES_MAX: u64 = 32 << 20;
/// Threads that read sources.
const THREADS_MAX: usize = 8;

/// Lines from first to last, both included.
pub(super) type Range = (u32, u32);

/// Lines of one file, as ranges in order that do not touch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TestLines(Vec<Range>);

static NONE: TestLines = TestLines(Vec::new());

impl TestLines {
    /// No lines.
    pub(super) fn none() -> &'static TestLines {
        &NONE
    }

    /// Whether the line is one of them.
    pub(super) fn contains(&self, line: u32) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= line);
        after.checked_sub(1).is_some_and(|index| line <= self.0[index].1)
    }
}

impl FromIterator<Range> for TestLines {
    fn from_iter<I: IntoIterator<Item = Range>>(ranges: I) -> TestLines {
        let mut sorted: Vec<Range> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        sorted.sort_unstable();
        let mut joined: Vec<Range> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match joined.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
                _ => joined.push((first, last)),
            }
        }
        TestLines(joined)
    }
}

/// What the sources say of themselves, by path relative to the workspace.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    test: BTreeMap<String, TestLines>,
    comments: BTreeMap<String, TestLines>,
    macros: BTreeMap<String, TestLines>,
    unreadable: BTreeMap<String, String>,
}

impl Scanned {
    /// The lines of this file that exist only under test.
    pub(super) fn of(&self, file: &str) -> &TestLines {
        self.test.get(file).unwrap_or(&NONE)
    }

    /// The lines of this file that are documentation: a doctest's code stands there.
    pub(super) fn comments_of(&self, file: &str) -> &TestLines {
        self.comments.get(file).unwrap_or(&NONE)
    }

    /// The lines of this file where a macro is defined: code that others have made of it is ours.
    pub(super) fn macros_of(&self, file: &str) -> &TestLines {
        self.macros.get(file).unwrap_or(&NONE)
    }

    /// Why nothing is known of this file, where that is so.
    pub(super) fn doubt_of(&self, file: &str) -> Option<Doubt> {
        let why = self.unreadable.get(file)?;
        let message = format!("its test code counts as product code, because it cannot be read: {why}");
        Some(Doubt { kind: DoubtKind::UnreadableSource, file: file.to_owned(), message })
    }
}

/// Reads every Rust file of the packages.
pub(super) fn scan(sources: &Sources) -> Scanned {
    let mut paths = BTreeSet::new();
    sources.directories().for_each(|directory| list(sources, directory, 0, &mut paths));
    let paths: Vec<PathBuf> = paths.into_iter().collect();
    let mut scanned = Scanned::default();
    let mut read = BTreeMap::new();
    for (path, items) in read_all(&paths) {
        match items {
            Ok(items) => {
                read.insert(path, items);
            }
            Err(why) => {
                scanned.unreadable.insert(sources.relative(&path), why);
            }
        }
    }
    let only_test = modules::only_test(&read);
    for (path, items) in read {
        let file = sources.relative(&path);
        let test = match only_test.contains(&path) {
            true => TestLines::from_iter([(1, u32::MAX)]),
            false => items.test.into_iter().collect(),
        };
        scanned.test.insert(file.clone(), test);
        scanned.macros.insert(file.clone(), items.macros.into_iter().collect());
        scanned.comments.insert(file, items.comments.into_iter().collect());
    }
    scanned
}

/// Lists Rust files; what cannot be listed has no test code that is known.
fn list(sources: &Sources, directory: &Path, depth: usize, paths: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Ok(kind) = entry.file_type() else { continue };
        if paths.len() >= FILES_MAX || depth >= DEPTH_MAX || name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if kind.is_dir() {
            if !sources.is_left_out(&path) {
                list(sources, &path, depth + 1, paths);
            }
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            paths.insert(path);
        }
    }
}

fn read_all(paths: &[PathBuf]) -> Vec<(PathBuf, Result<Items, String>)> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(paths.len())));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(paths.len()) {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let items = read(path);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((path.clone(), items));
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn read(path: &Path) -> Result<Items, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > SOURCE_BYTES_MAX {
        return Err(format!("it has {size} bytes, more than {SOURCE_BYTES_MAX}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    items::read(&text)
}

#[cfg(test)]
mod tests;
