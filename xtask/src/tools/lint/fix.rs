//! What tools would write instead, written: edits of diagnostics onto files.
//!
//! A diagnostic's edits are applied together or not at all. Of two that touch the same place, the first wins: the next
//! compilation tells what is left of the other. Columns count characters, as rustc does. What was written is on trial until
//! it is kept: an error on the way, or somebody who stops us, leaves the files as they were.

use crate::evidence::lint::{Diagnostic, Edit};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// What was written, on trial: taken back unless it is kept.
#[derive(Debug)]
#[must_use]
pub struct Fixed {
    root: PathBuf,
    /// Path relative to the workspace, and what the file was.
    before: BTreeMap<String, String>,
    /// Diagnostics whose edits were made.
    pub count: usize,
}

impl Fixed {
    /// How many files were written.
    pub fn files(&self) -> usize {
        self.before.len()
    }

    /// They stay as they are now.
    pub fn keep(mut self) {
        self.before.clear();
    }

    /// Puts them back as they were.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn undo(mut self) -> anyhow::Result<()> {
        let before = std::mem::take(&mut self.before);
        before.iter().try_for_each(|(file, text)| write(&self.root, file, text))
    }
}

impl Drop for Fixed {
    fn drop(&mut self) {
        for (file, text) in &self.before {
            // There is nobody left to tell.
            let _ = write(&self.root, file, text);
        }
    }
}

/// Makes all edits that fit together.
///
/// # Errors
/// Where a file cannot be read or written.
pub fn apply(root: &Path, diagnostics: &[Diagnostic]) -> anyhow::Result<Fixed> {
    let files: BTreeSet<&str> =
        diagnostics.iter().flat_map(|one| &one.edits).map(|edit| edit.file.as_str()).collect();
    let mut texts = BTreeMap::new();
    for file in files.into_iter().filter(|file| is_inside(file)) {
        let path = root.join(file);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        texts.insert(file.to_owned(), text);
    }
    let (chosen, count) = chosen(diagnostics, &texts);
    let mut fixed = Fixed { root: root.to_owned(), before: BTreeMap::new(), count };
    for (file, edits) in chosen {
        let Some(text) = texts.remove(&file) else { continue };
        let edited = edited(&text, edits);
        fixed.before.insert(file.clone(), text);
        write(root, &file, &edited)?;
    }
    Ok(fixed)
}

fn write(root: &Path, file: &str, text: &str) -> anyhow::Result<()> {
    let path = root.join(file);
    std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))
}

/// Evidence may come from a file: an edit never leaves the workspace.
fn is_inside(file: &str) -> bool {
    Path::new(file).components().all(|part| matches!(part, Component::Normal(_)))
}

/// A stretch of bytes and what comes in its place.
type Replacement<'a> = (usize, usize, &'a str);

/// The edits that fit together, by file, in order; and of how many diagnostics they are.
fn chosen<'a>(
    diagnostics: &'a [Diagnostic],
    texts: &BTreeMap<String, String>,
) -> (BTreeMap<String, Vec<Replacement<'a>>>, usize) {
    let mut chosen: BTreeMap<String, Vec<Replacement<'_>>> = BTreeMap::new();
    let mut count = 0;
    for diagnostic in diagnostics.iter().filter(|one| !one.edits.is_empty()) {
        let placed: Option<Vec<_>> = diagnostic
            .edits
            .iter()
            .map(|edit| Some((edit.file.as_str(), placed(texts.get(&edit.file)?, edit)?)))
            .collect();
        let Some(placed) = placed else { continue };
        let fits = |(file, one): &(&str, Replacement<'_>)| {
            chosen.get(*file).is_none_or(|others| others.iter().all(|other| !overlap(one, other)))
        };
        let among = placed.iter().enumerate().any(|(index, (file, one))| {
            placed[..index].iter().any(|(other_file, other)| file == other_file && cross(one, other))
        });
        if among || !placed.iter().all(fits) {
            continue;
        }
        count += 1;
        for (file, replacement) in placed {
            chosen.entry(file.to_owned()).or_default().push(replacement);
        }
    }
    // Stable: two that are put in at one place keep their order.
    chosen.values_mut().for_each(|all| all.sort_by_key(|(start, end, _)| (*start, *end)));
    (chosen, count)
}

/// Two of one diagnostic may touch, but not cross.
fn cross(one: &Replacement<'_>, other: &Replacement<'_>) -> bool {
    one.0 < other.1 && other.0 < one.1
}

/// Two of different diagnostics that touch are kept apart, too: what one writes at its edge may belong to the other.
fn overlap(one: &Replacement<'_>, other: &Replacement<'_>) -> bool {
    one.0 <= other.1 && other.0 <= one.1
}

fn edited(text: &str, edits: Vec<Replacement<'_>>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, replacement) in edits {
        out.push_str(&text[at..start]);
        out.push_str(replacement);
        at = end;
    }
    out + &text[at..]
}

