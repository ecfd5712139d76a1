//! The folder: tracked files as they lie there, each once, by several threads.

use super::scan::{FOUND_PER_FILE_MAX, Place, Scanner};
use super::value::Names;
use super::{failed, found, scan_stream, workers};
use crate::evidence::CouldNotRun;
use crate::evidence::secrets::SecretsEvidence;
use crate::tools::git::shown;
use std::borrow::Cow;
use std::fs::Metadata;
use std::io::{ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// UTF-16 is turned into UTF-8 as a whole: no more of it than this.
const UTF16_BYTES_MAX: usize = super::PIECE_BYTES;

/// Scans these files, relative to `root`, except those under a path of `skip`.
///
/// Symbolic links are not followed: where git tracks a link, the path that it names is what is scanned.
///
/// # Errors
/// Where a file cannot be read: an unread file is no clean file.
pub async fn gather(
    root: &Path,
    files: &[PathBuf],
    skip: &[String],
    names: &[String],
) -> Result<SecretsEvidence, CouldNotRun> {
    let (root, files, skip, names) = (root.to_owned(), files.to_vec(), skip.to_vec(), names.to_vec());
    let scan = tokio::task::spawn_blocking(move || scan_files(&root, &files, &skip, &names));
    scan.await.unwrap_or_else(|error| Err(failed(format!("the scan for secrets broke off: {error}"))))
}

/// As [`gather`], on the threads of its own.
///
/// # Errors
/// As [`gather`].
pub fn scan_files(
    root: &Path,
    files: &[PathBuf],
    skip: &[String],
    names: &[String],
) -> Result<SecretsEvidence, CouldNotRun> {
    let scanner = Scanner::new().map_err(|error| failed(format!("{error:#}")))?;
    let (wanted, skipped) = without_skipped(files, skip, |file| file);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut read = Vec::new();
        while let Some(file) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            read.push((shown(file.as_os_str().as_bytes()), scan_file(&scanner, root, file)?));
        }
        Ok(read)
    };
    let parts: Vec<Result<Vec<(String, Read)>, CouldNotRun>> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers()).map(|_| scope.spawn(work)).collect();
        let broke_off = |_| Err(failed("a thread of the scan for secrets broke off".to_owned()));
        started.into_iter().map(|worker| worker.join().unwrap_or_else(broke_off)).collect()
    });
    let mut evidence = SecretsEvidence { skipped, ..SecretsEvidence::default() };
    let mut names = Names::new(names.iter().map(String::as_str));
    for part in parts {
        for (file, read) in part? {
            add(&mut evidence, &file, read, &mut names)?;
        }
    }
    evidence.skipped.sort();
    evidence.found.sort();
    Ok(evidence)
}

fn add(evidence: &mut SecretsEvidence, file: &str, read: Read, names: &mut Names) -> Result<(), CouldNotRun> {
    match read {
        Read::Not(reason) => evidence.skipped.push((file.to_owned(), reason)),
        Read::Places(places, cut) => {
            evidence.files += 1;
            if cut {
                evidence.skipped.push((file.to_owned(), too_many()));
            }
            for place in places {
                evidence.found.push(found(place, file, names)?);
            }
        }
    }
    Ok(())
}

/// Why a file was not read to its end.
pub(super) fn too_many() -> String {
    format!("it holds more than {FOUND_PER_FILE_MAX} secrets; the rest is not listed")
}

/// What is to be scanned; what the policy leaves out is counted under the path that the policy names.
pub(super) fn without_skipped<'a, T>(
    all: &'a [T],
    skip: &[String],
    path: impl Fn(&T) -> &PathBuf,
) -> (Vec<&'a T>, Vec<(String, String)>) {
    let skips: Vec<&String> = skip.iter().filter(|path| !path.is_empty()).collect();
    let mut counts = vec![0_u64; skips.len()];
    let mut wanted = Vec::with_capacity(all.len());
    for one in all {
        match skips.iter().position(|skip| path(one).starts_with(skip)) {
            Some(index) => counts[index] += 1,
            None => wanted.push(one),
        }
    }
    let told = skips.iter().zip(counts).filter(|(_, count)| *count > 0);
    (wanted, told.map(|(path, count)| ((*path).clone(), format!("by policy: {count} files"))).collect())
}

/// What a path holds. No Debug: it may hold a secret.
pub(super) enum Read {
    /// Secrets, and whether there are more than these.
    Places(Vec<Place>, bool),
    /// It was not read, and why.
    Not(String),
}

/// Scans one file of the folder.
pub(super) fn scan_file(scanner: &Scanner, root: &Path, file: &Path) -> Result<Read, CouldNotRun> {
    read(scanner, root, file).map_err(|error| {
        let name = shown(file.as_os_str().as_bytes());
        let help = format!("make it readable: ls -l '{name}'");
        CouldNotRun { message: format!("failed to read {name}: {error}"), help }
    })
}

fn read(scanner: &Scanner, root: &Path, file: &Path) -> std::io::Result<Read> {
    let not_read = |reason: &str| Ok(Read::Not(reason.to_owned()));
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
    let places = |scanned: (Vec<Place>, bool)| Read::Places(scanned.0, scanned.1);
    if kind.is_symlink() {
        let names = path.read_link()?;
        return scan_stream(scanner, file, names.as_os_str().as_bytes()).map(places);
    }
    if kind.is_dir() {
        return not_read("it is a submodule, which has its own gates");
    }
    if !kind.is_file() {
        return not_read("it is neither a file nor a link");
    }
    let opened = std::fs::File::open(&path)?;
    let before = opened.metadata()?;
    // One that grows as fast as it is read has an end all the same.
    let scanned = scan_stream(scanner, file, (&opened).take(before.len().saturating_add(1)))?;
    unchanged(&before, &opened.metadata()?)?;
    Ok(places(scanned))
}

/// What was written while it was read may be half of what was there before and half of what is there now.
fn unchanged(before: &Metadata, after: &Metadata) -> std::io::Result<()> {
    let state = |one: &Metadata| (one.len(), one.mtime(), one.mtime_nsec());
    if state(before) == state(after) {
        return Ok(());
    }
    Err(std::io::Error::other("it changed while it was read; run again when nothing writes to it"))
}

/// UTF-16 hides every token from a search for bytes; anything else is searched as it is.
pub(super) fn as_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Cow::Borrowed(bytes),
    };
    let bytes = &bytes[2..bytes.len().min(UTF16_BYTES_MAX)];
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Cow::Owned(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_meanwhile_is_no_clean_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, "one").unwrap();
        let before = path.metadata().unwrap();
        assert!(unchanged(&before, &path.metadata().unwrap()).is_ok());
        std::fs::write(&path, "one and more").unwrap();
        let error = unchanged(&before, &path.metadata().unwrap()).unwrap_err();
        assert!(error.to_string().contains("changed while it was read"), "{error}");
    }
}
