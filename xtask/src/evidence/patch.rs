//! Patch coverage: of the executable lines that a change brings, which the tests ran.
//!
//! Pure: lines and change in, numbers out. It needs every executable line, which evidence does not keep, so it is computed
//! while measuring.

use super::coverage::{FileLines, LineCounts};
use crate::workspace::Change;
use crate::workspace::change::{ChangedFile, FileChange};
use serde::{Deserialize, Serialize};

/// The executable lines that a change brings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patch {
    /// Changed executable lines that ran.
    pub covered: u64,
    /// Changed executable lines.
    pub total: u64,
    /// Files with a changed executable line, sorted by path.
    pub files: Vec<PatchFile>,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchFile {
    /// Path relative to the workspace.
    pub file: String,
    /// Whether the change adds the file: not for one that was only moved.
    pub added: bool,
    /// Changed executable lines that ran.
    pub covered: u64,
    /// Changed executable lines.
    pub total: u64,
    /// Those that did not run, as ranges from first to last. What lies between two of them was changed too and is not executable.
    pub uncovered: Vec<(u32, u32)>,
}

/// The patch coverage of a change.
pub fn patch(counts: &LineCounts, change: &Change) -> Patch {
    let of_file = |lines: &FileLines| change.file(&lines.file).map(|changed| in_file(lines, changed));
    let files: Vec<PatchFile> =
        counts.files.iter().filter_map(of_file).filter(|file| file.total > 0).collect();
    Patch {
        covered: files.iter().map(|file| file.covered).sum(),
        total: files.iter().map(|file| file.total).sum(),
        files,
    }
}

/// Both lists are in order, so one pass over each is enough, however long a range is.
fn in_file(lines: &FileLines, changed: &ChangedFile) -> PatchFile {
    let added = changed.what == FileChange::Added;
    let mut file = PatchFile { file: lines.file.clone(), added, ..PatchFile::default() };
    let mut ranges = changed.lines.iter().copied().peekable();
    // The range and the index among executable lines of the last uncovered line: its neighbour joins it.
    let mut open: Option<((u32, u32), usize)> = None;
    for (index, (line, count)) in lines.lines.iter().enumerate() {
        while ranges.next_if(|(_, last)| *last < line).is_some() {}
        let Some(range) = ranges.peek().copied().filter(|(first, _)| *first <= line) else { continue };
        file.total += 1;
        if count > 0 {
            file.covered += 1;
            continue;
        }
        match file.uncovered.last_mut() {
            Some((_, last)) if index > 0 && open == Some((range, index - 1)) => *last = line,
            _ => file.uncovered.push((line, line)),
        }
        open = Some((range, index));
    }
    file
}

#[cfg(test)]
mod proof {
    use super::*;
    use crate::workspace::change::Base;
    use proptest::prelude::*;

    fn counts(lines: &[(u32, u64)]) -> LineCounts {
        let file = FileLines { file: "a.rs".into(), lines: lines.to_vec().into(), ..FileLines::default() };
        LineCounts { files: vec![file], ..LineCounts::default() }
    }

    fn change(path: &str, lines: &[(u32, u32)]) -> Change {
        let file = ChangedFile { path: path.into(), what: FileChange::Added, lines: lines.to_vec() };
        let base = Base { commit: "c".into(), from: "--base c".into(), kind: Default::default() };
        serde_json::from_value(serde_json::json!({"base": base, "files": [file]})).unwrap()
    }

    #[test]
    fn only_changed_executable_lines_count_and_ranges_jump_over_what_is_not_executable() {
        let lines = [(1, 0), (2, 5), (4, 0), (6, 0), (9, 0), (10, 1), (11, 0), (12, 0)];
        let found = patch(&counts(&lines), &change("a.rs", &[(2, 6), (8, 11), (13, u32::MAX)]));
        let expected = PatchFile {
            file: "a.rs".into(),
            added: true,
            covered: 2,
            total: 6,
            uncovered: vec![(4, 6), (9, 9), (11, 11)],
        };
        assert_eq!((found.covered, found.total, found.files), (2, 6, vec![expected]));
    }

    #[test]
    fn another_file_and_no_lines_give_nothing() {
        assert_eq!(patch(&counts(&[(1, 0)]), &change("b.rs", &[(1, 9)])), Patch::default());
        assert_eq!(patch(&counts(&[(1, 0)]), &change("a.rs", &[])), Patch::default());
    }

    proptest! {
        #[test]
        fn it_is_what_looking_at_every_line_gives(
            lines in prop::collection::btree_map(1u32..60, 0u64..2, 0..40),
            cuts in prop::collection::btree_set(1u32..70, 0..12),
        ) {
            let cuts: Vec<u32> = cuts.into_iter().collect();
            let ranges: Vec<(u32, u32)> = cuts.chunks_exact(2).map(|pair| (pair[0], pair[1] - 1)).collect();
            let lines: Vec<(u32, u64)> = lines.into_iter().collect();
            let in_change = |line: u32| ranges.iter().any(|(first, last)| (*first..=*last).contains(&line));
            let mine: Vec<(u32, u64)> = lines.iter().copied().filter(|(line, _)| in_change(*line)).collect();
            let found = patch(&counts(&lines), &change("a.rs", &ranges));
            prop_assert_eq!(found.total, mine.len() as u64);
            prop_assert_eq!(found.covered, mine.iter().filter(|(_, count)| *count > 0).count() as u64);
            let told: Vec<(u32, u32)> = found.files.iter().flat_map(|file| file.uncovered.clone()).collect();
            for (line, count) in &lines {
                let listed = told.iter().any(|(first, last)| (*first..=*last).contains(line));
                prop_assert_eq!(listed, in_change(*line) && *count == 0, "line {}", line);
            }
            prop_assert!(told.iter().all(|(first, last)| (*first..=*last).all(in_change)));
        }
    }
}
