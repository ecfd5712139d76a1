//! Raw profiles that end up in the tree: an instrumented process that was started with an empty environment writes
//! `default_….profraw` into its working directory, and nobody counts it.
//!
//! Only packages' folders are looked at, where tests run; only files that were not there before the run are removed.

use crate::evidence::coverage::{Doubt, DoubtKind};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The stray profiles in these folders.
pub fn list<'a>(directories: impl IntoIterator<Item = &'a Path>) -> BTreeSet<PathBuf> {
    let entries = directories.into_iter().filter_map(|directory| std::fs::read_dir(directory).ok());
    entries.flatten().flatten().map(|entry| entry.path()).filter(|path| is_stray(path)).collect()
}

/// Removes what has come since `before`, and tells it.
pub fn remove_new<'a>(
    directories: impl IntoIterator<Item = &'a Path>,
    before: &BTreeSet<PathBuf>,
    root: &Path,
) -> Vec<Doubt> {
    let now = list(directories);
    let told = now.difference(before).map(|path| {
        let left = match std::fs::remove_file(path) {
            Ok(()) => "it was removed",
            Err(_) => "it could not be removed",
        };
        let message = format!(
            "a process without LLVM_PROFILE_FILE in its environment left this raw profile: what it ran is not counted; {left}"
        );
        let file = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        Doubt { kind: DoubtKind::StrayProfile, file, message }
    });
    told.collect()
}

/// `default_%m_%p.profraw`, the name that LLVM's runtime falls back to, and `default.profraw` of older ones.
fn is_stray(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let middle = name.and_then(|name| name.strip_prefix("default")?.strip_suffix(".profraw"));
    middle.is_some_and(|middle| {
        middle.is_empty()
            || (middle.starts_with('_') && middle.chars().all(|c| c == '_' || c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_during_the_run_is_removed_and_told() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let write = |name: &str| std::fs::write(root.join(name), "x").unwrap();
        write("default_1_0_7.profraw");
        let before = list([root]);
        write("default_12_0_8.profraw");
        write("default_mine.profraw");
        write("other.profraw");
        let doubts = remove_new([root, Path::new("/nonexistent")], &before, root);
        let told: Vec<_> = doubts.iter().map(|doubt| doubt.file.as_str()).collect();
        assert_eq!(told, ["default_12_0_8.profraw"]);
        assert!(doubts[0].message.ends_with("it was removed"));
        let mut left: Vec<_> =
            std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["default_1_0_7.profraw", "default_mine.profraw", "other.profraw"]);
        assert!(remove_new([root], &before, root).is_empty());
    }
}
