//! The scan for secrets: `rules` say what one looks like, `filter` and `checksum` what only seems one, `kind` which rules a
//! file is asked, `scan` finds them in bytes, `files` reads the folder and `commits` what git has.
//!
//! Nothing is asked over the network, and no value ever leaves this folder but as a `value::Value`, which nothing can print: a
//! finding has the place and the kind. Nothing that the scanned files say changes what is scanned: there are no comments that
//! allow, no ignore files and no baselines; only the policy in force skips and waives. Who hides secrets in what programs print
//! asks the same rules, by [`Finder`].

mod base64;
mod base64_line;
mod checksum;
mod commits;
mod files;
mod filter;
mod joined;
mod kind;
mod pgp;
mod rules;
mod scan;
mod value;

use crate::evidence::CouldNotRun;
use crate::evidence::secrets::{SecretFound, Stands, ToldBy};
use crate::policy::waivers::HASHED_CODE;
use kind::Kind;
use rules::{Family, RULES};
use scan::{Place, Scanner};
use std::io::Read;
use std::ops::Range;
use std::path::Path;

pub use commits::{Wanted, gather as gather_commits};
pub use files::{gather, scan_files};
use value::Names;

/// Bytes in memory at a time of one file; what is longer is read by pieces.
const PIECE_BYTES: usize = 8 * 1024 * 1024;
/// Two pieces share so much: the most that a pattern looks at.
const SHARED_BYTES: usize = scan::WINDOW_BYTES_MAX;
/// What stands before a match may decide about it.
const BEFORE_BYTES: usize = 128;
/// Beyond this, reading is the limit and memory the cost.
const WORKERS_MAX: usize = 4;

/// The rules for one text at a time.
pub struct Finder(Scanner);

impl Finder {
    /// Prepares the rules.
    ///
    /// # Errors
    /// Where a rule of ours is wrong.
    pub fn new() -> anyhow::Result<Finder> {
        Ok(Finder(Scanner::new()?))
    }

    /// Where the secret parts are, in no order and perhaps overlapping, each with what it is. What stands in base64 is its
    /// whole run.
    pub fn find(&self, text: &[u8]) -> Vec<(Range<usize>, &'static str)> {
        let spans = self.0.spans(text).into_iter();
        spans.map(|(span, rule)| (span, RULES[rule].what)).collect()
    }
}

/// Every rule's name and what it is for, for the reference page.
pub fn rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    RULES.iter().map(|rule| (rule.name, rule.what))
}

/// The name by which a waiver may lift a value that only looks like a secret; the value is read at its place. One of `known`, where
/// that means it, else a new one with this salt.
///
/// # Errors
/// Where no such value stands there, more than one does, or it must not be hashed.
pub fn name_at(root: &Path, file: &str, line: u32, known: &[String], salt: &str) -> Result<String, String> {
    let scanner = Scanner::new().map_err(|error| format!("{error:#}"))?;
    let path = Path::new(file);
    let bytes = crate::tools::bounded::read(&root.join(path), PIECE_BYTES as u64)
        .map_err(|error| format!("failed to read {file}: {error}"))?;
    let scanned = scanner.scan(&files::as_utf8(&bytes), Kind::of(path, &bytes));
    let mut values: Vec<&Place> = scanned.places.iter().filter(|place| place.line == line).collect();
    values.dedup_by(|a, b| a.value == b.value);
    let [place] = values[..] else {
        let what = if values.is_empty() { "no value" } else { "more than one value" };
        return Err(format!("{what} that looks like a secret stands at {file}:{line}"));
    };
    let rule = RULES[place.rule];
    if format!("secrets/{}", rule.name) != HASHED_CODE {
        return Err(format!(
            "what stands there is a {}: what has a known form could be guessed from its hash",
            rule.what
        ));
    }
    let mut names = Names::new(known.iter().map(String::as_str));
    match names.of(&place.value).map_err(|why| why.message)?.into_iter().next() {
        Some(name) => Ok(name),
        None => place.value.name(salt),
    }
}

/// A finding of a place.
fn found(place: Place, file: &str, names: &mut Names) -> Result<SecretFound, CouldNotRun> {
    let rule = RULES[place.rule];
    Ok(SecretFound {
        file: file.to_owned(),
        line: place.line,
        rule: rule.name.to_owned(),
        what: rule.what.to_owned(),
        redacted: place.redacted,
        told_by: if rule.family == Family::Generic { ToldBy::Look } else { ToldBy::Form },
        commit: None,
        stands: Stands::Still,
        named: if format!("secrets/{}", rule.name) == HASHED_CODE {
            names.of(&place.value)?
        } else {
            Vec::new()
        },
    })
}

/// What a stream of any length holds, a piece at a time. `true` where there is more than is listed.
fn scan_stream(scanner: &Scanner, path: &Path, mut stream: impl Read) -> std::io::Result<(Vec<Place>, bool)> {
    let mut piece = Vec::new();
    fill(&mut stream, &mut piece, PIECE_BYTES + SHARED_BYTES)?;
    let kind = Kind::of(path, &piece);
    if piece.len() < PIECE_BYTES + SHARED_BYTES {
        let scanned = scanner.scan(&files::as_utf8(&piece), kind);
        return Ok((scanned.places, scanned.cut));
    }
    let (mut places, mut line, mut from) = (Vec::new(), 1, 0);
    loop {
        // What begins in the shared part is the next piece's, where there is one.
        let last = piece.len() < PIECE_BYTES + SHARED_BYTES;
        let until = if last { piece.len() } else { PIECE_BYTES };
        let (hits, cut) = scanner.hits(&piece, kind);
        let ours = hits.into_iter().filter(|hit| (from..until).contains(&hit.span.start)).collect();
        places.extend(scan::with_lines(ours, &piece, line));
        if last || cut || places.len() >= scan::FOUND_PER_FILE_MAX {
            let more = cut || !last;
            return Ok((places, more));
        }
        let kept = PIECE_BYTES - BEFORE_BYTES;
        line = line.saturating_add(scan::lines(&piece[..kept]));
        piece.drain(..kept);
        from = BEFORE_BYTES;
        fill(&mut stream, &mut piece, PIECE_BYTES + SHARED_BYTES)?;
    }
}

/// Reads until there are so many bytes, or no more.
fn fill(stream: &mut impl Read, piece: &mut Vec<u8>, bytes: usize) -> std::io::Result<()> {
    let wanted = bytes.saturating_sub(piece.len()) as u64;
    stream.take(wanted).read_to_end(piece).map(drop)
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX)
}

fn failed(message: String) -> CouldNotRun {
    let help = "this is a fault of gateline: please report it; cargo xtask security".to_owned();
    CouldNotRun { message, help }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
