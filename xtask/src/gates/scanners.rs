//! Judges what outside scanners reported: by the parsed results, never by how a tool ended.
//!
//! A report that is missing, damaged, half written or of a tool that broke off is "could not run". What another gate of the same
//! verdict says already is counted, not said again.

use crate::evidence::scanners::{InputRead, InputState, ScannerResult, ScannersEvidence};
use crate::policy::security::{ScannerFormat, ScannerInput, ScannersPolicy, Suppressions};
use crate::verdict::{Finding, Gate, GateVerdict, Severity};
use serde_json::json;

/// Letters of a rule's name that go into a code.
const CODE_CHARS_MAX: usize = 60;
/// Codes that mean something else, to waivers too.
const OWN_CODES: [&str; 6] = ["could-not-run", "stale", "missing", "counted", "suppressed", "unlisted"];

/// The verdict. `others` are the gates that were judged before, by whose findings nothing is said twice.
pub fn judge(
    policy: &ScannersPolicy,
    evidence: &ScannersEvidence,
    others: &[GateVerdict],
    duration_ms: u64,
) -> GateVerdict {
    let (mut findings, mut missing, mut twice, mut counted) = (Vec::new(), Vec::new(), 0_u64, 0_u64);
    // The evidence has the inputs of the policy that it was measured by, in their order.
    for (input, read) in policy.inputs.iter().zip(&evidence.inputs) {
        missing.extend(unusable(input, read));
        findings.extend(stale(policy, input, read));
        findings.extend(absent(input, read));
        for result in &read.results {
            match said_by(others, result) {
                true => twice += 1,
                false => findings.extend(of_result(input, result)),
            }
        }
        findings.extend(unlisted(input, read));
        counted += read.counted.values().sum::<u64>();
    }
    if policy.inputs.len() != evidence.inputs.len() {
        missing.push(could_not_run(
            "the reports that were read are not those that the policy names",
            "cargo xtask ci --gate scanners",
        ));
    }
    let tools: Vec<&String> = evidence.inputs.iter().flat_map(|input| &input.tools).collect();
    let results: usize = evidence.inputs.iter().map(|input| input.results.len()).sum();
    let facts = json!({
        "inputs": evidence.inputs.len(),
        "tools": tools,
        "results": results as u64 + counted,
        "said_by_other_gates": twice,
        "counted_only": counted,
    });
    GateVerdict::of(Gate::Scanners, duration_ms, facts, findings).incomplete(missing)
}

fn unusable(input: &ScannerInput, read: &InputRead) -> Option<Finding> {
    let again =
        format!("run the scanner again so that it writes {}, then: cargo xtask security scanners", read.file);
    match &read.state {
        InputState::Unusable { why } => Some(could_not_run(why.clone(), again)),
        InputState::Missing { why } if input.required => {
            let message = format!("the report {} of a scanner is missing: {why}", read.file);
            Some(could_not_run(message, again))
        }
        InputState::Stale { why } if input.format == ScannerFormat::TheAuditor => {
            Some(could_not_run(format!("{} is no proof for this commit: {why}", read.file), again))
        }
        _ => None,
    }
    .map(|finding| finding.about(read.file.clone()))
}

fn could_not_run(message: impl Into<String>, help: impl Into<String>) -> Finding {
    Finding::new(Gate::Scanners, "could-not-run", Severity::Error, message, help)
}

fn stale(policy: &ScannersPolicy, input: &ScannerInput, read: &InputRead) -> Option<Finding> {
    let InputState::Stale { why } = &read.state else { return None };
    if input.format == ScannerFormat::TheAuditor {
        return None;
    }
    let severity = policy.stale.severity()?;
    let message = format!("{} is no proof for this commit: {why}", read.file);
    let help = "run the scanner again on this commit, then: cargo xtask security scanners";
    Some(Finding::new(Gate::Scanners, "stale", severity, message, help).about(read.file.clone()))
}

/// A report that may be missing, and is.
fn absent(input: &ScannerInput, read: &InputRead) -> Option<Finding> {
    let InputState::Missing { why } = &read.state else { return None };
    let message = format!("no results of {}: {why}", read.file);
    let help = "set `required: true` at this input in policies/security.yaml to insist on it";
    let finding = Finding::new(Gate::Scanners, "missing", Severity::Note, message, help);
    (!input.required).then(|| finding.about(read.file.clone()))
}

