//! The verdict for people: one line per gate, then what is wrong, the failing thing last, then the outcome.

mod detail;
mod output;
mod rendered;
mod uncovered;

use super::console::{paint, seconds};
use super::{Paper, Style};
use crate::digest::short_commit;
use crate::evidence::Evidence;
use crate::verdict::{Finding, Gate, GateVerdict, Outcome, Severity, Verdict};
use anstyle::AnsiColor;
use detail::Details;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Findings of one severity shown per gate; the rest is counted.
const SHOWN_MAX: usize = 12;

/// The whole report. Evidence has what the verdict leaves out: what failing tests and the compiler printed.
pub fn verdict(paper: Paper, verdict: &Verdict, evidence: Option<&Evidence>, report: &str) -> String {
    let style = paper.style;
    let mut text = gate_lines(paper, &verdict.gates);
    let details = Details::new(verdict, evidence);
    for severity in [Severity::Note, Severity::Warning, Severity::Error] {
        // A failing test is why coverage is missing, not the other way round: it comes last.
        let (tests, others): (Vec<_>, Vec<_>) =
            verdict.gates.iter().partition(|gate| severity == Severity::Error && gate.gate == Gate::Tests);
        for gate in others.into_iter().chain(tests) {
            findings(&mut text, paper, gate, severity, &details);
        }
    }
    let dirty = if verdict.dirty { ", with uncommitted changes" } else { "" };
    let commit = short_commit(&verdict.commit);
    let (policy, source) = (verdict.policy.hash.short(), &verdict.policy.source);
    let about = format!("commit {commit}{dirty}, policy {policy} ({source})");
    let taken = word(verdict.outcome).len() + 2;
    let about = paper.wrap(&about, taken, 2);
    let _ = writeln!(text, "\n{}  {about}\nreport: {report}", outcome(style, verdict.outcome));
    if let (Some(base), Some(from)) = (&verdict.base, &verdict.base_from) {
        let compared = format!("compared with {}: {from}", short_commit(base));
        let _ = writeln!(text, "{}", paper.wrap(&compared, 0, 2));
    }
    text
}

fn findings(text: &mut String, paper: Paper, gate: &GateVerdict, severity: Severity, details: &Details<'_>) {
    let mut of_severity: Vec<&Finding> =
        gate.findings.iter().filter(|finding| finding.severity == severity).collect();
    // What is borne is shown, and before what is not.
    of_severity.sort_by_key(|finding| finding.waiver.is_none());
    if let Some((code, block)) = uncovered::block(paper, &mut of_severity) {
        let _ = writeln!(text, "\n{} {block}", head(paper, severity, code));
    }
    let (alone, together) = notes(&of_severity);
    for (code, notes) in together {
        let _ = writeln!(text, "\n{}", several(paper, code, &notes));
    }
    for finding in alone.iter().take(SHOWN_MAX) {
        let _ = writeln!(text, "\n{}", one(paper, finding, details));
    }
    if let Some(rest) = alone.len().checked_sub(SHOWN_MAX).filter(|rest| *rest > 0) {
        let _ = writeln!(text, "\n  … and {rest} more of {}, all in the report", gate.gate);
    }
}

/// Findings on their own, and notes of one code that are told as a list.
fn notes<'a>(findings: &[&'a Finding]) -> (Vec<&'a Finding>, BTreeMap<&'a str, Vec<&'a Finding>>) {
    let mut together: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|one| one.severity == Severity::Note && one.waiver.is_none()) {
        together.entry(&finding.code).or_default().push(finding);
    }
    together.retain(|_, notes| notes.len() > 1);
    let alone = findings.iter().copied();
    let alone =
        alone.filter(|one| one.waiver.is_some() || !together.contains_key(one.code.as_str())).collect();
    (alone, together)
}

