//! The verdict for people: one line per gate, then what is wrong, the failing thing last, then the outcome.

mod uncovered;

use super::Style;
use super::console::{paint, seconds};
use crate::verdict::{Finding, Gate, GateVerdict, Outcome, Severity, Verdict};
use anstyle::AnsiColor;
use std::fmt::Write as _;
use std::time::Duration;

/// Findings of one severity shown per gate; the rest is counted.
const SHOWN_MAX: usize = 12;

/// The whole report.
pub fn verdict(style: Style, verdict: &Verdict, report: &str) -> String {
    let mut text = String::new();
    for gate in &verdict.gates {
        let _ = writeln!(text, "{}", gate_line(style, gate));
    }
    for severity in [Severity::Note, Severity::Warning, Severity::Error] {
        for gate in &verdict.gates {
            findings(&mut text, style, gate, severity);
        }
    }
    let dirty = if verdict.dirty { ", with uncommitted changes" } else { "" };
    let commit = verdict.commit.get(..12).unwrap_or(&verdict.commit);
    let policy = verdict.policy.hash.short();
    let _ = writeln!(
        text,
        "\n{}  commit {commit}{dirty}, policy {policy} ({})\nreport: {report}",
        outcome(style, verdict.outcome),
        verdict.policy.source
    );
    if let (Some(base), Some(from)) = (&verdict.base, &verdict.base_from) {
        let _ = writeln!(text, "compared with {}: {from}", base.get(..12).unwrap_or(base));
    }
    text
}

fn findings(text: &mut String, style: Style, gate: &GateVerdict, severity: Severity) {
    let mut of_severity: Vec<&Finding> =
        gate.findings.iter().filter(|finding| finding.severity == severity).collect();
    let (word, colour) = word_of(severity);
    if let Some(block) = uncovered::block(&mut of_severity) {
        let head = paint(style, colour.on_default().bold(), &format!("{word}[coverage/uncovered-change]"));
        let _ = writeln!(text, "\n{head} {block}");
    }
    for finding in of_severity.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "\n{}", one(style, finding));
    }
    if let Some(rest) = of_severity.len().checked_sub(SHOWN_MAX).filter(|rest| *rest > 0) {
        let _ = writeln!(text, "\n  … and {rest} more of {}, all in the report", gate.gate);
    }
}

fn one(style: Style, finding: &Finding) -> String {
    let (word, colour) = word_of(finding.severity);
    let head = paint(style, colour.on_default().bold(), &format!("{word}[{}]", finding.code));
    let place = match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!("\n  --> {file}:{line}"),
        (Some(file), None) => format!("\n  --> {file}"),
        _ => String::new(),
    };
    let message = finding.message.trim_end().replace('\n', "\n  ");
    let next = paint(style, AnsiColor::Cyan.on_default(), "next:");
    match &finding.waiver {
        Some(waiver) => format!("{head} {message}{place}\n  waived: {waiver}"),
        None => format!("{head} {message}{place}\n  {next} {}", finding.help),
    }
}

fn word_of(severity: Severity) -> (&'static str, AnsiColor) {
    match severity {
        Severity::Error => ("error", AnsiColor::Red),
        Severity::Warning => ("warning", AnsiColor::Yellow),
        Severity::Note => ("note", AnsiColor::Cyan),
    }
}

fn gate_line(style: Style, gate: &GateVerdict) -> String {
    let time = seconds(Duration::from_millis(gate.duration_ms));
    let padding = " ".repeat(16usize.saturating_sub(word(gate.outcome).len()));
    let change = match share(gate, "patch") {
        (_, 0) => String::new(),
        (covered, total) => format!(", change {} %", crate::policy::Percent::of(covered, total)),
    };
    let facts = facts(gate) + &change;
    format!("{:<11} {}{padding} {facts:<50} {time:>10}", gate.gate.name(), outcome(style, gate.outcome))
}

