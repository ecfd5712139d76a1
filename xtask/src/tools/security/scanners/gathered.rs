//! What reports say, put together under limits: texts on one line, results once, the rest counted.

use super::place::Places;
use crate::digest::Digest;
use crate::evidence::scanners::{InputRead, InputState, ScannerResult};
use crate::policy::lint::Level;
use crate::policy::security::ScannerInput;
use crate::verdict::Severity;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Results of one input that are listed; more are counted. GitHub shows as many of one SARIF run.
pub(super) const RESULTS_MAX: usize = 5_000;
/// Letters of a message.
pub(super) const MESSAGE_CHARS_MAX: usize = 500;
/// Letters of a name: of a tool, a rule, a package.
pub(super) const NAME_CHARS_MAX: usize = 120;
/// Bytes that are kept of any text in a report before it is made fit.
pub(super) const TEXT_BYTES_MAX: usize = 4096;
/// Fingerprints of one result, and letters of each.
const FINGERPRINTS_MAX: usize = 8;
/// Tools of one input.
const TOOLS_MAX: usize = 100;
/// Commits that one report names.
const REVISIONS_MAX: usize = 100;
/// What TheAuditor writes where it does not know the rule.
const NO_RULE: &str = "unknown";

/// A result as a report has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw {
    pub(super) severity: Option<Severity>,
    /// Path or URI.
    pub(super) place: Option<String>,
    pub(super) line: u64,
    pub(super) end_line: u64,
    pub(super) rule: String,
    pub(super) message: String,
    pub(super) tool: String,
    pub(super) fingerprints: BTreeMap<String, String>,
    pub(super) suppressed: bool,
    pub(super) package: Option<String>,
    pub(super) advisory: Option<String>,
}

/// What a report tells of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// Commits that it speaks of.
    pub(super) revisions: Vec<String>,
    /// When it was made: the oldest of what it says.
    pub(super) at: Option<Timestamp>,
}

