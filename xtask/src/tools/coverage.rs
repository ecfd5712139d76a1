//! The built-in coverage engine: from raw profiles and instrumented object files to lines, without LLVM tools.
//!
//! Raw profiles are summed first ([`profile`]), then each object's mapping is read and counted ([`mapping`]), one
//! thread per core, and at last all regions of a file are merged into lines ([`lines`]). What is damaged is an error that
//! names the file: a report with fewer lines than there are would pass where it should not.
//! Left out: the measuring itself (the tests gate runs the instrumented processes) and judging (`gates/coverage.rs`).

mod files;
mod functions;
mod lines;
mod mapping;
mod merged;
mod profile;
mod test_code;

pub use files::{PackageTree, SourceTree};
pub(crate) use lines::{ExportedSegment, lines_of_segments};

use crate::evidence::CouldNotRun;
use crate::evidence::coverage::LineCounts;
use crate::policy::coverage::TestCode;
use files::Sources;
use mapping::Mapping;
use profile::Counters;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The engine and the version of its reader, as evidence names it.
pub const ENGINE: &str = "builtin (llvm_profparser 0.15)";

/// Raw profiles in one directory. A pool has a few per test binary.
const PROFILES_MAX: usize = 100_000;

/// One raw profile. Those of large workspaces have some 20 MB.
const PROFILE_BYTES_MAX: u64 = 1 << 30;

/// Object files of one run.
const OBJECTS_MAX: usize = 10_000;

/// Threads that read objects: each holds the mapping of one in memory.
const THREADS_MAX: usize = 8;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Measurement {
    /// The directory of `*.profraw` that the instrumented processes wrote, and nobody else.
    pub profiles: PathBuf,
    /// The test executables and plain binaries that wrote them.
    pub objects: Vec<PathBuf>,
    /// The executables of documentation tests. Their own code stands in comments and does not count; what they ran of the
    /// libraries does, generic functions included.
    pub doctests: Vec<PathBuf>,
    /// The sources that count.
    pub tree: SourceTree,
    /// Whether code that exists only under test counts.
    pub test_code: TestCode,
}

/// Counts the lines that the tests ran. Reads hundreds of megabytes: call it from a blocking thread.
///
/// # Errors
/// Where a profile or an object is missing or damaged, by name: never fewer lines instead.
pub fn measure(measurement: &Measurement) -> Result<LineCounts, CouldNotRun> {
    let counters = read_profiles(&measurement.profiles)?;
    let sources = Sources::of(&measurement.tree);
    // In one order, whatever the caller's: of functions with the same name, the first object's counts.
    let mut objects = measurement.objects.clone();
    objects.sort();
    objects.dedup();
    let mut doctests = measurement.doctests.clone();
    doctests.sort();
    let mappings = read_objects(&objects, &sources, &counters)?;
    let of_doctests = read_objects(&doctests, &sources, &counters)?;
    if !mappings.iter().any(|mapping| mapping.instrumented) {
        return Err(could_not_run(
            format!("none of {} object files has a coverage mapping", objects.len()),
            "build the tests with -Cinstrument-coverage",
        ));
    }
    let scanned = test_code::scan(&sources);
    Ok(merged::merge(mappings, of_doctests, &scanned, measurement.test_code))
}

fn could_not_run(message: String, help: &str) -> CouldNotRun {
    CouldNotRun { message, help: help.to_owned() }
}

fn read_profiles(directory: &Path) -> Result<Counters, CouldNotRun> {
    let help = "cargo xtask coverage --fresh";
    let paths = list_profiles(directory)
        .map_err(|error| could_not_run(format!("failed to read {}: {error}", directory.display()), help))?;
    if paths.is_empty() {
        let message =
            format!("no raw profile in {}: no instrumented process came to its end", directory.display());
        return Err(could_not_run(message, help));
    }
    if paths.len() > PROFILES_MAX {
        let message =
            format!("{} has {} raw profiles, more than {PROFILES_MAX}", directory.display(), paths.len());
        return Err(could_not_run(message, "write them to a pool: LLVM_PROFILE_FILE=…/%4m.profraw"));
    }
    let mut counters = Counters::default();
    for path in paths {
        read_bounded(&path).and_then(|bytes| counters.add(&bytes)).map_err(|why| {
            could_not_run(format!("the raw profile {} cannot be used: {why}", path.display()), help)
        })?;
    }
    Ok(counters)
}

fn list_profiles(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "profraw") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > PROFILE_BYTES_MAX {
        return Err(format!("it has {size} bytes, more than {PROFILE_BYTES_MAX}"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

/// Reads all objects, a few at a time; results in the order of `objects`.
fn read_objects(
    objects: &[PathBuf],
    sources: &Sources,
    counters: &Counters,
) -> Result<Vec<Mapping>, CouldNotRun> {
    if objects.len() > OBJECTS_MAX {
        let message = format!("{} object files, more than {OBJECTS_MAX}", objects.len());
        return Err(could_not_run(
            message,
            "measure fewer packages at once: cargo xtask coverage --package NAME",
        ));
    }
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX).min(objects.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, object)) = take(&next, objects) {
                    let mapping = mapping::read(object, sources, counters);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(index, mapping);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    objects
        .iter()
        .zip(results.into_values())
        .map(|(object, mapping)| mapping.map_err(|why| unreadable(object, &why)))
        .collect()
}

fn take<'a>(next: &AtomicUsize, objects: &'a [PathBuf]) -> Option<(usize, &'a PathBuf)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, objects.get(index)?))
}

fn unreadable(object: &Path, why: &str) -> CouldNotRun {
    could_not_run(
        format!("the object file {} cannot be used: {why}", object.display()),
        "cargo xtask coverage --fresh",
    )
}

#[cfg(test)]
mod tests;
