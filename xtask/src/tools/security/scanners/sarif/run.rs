//! One run of a log: the tool with its rules, how it ended, and its results. The parts come in any order.

use super::super::gathered::{Gathered, NAME_CHARS_MAX, RESULTS_MAX, Raw};
use super::super::values::{list, object};
use super::result::{self, Pending, Where};
use crate::tools::coverage_import::json::Json;
use crate::tools::coverage_import::stream::Malformed;
use crate::verdict::Severity;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

/// Rules of one run.
const RULES_MAX: usize = 20_000;
/// Texts of one rule.
const MESSAGES_MAX: usize = 20;
/// Named folders of one run, and how many of them may stand upon each other.
const BASES_MAX: usize = 100;
/// Files in the table of a run; results that point beyond it have no place.
const ARTIFACTS_MAX: usize = 20_000;
/// Bytes of a path.
const PATH_BYTES_MAX: usize = 2048;
/// Names that tools give to the root of what they scanned, where they do not say where it is.
const ROOTS: [&str; 4] = ["%SRCROOT%", "SRCROOT", "ROOTPATH", "PROJECTROOT"];

/// What a rule says of its results.
#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    id: String,
    level: Option<String>,
    security: Option<f64>,
    short: String,
    messages: BTreeMap<String, String>,
}

#[derive(Default)]
pub(super) struct Run {
    tool: String,
    version: String,
    /// Of the driver, then of each extension.
    rules: Vec<Vec<Rule>>,
    by_id: HashMap<String, (usize, usize)>,
    /// Whether rules and folders are known already.
    tool_known: bool,
    bases: BTreeMap<String, Where>,
    artifacts: Vec<Where>,
    pending: Vec<Pending>,
    has_results: bool,
}

impl Run {
    pub(super) fn read<R: Read>(
        &mut self,
        json: &mut Json<R>,
        gathered: &mut Gathered<'_>,
    ) -> Result<(), Malformed> {
        json.object(|json, key| match key {
            "tool" => self.tool(json),
            "results" if json.peek()? == b'[' => {
                self.has_results = true;
                json.list(|json| {
                    let pending = result::read(json)?;
                    self.take(pending, gathered);
                    Ok(())
                })
            }
            "invocations" => list(json, |json| invocation(json, gathered)),
            "versionControlProvenance" => list(json, |json| {
                object(json, |json, key| match key {
                    "revisionId" => {
                        let revision = json.scalar(NAME_CHARS_MAX)?;
                        revision.iter().for_each(|revision| gathered.revision(revision));
                        Ok(())
                    }
                    _ => json.skip(),
                })
            }),
            "originalUriBaseIds" => object(json, |json, name| {
                let place = result::place(json)?;
                if self.bases.len() < BASES_MAX {
                    self.bases.insert(name.chars().take(NAME_CHARS_MAX).collect(), place);
                }
                Ok(())
            }),
            "artifacts" => list(json, |json| {
                let mut place = Where::default();
                object(json, |json, key| match key {
                    "location" => result::place(json).map(|read| place = read),
                    _ => json.skip(),
                })?;
                if self.artifacts.len() < ARTIFACTS_MAX {
                    self.artifacts.push(place);
                }
                Ok(())
            }),
            "externalPropertyFileReferences" => object(json, |json, key| {
                if key == "results" {
                    gathered.broken("it keeps results in other files, which are not read");
                }
                json.skip()
            }),
            _ => json.skip(),
        })
    }

    fn tool<R: Read>(&mut self, json: &mut Json<R>) -> Result<(), Malformed> {
        let (mut driver, mut extensions) = (Component::default(), Vec::new());
        object(json, |json, key| match key {
            "driver" => component(json).map(|read| driver = read),
            "extensions" => list(json, |json| {
                let read = component(json)?;
                if extensions.len() < BASES_MAX {
                    extensions.push(read.rules);
                }
                Ok(())
            }),
            _ => json.skip(),
        })?;
        (self.tool, self.version) = (driver.name, driver.version);
        self.rules = std::iter::once(driver.rules).chain(extensions).collect();
        for (of, rules) in self.rules.iter().enumerate() {
            for (at, rule) in rules.iter().enumerate() {
                self.by_id.entry(rule.id.clone()).or_insert((of, at));
            }
        }
        self.tool_known = true;
        Ok(())
    }

    /// A result is judged as soon as its rule is known: what is only counted need not be kept.
    fn take(&mut self, pending: Pending, gathered: &mut Gathered<'_>) {
        if pending.is_none {
            return;
        }
        if self.tool_known || pending.is_settled() {
            let severity = self.severity(&pending);
            if !gathered.lists(severity) {
                return gathered.count(severity, 1);
            }
            if self.pending.len() == RESULTS_MAX {
                return gathered.too_many(severity, 1);
            }
        } else if self.pending.len() == RESULTS_MAX {
            // Its rule is not known yet: the worst is assumed.
            return gathered.too_many(Severity::Error, 1);
        }
        self.pending.push(pending);
    }

    /// Everything is known now.
    pub(super) fn finish(mut self, gathered: &mut Gathered<'_>) {
        let shown = format!("{} {}", self.tool, self.version);
        let shown = if self.tool.is_empty() { "a tool without a name" } else { shown.trim() };
        gathered.tool(shown);
        if !self.has_results {
            gathered.broken(format!("{shown} reports no list of results: it did not scan"));
        }
        for pending in std::mem::take(&mut self.pending) {
            let rule = self.rule(&pending);
            let raw = Raw {
                severity: Some(self.severity(&pending)),
                place: self.resolved(&pending.place),
                line: pending.line,
                end_line: pending.end_line,
                rule: match (&pending.rule_id, rule) {
                    (Some(id), _) => id.clone(),
                    (None, Some(rule)) => rule.id.clone(),
                    (None, None) => String::new(),
                },
                message: message(&pending, rule),
                tool: self.tool.clone(),
                fingerprints: pending.fingerprints,
                suppressed: pending.suppressed,
                package: None,
                advisory: None,
            };
            gathered.add(raw);
        }
    }

