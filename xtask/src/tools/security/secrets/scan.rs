//! Bytes in, places out: one pass for all anchors, then each rule's pattern where its anchor stands.
//!
//! Patterns are linear (crate `regex`) and look at a bounded window, so a hostile file costs time in proportion to
//! its size. Each pattern is compiled when its first anchor is met: most files need few. The matched value leaves only as a
//! [`Value`], which nothing can print.

use super::base64;
use super::base64_line;
use super::filter::{Parts, is_secret};
use super::joined::joined;
use super::kind::{Kind, is_long_line};
use super::rules::{Before, Case, Check, Family, RULES, Rule};
use super::value::Value;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Captures, Regex};
use std::ops::Range;
use std::sync::OnceLock;

/// Secrets reported of one file; a file with more is a key store, and says enough with these.
pub(super) const FOUND_PER_FILE_MAX: usize = 100;
/// The most that a pattern looks at.
pub(super) const WINDOW_BYTES_MAX: usize = 64 * 1024;
/// Characters of a kind that a report shows.
const SHOWN_CHARACTERS_MAX: usize = 48;
/// Base64 in base64: a `Secret` in a `Secret`.
const DECODED_DEPTH_MAX: usize = 2;
/// A sign of assignment stands this close behind a telling name.
const ASSIGNED_WITHIN: usize = 64;
/// The `@` of a URL stands this close behind its scheme.
const AT_WITHIN: usize = 330;

/// The rules, ready to run.
pub(super) struct Scanner {
    anchors: AhoCorasick,
    /// Of each anchor: its rule.
    of: Vec<usize>,
    literals: Vec<&'static str>,
    patterns: Vec<OnceLock<Option<Regex>>>,
}

/// A place in a file. No Debug: it holds the value.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Index into [`RULES`].
    pub(super) rule: usize,
    /// Line, from 1.
    pub(super) line: u32,
    /// What tells the kind.
    pub(super) redacted: String,
    /// What must not be told.
    pub(super) value: Value,
}

/// What matches are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    /// Telling people: what is likely none is left out.
    Telling,
    /// Hiding: what may be one is taken for one.
    Hiding,
}

/// What a file holds.
#[derive(Default)]
pub(super) struct Scanned {
    pub(super) places: Vec<Place>,
    /// Whether [`FOUND_PER_FILE_MAX`] cut the list.
    pub(super) cut: bool,
}

/// A match before overlaps are settled. No Debug: its span leads to the value.
pub(super) struct Hit {
    pub(super) rule: usize,
    pub(super) span: Range<usize>,
    /// Where in the file the secret part begins.
    pub(super) secret: usize,
    pub(super) redacted: String,
    pub(super) value: Value,
}

impl Scanner {
    pub(super) fn new() -> anyhow::Result<Scanner> {
        let anchors =
            || RULES.iter().enumerate().flat_map(|(rule, one)| one.anchors.iter().map(move |a| (rule, *a)));
        Ok(Scanner {
            anchors: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::DFA))
                .build(anchors().map(|(_, anchor)| anchor))?,
            of: anchors().map(|(rule, _)| rule).collect(),
            literals: anchors().map(|(_, anchor)| anchor).collect(),
            patterns: RULES.iter().map(|_| OnceLock::new()).collect(),
        })
    }

    /// Every secret in these bytes, in the order of the file.
    pub(super) fn scan(&self, bytes: &[u8], kind: Kind) -> Scanned {
        let (hits, cut) = self.hits(bytes, kind);
        Scanned { places: with_lines(hits, bytes, 1), cut }
    }

    /// The same before lines are counted.
    pub(super) fn hits(&self, bytes: &[u8], kind: Kind) -> (Vec<Hit>, bool) {
        let mut hits: Vec<Hit> = Vec::new();
        let mut cut = false;
        self.each(bytes, kind, (For::Telling, DECODED_DEPTH_MAX), &mut |hit| {
            match hits.iter().position(|known| overlap(&known.span, &hit.span)) {
                Some(known) if hit.rule < hits[known].rule => hits[known] = hit,
                Some(_) => {}
                None if hits.len() == FOUND_PER_FILE_MAX => cut = true,
                None => hits.push(hit),
            }
            !cut
        });
        hits.sort_by_key(|hit| hit.span.start);
        (hits, cut)
    }

    /// Where the secret part of every match of every rule is, with the rule: what overlaps is told more than once. Who hides
    /// secrets needs all of them, and no line.
    pub(super) fn spans(&self, bytes: &[u8]) -> Vec<(Range<usize>, usize)> {
        let mut spans = Vec::new();
        self.each(bytes, Kind::Text, (For::Hiding, DECODED_DEPTH_MAX), &mut |hit| {
            spans.push((hit.secret..hit.span.end, hit.rule));
            true
        });
        spans
    }

    /// Calls `take` with every match until it has enough.
    fn each(&self, bytes: &[u8], kind: Kind, (what, depth): (For, usize), take: &mut dyn FnMut(Hit) -> bool) {
        // Where each rule's last match ended, secret or not: an anchor inside it is not tried again, so that a file
        // of anchors alone costs one look at each byte.
        let mut seen_to = vec![0; RULES.len()];
        for anchor in self.anchors.find_overlapping_iter(bytes) {
            let index = self.of[anchor.pattern().as_usize()];
            let rule = RULES[index];
            let literal = self.literals[anchor.pattern().as_usize()];
            if anchor.start() < seen_to[index] + rule.back
                || rule.case == Case::Exact && bytes[anchor.range()] != *literal.as_bytes()
                || !kind.asks(rule.family)
            {
                continue;
            }
            let Some(start) = anchor.start().checked_sub(rule.back) else { continue };
            let hit = self.hit(index, bytes, start, what, &mut seen_to[index]);
            if hit.is_some_and(|hit| !take(hit)) {
                return;
            }
        }
        if depth > 0 {
            self.each_decoded(bytes, (what, depth), take);
        }
    }

    /// What stands in base64: every match is where its run is.
    fn each_decoded(&self, bytes: &[u8], (what, depth): (For, usize), take: &mut dyn FnMut(Hit) -> bool) {
        base64::each(bytes, |run, decoded| {
            self.each(decoded, Kind::Machine, (what, depth - 1), &mut |hit| {
                take(Hit { span: run.clone(), secret: run.start, ..hit })
            });
        });
    }

    fn hit(&self, index: usize, bytes: &[u8], start: usize, what: For, seen_to: &mut usize) -> Option<Hit> {
        let rule = RULES[index];
        let window = &bytes[start..bytes.len().min(start + rule.window)];
        if !preceded(rule.before, &bytes[..start]) || !promising(rule, window) {
            return None;
        }
        let pattern = self.pattern(index)?;
        let Some(found) = pattern.captures(window) else {
            return self.in_pieces(index, pattern, window, start);
        };
        let secret = found.name("secret").or_else(|| found.name("bare"))?;
        *seen_to = start + secret.end();
        let shown = found.name("shown").map_or(0, |shown| shown.len());
        let real = judged(rule, &found, window)
            && !(what == For::Telling
                && rule.check == Check::Random
                && base64_line::is(bytes, &(start..start + secret.end()), shown));
        (real && !(rule.family == Family::Generic && is_long_line(bytes, start))).then(|| Hit {
            rule: index,
            span: start..start + secret.end(),
            secret: start + secret.start(),
            redacted: redacted(rule, &found),
            value: Value::new(secret.as_bytes()),
        })
    }

    /// The same where the token is in pieces.
    fn in_pieces(&self, index: usize, pattern: &Regex, window: &[u8], start: usize) -> Option<Hit> {
        let rule = RULES[index];
        let whole = matches!(rule.check, Check::Key | Check::EncryptedKey) || rule.family != Family::Issued;
        if whole || rule.back > 0 || rule.case == Case::Any {
            return None;
        }
        let joined = joined(window)?;
        let found = pattern.captures(&joined.text)?;
        let secret = found.name("secret")?;
        let from = |at: usize| start + joined.from.get(at).copied().unwrap_or_default();
        judged(rule, &found, &joined.text).then(|| Hit {
            rule: index,
            span: start..from(secret.end().saturating_sub(1)) + 1,
            secret: from(secret.start()),
            redacted: redacted(rule, &found),
            value: Value::new(secret.as_bytes()),
        })
    }

    /// The rule's pattern; a test insists that each is one.
    fn pattern(&self, index: usize) -> Option<&Regex> {
        let compile = || Regex::new(&format!("(?-u)^(?:{})", RULES[index].pattern)).ok();
        self.patterns[index].get_or_init(compile).as_ref()
    }
}

