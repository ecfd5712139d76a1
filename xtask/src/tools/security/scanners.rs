//! Results of outside scanners: SARIF of any tool, TheAuditor's report folder, cargo-deny's and cargo-audit's JSON.
//!
//! Nothing is run here: somebody else ran the tools, and what they wrote is read as text of unknown origin. Files are streams with
//! named limits; every text is cut, put on one line, and looked through for secrets, since scanners for secrets like to quote them.
//! How a tool ended does not count: a report that does not say that it is whole is none.

mod cargo_audit;
mod cargo_deny;
mod gathered;
mod place;
mod sarif;
mod theauditor;
mod values;

use crate::evidence::CouldNotRun;
use crate::evidence::scanners::{InputRead, InputState, ScannersEvidence};
use crate::policy::security::{ScannerFormat, ScannerInput, ScannersPolicy};
use crate::tools::coverage_import::find;
use crate::tools::coverage_import::stream::Malformed;
use crate::tools::redaction::Redactor;
use crate::world::World;
use gathered::{Gathered, one_line};
use jiff::Timestamp;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

/// Files that one input may be.
const FILES_MAX: usize = 1000;
/// One of them may be this long.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Bytes read at a time.
const BUFFER_BYTES: usize = 256 * 1024;
/// Windows tools begin files so.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What reports must be of.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The workspace's root.
    pub root: PathBuf,
    /// HEAD, 40 hexadecimal digits.
    pub commit: String,
    /// When it was committed.
    pub committed: Timestamp,
    /// Files that git tracks: their times say nothing.
    pub tracked: Vec<PathBuf>,
}

/// Reads the inputs of a policy. Blocking: call it from a blocking thread.
///
/// # Errors
/// Never: what is wrong with an input is told in the value, beside what others say.
pub fn gather(
    world: &World,
    subject: &Subject,
    policy: &ScannersPolicy,
) -> Result<ScannersEvidence, CouldNotRun> {
    let redactor = Redactor::new(world);
    let inputs = policy.inputs.iter().map(|input| read(subject, input, &redactor)).collect();
    Ok(ScannersEvidence { inputs })
}

fn read(subject: &Subject, input: &ScannerInput, redactor: &Redactor) -> InputRead {
    let hide = |text: String| redactor.text(text);
    let mut gathered = Gathered::new(&subject.root, input, &hide);
    let state = match files(&subject.root, input) {
        Err(why) => InputState::Missing { why: one_line(&why, gathered::MESSAGE_CHARS_MAX) },
        Ok(files) => match read_all(subject, input, &files, &mut gathered) {
            Err(why) => InputState::Unusable { why: hide(one_line(&why, gathered::MESSAGE_CHARS_MAX)) },
            Ok(None) => InputState::Read,
            Ok(Some(why)) => InputState::Stale { why },
        },
    };
    gathered.finish(state)
}

/// Reads one file's bytes as this input, as a fuzzer does; of TheAuditor's folder, one of its files.
///
/// # Errors
/// Why they are no report: damaged, or not whole by their own word.
pub fn parse(root: &Path, input: &ScannerInput, mut bytes: &[u8]) -> Result<InputRead, String> {
    let keep = |text: String| text;
    let mut gathered = Gathered::new(root, input, &keep);
    let read = match input.format {
        ScannerFormat::Sarif => sarif::read(&mut bytes, &mut gathered),
        ScannerFormat::CargoDeny => cargo_deny::read(&mut bytes, &mut gathered),
        ScannerFormat::CargoAudit => cargo_audit::read(&mut bytes, &mut gathered),
        ScannerFormat::TheAuditor => theauditor::read_file(&mut bytes, &mut gathered).map(drop),
    };
    read.map_err(|wrong| wrong.to_string())?;
    match gathered.take_broken() {
        Some(why) => Err(why),
        None => Ok(gathered.finish(InputState::Read)),
    }
}