/// Covered and all lines, of the whole or of the change, where the facts have them.
fn share(gate: &GateVerdict, of: &str) -> (u64, u64) {
    let part = |name: &str| gate.facts.get(of)?.get(name)?.as_u64();
    (part("covered").unwrap_or(0), part("total").unwrap_or(0))
}

/// The numbers that matter of one gate.
pub fn facts(gate: &GateVerdict) -> String {
    let number = |name: &str| gate.facts.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    if gate.outcome == Outcome::Error {
        return "could not run".to_owned();
    }
    match gate.gate {
        Gate::Tests => {
            let names = ["passed", "flaky", "failed", "ignored", "skipped"];
            let counted = names.map(|name| (number(name), name));
            let shown = counted.iter().filter(|(count, name)| *count > 0 || *name == "passed");
            let shown = shown.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ");
            let some = if gate.facts.get("filters").is_some() { " (chosen by name)" } else { "" };
            shown + some
        }
        Gate::Coverage => {
            let (covered, total) = share(gate, "lines");
            format!("{} % ({covered} of {total} lines)", crate::policy::Percent::of(covered, total))
        }
        Gate::Advisories => format!("{} looked up", counted(number("packages"), "package")),
        Gate::Secrets => format!("{} read", counted(number("files"), "file")),
        Gate::Lint => {
            format!("{}, {}", counted(number("files"), "file"), counted(number("packages"), "package"))
        }
        Gate::Image => counted(number("size_bytes"), "byte"),
        Gate::Policy => {
            let compared = gate.facts.get("compared_with").and_then(serde_json::Value::as_str);
            let compared = compared
                .map_or(String::new(), |base| format!(", against {}", base.get(..12).unwrap_or(base)));
            format!("{}{compared}", counted(number("waivers"), "waiver"))
        }
    }
}

/// `1 file`, `2 files`.
pub fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Refused => "REFUSED",
        Outcome::Error => "ERROR",
        Outcome::NothingChecked => "NOTHING CHECKED",
    }
}

fn outcome(style: Style, outcome: Outcome) -> String {
    let colour = if outcome == Outcome::Passed { AnsiColor::Green } else { AnsiColor::Red };
    paint(style, colour.on_default().bold(), word(outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::policy::PolicySource;
    use crate::verdict::About;

    #[test]
    fn one_is_one() {
        assert_eq!((counted(1, "file"), counted(0, "file")), ("1 file".to_owned(), "0 files".to_owned()));
    }

    #[test]
    fn the_failing_thing_comes_last_with_its_command() {
        let failed =
            Finding::new(Gate::Tests, "failed", Severity::Error, "a::b failed", "cargo xtask test 'a::b'")
                .at("a.rs", 3);
        let noted =
            Finding::new(Gate::Secrets, "skipped", Severity::Warning, "one file was not read", "look at it");
        let tests = serde_json::json!({"passed": 4, "failed": 1});
        let gates = vec![
            GateVerdict::of(Gate::Tests, 1500, tests, vec![failed]),
            GateVerdict::of(Gate::Secrets, 20, serde_json::json!({"files": 7}), vec![noted]),
        ];
        let policy = PolicySource { source: "worktree".into(), hash: Digest::of(b"") };
        let about = About { commit: "0123456789abcdef".into(), dirty: true, base: None, policy };
        let text = verdict(Style::Plain, &Verdict::fold(about, gates), "target/gateline/verdict.json");
        let expected = "\
tests       REFUSED          4 passed, 1 failed                                      1.5 s
secrets     passed           7 files read                                            0.0 s

warning[secrets/skipped] one file was not read
  next: look at it

error[tests/failed] a::b failed
  --> a.rs:3
  next: cargo xtask test 'a::b'

REFUSED  commit 0123456789ab, with uncommitted changes, policy e3b0c44298fc (worktree)
report: target/gateline/verdict.json
";
        assert_eq!(text, expected);
    }
}