/// What a pattern's cost is spared where it cannot match.
fn promising(rule: &Rule, window: &[u8]) -> bool {
    match rule.check {
        Check::Generic => {
            let near = &window[..window.len().min(ASSIGNED_WITHIN)];
            memchr::memchr3(b'=', b':', b'>', near).is_some() || memchr::memchr(b',', near).is_some()
        }
        Check::UrlPassword if rule.case == Case::Any => {
            let near = &window[..window.len().min(AT_WITHIN)];
            let end = near
                .iter()
                .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'`'));
            memchr::memchr(b'@', &near[..end.unwrap_or(near.len())]).is_some()
        }
        _ => true,
    }
}

/// Whether what matched is a secret.
fn judged(rule: &Rule, found: &Captures<'_>, window: &[u8]) -> bool {
    let part = |name| found.name(name).map_or(&[][..], |part| part.as_bytes());
    let Some(secret) = found.name("secret").or_else(|| found.name("bare")) else { return false };
    // A pattern that says what stands behind the secret part has decided where that ends.
    let ends = found.get(0).is_some_and(|all| all.end() > secret.end())
        || !window.get(secret.end()).is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_');
    let parts =
        Parts { shown: part("shown"), secret: secret.as_bytes(), user: part("user"), host: part("host") };
    ends && !is_file_name(&window[secret.end()..]) && is_secret(rule.check, &parts)
}

/// Whether an ending of files that carry a digest in their name follows.
fn is_file_name(after: &[u8]) -> bool {
    const ENDS: [&[u8]; 12] = [
        b".png", b".jpg", b".jpeg", b".gif", b".svg", b".webp", b".ico", b".css", b".js", b".map", b".woff",
        b".wasm",
    ];
    ENDS.iter().any(|end| after.starts_with(end))
}

/// What the rule's pattern calls `shown`: only that.
fn redacted(rule: &Rule, found: &Captures<'_>) -> String {
    let shown = found.name("shown").map_or(&[][..], |shown| shown.as_bytes());
    let printable = shown.iter().copied().filter(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let mut text: String = printable.map(char::from).take(SHOWN_CHARACTERS_MAX).collect();
    if text.is_empty() {
        text.push_str(rule.name);
        text.push(' ');
    }
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

/// The places of hits, in order; the first of these bytes is on `line`.
pub(super) fn with_lines(hits: Vec<Hit>, bytes: &[u8], mut line: u32) -> Vec<Place> {
    let mut counted = 0;
    let place = |hit: Hit| {
        line = line.saturating_add(lines(&bytes[counted..hit.span.start]));
        counted = hit.span.start;
        Place { rule: hit.rule, line, redacted: hit.redacted, value: hit.value }
    };
    hits.into_iter().map(place).collect()
}

/// Line ends in these bytes.
pub(super) fn lines(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
