//! Change: what differs from the base. Which lines are new, and where the base comes from.
//!
//! Lines are counted in the files as they are now; line 0 is never used. Renames are followed, so that a file that only
//! moved has no changed line. How lines are computed is told in `tools/git/lines.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the work has that its base has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What it is compared with.
    pub base: Base,
    /// Files of the workspace that differ, sorted by path.
    pub files: Vec<ChangedFile>,
    /// Files that differ elsewhere in the same repository, relative to the workspace (`../shared/a.rs`), sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<String>,
}

/// Why there is no change to speak of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum Uncompared {
    /// There is nothing to compare with, and that is right.
    NothingToCompare {
        /// `on the default branch nothing is compared`.
        reason: String,
    },
    /// There should be a base, but it could not be had. What needs one could not run.
    NoBase {
        /// What failed, where and why.
        message: String,
        /// The next command to type.
        help: String,
    },
}

/// The commit that a change is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Base {
    /// 40 hexadecimal digits.
    pub commit: String,
    /// Where it comes from, for people: `--base main`, `first parent of the pull request's merge commit`.
    pub from: String,
    /// What it is to the work.
    #[serde(default)]
    pub kind: BaseKind,
}

/// What a base is to the work that is compared with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaseKind {
    /// An earlier state of the same branch: of the default branch, or before a push.
    #[default]
    Earlier,
    /// What the work is to go into: a pull request's, a merge queue's, a named one. What it has is not the work's doing.
    Target,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Path relative to the workspace, as it is now. Bytes that are not UTF-8 are written `\xNN`.
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

    /// Every path that differs, as it was and as it is, in no order: nothing is followed here. Those outside of the
    /// workspace begin with `../`.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let inside = self.files.iter().flat_map(|file| {
            let before = match &file.what {
                FileChange::Renamed { from } => Some(from.as_str()),
                FileChange::Added | FileChange::Modified | FileChange::Removed => None,
            };
            before.into_iter().chain([file.path.as_str()])
        });
        inside.chain(self.outside.iter().map(String::as_str))
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

    fn change(files: Vec<ChangedFile>) -> Change {
        let base = Base { commit: "c".into(), from: "--base c".into(), kind: BaseKind::Target };
        Change { base, files, outside: vec!["../shared/d.rs".into()] }
    }

    #[test]
    fn paths_are_old_and_new() {
        let file = |path: &str, what| ChangedFile { path: path.into(), what, lines: vec![] };
        let change = change(vec![
            file("b.rs", FileChange::Renamed { from: "a.rs".into() }),
            file("c.rs", FileChange::Removed),
        ]);
        assert_eq!(change.paths().collect::<Vec<_>>(), ["a.rs", "b.rs", "c.rs", "../shared/d.rs"]);
    }

    #[test]
    fn a_stretch_touches_what_it_overlaps() {
        let change = change(vec![ChangedFile {
            path: "a.rs".into(),
            what: FileChange::Modified,
            lines: vec![(3, 5), (9, 9)],
        }]);
        let touches = |first, last| change.touches("a.rs", first, last);
        assert!(touches(5, 7) && touches(1, 3) && touches(4, 4) && touches(0, 0) && touches(1, 20));
        assert!(!touches(6, 8) && !touches(1, 2) && !change.touches("b.rs", 3, 3));
    }
}
