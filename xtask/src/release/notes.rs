//! The notes of a release: what a changelog that keeps to [Keep a Changelog](https://keepachangelog.com/en/1.1.0/) says of one version.
//!
//! A pure function. A changelog that is not clear about the version has no notes: a release without them, or with those of another
//! version, is found by people only when it is out. Notes stand alone, so the definitions of the links that they use come along.

use jiff::civil::Date;
use semver::Version;

/// Bytes of a changelog that are read.
pub const CHANGELOG_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Characters of the text of a release on GitHub. We count bytes, which are never fewer.
pub const NOTES_BYTES_MAX: usize = 125_000;
/// Digits and dashes of a day.
const DAY_BYTES: usize = "2026-11-29".len();

/// The notes of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// The version.
    pub version: Version,
    /// The day that its heading names.
    pub day: Date,
    /// Markdown, without the heading.
    pub text: String,
}

/// Why there are none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// What was asked for is no version.
    #[error("`{0}` is not a version as Semantic Versioning writes them")]
    NoVersion(String),
    /// A heading has a version that is none.
    #[error(
        "line {line} is the heading of a version, and `{text}` is none as Semantic Versioning writes them"
    )]
    WrongVersion {
        /// The line, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// No heading has the version.
    #[error("there is no section `## [{0}] - YYYY-MM-DD`")]
    Missing(Version),
    /// Two headings have it.
    #[error("{version} has two sections, at lines {first} and {second}")]
    Doubled {
        /// The version.
        version: Version,
        /// The line of the first.
        first: usize,
        /// The line of the second.
        second: usize,
    },
    /// The heading has no day.
    #[error("line {line}: the section of {version} has no day: `## [{version}] - YYYY-MM-DD`")]
    NoDay {
        /// The version.
        version: Version,
        /// The line.
        line: usize,
    },
    /// What should be a day is none.
    #[error("line {line}: `{text}` is not a day as YYYY-MM-DD")]
    WrongDay {
        /// The line.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// It was taken back.
    #[error("line {line}: {version} is marked [YANKED]")]
    Yanked {
        /// The version.
        version: Version,
        /// The line.
        line: usize,
    },
    /// The section says nothing.
    #[error("line {line}: the section of {version} is empty")]
    Empty {
        /// The version.
        version: Version,
        /// The line.
        line: usize,
    },
    /// GitHub would not take it.
    #[error("the section of {version} has {bytes} bytes, and a release on GitHub takes {NOTES_BYTES_MAX}")]
    TooLong {
        /// The version.
        version: Version,
        /// Its bytes.
        bytes: usize,
    },
    /// Longer than any changelog.
    #[error("it has more than {CHANGELOG_BYTES_MAX} bytes")]
    Huge,
}

/// What a changelog says of a version.
///
/// # Errors
/// [`Unclear`], at the first thing that is wrong.
pub fn notes(changelog: &str, version: &str) -> Result<Notes, Unclear> {
    if changelog.len() > CHANGELOG_BYTES_MAX {
        return Err(Unclear::Huge);
    }
    let version = Version::parse(version).map_err(|_| Unclear::NoVersion(version.to_owned()))?;
    let parts = parts(changelog);
    let mut found: Option<(usize, &str, usize)> = None;
    for (place, part) in parts.iter().enumerate() {
        let Part::Heading { line, text } = part else { continue };
        let Some((named, rest)) = heading(text) else { continue };
        let wrong = || Unclear::WrongVersion { line: *line, text: named.to_owned() };
        if Version::parse(named).map_err(|_| wrong())? != version {
            continue;
        }
        if let Some((first, ..)) = found {
            return Err(Unclear::Doubled { version, first, second: *line });
        }
        found = Some((*line, rest, place));
    }
    let Some((line, rest, place)) = found else { return Err(Unclear::Missing(version)) };
    let day = day(rest, line, &version)?;
    let body: Vec<&Part<'_>> =
        parts[place + 1..].iter().take_while(|part| !matches!(part, Part::Heading { .. })).collect();
    let says = |part: &&Part<'_>| matches!(part, Part::Text(text) if is_said(text));
    if !body.iter().any(says) {
        return Err(Unclear::Empty { version, line });
    }
    let text = with_links(&body, &parts);
    match text.len() > NOTES_BYTES_MAX {
        true => Err(Unclear::TooLong { version, bytes: text.len() }),
        false => Ok(Notes { version, day, text }),
    }
}

/// One line of a changelog.
enum Part<'a> {
    /// `## …`.
    Heading { line: usize, text: &'a str },
    /// `[label]: address`.
    Link { label: &'a str, line: &'a str },
    /// Every other line, and every line of a block of code.
    Text(&'a str),
}

/// The lines, with blocks of code left alone.
fn parts(changelog: &str) -> Vec<Part<'_>> {
    let mut fence: Option<(char, usize)> = None;
    let mut parts = Vec::new();
    for (number, line) in (1..).zip(changelog.lines()) {
        let bare = line.trim_start();
        let mark = bare.chars().next().filter(|first| matches!(first, '`' | '~'));
        let length = mark.map_or(0, |mark| bare.chars().take_while(|one| *one == mark).count());
        match (fence, mark) {
            (None, Some(mark)) if length >= 3 => fence = Some((mark, length)),
            (Some((open, least)), Some(mark))
                if mark == open && length >= least && bare[length..].trim().is_empty() =>
            {
                fence = None;
            }
            (None, _) => {
                if let Some(text) = line.strip_prefix("## ") {
                    parts.push(Part::Heading { line: number, text: text.trim() });
                    continue;
                }
                if let Some(label) = label(line) {
                    parts.push(Part::Link { label, line });
                    continue;
                }
            }
            _ => {}
        }
        parts.push(Part::Text(line));
    }
    parts
}

/// The label of a definition of a link.
fn label(line: &str) -> Option<&str> {
    let (label, rest) = line.strip_prefix('[')?.split_once("]:")?;
    (!label.is_empty() && !label.starts_with('^') && !rest.trim().is_empty()).then_some(label)
}

/// The version of a heading and what follows it; `None` for a heading of something else.
fn heading(text: &str) -> Option<(&str, &str)> {
    let (named, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => text.split_at(text.find(char::is_whitespace).unwrap_or(text.len())),
    };
    // `[1.2.3](address)`.
    let rest = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest);
    let is_version = named.trim_start_matches(['v', 'V']).starts_with(|first: char| first.is_ascii_digit());
    is_version.then_some((named, rest))
}

