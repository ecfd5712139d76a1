//! SARIF 2.1.0: what code scanning and editors read. Waived findings are in it as suppressed results, never left out.
//!
//! GitHub keeps 5,000 results of a run, takes 10 MB packed, and wants a location in each result and 10 tags a rule at most;
//! it drops the rest as it likes, so what matters least is left out here, and counted. Fingerprints are made from code, file and
//! subject (else the message without its numbers), never from a line number: a finding that moves stays the same finding.

mod model;

use super::{rank, text};
use crate::digest::Digest;
use crate::evidence::lint::Edit;
use crate::verdict::{Finding, Outcome, Severity, Verdict};
use model::{
    ArtifactChange, ArtifactLocation, Driver, Fix, Invocation, Level, Location, Log, Notification,
    PhysicalLocation, Region, Replacement, Rule, Run, SarifResult, Suppression, Text, Tool,
};
use std::collections::{BTreeMap, BTreeSet};

/// Results that GitHub keeps of one run.
pub const RESULTS_MAX: usize = 5_000;
/// Bytes of all results and rules before packing; GitHub's limit is the same number packed.
pub const RESULTS_BYTES_MAX: usize = 9_000_000;
/// Bytes of a message.
const MESSAGE_BYTES_MAX: usize = 4_000;
/// Bytes that the fix of one finding inserts.
const FIX_BYTES_MAX: usize = 16 * 1024;
/// Where a finding without a file is shown: the workspace's manifest.
const WORKSPACE_FILE: &str = "Cargo.toml";
/// The name that GitHub gives to the root of the checkout.
const ROOT: &str = "%SRCROOT%";

/// The log, and what it leaves out is told in it.
///
/// # Errors
/// Where a value cannot be written as JSON, which none of these is.
pub fn write(verdict: &Verdict) -> anyhow::Result<String> {
    let findings: Vec<&Finding> = rank::ranked(verdict).into_iter().chain(rank::waived(verdict)).collect();
    let told = &findings[..within_limits(&findings)?];
    let rules = rules(told);
    let index = |code: &str| rules.binary_search_by(|rule| rule.id.as_str().cmp(code)).unwrap_or(0);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let results = told.iter().map(|finding| result(finding, index(&finding.code), &mut seen)).collect();
    let left_out = findings.len() - told.len();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: vec![run(verdict, rules, results, left_out)],
    };
    Ok(serde_json::to_string_pretty(&log)?)
}

/// How many of the findings there is room for, each with the rule that it may be the first of.
fn within_limits(findings: &[&Finding]) -> anyhow::Result<usize> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut codes: BTreeSet<&str> = BTreeSet::new();
    let mut bytes = 0;
    for (count, finding) in findings.iter().take(RESULTS_MAX).enumerate() {
        bytes += serde_json::to_vec(&result(finding, 0, &mut seen))?.len();
        if codes.insert(&finding.code) {
            bytes += serde_json::to_vec(&rule(&finding.code, finding))?.len();
        }
        if bytes > RESULTS_BYTES_MAX {
            return Ok(count);
        }
    }
    Ok(findings.len().min(RESULTS_MAX))
}

fn run(verdict: &Verdict, rules: Vec<Rule>, results: Vec<SarifResult>, left_out: usize) -> Run {
    let mut notifications = Vec::new();
    if left_out > 0 {
        let text = format!("{left_out} more findings are left out here, see verdict.json");
        notifications.push(Notification { level: Level::Warning, message: Text { text } });
    }
    let version = env!("CARGO_PKG_VERSION");
    Run {
        tool: Tool {
            driver: Driver {
                name: "gateline",
                version,
                semantic_version: version,
                information_uri: env!("CARGO_PKG_REPOSITORY"),
                rules,
            },
        },
        invocations: vec![Invocation {
            execution_successful: verdict.outcome != Outcome::Error,
            exit_code: verdict.outcome.exit().code(),
            tool_execution_notifications: notifications,
        }],
        original_uri_base_ids: BTreeMap::from([(
            ROOT,
            BTreeMap::from([("description", Text { text: "the root of the workspace".into() })]),
        )]),
        column_kind: "unicodeCodePoints",
        results,
    }
}

/// Each code once, in order, with what to do about its first finding.
fn rules(findings: &[&Finding]) -> Vec<Rule> {
    let mut first: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in findings {
        first.entry(&finding.code).or_insert(finding);
    }
    first.into_iter().map(|(code, finding)| rule(code, finding)).collect()
}

