//! What makes inputs the same: the bytes of programs, and the state of files that differ from a commit.

use crate::digest::{Digest, Hasher};
use crate::oci::counted;
use crate::tools::build::TestBinary;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What cargo calls the programs of a package in its tests' environment.
const PROGRAM_PREFIX: &str = "CARGO_BIN_EXE_";
/// Where a build script's files lie, in the same environment.
const OUT_DIR: &str = "OUT_DIR";
/// A changed file is read up to here; a larger one is never the same.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Files of a build script that are looked at; with more, the binary is never the same.
const OUT_FILES_MAX: usize = 10_000;
/// The state of what cannot be told.
const UNSURE: &str = "unsure";

/// A program as the file system tells it: the same facts, the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Program {
    facts: (u64, u64, i64, i64, i64, i64),
    digest: Digest,
}

/// Digests of programs, of which those that did not change since the last run are not read again.
pub(super) struct Programs<'a> {
    before: &'a BTreeMap<PathBuf, Program>,
    /// Those that were asked for.
    pub(super) seen: BTreeMap<PathBuf, Program>,
}

impl<'a> Programs<'a> {
    pub(super) fn new(before: &'a BTreeMap<PathBuf, Program>) -> Programs<'a> {
        Programs { before, seen: BTreeMap::new() }
    }

    /// Everything of a test binary that a result depends on, files of its package left out; `None` where it cannot be told.
    pub(super) fn identity(&mut self, binary: &TestBinary) -> Option<Digest> {
        let mut hasher = Hasher::default();
        hasher.field(format!("{:?}", binary.harness).as_bytes());
        hasher.field(binary.directory.to_string_lossy().as_bytes());
        hasher.field(self.digest(&binary.path)?.hex().as_bytes());
        for (name, value) in &binary.environment {
            hasher.field(name.as_bytes());
            hasher.field(value.as_bytes());
            if name.starts_with(PROGRAM_PREFIX) {
                hasher.field(self.digest(Path::new(value))?.hex().as_bytes());
            }
            if name == OUT_DIR {
                files_below(Path::new(value), &mut hasher)?;
            }
        }
        Some(hasher.finish())
    }

    fn digest(&mut self, path: &Path) -> Option<Digest> {
        let facts = facts(&std::fs::metadata(path).ok()?);
        let known = self.seen.get(path).or_else(|| self.before.get(path));
        let program = match known.filter(|known| known.facts == facts) {
            Some(known) => known.clone(),
            None => Program { facts, digest: digest_of(path).ok()? },
        };
        let digest = program.digest.clone();
        self.seen.insert(path.to_owned(), program);
        Some(digest)
    }
}

fn facts(data: &std::fs::Metadata) -> (u64, u64, i64, i64, i64, i64) {
    (data.len(), data.ino(), data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec())
}

fn digest_of(path: &Path) -> std::io::Result<Digest> {
    counted::digest(File::open(path)?).map(|(digest, _)| digest)
}

/// Names, sizes and times of a build script's files: it writes them only where it runs again.
fn files_below(folder: &Path, hasher: &mut Hasher) -> Option<()> {
    let (mut waiting, mut count) = (vec![folder.to_owned()], 0);
    while let Some(folder) = waiting.pop() {
        let mut entries: Vec<_> = std::fs::read_dir(&folder).into_iter().flatten().flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            count += 1;
            let data = entry.metadata().ok().filter(|_| count <= OUT_FILES_MAX)?;
            hasher.field(entry.path().to_string_lossy().as_bytes());
            if data.is_dir() {
                waiting.push(entry.path());
            } else {
                hasher.field(format!("{:?}", (data.len(), data.mtime(), data.mtime_nsec())).as_bytes());
            }
        }
    }
    Some(())
}

/// The state of each of these paths, relative to `root`.
pub(super) fn states<'a>(
    root: &Path,
    paths: impl IntoIterator<Item = &'a String>,
) -> BTreeMap<String, String> {
    paths.into_iter().map(|path| (path.clone(), state(root, path))).collect()
}

/// Whether such a state never equals another.
pub(super) fn is_unsure(state: &str) -> bool {
    state == UNSURE
}

fn state(root: &Path, path: &str) -> String {
    // A name that is not UTF-8 was written another way: the file of that name is another one.
    if path.contains(['\u{fffd}', '\\', '"']) {
        return UNSURE.to_owned();
    }
    let file = root.join(path);
    let Ok(data) = std::fs::symlink_metadata(&file) else { return "gone".to_owned() };
    if data.is_symlink() {
        return std::fs::read_link(&file)
            .map_or(UNSURE.to_owned(), |target| format!("link to {}", target.display()));
    }
    if !data.is_file() || data.len() > FILE_BYTES_MAX {
        return UNSURE.to_owned();
    }
    let kind = if data.mode() & 0o111 == 0 { "file" } else { "program" };
    digest_of(&file).map_or(UNSURE.to_owned(), |digest| format!("{kind} {}", digest.hex()))
}
