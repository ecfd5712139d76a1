//! Coverage as pages: a tree of folders with bars, and each file's source with counts. Nothing is loaded from outside, no script runs.
//!
//! Light and dark follow the reader's system, and a phone can read it. A page is a pure function of the counts, so what stands in
//! a source file is text here, whatever it says; a policy of the page itself forbids the rest.

mod source;
mod tree;

use super::text::markup;
use crate::digest::{Digest, short_commit};
use crate::evidence::coverage::{FileLines, LineCounts, Share};
use crate::policy::Percent;
use crate::workspace::Change;

pub use source::{LINES_MAX, page};

/// What the pages say besides counts.
#[derive(Debug, Clone)]
pub struct About<'a> {
    /// The commit.
    pub commit: &'a str,
    /// What differs from the base, where it was compared with one.
    pub change: Option<&'a Change>,
    /// Covered and total executable lines that the change brings, where they were counted.
    pub patch: Option<(u64, u64)>,
    /// The bar for the whole workspace; from it on, a share is green.
    pub minimum: Percent,
}

/// `index.html`.
pub fn index(counts: &LineCounts, about: &About<'_>) -> String {
    let totals = sum(&counts.files);
    let patch = match about.patch {
        Some((_, 0)) => figure("changed lines", None, "none is executable", about.minimum),
        Some(patch) => figure("changed lines", Some(patch), "", about.minimum),
        None => String::new(),
    };
    let commit = short_commit(about.commit);
    let body = format!(
        "<h1>Line coverage</h1>\n<p class=\"q\">commit {} · engine {} · minimum {} %</p>\n<div class=\"big\">{}{patch}{}</div>\n\
         <div class=\"tree\">\n{}</div>\n",
        markup(commit),
        markup(&counts.engine),
        about.minimum,
        figure("all lines", Some(totals), "", about.minimum),
        functions(&counts.files, about.minimum),
        tree::write(counts, about)
    );
    whole("Line coverage", &body)
}

/// The name of a file's page, in the index's folder: readable, and never one of another file.
pub fn page_name(path: &str) -> String {
    let tame = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' };
    let readable: String = path.chars().map(tame).take(80).collect();
    let hex: String = Digest::of(path.as_bytes()).hex().chars().take(8).collect();
    format!("{}-{hex}.html", readable.trim_start_matches(['.', '-']))
}

fn figure(what: &str, share: Option<(u64, u64)>, instead: &str, minimum: Percent) -> String {
    let Some((covered, total)) = share else {
        return format!(
            "<div><span class=\"q\">{what}</span><b>–</b><span class=\"q\">{instead}</span></div>"
        );
    };
    let (class, percent) = (class(covered, total, minimum), Percent::of(covered, total));
    format!(
        "<div><span class=\"q\">{what}</span><b class=\"{class}\">{percent} %</b><span class=\"q\">{covered} of {total}</span></div>"
    )
}

/// The figure of the functions, where the engine tells them.
fn functions(files: &[FileLines], minimum: Percent) -> String {
    let share = files.iter().fold(Share::default(), |sum, file| sum.plus(file.functions()));
    match share.total {
        0 => String::new(),
        total => figure("functions", Some((share.covered, total)), "", minimum),
    }
}

/// Green from the minimum on, amber from three quarters of it, else red.
fn class(covered: u64, total: u64, minimum: Percent) -> &'static str {
    let needed = minimum.needed(total);
    match covered {
        covered if covered >= needed => "good",
        covered if covered >= needed - needed / 4 => "fair",
        _ => "bad",
    }
}

fn sum(files: &[FileLines]) -> (u64, u64) {
    files
        .iter()
        .fold((0, 0), |(covered, total), file| (covered + file.covered(), total + file.lines.len() as u64))
}

fn whole(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        markup(title),
        include_str!("html/style.css")
    )
}

#[cfg(test)]
mod tests;