fn several(paper: Paper, code: &str, notes: &[&Finding]) -> String {
    let help = notes.first().map_or("", |first| first.help.as_str());
    let taken = "note[] ".len() + code.len();
    let mut text = format!("{} {}", head(paper, Severity::Note, code), paper.wrap(help, taken, 2));
    for note in notes.iter().take(SHOWN_MAX) {
        let place = super::rank::place(note).map_or(String::new(), |place| format!("{place}: "));
        let _ = write!(
            text,
            "\n  {}",
            paper.wrap(&super::text::plain(&format!("{place}{}", note.message)), 2, 4)
        );
    }
    if let Some(rest) = notes.len().checked_sub(SHOWN_MAX).filter(|rest| *rest > 0) {
        let _ = write!(text, "\n  … and {rest} more, all in the report");
    }
    text
}

fn head(paper: Paper, severity: Severity, code: &str) -> String {
    let (word, colour) = word_of(severity);
    paint(paper.style, colour.on_default().bold(), &format!("{word}[{code}]"))
}

fn one(paper: Paper, finding: &Finding, details: &Details<'_>) -> String {
    let (word, colour) = word_of(finding.severity);
    let taken = word.len() + finding.code.len() + 3;
    let message = paper.wrap(super::text::plain(&finding.message).trim_end(), taken, 2);
    let gap = if message.starts_with('\n') { "" } else { " " };
    let mut text = format!("{}{gap}{message}", head(paper, finding.severity, &finding.code));
    let detail = details.of(paper.style, finding, colour);
    if !detail.iter().any(|line| super::text::plain(line).trim_start().starts_with("--> "))
        && let Some(place) = super::rank::place(finding)
    {
        let _ = write!(text, "\n  --> {place}");
    }
    for line in &detail {
        let _ = write!(text, "\n{line}");
    }
    let next = paint(paper.style, AnsiColor::Cyan.on_default(), "next:");
    let _ = match &finding.waiver {
        Some(waiver) => write!(text, "\n  waived: {}", paper.wrap(waiver, 10, 4)),
        // Where nothing is to be done, a line that says so is one line too many.
        None if finding.help.is_empty() || finding.help.starts_with("nothing") => Ok(()),
        None => write!(text, "\n  {next} {}", paper.wrap_help(&finding.help, 8, 4)),
    };
    text
}

fn word_of(severity: Severity) -> (&'static str, AnsiColor) {
    match severity {
        Severity::Error => ("error", AnsiColor::Red),
        Severity::Warning => ("warning", AnsiColor::Yellow),
        Severity::Note => ("note", AnsiColor::Cyan),
    }
}

/// A line per gate: its name, what came out, its numbers, its time. On narrow paper the numbers stand under it.
fn gate_lines(paper: Paper, gates: &[GateVerdict]) -> String {
    let widest = |of: &dyn Fn(&GateVerdict) -> usize| gates.iter().map(of).max().unwrap_or(0);
    let time = |gate: &GateVerdict| seconds(Duration::from_millis(gate.duration_ms));
    let numbers: Vec<String> = gates.iter().map(numbers).collect();
    let name_width = widest(&|gate| gate.gate.name().len());
    let outcome_width = widest(&|gate| word(gate.outcome).len());
    let time_width = widest(&|gate| time(gate).chars().count());
    let numbers_width = numbers.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    let one_line = name_width + outcome_width + numbers_width + time_width + 6;
    let fits = paper.width.is_none_or(|width| one_line <= width);
    let mut text = String::new();
    for (gate, numbers) in gates.iter().zip(numbers) {
        let padding = " ".repeat(outcome_width - word(gate.outcome).len());
        let (name, time) = (gate.gate.name(), time(gate));
        let outcome = outcome(paper.style, gate.outcome);
        let _ = match fits {
            true => writeln!(
                text,
                "{name:<name_width$}  {outcome}{padding}  {numbers:<numbers_width$}  {time:>time_width$}"
            ),
            false => writeln!(
                text,
                "{name:<name_width$}  {outcome}{padding}  {time:>time_width$}\n  {}",
                paper.wrap(&numbers, 2, 2)
            ),
        };
    }
    text
}

