//! The packages that licences, bans and sources look at: with the lines of Cargo.lock.
//!
//! It is the question of the gate `advisories` too, with its features and platforms, so that the gates speak of the same build.

use crate::evidence::CouldNotRun;
use crate::tools::bounded;
use crate::tools::dependencies::lockfile;
use crate::workspace::dependencies::{Dependencies, Dependency, Reached};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest manifest or configuration of cargo that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Every package of the lockfile.
#[derive(Debug, Clone, Default)]
pub struct Packages {
    /// With what cargo says of each.
    pub all: Arc<Dependencies>,
    /// How each is reached.
    pub reached: Reached,
    /// Lines of entries in Cargo.lock, by name and version.
    pub(super) lines: BTreeMap<(String, String), u32>,
}

impl Packages {
    /// What cargo said, with the lines of the lockfile.
    ///
    /// # Errors
    /// Where Cargo.lock is missing.
    pub fn of(all: Arc<Dependencies>, root: &Path) -> Result<Packages, CouldNotRun> {
        let reached = all.reached();
        let lines = lockfile::entry_lines(&lockfile::text(root)?);
        Ok(Packages { all, reached, lines })
    }

    /// Each with its index.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Dependency)> {
        self.all.packages.iter().enumerate()
    }

    /// The line of its entry in Cargo.lock, 0 where it has none.
    pub fn line(&self, package: &Dependency) -> u32 {
        self.lines.get(&(package.name.clone(), package.version.clone())).copied().unwrap_or(0)
    }

    /// The shortest path from the workspace to a package.
    pub fn path(&self, index: usize) -> Vec<String> {
        self.all.path(&self.reached, index)
    }
}

/// Files of cargo by their path in the workspace, with their texts. One that cannot be read is cargo's to complain about.
pub(super) fn texts(root: &Path, files: impl IntoIterator<Item = PathBuf>) -> Vec<(String, String)> {
    let read = |file: PathBuf| {
        let text = String::from_utf8(bounded::read(&file, FILE_BYTES_MAX).ok()?).ok()?;
        Some((file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned(), text))
    };
    files.into_iter().filter_map(read).collect()
}

/// The line of a key in a TOML text, 0 where it is not found: a dotted header or the start of a line.
pub(super) fn line_of(text: &str, key: &str) -> u32 {
    let names = |line: &str| {
        let rest = match line.strip_prefix('"') {
            Some(quoted) => quoted.strip_prefix(key).and_then(|rest| rest.strip_prefix('"')),
            None => line.strip_prefix(key),
        };
        rest.is_some_and(|rest| rest.trim_start().starts_with(['=', '.']))
    };
    let headed = |line: &str| {
        let inside = line.strip_prefix('[').and_then(|line| line.split(']').next());
        inside.is_some_and(|inside| {
            inside.rsplit('.').next().is_some_and(|last| last.trim().trim_matches('"') == key)
        })
    };
    let found = text.lines().position(|line| names(line.trim_start()) || headed(line.trim()));
    found.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::line_of;

    #[test]
    fn a_key_is_found_where_it_is_written() {
        let text = "[dependencies]\nserde_json = \"1\"\nserde = \"1\"\n\"odd\" = \"*\"\nio.path = \"x\"\n\n[dependencies.long]\n";
        for (key, line) in [("serde", 3), ("odd", 4), ("io", 5), ("long", 7), ("none", 0)] {
            assert_eq!(line_of(text, key), line, "{key}");
        }
    }
}