/// What was gathered of one input.
pub(super) struct Gathered<'a> {
    input: &'a ScannerInput,
    hide: &'a dyn Fn(String) -> String,
    pub(super) places: Places,
    read: InputRead,
    known: HashMap<(Option<String>, u32, String), Vec<usize>>,
    told: Told,
    broken: Option<String>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(
        root: &Path,
        input: &'a ScannerInput,
        hide: &'a dyn Fn(String) -> String,
    ) -> Gathered<'a> {
        let read = InputRead { file: input.file.clone(), ..InputRead::default() };
        let places = Places::new(root, input.strip.as_deref());
        Gathered { input, hide, places, read, known: HashMap::new(), told: Told::default(), broken: None }
    }

    /// The next file.
    pub(super) fn start(&mut self, file: &str) {
        self.read.files.push(one_line(file, MESSAGE_CHARS_MAX));
        self.told = Told::default();
    }

    /// A tool reported.
    pub(super) fn tool(&mut self, name: &str) {
        let name = self.fit(name, NAME_CHARS_MAX);
        if self.read.tools.len() < TOOLS_MAX && !self.read.tools.contains(&name) {
            self.read.tools.push(name);
        }
    }

    /// The report says itself that it is not whole. The first reason stands.
    pub(super) fn broken(&mut self, why: impl Into<String>) {
        self.broken.get_or_insert_with(|| why.into());
    }

    pub(super) fn take_broken(&mut self) -> Option<String> {
        self.broken.take()
    }

    /// A commit that the report speaks of; what is no commit's name is not.
    pub(super) fn revision(&mut self, revision: &str) {
        let hex = (7..=40).contains(&revision.len()) && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hex && self.told.revisions.len() < REVISIONS_MAX {
            self.told.revisions.push(revision.to_ascii_lowercase());
        }
    }

    /// When a part of the report was made.
    pub(super) fn made(&mut self, at: Timestamp) {
        self.told.at = Some(self.told.at.map_or(at, |before| before.min(at)));
    }

    pub(super) fn take_told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }

    /// Whether results of a severity are listed.
    pub(super) fn lists(&self, severity: Severity) -> bool {
        let level = match severity {
            Severity::Error => self.input.errors,
            Severity::Warning => self.input.warnings,
            Severity::Note => self.input.notes,
        };
        level != Level::Off
    }

    /// So many results of a severity that are not listed.
    pub(super) fn count(&mut self, severity: Severity, count: u64) {
        *self.read.counted.entry(severity).or_default() += count;
    }

    /// The same because there are too many of them.
    pub(super) fn too_many(&mut self, severity: Severity, count: u64) {
        self.count(severity, count);
        self.read.too_many = true;
    }

    /// A result.
    pub(super) fn add(&mut self, raw: Raw) {
        let severity = raw.severity.unwrap_or(Severity::Warning);
        if !self.lists(severity) {
            return self.count(severity, 1);
        }
        let result = self.result(severity, raw);
        let key = (result.file.clone(), result.line, result.message.clone());
        for index in self.known.get(&key).into_iter().flatten() {
            let known = &mut self.read.results[*index];
            let (rule, other) = (known.rule == result.rule, result.rule == NO_RULE || known.rule == NO_RULE);
            if rule || other {
                // Said before, perhaps with less.
                if known.rule == NO_RULE {
                    known.rule = result.rule;
                    known.tool = result.tool;
                    known.identity = result.identity;
                }
                known.severity = known.severity.min(result.severity);
                return;
            }
        }
        if self.read.results.len() == RESULTS_MAX {
            return self.too_many(severity, 1);
        }
        self.known.entry(key).or_default().push(self.read.results.len());
        self.read.results.push(result);
    }

    fn result(&self, severity: Severity, raw: Raw) -> ScannerResult {
        let inside = raw.place.as_deref().and_then(|place| self.places.inside(place));
        let file = inside.map(|file| one_line(&file, TEXT_BYTES_MAX));
        let name = |text: &str, other: &str| {
            let text = self.fit(text, NAME_CHARS_MAX);
            if text.is_empty() { other.to_owned() } else { text }
        };
        let outside = raw.place.as_deref().filter(|_| file.is_none());
        let outside = outside.map_or(String::new(), |place| format!(" (at {place})"));
        let message = match self.fit(&(raw.message + &outside), MESSAGE_CHARS_MAX) {
            nothing if nothing.is_empty() => "it says nothing".to_owned(),
            message => message,
        };
        let (rule, tool) = (name(&raw.rule, NO_RULE), name(&raw.tool, "a scanner"));
        let fits = |(key, value): (&String, &String)| {
            (self.fit(key, NAME_CHARS_MAX), self.fit(value, NAME_CHARS_MAX))
        };
        let fingerprints: BTreeMap<_, _> = raw.fingerprints.iter().take(FINGERPRINTS_MAX).map(fits).collect();
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let optional = |text: Option<String>| {
            text.map(|text| self.fit(&text, NAME_CHARS_MAX)).filter(|text| !text.is_empty())
        };
        let identity = identity(&tool, &rule, &message, &fingerprints);
        ScannerResult {
            severity,
            file,
            line: small(raw.line),
            end_line: small(raw.end_line),
            rule,
            message,
            tool,
            identity,
            fingerprints,
            suppressed: raw.suppressed,
            package: optional(raw.package),
            advisory: optional(raw.advisory),
        }
    }

    /// Text of a report, on one line, without secrets, and cut.
    fn fit(&self, text: &str, chars_max: usize) -> String {
        one_line(&(self.hide)(text.to_owned()), chars_max)
    }

    pub(super) fn finish(mut self, state: InputState) -> InputRead {
        self.read.results.sort();
        self.read.tools.sort();
        self.read.state = state;
        self.read
    }
}

/// The same wherever in its file the result stands: by the tool's own fingerprints, else by its words without numbers.
fn identity(tool: &str, rule: &str, message: &str, fingerprints: &BTreeMap<String, String>) -> String {
    let own: String = fingerprints.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    let words: String = message.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let told = if own.is_empty() { words } else { own };
    let digest = Digest::of(format!("{tool}\0{rule}\0{told}").as_bytes());
    digest.hex().chars().take(8).collect()
}

/// One line without anything that a terminal would obey, at most this long.
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let silent = |letter: &char| {
        matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            || (letter.is_control() && !letter.is_whitespace())
    };
    let shown: String = text.chars().filter(|letter| !silent(letter)).collect();
    let line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
