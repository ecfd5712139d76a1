//! The file of one feature set, and the folders with its raw profiles.

use super::identity::Program;
use crate::digest::{Digest, Hasher};
use crate::evidence::reused::From;
use crate::evidence::tests::TestResult;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file's name.
const RECORD: &str = "record.json";
/// A longer file is not ours: a result has some hundred bytes.
const RECORD_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The folder with the programs of documentation tests, below that of the raw profiles.
const OBJECTS: &str = "objects";

/// What one run left for the next.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    /// Everything but files and programs; `None` in an empty record.
    pub(super) conditions: Option<Digest>,
    /// The commit that the run was at.
    pub(super) commit: String,
    /// What differed from it, and its state.
    pub(super) changed: BTreeMap<String, String>,
    /// Cargo.lock.
    pub(super) lockfile: Option<String>,
    /// Binaries by name.
    pub(super) entries: BTreeMap<String, Entry>,
    /// Digests of programs.
    pub(super) programs: BTreeMap<PathBuf, Program>,
}

/// What the tests of one binary proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) identity: Digest,
    pub(super) from: From,
    pub(super) tests: Vec<TestResult>,
    /// The folder with their raw profiles, where lines were counted.
    pub(super) profiles: Option<String>,
}

impl Record {
    /// The record, if there is a whole one.
    pub(super) fn read(folder: &Path) -> Option<Record> {
        let file = folder.join(RECORD);
        if std::fs::metadata(&file).ok()?.len() > RECORD_BYTES_MAX {
            return None;
        }
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    /// Writes the record whole or not at all, and removes raw profiles that it does not name.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
        fresh.write_all(&serde_json::to_vec(self)?)?;
        fresh.persist(folder.join(RECORD)).map_err(|error| error.error)?;
        let named = self.entries.values().filter_map(|entry| entry.profiles.as_deref()?.split('/').next());
        let named: BTreeSet<&str> = named.collect();
        for entry in std::fs::read_dir(folder)?.flatten() {
            let name = entry.file_name();
            if name != RECORD && !name.to_str().is_some_and(|name| named.contains(name)) {
                // What is left behind takes room, nothing else.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }

    /// Names the raw profiles of all entries.
    pub(super) fn identity(&self) -> Digest {
        let mut hasher = Hasher::default();
        for (name, entry) in &self.entries {
            hasher.field(name.as_bytes());
            hasher.field(entry.identity.hex().as_bytes());
            hasher.field(entry.profiles.as_deref().unwrap_or_default().as_bytes());
        }
        hasher.finish()
    }
}

/// Copies the raw profiles with this prefix to a folder of their own, without the prefix; those of documentation tests with
/// their programs.
pub(super) fn copy_out(profiles: &Path, kept: &Path, prefix: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(kept)?;
    for entry in std::fs::read_dir(profiles)?.flatten() {
        if let Some(rest) = entry.file_name().to_str().and_then(|name| name.strip_prefix(prefix)) {
            std::fs::copy(entry.path(), kept.join(rest))?;
        }
    }
    let objects = profiles.join(OBJECTS);
    if prefix == "doc-" && objects.is_dir() {
        copy_files(&objects, &kept.join(OBJECTS))?;
    }
    Ok(())
}

/// The way back, under the place that the binary has now.
pub(super) fn copy_in(kept: &Path, profiles: &Path, prefix: &str) -> std::io::Result<()> {
    for entry in std::fs::read_dir(kept)? {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
        if name == OBJECTS {
            copy_files(&entry, &profiles.join(OBJECTS))?;
        } else {
            std::fs::copy(&entry, profiles.join(format!("{prefix}{}", name.to_string_lossy())))?;
        }
    }
    Ok(())
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
