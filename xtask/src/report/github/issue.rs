//! The issue about advisories: one, open as long as something is known against a dependency, closed by itself after that.

use super::comment;
use crate::digest::short_commit;
use crate::report::summary::{self, MESSAGE_BYTES_MAX, Page};
use crate::report::text;
use crate::tools::github::limits;
use crate::verdict::{Finding, Gate, Outcome, Severity, Verdict};
use serde::Serialize;
use std::fmt::Write as _;

/// The hidden mark, at the start of the body.
const MARK: &str = "<!-- gateline/issue/v1 name=advisories -->";
/// The title of the one issue.
pub const TITLE: &str = "Gateline: known vulnerabilities in dependencies";
/// The label by which it is found.
pub const LABEL: &str = "gateline-advisories";
/// Room for the line that counts what is left out.
const COUNT_BYTES_MAX: usize = 100;

/// What the issue should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "wanted")]
pub enum Wanted {
    /// Open, with this body.
    Open {
        /// Markdown, with the mark.
        body: String,
    },
    /// Closed: the gate has looked, and there is nothing.
    Closed,
    /// As it is: the gate could not look, so nothing is known.
    AsItIs {
        /// Why.
        why: String,
    },
}

/// Whether a body is that of our issue.
pub fn is_ours(body: &str) -> bool {
    body.starts_with(MARK)
}

/// What the issue of a verdict should be.
pub fn wanted(verdict: &Verdict, run: Option<&str>) -> Wanted {
    let Some(gate) = verdict.gates.iter().find(|gate| gate.gate == Gate::Advisories) else {
        return Wanted::AsItIs { why: "the verdict has no gate `advisories`".to_owned() };
    };
    if matches!(gate.outcome, Outcome::Error | Outcome::NothingChecked) {
        return Wanted::AsItIs { why: "the gate `advisories` could not look".to_owned() };
    }
    let known: Vec<&Finding> =
        gate.findings.iter().filter(|one| one.waiver.is_none() && one.severity != Severity::Note).collect();
    if known.is_empty() {
        return Wanted::Closed;
    }
    // The digest tells whether anything new is said; times and runs are no news.
    let items: Vec<String> = known.iter().map(|finding| item(finding)).collect();
    let parts: Vec<&str> = items.iter().map(String::as_str).collect();
    let room = limits::COMMENT_BYTES_MAX - COUNT_BYTES_MAX;
    let mut page = Page { text: String::new(), room, left_out: 0 };
    page.add(&format!("{MARK}\n<!-- gateline/state {} -->\n", comment::digest(&parts)));
    page.add("Gateline has found advisories against dependencies of the default branch.\n\n");
    items.iter().for_each(|item| page.add(item));
    let run = run.map(|run| format!(" · [the run]({run})")).unwrap_or_default();
    let commit = text::code(short_commit(&verdict.commit));
    page.add(&format!(
        "\nThis issue is kept up to date, and closed when nothing is left.\n<sub>{commit}{run}</sub>\n"
    ));
    let mut body = page.text;
    if page.left_out > 0 {
        let _ = writeln!(body, "\n{} items more, in the report of the run.", page.left_out);
    }
    Wanted::Open { body }
}

/// Whether two bodies say the same, whenever they were written.
pub fn says_the_same(one: &str, other: &str) -> bool {
    let state = |body: &str| body.lines().nth(1).map(str::to_owned);
    is_ours(one) && is_ours(other) && state(one) == state(other)
}

fn item(finding: &Finding) -> String {
    let code = text::code(&text::cut(&finding.code, MESSAGE_BYTES_MAX));
    format!("- {code} {}  \n  → {}\n", summary::message(finding), summary::help(finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::verdict::GateVerdict;
    use proptest::prelude::*;

    fn of(findings: Vec<Finding>) -> Verdict {
        let mut verdict = sample::quiet();
        let gate = GateVerdict::of(Gate::Advisories, 1, serde_json::json!({}), findings);
        verdict.gates = vec![gate];
        verdict
    }

    fn finding(message: &str) -> Finding {
        Finding::new(Gate::Advisories, "vulnerability", Severity::Error, message, "cargo update -p x")
    }

    #[test]
    fn what_could_not_be_looked_at_closes_nothing() {
        assert_eq!(wanted(&sample::quiet(), None), Wanted::Closed);
        assert!(matches!(wanted(&sample::verdict(), None), Wanted::AsItIs { .. }));
        let mut without = sample::quiet();
        without.gates.clear();
        assert!(matches!(wanted(&without, None), Wanted::AsItIs { .. }));
        let mut waived = finding("RUSTSEC-2020-0001");
        waived.waiver = Some("known".to_owned());
        assert_eq!(wanted(&of(vec![waived]), None), Wanted::Closed);
    }

    #[test]
    fn a_run_is_no_news_and_an_advisory_is() {
        let body = |messages: &[&str], run| match wanted(
            &of(messages.iter().map(|one| finding(one)).collect()),
            run,
        ) {
            Wanted::Open { body } => body,
            other => panic!("{other:?}"),
        };
        let first = body(&["a"], Some("https://x/1"));
        assert!(says_the_same(&first, &body(&["a"], Some("https://x/2"))));
        assert!(!says_the_same(&first, &body(&["a", "b"], None)) && !says_the_same("a", "a"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_body_is_one_that_github_takes(count in 1usize..300, message in "(<b>|@x|`|ä|a ){0,300}") {
            let Wanted::Open { body } = wanted(&of(vec![finding(&message); count]), None) else { panic!() };
            prop_assert!(body.len() <= limits::COMMENT_BYTES_MAX && is_ours(&body));
            prop_assert!(!body.contains("<b>"));
        }
    }
}
