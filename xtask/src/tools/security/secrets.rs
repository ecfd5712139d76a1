//! The scan of tracked files for secrets: `rules` say what one looks like, `filter` what only seems one,
//! `scan` finds them in bytes, and this file reads the files.
//!
//! Nothing is asked over the network, and no value ever leaves `scan`: a finding has the place and the kind. Who hides
//! secrets in what programs print asks the same rules, by [`Finder`].

mod filter;
mod rules;
mod scan;

use crate::evidence::CouldNotRun;
use crate::evidence::secrets::{SecretFound, SecretsEvidence};
use crate::tools::bounded;
use scan::{FOUND_PER_FILE_MAX, Scanner};
use std::borrow::Cow;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A larger file is told, not read: one of each worker is in memory at a time.
pub const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Beyond this, reading is the limit and memory the cost.
const WORKERS_MAX: usize = 4;

/// The rules for one text at a time.
pub struct Finder(Scanner);

impl Finder {
    /// Prepares the rules.
    ///
    /// # Errors
    /// Where a rule of ours is wrong.
    pub fn new() -> anyhow::Result<Finder> {
        Ok(Finder(Scanner::new()?))
    }

    /// Where the secret parts are, in no order and perhaps overlapping, each with what it is.
    pub fn find(&self, text: &[u8]) -> Vec<(Range<usize>, &'static str)> {
        let spans = self.0.spans(text).into_iter();
        spans.map(|(span, rule)| (span, rules::RULES[rule].what)).collect()
    }
}

/// Scans these files, relative to `root`, except those under a path of `skip`.
///
/// Symbolic links are not followed: where git tracks a link, the path that it names is what is scanned.
///
/// # Errors
/// Where a file cannot be read: an unread file is no clean file.
pub async fn gather(root: &Path, files: &[PathBuf], skip: &[String]) -> Result<SecretsEvidence, CouldNotRun> {
    let (root, files, skip) = (root.to_owned(), files.to_vec(), skip.to_vec());
    let scan = tokio::task::spawn_blocking(move || scan_files(&root, &files, &skip));
    scan.await.unwrap_or_else(|error| Err(failed(format!("the scan for secrets broke off: {error}"))))
}

/// As [`gather`], on the threads of its own.
///
/// # Errors
/// As [`gather`].
pub fn scan_files(root: &Path, files: &[PathBuf], skip: &[String]) -> Result<SecretsEvidence, CouldNotRun> {
    let scanner = Scanner::new().map_err(|error| failed(format!("{error:#}")))?;
    let (wanted, mut evidence) = without_skipped(files, skip);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = SecretsEvidence::default();
        while let Some(file) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            scan_file(&scanner, root, file, &mut found)?;
        }
        Ok(found)
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let parts: Vec<Result<SecretsEvidence, CouldNotRun>> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let broke_off = |_| Err(failed("a thread of the scan for secrets broke off".to_owned()));
        started.into_iter().map(|worker| worker.join().unwrap_or_else(broke_off)).collect()
    });
    for part in parts {
        let part = part?;
        evidence.files += part.files;
        evidence.skipped.extend(part.skipped);
        evidence.found.extend(part.found);
    }
    evidence.skipped.sort();
    evidence.found.sort();
    Ok(evidence)
}

/// The files to scan; what the policy leaves out is counted under the path that the policy names.
fn without_skipped<'a>(files: &'a [PathBuf], skip: &[String]) -> (Vec<&'a Path>, SecretsEvidence) {
    let skips: Vec<&String> = skip.iter().filter(|path| !path.is_empty()).collect();
    let mut counts = vec![0_u64; skips.len()];
    let mut wanted = Vec::with_capacity(files.len());
    for file in files {
        match skips.iter().position(|skip| file.starts_with(skip)) {
            Some(index) => counts[index] += 1,
            None => wanted.push(file.as_path()),
        }
    }
    let told = skips.iter().zip(counts).filter(|(_, count)| *count > 0);
    let skipped = told.map(|(path, count)| ((*path).clone(), format!("by policy: {count} files"))).collect();
    (wanted, SecretsEvidence { skipped, ..SecretsEvidence::default() })
}

fn scan_file(
    scanner: &Scanner,
    root: &Path,
    file: &Path,
    evidence: &mut SecretsEvidence,
) -> Result<(), CouldNotRun> {
    let name = file.to_string_lossy().into_owned();
    let contents = match read(root, file) {
        Ok(Contents::Bytes(bytes)) => bytes,
        Ok(Contents::NotRead(reason)) => {
            evidence.skipped.push((name, reason));
            return Ok(());
        }
        Err(error) => {
            let help = format!("make it readable: ls -l '{name}'");
            return Err(CouldNotRun { message: format!("failed to read {name}: {error}"), help });
        }
    };
    evidence.files += 1;
    let scanned = scanner.scan(&as_utf8(&contents));
    if scanned.cut {
        let reason = format!("it holds more than {FOUND_PER_FILE_MAX} secrets; the rest is not listed");
        evidence.skipped.push((name.clone(), reason));
    }
    evidence.found.extend(scanned.places.into_iter().map(|place| {
        let rule = &rules::RULES[place.rule];
        SecretFound {
            file: name.clone(),
            line: place.line,
            rule: rule.name.to_owned(),
            what: rule.what.to_owned(),
            redacted: place.redacted,
        }
    }));
    Ok(())
}

/// What a tracked path holds. No Debug: it may hold a secret.
enum Contents {
    Bytes(Vec<u8>),
    NotRead(String),
}

fn read(root: &Path, file: &Path) -> std::io::Result<Contents> {
    let not_read = |reason: &str| Ok(Contents::NotRead(reason.to_owned()));
    if !file.components().all(|part| matches!(part, Component::Normal(_))) {
        return not_read("it lies outside the workspace");
    }
    let path = root.join(file);
    let kind = match path.symlink_metadata() {
        Ok(kind) => kind,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return not_read("git tracks it, but it is not there");
        }
        Err(error) => return Err(error),
    };
    if kind.is_symlink() {
        return Ok(Contents::Bytes(path.read_link()?.as_os_str().as_bytes().to_vec()));
    }
    if kind.is_dir() {
        return not_read("it is a submodule, which has its own gates");
    }
    if !kind.is_file() {
        return not_read("it is neither a file nor a link");
    }
    match bounded::read(&path, FILE_BYTES_MAX) {
        Err(error) if error.kind() == ErrorKind::FileTooLarge => not_read("it is larger than 32 MiB"),
        read => read.map(Contents::Bytes),
    }
}

/// UTF-16 hides every token from a search for bytes; anything else is searched as it is.
fn as_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Cow::Borrowed(bytes),
    };
    let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Cow::Owned(text.into_bytes())
}

fn failed(message: String) -> CouldNotRun {
    let help = "this is a fault of gateline: please report it; cargo xtask security".to_owned();
    CouldNotRun { message, help }
}

#[cfg(test)]
mod tests;