fn numbers(gate: &GateVerdict) -> String {
    let change = match share(gate, "patch") {
        (_, 0) => String::new(),
        (covered, total) => format!(", change {} %", crate::policy::Percent::of(covered, total)),
    };
    facts(gate) + &change
}

/// Covered and all lines, of the whole or of the change, where the facts have them.
fn share(gate: &GateVerdict, of: &str) -> (u64, u64) {
    gate.share(of).unwrap_or_default()
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
            let left_out = match number("left_out") {
                0 => String::new(),
                count => format!(", {} left out", self::counted(count, "target")),
            };
            shown + &left_out + some + &used_again(gate)
        }
        Gate::Coverage => {
            let (covered, total) = share(gate, "lines");
            format!("{} % ({covered} of {total} lines)", crate::policy::Percent::of(covered, total))
        }
        Gate::Advisories => format!("{} looked up", counted(number("packages"), "package")),
        Gate::Licences => {
            format!("{}, {}", counted(number("packages"), "package"), counted(number("licences"), "licence"))
        }
        Gate::Bans => bans(gate),
        Gate::Sources => {
            format!("{}, {}", counted(number("packages"), "package"), counted(number("sources"), "source"))
        }
        Gate::Secrets => match number("commits") {
            0 => format!("{} read", counted(number("files"), "file")),
            commits => format!("{} read of {}", counted(number("files"), "file"), counted(commits, "commit")),
        },
        Gate::Workflows => {
            let read = counted(number("workflows"), "workflow");
            format!("{read}, {} of {} pinned", number("pinned"), counted(number("used"), "use"))
        }
        Gate::Scanners => match number("inputs") {
            0 => "no scanner is named".to_owned(),
            count => format!("{}, {}", counted(count, "report"), counted(number("results"), "result")),
        },
        Gate::Lint => {
            format!("{}, {}", counted(number("files"), "file"), counted(number("packages"), "package"))
        }
        Gate::Image => counted(number("size_bytes"), "byte"),
        Gate::Policy => {
            let compared = gate.facts.get("compared_with").and_then(serde_json::Value::as_str);
            let compared = compared.map_or(String::new(), |base| format!(", against {}", short_commit(base)));
            format!("{}{compared}", counted(number("waivers"), "waiver"))
        }
    }
}

/// Packages, those in several versions, what a change brings, and unsafe code: each where there is any.
fn bans(gate: &GateVerdict) -> String {
    let number = |name: &str| gate.facts.pointer(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let some = |count: u64, text: String| if count > 0 { text } else { String::new() };
    let (twice, new, code) = (number("/duplicates"), number("/new/packages"), number("/unsafe/places"));
    counted(number("/packages"), "package")
        + &some(twice, format!(", {twice} in several versions"))
        + &some(new, format!(", {new} new"))
        + &some(code, format!(", {} of unsafe code", counted(code, "place")))
}

/// Which of the tests were not run, and the run that proved them: ` (12 from 2026-11-24 14:02, a1b2c3d)`.
fn used_again(gate: &GateVerdict) -> String {
    let runs = gate.facts.get("used_again").and_then(serde_json::Value::as_array);
    let runs = runs.map_or(&[][..], Vec::as_slice);
    let Some(first) = runs.last() else { return String::new() };
    let tests = |run: &serde_json::Value| run["tests"].as_u64().unwrap_or(0);
    let text = |of: &str, length: usize| {
        let text = first["from"][of].as_str().unwrap_or_default();
        text.get(..length).unwrap_or(text).replace('T', " ")
    };
    let earlier = match runs.len() {
        1 => String::new(),
        count => format!(" and {}", counted(count as u64 - 1, "earlier run")),
    };
    let sum: u64 = runs.iter().map(tests).sum();
    format!(" ({sum} from {}, {}{earlier})", text("at", 16), text("commit", 7))
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
mod tests;
