//! The job summary, in GitHub's Markdown: the verdict first, then what to do next, then the numbers.
//!
//! GitHub takes 1,024 KiB of one step and throws *all* of it away above that. So it is cut between items, and what is left out is
//! counted. Everything from outside goes through [`text::prose`] or [`text::code`]: a test's name makes no link and mentions nobody.

pub(super) mod supply;

use super::console::seconds;
use super::human::facts;
use super::{rank, text};
use crate::digest::short_commit;
use crate::evidence::Evidence;
use crate::policy::Percent;
use crate::verdict::{Finding, Gate, GateVerdict, Outcome, Severity, Verdict, share_of};
use std::fmt::Write as _;
use std::time::Duration;

/// What is written at most: GitHub's 1,024 KiB without some room for other writers of the step.
pub const BYTES_MAX: usize = 1_000 * 1024;
/// Items of one list; the files beside it have all.
const ITEMS_MAX: usize = 100;
/// Room for the line that counts what is left out.
const COUNT_BYTES_MAX: usize = 200;
/// Findings under "what to do next".
const NEXT_MAX: usize = 3;
/// Bytes of one message.
pub(super) const MESSAGE_BYTES_MAX: usize = 600;

/// Waivers in their last days have a list of their own.
pub(super) const SOON: &str = "policy/waiver-expires-soon";

/// The summary, in at most `bytes_max` bytes.
pub fn write(verdict: &Verdict, evidence: &Evidence, report: &str, bytes_max: usize) -> String {
    let mut page = Page {
        text: String::new(),
        room: bytes_max.min(BYTES_MAX).saturating_sub(COUNT_BYTES_MAX),
        left_out: 0,
    };
    page.add(&head(verdict));
    next(&mut page, verdict);
    page.add(&gates(verdict));
    packages(&mut page, verdict);
    supply::section(&mut page, verdict);
    let ranked = rank::ranked(verdict);
    let uncovered: Vec<&Finding> =
        ranked.iter().copied().filter(|one| one.changed && one.code.starts_with("coverage/")).collect();
    list(&mut page, "Changed lines that no test ran", &uncovered, &place_and_message);
    let flakes: Vec<&Finding> =
        ranked.iter().copied().filter(|finding| finding.code == "tests/flaky").collect();
    list(&mut page, "Flaky tests", &flakes, &place_and_message);
    for (title, severity) in
        [("Errors", Severity::Error), ("Warnings", Severity::Warning), ("Notes", Severity::Note)]
    {
        let of = ranked
            .iter()
            .copied()
            .filter(|one| one.severity == severity && one.code != SOON && !supply::is_told(one));
        let of: Vec<&Finding> = of.collect();
        list(&mut page, title, &of, &whole);
    }
    let soon: Vec<&Finding> = ranked.iter().copied().filter(|one| one.code == SOON).collect();
    list(&mut page, "Waivers that end soon", &soon, &place_and_message);
    let waived = |finding: &Finding| {
        let waiver =
            text::prose(&text::cut(finding.waiver.as_deref().unwrap_or_default(), MESSAGE_BYTES_MAX));
        format!("{}: **waived**: {waiver}", place_and_message(finding))
    };
    list(&mut page, "Waived", &rank::waived(verdict), &waived);
    page.add(&foot(verdict, evidence, report));
    if page.left_out > 0 && bytes_max >= COUNT_BYTES_MAX {
        let _ = writeln!(page.text, "\n{} items more, see {}", page.left_out, text::code(report));
    }
    page.text
}

/// A text that only grows by whole items.
pub(super) struct Page {
    /// What is written.
    pub(super) text: String,
    /// Bytes that it has at most.
    pub(super) room: usize,
    /// Items that had no room.
    pub(super) left_out: usize,
}

impl Page {
    /// Adds an item, or counts it.
    pub(super) fn add(&mut self, item: &str) {
        match self.text.len() + item.len() <= self.room {
            true => self.text.push_str(item),
            false => self.left_out += 1,
        }
    }
}

/// The outcome in a line.
pub(super) fn head(verdict: &Verdict) -> String {
    let (mark, what) = match verdict.outcome {
        Outcome::Passed => ("✅", "passed"),
        Outcome::Refused => ("❌", "refused"),
        Outcome::Error => ("⚠️", "could not be checked"),
        Outcome::NothingChecked => ("⚠️", "nothing was checked"),
    };
    format!("## {mark} Gateline: {what}\n\n")
}

/// The worst errors, each with what to do about it.
pub(super) fn next(page: &mut Page, verdict: &Verdict) {
    let ranked = rank::ranked(verdict);
    let mut errors = ranked.iter().filter(|finding| finding.severity == Severity::Error);
    let first: Vec<_> = errors.by_ref().take(NEXT_MAX).collect();
    if first.is_empty() {
        return;
    }
    page.add("**What to do next**\n\n");
    for finding in first {
        page.add(&format!("1. {}  \n   → {}\n", message(finding), help(finding)));
    }
    match errors.count() {
        0 => page.add("\n"),
        rest => page.add(&format!("\nand {rest} more, below.\n\n")),
    }
}

