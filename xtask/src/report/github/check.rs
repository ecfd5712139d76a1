//! The check of a commit: its conclusion, its title, and annotations where the lines are; or, where checks cannot be written, a
//! commit status.

use super::{Links, comment, inside};
use crate::report::{annotations, rank, text};
use crate::tools::github::limits;
use crate::verdict::{Finding, Outcome, Severity, Verdict};
use serde::Serialize;

/// Bytes of the message of one annotation, far below what GitHub takes: it is read beside a line.
const MESSAGE_BYTES_MAX: usize = 2_000;
/// Bytes of a path; the longest that Linux takes.
const PATH_BYTES_MAX: usize = 4_096;

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// How it ended.
    pub conclusion: Conclusion,
    /// The line beside its name.
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// At most [`limits::ANNOTATIONS_MAX`].
    pub annotations: Vec<Annotation>,
}

/// How a check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// It may be merged.
    Success,
    /// It may not.
    Failure,
}

impl Conclusion {
    /// As GitHub calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Conclusion::Success => "success",
            Conclusion::Failure => "failure",
        }
    }

    /// Only what passed may be merged: what could not be checked may not.
    pub fn of(outcome: Outcome) -> Conclusion {
        match outcome {
            Outcome::Passed => Conclusion::Success,
            Outcome::Refused | Outcome::Error | Outcome::NothingChecked => Conclusion::Failure,
        }
    }
}

/// What stands beside lines, in the words of GitHub's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    /// The file.
    pub path: String,
    /// The first line.
    pub start_line: u32,
    /// The last.
    pub end_line: u32,
    /// `failure`, `warning` or `notice`.
    pub annotation_level: &'static str,
    /// What, why and the next command.
    pub message: String,
    /// The code.
    pub title: String,
}

/// The check of a verdict. What is `told` already, as commands in the run's own log, is not told twice.
pub fn check(verdict: &Verdict, links: &Links, told: &[&Finding]) -> Check {
    let again = |finding: &Finding| told.iter().any(|one| std::ptr::eq(*one, finding));
    let placed: Vec<Annotation> =
        rank::ranked(verdict).into_iter().filter(|finding| !again(finding)).filter_map(annotation).collect();
    let left_out = placed.len().saturating_sub(limits::ANNOTATIONS_MAX);
    let mut annotations = placed;
    annotations.truncate(limits::ANNOTATIONS_MAX);
    Check {
        conclusion: Conclusion::of(verdict.outcome),
        title: title(verdict),
        summary: comment::body(verdict, links, left_out, limits::CHECK_SUMMARY_BYTES_MAX),
        annotations,
    }
}

/// The verdict in a line.
pub fn title(verdict: &Verdict) -> String {
    let count = |severity| {
        let all = verdict.gates.iter().flat_map(|gate| &gate.findings);
        all.filter(|one| one.waiver.is_none() && one.severity == severity).count()
    };
    let named = |count: usize, what: &str| match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}s")),
    };
    let counts = [named(count(Severity::Error), "error"), named(count(Severity::Warning), "warning")];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let bad: Vec<&str> = verdict
        .gates
        .iter()
        .filter(|gate| gate.outcome != Outcome::Passed)
        .map(|gate| gate.gate.name())
        .collect();
    let what = match verdict.outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Refused => format!("refused by {}", bad.join(", ")),
        Outcome::Error => format!("could not be checked: {}", bad.join(", ")),
        Outcome::NothingChecked => "nothing was checked".to_owned(),
    };
    match counts.is_empty() {
        true => what,
        false => format!("{what}: {}", counts.join(", ")),
    }
}

/// The verdict as a commit status: its state, and a description that GitHub takes.
pub fn status(verdict: &Verdict) -> (&'static str, String) {
    let state = match verdict.outcome {
        Outcome::Passed => "success",
        Outcome::Refused => "failure",
        Outcome::Error | Outcome::NothingChecked => "error",
    };
    (state, letters(&title(verdict), limits::STATUS_DESCRIPTION_CHARS_MAX))
}

