//! What is remembered of one feature set, and the folders with its raw profiles.

use super::identity::Program;
use crate::digest::{Digest, Hasher};
use crate::evidence::reused::EarlierRun;
use crate::evidence::tests::TestResult;
use crate::tools::runner::profiles::{DOCUMENTATION_PREFIX, OBJECTS};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What one run left for the next.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
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
    pub(super) from: EarlierRun,
    pub(super) tests: Vec<TestResult>,
    /// The folder with their raw profiles, where lines were counted.
    pub(super) profiles: Option<String>,
}

impl Record {
    /// Removes raw profiles that no entry names.
    pub(super) fn sweep(&self, folder: &Path) {
        let named = self.entries.values().filter_map(|entry| entry.profiles.as_deref()?.split('/').next());
        let named: BTreeSet<&str> = named.collect();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if !entry.file_name().to_str().is_some_and(|name| named.contains(name)) {
                // What is left behind takes room, nothing else.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
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
    if prefix == DOCUMENTATION_PREFIX && objects.is_dir() {
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