fn gates(verdict: &Verdict) -> String {
    let mut text = "| gate | outcome | | time |\n|---|---|---|--:|\n".to_owned();
    for gate in &verdict.gates {
        let time = seconds(Duration::from_millis(gate.duration_ms));
        let _ = writeln!(text, "{} {time} |", row(gate));
    }
    text.push('\n');
    text
}

/// A gate in a table: its name, its outcome and its numbers.
pub(super) fn row(gate: &GateVerdict) -> String {
    let outcome = match gate.outcome {
        Outcome::Passed => "passed",
        Outcome::Refused => "**refused**",
        Outcome::Error => "**error**",
        Outcome::NothingChecked => "**nothing checked**",
    };
    format!("| {} | {outcome} | {} |", gate.gate, text::prose(&numbers(gate)))
}

/// Lines, functions and regions by package, where there are several packages.
fn packages(page: &mut Page, verdict: &Verdict) {
    let coverage = verdict.gates.iter().find(|gate| gate.gate == Gate::Coverage);
    let packages = coverage.and_then(|gate| gate.facts.get("packages")?.as_object());
    let Some(packages) = packages.filter(|packages| packages.len() > 1) else { return };
    page.add("| package | lines | functions | regions |\n|---|--:|--:|--:|\n");
    for (name, share) in packages.iter().take(ITEMS_MAX) {
        let of = |what: &str| {
            let part = if what == "lines" { Some(share) } else { share.get(what) };
            match part.and_then(share_of) {
                Some((covered, total)) if total > 0 => {
                    format!("{} % ({covered} of {total})", Percent::of(covered, total))
                }
                _ => "–".to_owned(),
            }
        };
        let name = text::prose(name);
        page.add(&format!("| {name} | {} | {} | {} |\n", of("lines"), of("functions"), of("regions")));
    }
    page.left_out += packages.len().saturating_sub(ITEMS_MAX);
    page.add("\n");
}

/// The numbers of a gate, and of coverage also those of the changed lines.
pub(super) fn numbers(gate: &GateVerdict) -> String {
    match gate.share("patch").filter(|_| gate.outcome != Outcome::Error) {
        Some((_, 0)) => format!("{}; no changed executable line", facts(gate)),
        Some((covered, total)) => {
            format!("{}; {} % of {total} changed", facts(gate), Percent::of(covered, total))
        }
        None => facts(gate),
    }
}

/// A list with its title, as long as a list may be.
pub(super) fn list(page: &mut Page, title: &str, findings: &[&Finding], item: &dyn Fn(&Finding) -> String) {
    if findings.is_empty() {
        return;
    }
    page.add(&format!("### {title} ({})\n\n", findings.len()));
    for finding in findings.iter().take(ITEMS_MAX) {
        page.add(&format!("- {}\n", item(finding)));
    }
    page.left_out += findings.len().saturating_sub(ITEMS_MAX);
    page.add("\n");
}

/// Where, and what.
pub(super) fn place_and_message(finding: &Finding) -> String {
    let message = message(finding);
    match rank::place(finding) {
        Some(place) => format!("{} {message}", text::code(&place)),
        None => message,
    }
}

fn whole(finding: &Finding) -> String {
    format!("{} {}  \n  → {}", text::code(&finding.code), place_and_message(finding), help(finding))
}

/// What a finding says, as much of it as people read.
pub(super) fn message(finding: &Finding) -> String {
    text::prose(&text::cut(&finding.message, MESSAGE_BYTES_MAX))
}

/// The next command.
pub(super) fn help(finding: &Finding) -> String {
    text::code(&text::cut(&finding.help, MESSAGE_BYTES_MAX))
}

fn foot(verdict: &Verdict, evidence: &Evidence, report: &str) -> String {
    let short = |commit: &str| text::code(short_commit(commit));
    let dirty = if verdict.dirty { " with uncommitted changes" } else { "" };
    let base = match (&verdict.base, &verdict.base_from) {
        (Some(base), Some(from)) => format!(", compared with {} ({})", short(base), text::prose(from)),
        (Some(base), None) => format!(", compared with {}", short(base)),
        _ => String::new(),
    };
    let changed = evidence.change.as_ref().map_or(0, |change| change.files.len());
    let changed = if base.is_empty() { String::new() } else { format!(", {changed} files changed") };
    format!(
        "<sub>commit {}{dirty}{base}{changed} · policy {} from {} · everything: {}</sub>\n",
        short(&verdict.commit),
        text::code(verdict.policy.hash.short()),
        text::code(&verdict.policy.source),
        text::code(report)
    )
}

#[cfg(test)]
mod tests;