fn rule(code: &str, finding: &Finding) -> Rule {
    let (gate, what) = code.split_once('/').unwrap_or(("policy", code));
    let text = format!("{gate}: {}", what.replace('-', " "));
    let help = format!("Next: {}", text::one_line(&finding.help));
    let security =
        matches!(gate, "advisories" | "secrets" | "licences" | "bans" | "sources" | "workflows" | "scanners");
    let tags = std::iter::once(gate.to_owned()).chain(security.then(|| "security".to_owned())).collect();
    Rule {
        id: code.to_owned(),
        name: pascal(code),
        short_description: Text { text: text.clone() },
        full_description: Text { text },
        help: Text { text: text::cut(&help, MESSAGE_BYTES_MAX) },
        default_configuration: BTreeMap::from([("level", level(finding.severity))]),
        properties: BTreeMap::from([("tags", tags)]),
    }
}

/// `coverage/below-minimum` as `CoverageBelowMinimum`, the form of names in SARIF.
fn pascal(code: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    };
    code.split(['/', '-', ':', '_']).map(capital).collect()
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Error => Level::Error,
        Severity::Warning => Level::Warning,
        Severity::Note => Level::Note,
    }
}

fn result(finding: &Finding, rule_index: usize, seen: &mut BTreeMap<String, u32>) -> SarifResult {
    let file = finding.file.as_deref().unwrap_or(WORKSPACE_FILE);
    let start_line = finding.line.unwrap_or(1).max(1);
    let end_line = finding.end_line.filter(|last| *last > start_line);
    let region = Region { start_line, end_line, start_column: None, end_column: None };
    let location = PhysicalLocation { artifact_location: artifact(file), region };
    let message = text::plain(&format!("{}\nnext: {}", finding.message.trim_end(), finding.help));
    let fingerprint = fingerprint(finding);
    let occurrence = seen.entry(fingerprint.clone()).or_insert(0);
    *occurrence += 1;
    let fingerprint = format!("{fingerprint}:{occurrence}");
    SarifResult {
        rule_id: finding.code.clone(),
        rule_index,
        level: level(finding.severity),
        message: Text { text: text::cut(&message, MESSAGE_BYTES_MAX) },
        locations: vec![Location { physical_location: location }],
        // The first is the one that GitHub tells findings apart by.
        partial_fingerprints: fingerprints(finding, &fingerprint),
        fixes: finding.fix.iter().filter_map(|edits| fix(edits, &finding.help)).collect(),
        suppressions: finding.waiver.iter().map(|waiver| suppression(waiver)).collect(),
    }
}

/// Ours, and below a name of their own those of the scanner that the finding comes from.
fn fingerprints(finding: &Finding, own: &str) -> BTreeMap<String, String> {
    let scanner = finding.fingerprints.iter();
    let mut all: BTreeMap<String, String> = scanner
        .map(|(name, value)| (text::one_line(&format!("scanner/{name}")), text::one_line(value)))
        .collect();
    all.insert("primaryLocationLineHash".to_owned(), own.to_owned());
    all.insert("gatelineFinding/v1".to_owned(), own.to_owned());
    all
}

/// What a tool would write instead; nothing where it writes too much for a report.
fn fix(edits: &[Edit], help: &str) -> Option<Fix> {
    let bytes: usize = edits.iter().map(|edit| edit.replacement.len()).sum();
    if edits.is_empty() || bytes > FIX_BYTES_MAX {
        return None;
    }
    let mut changes: BTreeMap<&str, Vec<Replacement>> = BTreeMap::new();
    for edit in edits {
        let start_line = edit.line.max(1);
        let deleted_region = Region {
            start_line,
            end_line: Some(edit.end_line.max(start_line)),
            start_column: Some(edit.column.max(1)),
            end_column: Some(edit.end_column.max(1)),
        };
        let inserted_content = Text { text: edit.replacement.clone() };
        changes.entry(&edit.file).or_default().push(Replacement { deleted_region, inserted_content });
    }
    let change =
        |(file, replacements): (&str, _)| ArtifactChange { artifact_location: artifact(file), replacements };
    let description = Text { text: text::cut(&text::one_line(help), MESSAGE_BYTES_MAX) };
    Some(Fix { description, artifact_changes: changes.into_iter().map(change).collect() })
}

fn artifact(file: &str) -> ArtifactLocation {
    ArtifactLocation { uri: text::uri(file), uri_base_id: ROOT }
}

fn suppression(waiver: &str) -> Suppression {
    Suppression { kind: "external", status: "accepted", justification: text::one_line(waiver) }
}

/// 16 hexadecimal digits; the same wherever in its file the finding stands.
fn fingerprint(finding: &Finding) -> String {
    let message: String = match &finding.subject {
        Some(subject) => subject.clone(),
        None => finding.message.chars().filter(|letter| !letter.is_ascii_digit()).collect(),
    };
    let file = finding.file.as_deref().unwrap_or_default();
    let digest = Digest::of(format!("{}\0{file}\0{message}", finding.code).as_bytes());
    digest.hex().chars().take(16).collect()
}

#[cfg(test)]
mod tests;
