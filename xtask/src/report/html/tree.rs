//! The tree of folders and files; folders that hold nothing but one folder are one row with it.

use super::{About, class, page_name};
use crate::evidence::coverage::{FileLines, LineCounts, Share};
use crate::policy::Percent;
use crate::report::text::markup;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Folders that are opened for the reader; in a larger workspace they begin closed.
const OPEN_FILES_MAX: usize = 60;
/// Folders inside of each other that are shown; deeper ones are part of a file's name.
const DEPTH_MAX: usize = 32;

#[derive(Default)]
struct Folder<'a> {
    folders: BTreeMap<&'a str, Folder<'a>>,
    files: Vec<(&'a str, &'a FileLines)>,
}

/// The rows.
pub(super) fn write(counts: &LineCounts, about: &About<'_>) -> String {
    let mut root = Folder::default();
    for file in &counts.files {
        let mut folder = &mut root;
        let mut rest = file.file.as_str();
        for _ in 0..DEPTH_MAX {
            let Some((name, inside)) = rest.split_once('/') else { break };
            folder = folder.folders.entry(name).or_default();
            rest = inside;
        }
        folder.files.push((rest, file));
    }
    let open = if counts.files.len() <= OPEN_FILES_MAX { " open" } else { "" };
    let mut text = String::new();
    rows(&mut text, &root, about, open);
    text
}

fn rows(text: &mut String, folder: &Folder<'_>, about: &About<'_>, open: &str) {
    for (name, inside) in &folder.folders {
        let (mut name, mut inside) = ((*name).to_owned(), inside);
        while let (true, Some((only, next))) =
            (inside.files.is_empty() && inside.folders.len() == 1, inside.folders.first_key_value())
        {
            name = format!("{name}/{only}");
            inside = next;
        }
        let (covered, total) = sum(inside);
        let bar = bar(covered, total, about.minimum);
        let _ = writeln!(
            text,
            "<details{open}><summary><span class=\"n\">{}/</span>{bar}</summary>",
            markup(&name)
        );
        rows(text, inside, about, open);
        text.push_str("</details>\n");
    }
    for (name, file) in &folder.files {
        let bar = bar(file.covered(), file.lines.len() as u64, about.minimum);
        let functions = match file.functions() {
            Share { total: 0, .. } => String::new(),
            Share { covered, total } => format!("<span class=\"f\">{covered} / {total} fn</span>"),
        };
        let changed = about.change.and_then(|change| change.file(&file.file)).is_some();
        let changed = if changed { " <span class=\"new\">changed</span>" } else { "" };
        let _ = writeln!(
            text,
            "<div class=\"row\"><span class=\"n\"><a href=\"{}\">{}</a>{changed}</span>{functions}{bar}</div>",
            page_name(&file.file),
            markup(name)
        );
    }
}

fn bar(covered: u64, total: u64, minimum: Percent) -> String {
    let (class, percent) = (class(covered, total, minimum), Percent::of(covered, total));
    format!(
        "<progress class=\"{class}\" max=\"{total}\" value=\"{covered}\" aria-label=\"{percent} %\"></progress>\
         <span class=\"s {class}\">{percent} %</span><span class=\"c\">{covered} / {total}</span>"
    )
}

fn sum(folder: &Folder<'_>) -> (u64, u64) {
    let files = folder.files.iter().map(|(_, file)| (file.covered(), file.lines.len() as u64));
    let folders = folder.folders.values().map(sum);
    files.chain(folders).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}
