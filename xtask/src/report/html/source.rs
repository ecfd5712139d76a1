//! One file's page: its source with how often each line ran, what did not run as links, changed lines with a mark.

use super::{About, figure, functions, whole};
use crate::evidence::coverage::FileLines;
use crate::report::text::{cut, markup};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Lines of a page; of a longer file, the rest is counted.
pub const LINES_MAX: usize = 20_000;
/// Bytes of a line.
const LINE_BYTES_MAX: usize = 2_000;
/// Links to what did not run.
const JUMPS_MAX: usize = 200;

/// The page. A source that cannot be read leaves the numbers.
pub fn page(file: &FileLines, source: Option<&str>, about: &About<'_>) -> String {
    let mut jumps = String::new();
    let missing = uncovered(file);
    for (first, last) in missing.iter().take(JUMPS_MAX) {
        let shown = if first == last { first.to_string() } else { format!("{first}–{last}") };
        let _ = write!(jumps, " <a href=\"#L{first}\">{shown}</a>");
    }
    if let Some(more) = missing.len().checked_sub(JUMPS_MAX).filter(|more| *more > 0) {
        let _ = write!(jumps, " and {more} more");
    }
    let jumps = match missing.is_empty() {
        true => "<p class=\"jump q\">Every executable line ran.</p>\n".to_owned(),
        false => format!("<p class=\"jump\"><span class=\"q\">did not run:</span>{jumps}</p>\n"),
    };
    let share = (file.covered(), file.lines.len() as u64);
    let body = format!(
        "<p class=\"q\"><a href=\"index.html\">← all files</a> · package {}</p>\n<h1>{}</h1>\n<div class=\"big\">{}{}</div>\n{jumps}{}",
        markup(&file.package),
        markup(&file.file),
        figure("lines", Some(share), "", about.minimum),
        functions(std::slice::from_ref(file), about.minimum),
        source.map_or_else(
            || "<p class=\"q\">The source could not be read.</p>\n".to_owned(),
            |source| table(file, source, about)
        )
    );
    whole(&file.file, &body)
}

fn table(file: &FileLines, source: &str, about: &About<'_>) -> String {
    let counts: BTreeMap<u32, u64> = file.lines.iter().collect();
    let mut text = "<div class=\"src\"><table>\n".to_owned();
    let mut lines = source.lines();
    for (number, line) in (1u32..).zip(lines.by_ref().take(LINES_MAX)) {
        let (kind, count) = match counts.get(&number) {
            None => ("", String::new()),
            Some(0) => ("m", "0".to_owned()),
            Some(count) => ("h", short(*count)),
        };
        let changed = about.change.is_some_and(|change| change.touches(&file.file, number, number));
        let class = format!("{kind}{}", if changed { " d" } else { "" });
        let class = class.trim();
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let code = markup(&cut(line, LINE_BYTES_MAX));
        let _ = writeln!(
            text,
            "<tr id=\"L{number}\"{class}><td><a href=\"#L{number}\">{number}</a><td>{count}<td>{code}</tr>"
        );
    }
    text.push_str("</table></div>\n");
    match lines.count() {
        0 => {}
        more => {
            let _ = writeln!(text, "<p class=\"q\">{more} more lines are not shown.</p>");
        }
    }
    text
}

/// `999`, `1.2k`, `3.4M`, `5G`.
fn short(count: u64) -> String {
    let of = |unit: u64, name: &str| match count / unit {
        whole @ 0..10 => format!("{whole}.{}{name}", count % unit / (unit / 10)),
        whole => format!("{whole}{name}"),
    };
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => of(1_000, "k"),
        1_000_000..1_000_000_000 => of(1_000_000, "M"),
        _ => of(1_000_000_000, "G"),
    }
}

/// Stretches of lines that did not run.
fn uncovered(file: &FileLines) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for (line, _) in file.lines.iter().filter(|(_, count)| *count == 0) {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(line) => *last = line,
            _ => ranges.push((line, line)),
        }
    }
    ranges
}

#[cfg(test)]
mod proof {
    use super::*;

    #[test]
    fn large_counts_are_short() {
        let all = [999, 1_234, 12_345, 5_600_000, u64::MAX].map(short);
        assert_eq!(all, ["999", "1.2k", "12k", "5.6M", "18446744073G"]);
    }
}
