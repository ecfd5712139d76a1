//! The packages that licences, bans and sources look at: with the lines of Cargo.lock.
//!
//! It is the question of the gate `advisories` too, with its features and platforms, so that the gates speak of the same build.

use crate::evidence::CouldNotRun;
use crate::evidence::sources::Unreadable;
use crate::tools::bounded;
use crate::tools::dependencies::lockfile;
use crate::workspace::dependencies::{Dependencies, Dependency, Reached};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Table;

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

/// What stands in files of cargo, sorted, and those that cannot be read: nobody knows what stands in them, so they are no pass.
/// A file that is not there has nothing to say.
pub(super) fn look<T: Ord>(
    root: &Path,
    files: impl IntoIterator<Item = PathBuf>,
    in_text: fn(&str, &str) -> Result<Vec<T>, Unreadable>,
) -> (Vec<T>, Vec<Unreadable>) {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for path in files {
        let file = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        let looked = match bounded::read(&path, FILE_BYTES_MAX) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            Err(error) => Err(Unreadable { file, line: 0, why: error.to_string() }),
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => in_text(&file, &text),
                Err(_) => Err(Unreadable { file, line: 0, why: "it is no UTF-8".to_owned() }),
            },
        };
        match looked {
            Ok(more) => found.extend(more),
            Err(why) => unreadable.push(why),
        }
    }
    found.sort();
    unreadable.sort();
    (found, unreadable)
}

/// A text as TOML.
///
/// # Errors
/// Where it is none, with the line.
pub(super) fn table_of(file: &str, text: &str) -> Result<Table, Unreadable> {
    text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(0, |span| text.get(..span.start).unwrap_or(text).matches('\n').count() + 1);
        Unreadable {
            file: file.to_owned(),
            line: u32::try_from(line).unwrap_or(0),
            why: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
        }
    })
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
