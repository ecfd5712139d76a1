//! Coverage from elsewhere: LCOV, Cobertura and llvm-cov's JSON, of any language, merged with what was measured here.
//!
//! Files are read as streams, and every length has a named limit: whoever wrote them, memory is bounded. What is wrong is told
//! with file and line. Paths are made relative to the workspace by [`paths`]; files that are not in it are told, never dropped
//! in silence. Counts of one line are summed, and a line that is executable in any input is executable.
//! Left out: branches and functions. The gate counts lines.

pub mod cobertura;
pub mod find;
pub mod gathered;
pub mod json;
pub mod lcov;
pub mod llvm_json;
pub mod paths;
pub mod stream;

use crate::evidence::CouldNotRun;
use crate::evidence::coverage::{FileLines, ImportedInput, LineCounts};
use crate::policy::coverage::{CoverageInput, InputFormat};
use gathered::Gathered;
use paths::PathRule;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};
use stream::Malformed;

/// Files that are read in one run.
pub const INPUTS_MAX: usize = 1000;
/// One of them may be this long.
pub const INPUT_BYTES_MAX: u64 = 4 << 30;
/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 * 1024;

/// What is read, and where its files are.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The workspace's root.
    pub root: PathBuf,
    /// Packages with their folders relative to the root, as owners of files.
    pub packages: Vec<(String, PathBuf)>,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Lines by file, sorted by path.
    pub files: Vec<FileLines>,
    /// What each input gave.
    pub inputs: Vec<ImportedInput>,
}

/// Reads these inputs. Blocking: call it from a blocking thread.
///
/// # Errors
/// Where one is missing or malformed: `file:line: what`.
pub fn read(sources: &Sources, inputs: &[CoverageInput]) -> Result<Imported, CouldNotRun> {
    let exists = |path: &str| sources.root.join(path).is_file();
    let mut gathered = Gathered::new(&exists);
    let mut told = Vec::new();
    for input in inputs {
        for file in find::files(&sources.root, &input.file).map_err(|why| not_found(&input.file, &why))? {
            if told.len() == INPUTS_MAX {
                let help = "merge them first, for example with `lcov --add-tracefile`";
                return Err(could_not_run(format!("more than {INPUTS_MAX} coverage files"), help));
            }
            told.push(read_one(sources, input, &file, &mut gathered)?);
        }
    }
    let package = |file: &str| owner(&sources.packages, file);
    Ok(Imported { files: gathered.into_files(package), inputs: told })
}

fn read_one(
    sources: &Sources,
    input: &CoverageInput,
    file: &Path,
    gathered: &mut Gathered<'_>,
) -> Result<ImportedInput, CouldNotRun> {
    let shown = file.strip_prefix(&sources.root).unwrap_or(file).display().to_string();
    let opened = std::fs::File::open(file).map_err(|error| not_found(&shown, &error.to_string()))?;
    let size = opened.metadata().map_or(0, |facts| facts.len());
    if size > INPUT_BYTES_MAX {
        let message = format!("{shown} has {size} bytes, more than {INPUT_BYTES_MAX}");
        return Err(could_not_run(message, "write a smaller one, for example one for each language"));
    }
    let rule = PathRule::new(&sources.root, input.strip.as_deref(), input.prefix.as_deref());
    gathered.start(rule);
    let reader = BufReader::with_capacity(BUFFER_BYTES, opened.take(INPUT_BYTES_MAX));
    let format = parse(reader, input.format, gathered).map_err(|wrong| malformed(&shown, &wrong))?;
    let (files, outside) = gathered.finish();
    Ok(ImportedInput {
        name: shown,
        format: format.to_owned(),
        files,
        outside: outside.count,
        outside_names: outside.names,
    })
}

/// Reads one stream into what was gathered; the name of its format.
///
/// # Errors
/// Where it is malformed, at which line.
pub fn parse(
    mut input: impl BufRead,
    format: InputFormat,
    gathered: &mut Gathered<'_>,
) -> Result<&'static str, Malformed> {
    let format = match format {
        InputFormat::Auto => look(&mut input)?,
        named => named,
    };
    match format {
        InputFormat::Lcov | InputFormat::Auto => lcov::read(input, gathered).map(|()| "lcov"),
        InputFormat::Cobertura => cobertura::read(input, gathered).map(|()| "cobertura"),
        InputFormat::LlvmJson => llvm_json::read(input, gathered).map(|()| "llvm-json"),
    }
}

/// The format by the first character that is not white space.
fn look(input: &mut impl BufRead) -> Result<InputFormat, Malformed> {
    let start = input.fill_buf().map_err(|error| Malformed::new(1, error.to_string()))?;
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    Ok(match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => InputFormat::Cobertura,
        Some(b'{') => InputFormat::LlvmJson,
        _ => InputFormat::Lcov,
    })
}

/// Puts what was imported and what was measured together: counts are summed, a line executable in either is executable.
pub fn merge(mut counts: LineCounts, imported: Imported) -> LineCounts {
    for file in imported.files {
        match counts.files.iter_mut().find(|known| known.file == file.file) {
            Some(known) => known.lines = gathered::merged(known.lines.iter(), file.lines.iter()).collect(),
            None => counts.files.push(file),
        }
    }
    counts.files.sort_by(|a, b| a.file.cmp(&b.file));
    counts.imported = imported.inputs;
    counts
}

/// The package whose folder is the deepest above a file; of no package, `-`.
fn owner(packages: &[(String, PathBuf)], file: &str) -> String {
    let above = packages.iter().filter(|(_, folder)| Path::new(file).starts_with(folder));
    let deepest = above.max_by_key(|(_, folder)| folder.components().count());
    deepest.map_or_else(|| "-".to_owned(), |(name, _)| name.clone())
}

fn malformed(file: &str, wrong: &Malformed) -> CouldNotRun {
    could_not_run(
        format!("{file}:{wrong}"),
        "write the file again, or correct `inputs` in policies/coverage.yaml",
    )
}

fn not_found(file: &str, why: &str) -> CouldNotRun {
    could_not_run(
        format!("the coverage file {file} cannot be read: {why}"),
        "run the tests that write it first, or correct `inputs` in policies/coverage.yaml",
    )
}

fn could_not_run(message: String, help: &str) -> CouldNotRun {
    CouldNotRun { message, help: help.to_owned() }
}

#[cfg(test)]
mod tests;