fn of_result(input: &ScannerInput, result: &ScannerResult) -> Option<Finding> {
    let level = match result.severity {
        Severity::Error => input.errors,
        Severity::Warning => input.warnings,
        Severity::Note => input.notes,
    };
    let honoured = result.suppressed && input.suppressions == Suppressions::Honour;
    let severity = if honoured { Severity::Note } else { level.severity()? };
    let suppressed = match (result.suppressed, honoured) {
        (false, _) => "",
        (true, true) => " (suppressed in the tool, which the policy honours)",
        (true, false) => " (suppressed in the tool, which the policy does not honour)",
    };
    let ScannerResult { tool, rule, message, identity, .. } = result;
    let package = result.package.as_ref().map_or(String::new(), |package| format!("{package}: "));
    let message = format!("{tool}, {rule}: {package}{message}{suppressed}");
    let help = match &result.file {
        Some(_) => "mend what the tool found there, and run it again".to_owned(),
        None => format!("see what {tool} says about {rule}, mend it, and run it again"),
    };
    let place = result.file.as_deref().unwrap_or(tool);
    let finding = Finding::new(Gate::Scanners, &code(rule), severity, message, help)
        .about(format!("{place}#{identity}"))
        .known_as(&result.fingerprints);
    Some(match &result.file {
        Some(file) => finding.at(file, result.line).until(result.end_line),
        None => finding,
    })
}

/// Results that are too many to be listed do what those do that are.
fn unlisted(input: &ScannerInput, read: &InputRead) -> Option<Finding> {
    if !read.too_many {
        return None;
    }
    let count = |severity| read.counted.get(&severity).copied().unwrap_or(0);
    let levels = [(Severity::Error, input.errors), (Severity::Warning, input.warnings)];
    let worst = levels.into_iter().filter(|(severity, _)| count(*severity) > 0);
    let severity = worst.filter_map(|(_, level)| level.severity()).min()?;
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let message = format!(
        "{} has more results than are listed: {errors} errors and {warnings} warnings are only counted",
        read.file
    );
    let help = "mend the listed ones first, or have the tool report less";
    Some(Finding::new(Gate::Scanners, "unlisted", severity, message, help).about(read.file.clone()))
}

/// Whether a gate of ours speaks of the same advisory, or of the same package for the same reason.
fn said_by(others: &[GateVerdict], result: &ScannerResult) -> bool {
    let gate = match (&result.advisory, result.rule.as_str()) {
        (Some(_), _) => Gate::Advisories,
        (None, "rejected" | "unlicensed" | "no-license-field" | "parse-error") => Gate::Licences,
        (None, "banned" | "duplicate" | "wildcard" | "build-script-not-allowed") => Gate::Bans,
        (None, "source-not-allowed" | "git-source-underspecified") => Gate::Sources,
        _ => return false,
    };
    let Some(package) = &result.package else { return false };
    let name = package.split('@').next().unwrap_or(package);
    let same = |finding: &Finding| match &result.advisory {
        Some(id) => finding.message.contains(id.as_str()) && finding.message.contains(name),
        None => finding.subject.as_deref().is_some_and(|subject| subject == package || subject == name),
    };
    others.iter().filter(|one| one.gate == gate).flat_map(|one| &one.findings).any(same)
}

/// A rule's name as the second part of a code: kebab case.
fn code(rule: &str) -> String {
    let mut code = String::new();
    for letter in rule.chars() {
        match letter.to_ascii_lowercase() {
            plain @ ('a'..='z' | '0'..='9') => code.push(plain),
            _ if !code.is_empty() && !code.ends_with('-') => code.push('-'),
            _ => {}
        }
        if code.len() >= CODE_CHARS_MAX {
            break;
        }
    }
    let code = code.trim_end_matches('-');
    let taken = OWN_CODES.contains(&code) || code.starts_with("nothing-") || code == "no-tests";
    if code.is_empty() || taken { "result".to_owned() } else { code.to_owned() }
}

#[cfg(test)]
mod tests;
