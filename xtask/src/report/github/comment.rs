//! The comment on a pull request: one, kept up to date, and worth reading.
//!
//! The verdict first, then what to do next, then what the change brings: lines that no test ran, new findings, flakes, waivers
//! about to end, and how the coverage went. What is well is not told: a pass is two lines. It carries two hidden marks: whose it is,
//! and what it speaks of ([`State`]), so that an older run never overwrites a newer one and an equal one writes nothing.

use super::Links;
use crate::digest::{Digest, short_commit};
use crate::policy::Percent;
use crate::report::summary::{self, MESSAGE_BYTES_MAX, Page, SOON};
use crate::report::{rank, text};
use crate::tools::github::limits;
use crate::verdict::{Finding, Gate, Outcome, Severity, Verdict};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Room for the line that counts what is left out.
const COUNT_BYTES_MAX: usize = 300;
/// Room for the hidden marks.
const MARKS_BYTES_MAX: usize = 1_024;

/// What a comment speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The commit of the pull request.
    pub commit: String,
    /// The run and its attempt.
    pub run: Option<(u64, u64)>,
    /// Of everything that is told but run and times.
    pub digest: String,
}

impl State {
    /// Whether a comment that speaks of `self` may be replaced by one that speaks of `newer`, where both are of the same commit.
    /// A comment of another commit is replaced: that ours is the newest one was asked before.
    pub fn gives_way_to(&self, newer: &State) -> bool {
        match (self.commit == newer.commit, self.run, newer.run) {
            (true, Some(there), Some(ours)) => there <= ours,
            _ => true,
        }
    }
}

/// The first hidden mark. A name has letters that end no comment of HTML.
fn owner(name: &str) -> String {
    format!("<!-- gateline/comment/v1 name={name} -->")
}

/// What the comment of this name speaks of, if it is one: `Some(None)` where the mark is damaged.
pub fn read(name: &str, body: &str) -> Option<Option<State>> {
    let rest = body.strip_prefix(&owner(name))?;
    let mark = rest.trim_start().strip_prefix("<!-- gateline/state ")?.split(" -->").next()?;
    Some(serde_json::from_str(mark).ok())
}

/// The whole comment.
pub fn comment(name: &str, state: &State, verdict: &Verdict, links: &Links) -> String {
    // `--` would end the hidden mark; our values are digits and hexadecimal digits, and JSON may write a dash so.
    let mark = serde_json::to_string(state).unwrap_or_default().replace('-', "\\u002d");
    let marks = format!("{}\n<!-- gateline/state {mark} -->\n", owner(name));
    let room = limits::COMMENT_BYTES_MAX - MARKS_BYTES_MAX.max(marks.len());
    format!("{marks}{}", body(verdict, links, 0, room))
}

/// Whether it is worth a comment where there is none yet.
pub fn is_worth_it(verdict: &Verdict) -> bool {
    let said = |finding: &&Finding| finding.severity != Severity::Note || finding.changed;
    verdict.outcome != Outcome::Passed || rank::ranked(verdict).iter().any(said)
}

/// What the verdict says, whenever and wherever it was measured.
pub fn digest(parts: &[&str]) -> String {
    Digest::of(parts.join("\0").as_bytes()).hex().chars().take(32).collect()
}

