//! Bytes in, places out: one pass for all anchors, then each rule's pattern where its anchor stands.
//!
//! Patterns are linear (crate `regex`) and look at a bounded window, so a hostile file costs time in proportion to
//! its size. The matched value never leaves [`Scanner::scan`].

use super::filter::{Parts, is_secret};
use super::rules::{Before, RULES, Rule};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use anyhow::Context as _;
use regex::bytes::{Captures, Regex};
use std::ops::Range;

/// Secrets reported of one file; a file with more is a key store, and says enough with these.
pub(super) const FOUND_PER_FILE_MAX: usize = 100;
/// Characters of a kind that a report shows.
const SHOWN_CHARACTERS_MAX: usize = 48;

/// The rules, ready to run.
pub(super) struct Scanner {
    anchors: AhoCorasick,
    /// The rule of each anchor.
    rule_of: Vec<usize>,
    patterns: Vec<Regex>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Index into [`RULES`].
    pub(super) rule: usize,
    /// Line, from 1.
    pub(super) line: u32,
    /// What tells the kind.
    pub(super) redacted: String,
}

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    pub(super) places: Vec<Place>,
    /// Whether [`FOUND_PER_FILE_MAX`] cut the list.
    pub(super) cut: bool,
}

/// A match before overlaps are settled. No Debug: its span leads to the value.
struct Hit {
    rule: usize,
    span: Range<usize>,
    /// Where in the span the secret part begins.
    secret: usize,
    redacted: String,
}

impl Scanner {
    pub(super) fn new() -> anyhow::Result<Scanner> {
        let anchors =
            || RULES.iter().enumerate().flat_map(|(rule, one)| one.anchors.iter().map(move |a| (rule, *a)));
        let patterns = RULES.iter().map(|rule| {
            Regex::new(&format!("(?-u)^(?:{})", rule.pattern))
                .with_context(|| format!("the pattern of the rule {}", rule.name))
        });
        Ok(Scanner {
            anchors: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::DFA))
                .build(anchors().map(|(_, anchor)| anchor))?,
            rule_of: anchors().map(|(rule, _)| rule).collect(),
            patterns: patterns.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Every secret in these bytes, in the order of the file.
    pub(super) fn scan(&self, bytes: &[u8]) -> Scanned {
        let mut hits: Vec<Hit> = Vec::new();
        let mut cut = false;
        // Where each rule's last match ended, secret or not: an anchor inside it is not tried again, so that a file
        // of anchors alone costs one look at each byte.
        let mut seen_to = [0; RULES.len()];
        for anchor in self.anchors.find_overlapping_iter(bytes) {
            let rule = self.rule_of[anchor.pattern().as_usize()];
            if anchor.start() < seen_to[rule] {
                continue;
            }
            let Some(hit) = self.hit(rule, bytes, anchor.start(), &mut seen_to[rule]) else { continue };
            match hits.iter().position(|known| overlap(&known.span, &hit.span)) {
                Some(known) if hit.rule < hits[known].rule => hits[known] = hit,
                Some(_) => {}
                None if hits.len() == FOUND_PER_FILE_MAX => {
                    cut = true;
                    break;
                }
                None => hits.push(hit),
            }
        }
        hits.sort_by_key(|hit| hit.span.start);
        Scanned { places: with_lines(hits, bytes), cut }
    }

    /// Where the secret part of every match of every rule is, with the rule: what overlaps is told more than once. Who hides
    /// secrets needs all of them, and no line.
    pub(super) fn spans(&self, bytes: &[u8]) -> Vec<(Range<usize>, usize)> {
        let mut seen_to = [0; RULES.len()];
        let mut spans = Vec::new();
        for anchor in self.anchors.find_overlapping_iter(bytes) {
            let rule = self.rule_of[anchor.pattern().as_usize()];
            if anchor.start() >= seen_to[rule] {
                let hit = self.hit(rule, bytes, anchor.start(), &mut seen_to[rule]);
                spans.extend(hit.map(|hit| (hit.secret..hit.span.end, rule)));
            }
        }
        spans
    }

    fn hit(&self, index: usize, bytes: &[u8], start: usize, seen_to: &mut usize) -> Option<Hit> {
        let rule = &RULES[index];
        if !preceded(rule.before, &bytes[..start]) {
            return None;
        }
        let window = &bytes[start..bytes.len().min(start + rule.window)];
        let found = self.patterns[index].captures(window)?;
        let secret = found.name("secret").or_else(|| found.name("bare"))?;
        *seen_to = start + secret.end();
        let goes_on =
            window.get(secret.end()).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_');
        let part = |name| found.name(name).map_or(&[][..], |part| part.as_bytes());
        let parts = Parts { secret: secret.as_bytes(), user: part("user"), host: part("host") };
        let real = !goes_on && is_secret(rule.check, &parts);
        real.then(|| Hit {
            rule: index,
            span: start..start + secret.end(),
            secret: start + secret.start(),
            redacted: redacted(rule, &found),
        })
    }
}

/// What the rule's pattern calls `shown`: only that.
fn redacted(rule: &Rule, found: &Captures<'_>) -> String {
    let shown = found.name("shown").map_or(rule.name.as_bytes(), |shown| shown.as_bytes());
    let printable = shown.iter().copied().filter(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let mut text: String = printable.map(char::from).take(SHOWN_CHARACTERS_MAX).collect();
    text.push('…');
    text
}

fn preceded(before: Before, text: &[u8]) -> bool {
    match before {
        Before::Anything => true,
        Before::Boundary => at_boundary(text),
        Before::Number => {
            let digits = text.iter().rev().take(11).take_while(|byte| byte.is_ascii_digit()).count();
            (8..=10).contains(&digits) && at_boundary(&text[..text.len() - digits])
        }
    }
}

/// A word may begin here: also behind an escape such as `\n` or `%3D`, whose last character is a letter. A hyphen
/// joins, as in tokens themselves: so one long run of token characters is tried once, not at each of its hyphens.
fn at_boundary(text: &[u8]) -> bool {
    match text {
        [] => true,
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [.., last] => !(last.is_ascii_alphanumeric() || matches!(last, b'_' | b'-')),
    }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

fn with_lines(hits: Vec<Hit>, bytes: &[u8]) -> Vec<Place> {
    let (mut line, mut counted) = (1_u32, 0);
    let place = |hit: Hit| {
        let newlines = bytes[counted..hit.span.start].iter().filter(|byte| **byte == b'\n').count();
        line = line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        counted = hit.span.start;
        Place { rule: hit.rule, line, redacted: hit.redacted }
    };
    hits.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests;
