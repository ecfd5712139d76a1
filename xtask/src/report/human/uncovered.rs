//! Changed lines that no test runs, as people read them: one block, a line per file, instead of a finding per stretch.

use crate::report::Paper;
use crate::verdict::Finding;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The findings that this block stands for.
const CODE: &str = "coverage/uncovered-change";
/// Files shown; the rest is counted.
const FILES_MAX: usize = 10;
/// Stretches shown per file; the rest is counted.
const STRETCHES_MAX: usize = 8;

/// Takes those findings out, and gives the block for them where there are any.
pub(super) fn block(paper: Paper, findings: &mut Vec<&Finding>) -> Option<(&'static str, String)> {
    let (ours, others): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().copied().partition(|finding| finding.code == CODE);
    *findings = others;
    let help = &ours.first()?.help;
    let mut files: BTreeMap<&str, Vec<(u32, u32)>> = BTreeMap::new();
    for finding in &ours {
        let first = finding.line.unwrap_or(0);
        let stretch = (first, finding.end_line.unwrap_or(first));
        files.entry(finding.file.as_deref().unwrap_or_default()).or_default().push(stretch);
    }
    let lines: u64 = files.values().flatten().map(|(first, last)| u64::from(last - first) + 1).sum();
    let mut text = format!(
        "{} in {} that no test runs",
        super::counted(lines, "changed line"),
        super::counted(files.len() as u64, "file")
    );
    let mut most: Vec<_> = files.into_iter().collect();
    most.sort_by_key(|(_, stretches)| {
        std::cmp::Reverse(stretches.iter().map(|(first, last)| last - first + 1).sum::<u32>())
    });
    for (file, stretches) in most.iter().take(FILES_MAX) {
        let shown: Vec<String> =
            stretches.iter().take(STRETCHES_MAX).map(|stretch| range(*stretch)).collect();
        let more = rest(stretches.len(), STRETCHES_MAX, "stretch", "stretches");
        let line = paper.wrap(&format!("{file}: {}{more}", shown.join(", ")), 6, 6);
        let _ = write!(text, "\n  --> {line}");
    }
    let more = rest(most.len(), FILES_MAX, "file", "files");
    if !more.is_empty() {
        let _ = write!(text, "\n     {more}");
    }
    let _ = write!(text, "\n  next: {}", paper.wrap_help(help, 8, 4));
    Some((CODE, text))
}

fn range((first, last): (u32, u32)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn rest(all: usize, shown: usize, one: &str, many: &str) -> String {
    match all.saturating_sub(shown) {
        0 => String::new(),
        1 => format!(" and 1 more {one}"),
        rest => format!(" and {rest} more {many}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::{Gate, Severity};

    #[test]
    fn stretches_of_a_file_are_one_line_and_the_most_come_first() {
        let at = |file: &str, first, last| {
            Finding::new(Gate::Coverage, "uncovered-change", Severity::Note, "m", "write a test")
                .at(file, first)
                .until(last)
        };
        let other = Finding::new(Gate::Coverage, "no-baseline", Severity::Note, "m", "h");
        let found = [at("a.rs", 3, 3), other.clone(), at("b.rs", 5, 9), at("a.rs", 7, 8)];
        let mut findings: Vec<&Finding> = found.iter().collect();
        let expected = "8 changed lines in 2 files that no test runs\n  --> b.rs: 5-9\n  --> a.rs: 3, 7-8\n  next: write a test";
        assert_eq!(block(Paper::PLAIN, &mut findings), Some((CODE, expected.to_owned())));
        assert_eq!(findings, [&other]);
        assert_eq!(block(Paper::PLAIN, &mut findings), None);
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let files: Vec<String> = (0..12).map(|number| format!("{number:02}.rs")).collect();
        let finding = |file: &String| {
            Finding::new(Gate::Coverage, "uncovered-change", Severity::Note, "m", "h").at(file.as_str(), 1)
        };
        let found: Vec<Finding> = files.iter().map(finding).collect();
        let (_, text) = block(Paper::PLAIN, &mut found.iter().collect()).unwrap();
        assert!(
            text.contains("12 changed lines in 12 files") && text.contains(" and 2 more files"),
            "{text}"
        );
    }
}