fn placed<'a>(text: &str, edit: &'a Edit) -> Option<Replacement<'a>> {
    let (start, end) = (offset(text, edit.line, edit.column)?, offset(text, edit.end_line, edit.end_column)?);
    (start <= end).then_some((start, end, edit.replacement.as_str()))
}

/// The byte where a line's column begins; one behind the last character is the end of the line.
fn offset(text: &str, line: u32, column: u32) -> Option<usize> {
    let (line, column) =
        (usize::try_from(line).ok()?.checked_sub(1)?, usize::try_from(column).ok()?.checked_sub(1)?);
    let start = match line {
        0 => 0,
        _ => text.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let rest = &text[start..];
    let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
    let in_line = &rest[..length];
    let within = in_line.char_indices().nth(column).map(|(at, _)| at);
    within.or_else(|| (in_line.chars().count() == column).then_some(length)).map(|at| start + at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::lint::{DiagnosticSeverity, LintTool};
    use proptest::prelude::*;

    fn edit(place: (u32, u32, u32, u32), replacement: &str) -> Edit {
        let (line, column, end_line, end_column) = place;
        Edit { file: "a.rs".into(), line, column, end_line, end_column, replacement: replacement.into() }
    }

    fn said(edits: Vec<Edit>) -> Diagnostic {
        Diagnostic {
            file: "a.rs".into(),
            line: 1,
            tool: LintTool::Clippy,
            severity: DiagnosticSeverity::Warning,
            lint: String::new(),
            message: String::new(),
            rendered: String::new(),
            edits,
        }
    }

    fn fixed(text: &str, diagnostics: &[Diagnostic]) -> (String, usize) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.rs");
        std::fs::write(&file, text).unwrap();
        let fixed = apply(directory.path(), diagnostics).unwrap();
        let (after, count) = (std::fs::read_to_string(&file).unwrap(), fixed.count);
        fixed.undo().unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "undone");
        drop(apply(directory.path(), diagnostics).unwrap());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "nobody kept it");
        apply(directory.path(), diagnostics).unwrap().keep();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), after, "kept");
        (after, count)
    }

    #[test]
    fn what_cannot_be_written_takes_the_others_back() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (directory.path().join("a.rs"), directory.path().join("b.rs"));
        for file in [&first, &second] {
            std::fs::write(file, "a").unwrap();
        }
        let in_b = Edit { file: "b.rs".into(), ..edit((1, 1, 1, 2), "x") };
        let both = [said(vec![edit((1, 1, 1, 2), "x"), in_b])];
        let fixed = apply(directory.path(), &both).unwrap();
        std::fs::remove_file(&second).unwrap();
        std::fs::create_dir(&second).unwrap();
        assert!(fixed.undo().unwrap_err().to_string().contains("b.rs"));
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "a");
        assert!(apply(directory.path(), &both).is_err(), "a folder is no file");
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "a");
    }

    #[test]
    fn edits_are_made_by_characters_and_lines() {
        let check = |text: &str, edits: &[Diagnostic], expected: &str, count: usize| {
            assert_eq!(fixed(text, edits), (expected.to_owned(), count));
        };
        check("ü = return 2;\r\nb\n", &[said(vec![edit((1, 5, 1, 14), "2")])], "ü = 2\r\nb\n", 1);
        check("use a;\nb\n", &[said(vec![edit((1, 1, 2, 1), "")])], "b\n", 1);
        let both = said(vec![edit((1, 1, 1, 2), "("), edit((1, 4, 1, 5), ")")]);
        check("abcd", std::slice::from_ref(&both), "(bc)", 1);
        let touching = said(vec![edit((1, 1, 1, 3), "2"), edit((1, 3, 1, 4), "")]);
        check("abcd", &[touching], "2d", 1);
        let crossing = said(vec![edit((1, 1, 1, 3), "2"), edit((1, 2, 1, 4), "")]);
        check("abcd", &[crossing], "abcd", 0);
        let late = said(vec![edit((1, 2, 1, 3), "x")]);
        check("abcd", &[both, late], "(bc)", 1);
        check("a", &[said(vec![edit((9, 1, 9, 1), "x")])], "a", 0);
        let outside = Edit { file: "../a.rs".into(), ..edit((1, 1, 1, 1), "x") };
        check("a", &[said(vec![outside])], "a", 0);
    }

    proptest! {
        #[test]
        fn any_edits_are_made_or_left(
            text in "[a-zü\r\n]{0,30}",
            places in proptest::collection::vec((0_u32..6, 0_u32..9, 0_u32..6, 0_u32..9), 0..6),
        ) {
            let all: Vec<_> = places.into_iter().map(|place| said(vec![edit(place, "é")])).collect();
            let (after, count) = fixed(&text, &all);
            prop_assert_eq!(after.matches('é').count(), count);
        }
    }
}
