//! The built-in coverage engine: from raw profiles and instrumented object files to lines, without LLVM tools.
//!
//! Raw profiles are summed first (`profile`), then each object's mapping is read and counted (`mapping`), one
//! thread per core, and at last all regions of a file are merged into lines (`lines`). What is damaged is an error that
//! names the file: a report with fewer lines than there are would pass where it should not.
//! Left out: the measuring itself (the tests gate runs the instrumented processes) and judging (`gates/coverage.rs`).

mod doctests;
mod files;
mod functions;
mod lines;
pub mod llvm;
mod mapping;
mod merged;
mod profile;
pub mod remap;
pub mod stray;
mod test_code;

pub use files::{PackageTree, SourceTree};
pub(crate) use lines::{ExportedSegment, lines_of_segments};

use crate::evidence::CouldNotRun;
use crate::evidence::coverage::LineCounts;
use crate::policy::coverage::TestCode;
use files::Sources;
use mapping::Mapping;
use profile::Counters;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Who wrote which profile, by file name, for messages about damaged ones.
    pub writers: BTreeMap<String, String>,
    /// Test binaries that came to their end and so must have left a profile: what its file name begins with, and the
    /// binary's name.
    pub expected: Vec<(String, String)>,
}

/// Counts the lines that the tests ran. Reads hundreds of megabytes: call it from a blocking thread.
///
/// # Errors
/// Where a profile or an object is missing or damaged, by name: never fewer lines instead.
pub fn measure(measurement: &Measurement) -> Result<LineCounts, CouldNotRun> {
    let counters = read_profiles(measurement)?;
    let sources = Sources::of(&measurement.tree);
    // In one order, whatever the caller's: of functions with the same name, the first object's counts.
    let in_order = |objects: &[PathBuf]| objects.iter().cloned().collect::<BTreeSet<_>>();
    let objects: Vec<_> = in_order(&measurement.objects).into_iter().collect();
    let of_doctests: Vec<_> = in_order(&measurement.doctests).into_iter().collect();
    let mappings = read_objects(&objects, &sources, &counters)?;
    let of_doctests = read_objects(&of_doctests, &sources, &counters)?;
    if !mappings.iter().any(|mapping| mapping.instrumented) {
        return Err(could_not_run(
            format!("none of {} object files has a coverage mapping", objects.len()),
            "build the tests with -Cinstrument-coverage",
        ));
    }
    let scanned = test_code::scan(&sources);
    let counts = merged::merge(mappings, of_doctests, &scanned, measurement.test_code);
    Ok(LineCounts { engine: ENGINE.to_owned(), ..counts })
}

/// The same from what LLVM's tools exported. The profiles are looked at first, so that damage is named in the same words.
///
/// # Errors
/// Where a profile is missing or damaged, or the export cannot be read.
pub fn measure_exported(
    measurement: &Measurement,
    exported: &llvm::Exported,
) -> Result<LineCounts, CouldNotRun> {
    read_profiles(measurement)?;
    let sources = Sources::of(&measurement.tree);
    let (mapping, of_doctests) = exported.mappings(&sources)?;
    let scanned = test_code::scan(&sources);
    let counts = merged::merge(vec![mapping], vec![of_doctests], &scanned, measurement.test_code);
    Ok(LineCounts { engine: exported.engine(), ..counts })
}

fn could_not_run(message: String, help: &str) -> CouldNotRun {
    CouldNotRun { message, help: help.to_owned() }
}

fn read_profiles(measurement: &Measurement) -> Result<Counters, CouldNotRun> {
    let directory = &measurement.profiles;
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
    let names: Vec<_> =
        paths.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy()).collect();
    if let Some((_, binary)) = measurement
        .expected
        .iter()
        .find(|(start, _)| !names.iter().any(|name| name.starts_with(start.as_str())))
    {
        let message = format!(
            "tests of {binary} came to their end, but {} has no raw profile of them: something removed it, or they ran \
             another LLVM_PROFILE_FILE",
            directory.display()
        );
        return Err(could_not_run(message, help));
    }
    let mut counters = Counters::default();
    for (path, name) in paths.iter().zip(&names) {
        read_bounded(path).and_then(|bytes| counters.add(&bytes)).map_err(|why| {
            let writer = measurement.writers.get(name.as_ref());
            let by = writer.map_or(String::new(), |writer| format!(" of {writer}"));
            could_not_run(format!("the raw profile {}{by} cannot be used: {why}", path.display()), help)
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