    fn rule(&self, pending: &Pending) -> Option<&Rule> {
        let at = |(of, at): (usize, usize)| self.rules.get(of)?.get(at);
        let by_id = pending.rule_id.as_ref().and_then(|id| {
            // `CA1000/1` is the first of the kinds of `CA1000`.
            let parent = id.rsplit_once('/').map_or(id.as_str(), |(parent, _)| parent);
            self.by_id.get(id).or_else(|| self.by_id.get(parent)).copied()
        });
        let of = pending.extension.map_or(0, |extension| extension.saturating_add(1));
        by_id.and_then(at).or_else(|| at((of, pending.rule_index?)))
    }

    /// What the result says, else its rule, else "warning"; where a score of severity is worse than that, the score.
    fn severity(&self, pending: &Pending) -> Severity {
        let rule = self.rule(pending);
        let level = pending.level.as_deref().or_else(|| rule?.level.as_deref()).unwrap_or("warning");
        let said = match level {
            "error" => Severity::Error,
            "note" | "none" => Severity::Note,
            _ => Severity::Warning,
        };
        // "open" and "review" want a person to look: no failure yet.
        let said = if pending.is_open { Severity::Note } else { said };
        let scored = match pending.security.or_else(|| rule?.security) {
            Some(score) if score >= 7.0 => Severity::Error,
            Some(score) if score >= 4.0 => Severity::Warning,
            _ => Severity::Note,
        };
        said.min(scored)
    }

    /// A place with what it is relative to.
    fn resolved(&self, place: &Where) -> Option<String> {
        let place = match (&place.uri, place.index) {
            (None, Some(index)) => self.artifacts.get(index)?,
            _ => place,
        };
        let mut uri = place.uri.clone()?;
        let mut base = place.base.clone();
        for _ in 0..BASES_MAX {
            let Some(name) = base.take() else { return Some(uri) };
            let Some(known) = self.bases.get(&name) else {
                // A folder that nobody says where it is: the root of what was scanned, whatever its name.
                return Some(uri);
            };
            let Some(folder) =
                known.uri.as_deref().filter(|_| !(ROOTS.contains(&name.as_str()) && known.is_empty()))
            else {
                return Some(uri);
            };
            if uri.len() + folder.len() > PATH_BYTES_MAX {
                return None;
            }
            uri = format!("{}/{uri}", folder.trim_end_matches('/'));
            base.clone_from(&known.base);
        }
        None
    }
}

fn message(pending: &Pending, rule: Option<&Rule>) -> String {
    if !pending.text.is_empty() {
        return pending.text.clone();
    }
    let by_id = pending.message_id.as_ref().and_then(|id| rule?.messages.get(id));
    let Some(text) = by_id.or_else(|| rule.map(|rule| &rule.short)) else { return String::new() };
    let numbered = pending.arguments.iter().enumerate();
    numbered.fold(text.clone(), |text, (at, argument)| text.replace(&format!("{{{at}}}"), argument))
}

#[derive(Default)]
struct Component {
    name: String,
    version: String,
    rules: Vec<Rule>,
}

fn component<R: Read>(json: &mut Json<R>) -> Result<Component, Malformed> {
    let mut read = Component::default();
    object(json, |json, key| match key {
        "name" => json.scalar(NAME_CHARS_MAX).map(|name| read.name = name.unwrap_or_default()),
        "semanticVersion" | "version" => {
            let version = json.scalar(NAME_CHARS_MAX)?.unwrap_or_default();
            if read.version.is_empty() {
                read.version = version;
            }
            Ok(())
        }
        "rules" => list(json, |json| {
            if read.rules.len() == RULES_MAX {
                return Err(json.wrong(format!("more than {RULES_MAX} rules")));
            }
            read.rules.push(rule(json)?);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    Ok(read)
}

fn rule<R: Read>(json: &mut Json<R>) -> Result<Rule, Malformed> {
    let mut read = Rule::default();
    object(json, |json, key| match key {
        "id" => json.scalar(NAME_CHARS_MAX).map(|id| read.id = id.unwrap_or_default()),
        "defaultConfiguration" => object(json, |json, key| match key {
            "level" => json.scalar(NAME_CHARS_MAX).map(|level| read.level = level),
            _ => json.skip(),
        }),
        "properties" => result::security(json).map(|score| read.security = score),
        "shortDescription" => result::text(json).map(|text| read.short = text),
        "messageStrings" => object(json, |json, name| {
            let text = result::text(json)?;
            if read.messages.len() < MESSAGES_MAX {
                read.messages.insert(name.chars().take(NAME_CHARS_MAX).collect(), text);
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    Ok(read)
}

/// How the tool ended, by its own word.
fn invocation<R: Read>(json: &mut Json<R>, gathered: &mut Gathered<'_>) -> Result<(), Malformed> {
    object(json, |json, key| match key {
        "executionSuccessful" if matches!(json.peek()?, b't' | b'f') => {
            if !json.truth()? {
                gathered.broken("the tool says that it did not finish (`executionSuccessful: false`)");
            }
            Ok(())
        }
        "endTimeUtc" => {
            let at = json.scalar(NAME_CHARS_MAX)?.and_then(|text| text.parse::<Timestamp>().ok());
            at.into_iter().for_each(|at| gathered.made(at));
            Ok(())
        }
        _ => json.skip(),
    })
}
