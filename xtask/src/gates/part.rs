//! What a run of a part of the tests may say, and what it may not.
//!
//! A part says which packages or which shard it is, in facts and in notes. Where no package is affected, the claim "what the
//! change touches was tested" holds with nothing to run, and the gate passes with that reason, as patch coverage passes
//! with no changed line; the same for a shard that got no test. Lines are another matter: totals of a part are no totals,
//! so what is demanded of totals is noted and not judged, and only what speaks of changed lines still refuses. A release
//! needs the whole.

use crate::evidence::TestsEvidence;
use crate::evidence::part::Part;
use crate::verdict::{Finding, Gate, GateVerdict, Outcome, Severity};
use serde_json::json;

/// Packages that are named in one note.
const NAMED_MAX: usize = 20;
/// Codes that are judged by changed lines alone.
const OF_CHANGED_LINES: &str = "coverage/patch";
/// Findings that only a whole run can prove.
const OF_THE_WHOLE: [&str; 3] = ["tests/none", "tests/must-run-missing", "tests/fewer"];

/// The tests gate's verdict, as it is for a part.
pub(super) fn of_tests(mut verdict: GateVerdict, evidence: &TestsEvidence) -> GateVerdict {
    let part = &evidence.part;
    if part.is_empty() {
        return verdict;
    }
    let of_the_whole = |finding: &Finding| OF_THE_WHOLE.iter().any(|code| finding.code == **code);
    verdict.findings.retain(|finding| !of_the_whole(finding) || part.is_whole());
    if let Some(facts) = verdict.facts.as_object_mut() {
        facts.insert("part".to_owned(), json!(part));
        if let Some(affected) = &part.affected {
            facts.insert("packages_not_affected".to_owned(), json!(affected.unaffected.len()));
        }
    }
    let nothing_wanted = evidence.tests.is_empty() && evidence.broken.is_empty() && !part.is_whole();
    let judged_anew = match verdict.outcome {
        Outcome::Passed | Outcome::Refused => true,
        Outcome::NothingChecked => nothing_wanted,
        Outcome::Error => false,
    };
    if judged_anew {
        verdict = GateVerdict::of(verdict.gate, verdict.duration_ms, verdict.facts, verdict.findings);
    }
    verdict.add(notes(part));
    verdict
}

fn notes(part: &Part) -> Vec<Finding> {
    let note =
        |what, message: String, help: &str| Finding::new(Gate::Tests, what, Severity::Note, message, help);
    let whole = "all of them: leave --affected out";
    let mut notes = Vec::new();
    if let Some(affected) = &part.affected {
        if let Some(why) = &affected.everything {
            notes.push(note("everything-affected", format!("every package is affected: {why}"), whole));
        } else if affected.packages.is_empty() {
            let message = format!("no package is affected since {}", short(&affected.base));
            notes.push(note("none-affected", message, whole));
        } else {
            let mut told: Vec<String> = affected
                .packages
                .iter()
                .take(NAMED_MAX)
                .map(|(name, because)| format!("{name} ({because})"))
                .collect();
            if affected.packages.len() > NAMED_MAX {
                told.push(format!("{} more", affected.packages.len() - NAMED_MAX));
            }
            let message = format!(
                "{} packages not affected since {}; affected: {}",
                affected.unaffected.len(),
                short(&affected.base),
                told.join(", ")
            );
            notes.push(note("affected", message, whole));
        }
    }
    if let Some(shard) = &part.shard {
        let tests = shard.tests_of_all_sets();
        let message = format!("this is shard {} of {}, of {tests} tests", shard.index, shard.count);
        notes.push(note("shard", message, "cargo xtask ci merge DIR… makes one verdict of all"));
    }
    notes
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

/// The coverage gate's verdict, as it is where only a part of the tests ran.
pub(super) fn of_coverage(verdict: GateVerdict, part: &Part) -> GateVerdict {
    let none_ran = verdict.outcome == Outcome::NothingChecked && verdict.facts["lines"]["total"] == 0;
    let checked = matches!(verdict.outcome, Outcome::Passed | Outcome::Refused);
    if part.is_whole() || !(checked || none_ran) {
        return verdict;
    }
    let mut findings = verdict.findings;
    findings.retain(|finding| finding.code != "coverage/no-lines");
    let mut left = 0_usize;
    for finding in &mut findings {
        let of_changed_lines = finding.code.starts_with(OF_CHANGED_LINES);
        if finding.severity == Severity::Error && (part.shard.is_some() || !of_changed_lines) {
            finding.severity = Severity::Note;
            finding.message.push_str(" (not judged: a part of the tests ran)");
            left += 1;
        }
    }
    let message = format!("totals are not judged: {} ran", part.told());
    let help = match part.shard {
        Some(_) => "cargo xtask ci merge DIR… judges the lines of all shards",
        None => "all of them: leave --affected out",
    };
    findings.insert(0, Finding::new(Gate::Coverage, "totals-not-judged", Severity::Note, message, help));
    let mut facts = verdict.facts;
    if let Some(facts) = facts.as_object_mut() {
        facts.insert("part".to_owned(), json!(part));
        facts.insert("not_judged".to_owned(), json!(left));
    }
    GateVerdict::of(verdict.gate, verdict.duration_ms, facts, findings)
}

/// The tests gate's verdict where a release asks: a part never stands for the whole.
pub(super) fn for_release(mut verdict: GateVerdict, evidence: &TestsEvidence) -> GateVerdict {
    if let Some(reused) = evidence.reused.first() {
        let message = format!(
            "a release never uses results again; those of {} tests are from commit {}",
            reused.tests,
            short(&reused.from.commit)
        );
        let help = "cargo xtask ci --fresh";
        verdict.add(vec![Finding::new(Gate::Tests, "used-again", Severity::Error, message, help)]);
    }
    let part = &evidence.part;
    if part.is_whole() {
        return verdict;
    }
    let message = format!("a release needs every test; this evidence has {}", part.told());
    let help = match part.shard {
        Some(_) => "cargo xtask ci merge DIR…, then judge what it wrote",
        None => "cargo xtask ci, without --affected",
    };
    verdict.add(vec![Finding::new(Gate::Tests, "part", Severity::Error, message, help)]);
    verdict
}

#[cfg(test)]
mod tests;