/// The text, in at most `bytes_max` bytes. `left_out` annotations had no room beside it.
pub fn body(verdict: &Verdict, links: &Links, left_out: usize, bytes_max: usize) -> String {
    let mut page = Page { text: String::new(), room: bytes_max.saturating_sub(COUNT_BYTES_MAX), left_out: 0 };
    page.add(&summary::head(verdict));
    summary::next(&mut page, verdict);
    if verdict.outcome != Outcome::Passed {
        page.add(&gates(verdict));
    }
    coverage(&mut page, verdict);
    summary::supply::section(&mut page, verdict);
    let ranked = rank::ranked(verdict);
    let only = |wanted: &dyn Fn(&Finding) -> bool| -> Vec<&Finding> {
        ranked.iter().copied().filter(|finding| wanted(finding)).collect()
    };
    let is_coverage = |finding: &Finding| finding.code.starts_with("coverage/");
    let is_flake = |finding: &Finding| finding.code == "tests/flaky";
    let own_list =
        |finding: &Finding| is_flake(finding) || finding.code == SOON || summary::supply::is_told(finding);
    let item = |finding: &Finding| item(finding, links);
    let place = |finding: &Finding| place(finding, links);
    let uncovered = only(&|one| one.changed && is_coverage(one));
    summary::list(&mut page, "Changed lines that no test ran", &uncovered, &place);
    let new = only(&|one| one.changed && !is_coverage(one) && !own_list(one));
    summary::list(&mut page, "On changed lines", &new, &item);
    let errors = only(&|one| !one.changed && one.severity == Severity::Error && !own_list(one));
    summary::list(&mut page, "Errors", &errors, &item);
    summary::list(&mut page, "Flaky tests", &only(&is_flake), &place);
    summary::list(&mut page, "Waivers that end soon", &only(&|one| one.code == SOON), &place);
    let elsewhere = only(&|one| !one.changed && one.severity != Severity::Error && !own_list(one)).len();
    page.add(&foot(verdict, links, elsewhere));
    let mut text = page.text;
    if left_out > 0 {
        let _ = writeln!(text, "\n{left_out} annotations more had no room.");
    }
    if page.left_out > 0 {
        let _ = writeln!(text, "\n{} items more, in the report of the run.", page.left_out);
    }
    text
}

/// Gates and their numbers, without times: a run that found the same says the same.
fn gates(verdict: &Verdict) -> String {
    let mut text = "| gate | outcome | |\n|---|---|---|\n".to_owned();
    for gate in &verdict.gates {
        let _ = writeln!(text, "{}", summary::row(gate));
    }
    text.push('\n');
    text
}

/// The coverage with its trend, where the gate measured it.
fn coverage(page: &mut Page, verdict: &Verdict) {
    let Some(gate) = verdict.gates.iter().find(|gate| gate.gate == Gate::Coverage) else { return };
    let Some(now) = gate.share("lines").filter(|_| gate.outcome != Outcome::Error) else { return };
    let mut line = format!("Coverage {} %", Percent::of(now.0, now.1));
    let moved = gate.facts.pointer("/drop/basis_points").and_then(serde_json::Value::as_i64);
    if let (Some(drop), Some(before)) = (moved, gate.share("drop/before")) {
        let arrow = match drop {
            0 => "→",
            1.. => "↘",
            _ => "↗",
        };
        let _ = write!(line, " {arrow} (before {} %)", Percent::of(before.0, before.1));
    }
    match gate.share("patch") {
        Some((_, 0)) | None => {}
        Some((covered, total)) => {
            let _ = write!(line, ", changed lines {} % ({covered} of {total})", Percent::of(covered, total));
        }
    }
    page.add(&format!("{line}\n\n"));
}

fn place(finding: &Finding, links: &Links) -> String {
    let message = summary::message(finding);
    match links.place(finding) {
        Some(place) => format!("{place} {message}"),
        None => message,
    }
}

fn item(finding: &Finding, links: &Links) -> String {
    let code = text::code(&text::cut(&finding.code, MESSAGE_BYTES_MAX));
    format!("{code} {}  \n  → {}", place(finding, links), summary::help(finding))
}

fn foot(verdict: &Verdict, links: &Links, elsewhere: usize) -> String {
    let short = |commit: &str| text::code(short_commit(commit));
    let base =
        verdict.base.as_deref().map(|base| format!(", compared with {}", short(base))).unwrap_or_default();
    let waived = match rank::waived(verdict).len() {
        0 => String::new(),
        count => format!(" · {count} waived"),
    };
    let more = match elsewhere {
        0 => String::new(),
        count => format!(" · {count} more on lines that did not change"),
    };
    let run = links.run.as_deref().map(|run| format!(" · [all of it]({run})")).unwrap_or_default();
    format!("<sub>{}{base}{waived}{more}{run}</sub>\n", short(&verdict.commit))
}

#[cfg(test)]
mod tests;