/// What the policy means by `file`; for TheAuditor, a folder.
fn files(root: &Path, input: &ScannerInput) -> Result<Vec<PathBuf>, String> {
    if input.format != ScannerFormat::TheAuditor {
        return find::files(root, &input.file);
    }
    let folder = root.join(&input.file);
    match folder.symlink_metadata() {
        Ok(facts) if facts.is_dir() => Ok(vec![folder]),
        Ok(_) => Err("it is no folder".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads each; why the whole is stale, where it is.
fn read_all(
    subject: &Subject,
    input: &ScannerInput,
    files: &[PathBuf],
    gathered: &mut Gathered<'_>,
) -> Result<Option<String>, String> {
    if files.len() > FILES_MAX {
        return Err(format!("{} means more than {FILES_MAX} files", input.file));
    }
    let mut stale = None;
    for file in files {
        let shown = file.strip_prefix(&subject.root).unwrap_or(file).to_string_lossy().into_owned();
        gathered.start(&shown);
        match input.format {
            ScannerFormat::TheAuditor => theauditor::read(file, &shown, gathered)?,
            ScannerFormat::Sarif => stream(file, &shown, gathered, sarif::read)?,
            ScannerFormat::CargoDeny => stream(file, &shown, gathered, cargo_deny::read)?,
            ScannerFormat::CargoAudit => stream(file, &shown, gathered, cargo_audit::read)?,
        }
        if let Some(why) = gathered.take_broken() {
            return Err(format!("{shown}: {why}"));
        }
        stale = stale.or_else(|| why_stale(subject, file, gathered));
    }
    Ok(stale)
}

/// Reads one file as a stream.
fn stream(
    file: &Path,
    shown: &str,
    gathered: &mut Gathered<'_>,
    parse: impl FnOnce(&mut dyn Read, &mut Gathered<'_>) -> Result<(), Malformed>,
) -> Result<(), String> {
    let opened = open(file).map_err(|why| format!("{shown}: {why}"))?;
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, opened);
    let marked = reader.fill_buf().is_ok_and(|start| start.starts_with(BYTE_ORDER_MARK));
    reader.consume(if marked { BYTE_ORDER_MARK.len() } else { 0 });
    parse(&mut reader, gathered).map_err(|wrong| format!("{shown}:{wrong}"))
}

/// A file that is one, of a length that is bearable: a pipe would keep us waiting.
fn open(file: &Path) -> Result<std::io::Take<std::fs::File>, String> {
    let facts = std::fs::metadata(file).map_err(|error| error.to_string())?;
    if !facts.is_file() {
        return Err("it is no file".to_owned());
    }
    if facts.len() > FILE_BYTES_MAX {
        return Err(format!("it has {} bytes, more than {FILE_BYTES_MAX}", facts.len()));
    }
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    Ok(opened.take(FILE_BYTES_MAX))
}

/// Why a report is not of this commit: it names another, or it was written before it. What was written is told by the report where it
/// tells, else by the file, unless git wrote that.
fn why_stale(subject: &Subject, file: &Path, gathered: &mut Gathered<'_>) -> Option<String> {
    let told = gathered.take_told();
    let other = |revision: &&String| !subject.commit.starts_with(revision.as_str());
    if let Some(other) = told.revisions.iter().find(other) {
        return Some(format!("it speaks of the commit {other}, and this is {}", subject.commit));
    }
    let relative = file.strip_prefix(&subject.root).unwrap_or(file);
    let written = match told.at {
        Some(at) => at,
        None if subject.tracked.iter().any(|tracked| tracked.starts_with(relative)) => {
            return Some("git tracks it and it does not say when it was made".to_owned());
        }
        None => Timestamp::try_from(std::fs::metadata(file).ok()?.modified().ok()?).ok()?,
    };
    // Commits have whole seconds.
    (written.as_second() < subject.committed.as_second())
        .then(|| format!("it is of {written}, before the newest commit of {}", subject.committed))
}

#[cfg(test)]
mod tests;