/// An annotation, where the finding has a place that GitHub can show.
fn annotation(finding: &Finding) -> Option<Annotation> {
    let path = finding.file.as_deref().filter(|file| inside(file) && file.len() <= PATH_BYTES_MAX)?;
    let start_line = finding.line.unwrap_or(1).max(1);
    Some(Annotation {
        path: path.to_owned(),
        start_line,
        end_line: finding.end_line.unwrap_or(start_line).max(start_line),
        annotation_level: match finding.severity {
            Severity::Error => "failure",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        },
        message: annotations::message(finding, MESSAGE_BYTES_MAX.min(limits::ANNOTATION_MESSAGE_BYTES_MAX)),
        title: letters(&text::one_line(&finding.code), limits::ANNOTATION_TITLE_CHARS_MAX),
    })
}

/// At most so many characters.
fn letters(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{annotations, sample};
    use crate::verdict::{Gate, GateVerdict};
    use proptest::prelude::*;

    fn of(findings: Vec<Finding>) -> Verdict {
        let mut verdict = sample::verdict();
        verdict.gates = vec![GateVerdict::of(Gate::Lint, 0, serde_json::json!({}), findings)];
        verdict
    }

    #[test]
    fn changed_lines_come_first_and_the_rest_is_counted() {
        let finding = |line: u32| {
            let severity = if line.is_multiple_of(2) { Severity::Error } else { Severity::Note };
            let mut finding = Finding::new(Gate::Lint, "clippy", severity, "m", "h").at("a.rs", line);
            finding.changed = line == 499;
            finding
        };
        let check = check(&of((1..=500).map(finding).collect()), &Links::default(), &[]);
        assert_eq!(check.annotations.len(), limits::ANNOTATIONS_MAX);
        assert_eq!((check.annotations[0].start_line, check.annotations[0].annotation_level), (499, "notice"));
        assert!(check.annotations[1..].iter().all(|one| one.annotation_level == "failure"));
        assert!(check.summary.contains("400 annotations more"), "{}", check.summary);
    }

    #[test]
    fn nothing_is_annotated_twice() {
        let verdict = sample::verdict();
        let (told, _) = annotations::shown(&verdict);
        assert_eq!(check(&verdict, &Links::default(), &told).annotations, []);
        assert!(!check(&verdict, &Links::default(), &[]).annotations.is_empty());
    }

    #[test]
    fn the_title_says_which_gate_and_how_much() {
        assert_eq!(
            title(&sample::verdict()),
            "refused by lint, tests, coverage, advisories, image: 5 errors, 3 warnings"
        );
        assert_eq!(title(&sample::quiet()), "passed");
        assert_eq!(status(&sample::quiet()), ("success", "passed".to_owned()));
        assert_eq!(Conclusion::of(Outcome::NothingChecked), Conclusion::Failure);
    }

    proptest! {
        #[test]
        fn every_check_is_one_that_github_takes(
            messages in prop::collection::vec((any::<String>(), "(\\.\\./)?[a-zäa /\\n]{0,9}", any::<u32>(), any::<u32>()), 0..130),
            code in any::<String>(),
        ) {
            let findings = messages.into_iter().map(|(message, file, line, end)| {
                let mut finding = Finding::new(Gate::Lint, &code, Severity::Error, message, "h").at(file, line);
                finding.end_line = Some(end);
                finding
            });
            let verdict = of(findings.collect());
            let check = check(&verdict, &Links::default(), &[]);
            prop_assert!(check.annotations.len() <= limits::ANNOTATIONS_MAX);
            prop_assert!(check.summary.len() <= limits::CHECK_SUMMARY_BYTES_MAX);
            for one in check.annotations {
                prop_assert!(one.start_line >= 1 && one.end_line >= one.start_line);
                prop_assert!(!one.path.starts_with('/') && !one.path.contains(".."));
                prop_assert!(one.message.len() <= limits::ANNOTATION_MESSAGE_BYTES_MAX && !one.message.is_empty());
                prop_assert!(one.title.chars().count() <= limits::ANNOTATION_TITLE_CHARS_MAX);
            }
            prop_assert!(status(&verdict).1.chars().count() <= limits::STATUS_DESCRIPTION_CHARS_MAX);
        }
    }
}