fn day(rest: &str, line: usize, version: &Version) -> Result<Date, Unclear> {
    let rest = rest.trim();
    let (rest, yanked) = rest.strip_suffix("[YANKED]").map_or((rest, false), |rest| (rest.trim_end(), true));
    if yanked {
        return Err(Unclear::Yanked { version: version.clone(), line });
    }
    let Some(text) = rest.strip_prefix(['-', '–', '—']).map(str::trim).filter(|text| !text.is_empty())
    else {
        return Err(Unclear::NoDay { version: version.clone(), line });
    };
    let dashes = text.len() == DAY_BYTES && text.as_bytes().get(4) == Some(&b'-');
    let day = text.parse().ok().filter(|_| dashes);
    day.ok_or_else(|| Unclear::WrongDay { line, text: text.to_owned() })
}

/// Whether a line says something: a heading of a group alone does not.
fn is_said(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

/// The text, and below it the definitions of the links that it uses.
fn with_links(body: &[&Part<'_>], all: &[Part<'_>]) -> String {
    let lines: Vec<&str> = body
        .iter()
        .filter_map(|part| match part {
            Part::Text(line) => Some(*line),
            Part::Heading { .. } | Part::Link { .. } => None,
        })
        .collect();
    let text = lines.join("\n").trim_matches(['\n', '\r', ' ']).to_owned();
    let lower = text.to_lowercase();
    let mut links: Vec<&str> = Vec::new();
    for part in all {
        if let Part::Link { label, line } = part
            && lower.contains(&format!("[{}]", label.to_lowercase()))
            && !links.contains(line)
        {
            links.push(line);
        }
    }
    match links.is_empty() {
        true => text,
        false => format!("{text}\n\n{}", links.join("\n")),
    }
}

#[cfg(test)]
mod tests;
