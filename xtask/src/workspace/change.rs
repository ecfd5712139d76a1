//! Change: what differs from the base. Which lines are new, and where the base comes from.
//!
//! Lines are counted in the files as they are now; line 0 is never used. Renames are followed, so that a file that only
//! moved has no changed line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the work has that its base has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is compared with.
    pub base: Base,
    /// Files that differ, sorted by path.
    pub files: Vec<ChangedFile>,
}

/// The commit that a change is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Base {
    /// 40 hexadecimal digits.
    pub commit: String,
    /// Where it comes from, for people: `--base main`, `first parent of the pull request's merge commit`.
    pub from: String,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Path relative to the workspace, as it is now.
    pub path: String,
    /// What happened to it.
    pub what: FileChange,
    /// Lines that are new or other than in the base, as ranges from first to last, both included, in order.
    pub lines: Vec<(u32, u32)>,
}

/// What happened to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum FileChange {
    /// It is new.
    Added,
    /// Its contents differ.
    Modified,
    /// It is gone.
    Removed,
    /// It moved, with or without other contents.
    Renamed {
        /// Its path in the base, relative to the workspace.
        from: String,
    },
}

impl Change {
    /// The changed file at a path.
    pub fn file(&self, path: &str) -> Option<&ChangedFile> {
        let at = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.files.get(at)
    }

    /// Whether a stretch of lines touches what changed. Line 0 stands for the whole file.
    pub fn touches(&self, path: &str, first: u32, last: u32) -> bool {
        self.file(path).is_some_and(|file| {
            first == 0 || file.lines.iter().any(|(from, to)| *from <= last && first <= *to)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_touches_what_it_overlaps() {
        let file =
            ChangedFile { path: "a.rs".into(), what: FileChange::Modified, lines: vec![(3, 5), (9, 9)] };
        let change = Change { base: Base { commit: "c".into(), from: "--base c".into() }, files: vec![file] };
        let touches = |first, last| change.touches("a.rs", first, last);
        assert!(touches(5, 7) && touches(1, 3) && touches(4, 4) && touches(0, 0) && touches(1, 20));
        assert!(!touches(6, 8) && !touches(1, 2) && !change.touches("b.rs", 3, 3));
    }
}
