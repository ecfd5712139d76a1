//! Judges the policies themselves: what a change loosens against its base. What is to be said of waivers comes from
//! [`super::waiving`], once the other gates have been judged.

use crate::digest::short_commit;
use crate::evidence::policy::{Comparison, Found, Loosened, PolicyEvidence};
use crate::verdict::{Finding, Gate, GateVerdict, Severity};

/// The verdict. A loosening refuses until somebody who may has approved this commit and these policies.
pub fn judge(evidence: &PolicyEvidence, duration_ms: u64) -> GateVerdict {
    let comparison = evidence.comparison.as_ref();
    let facts = serde_json::json!({
        "files": evidence.files,
        "waivers": evidence.waivers.len(),
        "compared_with": comparison.map(|one| one.base_commit.as_str()),
        "loosened": comparison.map_or(0, |one| one.loosened.len()),
        "approved_by": comparison.map_or(&[][..], |one| one.approved_by.as_slice()),
    });
    let findings = comparison.map_or_else(Vec::new, differences);
    GateVerdict::of(Gate::Policy, duration_ms, facts, findings)
}

fn differences(comparison: &Comparison) -> Vec<Finding> {
    let approved = !comparison.approved_by.is_empty();
    let severity = if approved { Severity::Note } else { Severity::Error };
    let mut help = if approved {
        format!("approved by {}", comparison.approved_by.join(", "))
    } else {
        format!(
            "undo it, or let an approver of the base say yes: cargo xtask policy approve {}",
            short_commit(&comparison.head_commit)
        )
    };
    for why in &comparison.not_counted {
        help = format!("{help}; an approval does not count: {why}");
    }
    match &comparison.found {
        Found::Nothing => {
            let message = format!("{} has no policies: those of this change judge it", comparison.base);
            let help = "look at them once: cargo xtask policy show";
            vec![Finding::new(Gate::Policy, "introduced", Severity::Note, message, help).about("policies")]
        }
        Found::Unreadable { why } => {
            let message = format!(
                "the policies of {} cannot be read, so nothing is known of what changes: {why}",
                comparison.base
            );
            // Its approvers cannot be read either.
            let help = "mend the base's policies first: cargo xtask policy check --policy-ref BASE";
            vec![
                Finding::new(Gate::Policy, "base-unreadable", Severity::Error, message, help)
                    .about("policies"),
            ]
        }
        Found::Policies => comparison.loosened.iter().map(|one| loosened(one, severity, &help)).collect(),
    }
}

fn loosened(one: &Loosened, severity: Severity, help: &str) -> Finding {
    let Loosened { file, key, old, new, line } = one;
    let message = format!("policies/{file} loosens `{key}`: {old} → {new}");
    Finding::new(Gate::Policy, "loosened", severity, message, help)
        .at(format!("policies/{file}"), *line)
        .about(format!("{file} {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::verdict::Outcome;

    fn evidence(found: Found, loosened: usize, approved_by: &[&str]) -> PolicyEvidence {
        let one = Loosened {
            file: "coverage.yaml".into(),
            key: "minimum".into(),
            old: "80".into(),
            new: "70".into(),
            line: 3,
        };
        let comparison = Comparison {
            base: "main".into(),
            base_commit: "b".into(),
            head_commit: "0123456789abcdef".into(),
            old: Digest::of(b"a"),
            new: Digest::of(b"b"),
            found,
            loosened: vec![one; loosened],
            approved_by: approved_by.iter().map(|name| (*name).to_owned()).collect(),
            not_counted: vec!["the key of Ben expired on 2026-01-01".into()],
        };
        PolicyEvidence { comparison: Some(comparison), ..PolicyEvidence::default() }
    }

    /// The outcome and the first finding.
    fn check(evidence: &PolicyEvidence) -> (Outcome, Option<Finding>) {
        let verdict = judge(evidence, 0);
        (verdict.outcome, verdict.findings.into_iter().next())
    }

    #[test]
    fn nothing_compared_or_nothing_loosened_passes() {
        assert_eq!(check(&PolicyEvidence::default()), (Outcome::Passed, None));
        assert_eq!(check(&evidence(Found::Policies, 0, &[])), (Outcome::Passed, None));
    }

    #[test]
    fn a_loosening_refuses_until_it_is_approved() {
        let (outcome, finding) = check(&evidence(Found::Policies, 2, &[]));
        let finding = finding.unwrap();
        assert_eq!(
            (outcome, finding.code.as_str(), finding.line),
            (Outcome::Refused, "policy/loosened", Some(3))
        );
        assert!(finding.message.contains("80 → 70") && finding.help.contains("policy approve 0123456789ab"));
        assert!(finding.help.contains("the key of Ben expired"), "{}", finding.help);
        let (outcome, finding) = check(&evidence(Found::Policies, 1, &["Ana"]));
        assert_eq!((outcome, finding.unwrap().severity), (Outcome::Passed, Severity::Note));
    }

    #[test]
    fn a_base_without_policies_is_a_note_and_one_that_cannot_be_read_refuses() {
        let (outcome, finding) = check(&evidence(Found::Nothing, 0, &[]));
        assert_eq!((outcome, finding.unwrap().code.as_str()), (Outcome::Passed, "policy/introduced"));
        let broken = || Found::Unreadable { why: "policies/lint.yaml:1:1".into() };
        assert_eq!(check(&evidence(broken(), 0, &[])).0, Outcome::Refused);
        assert_eq!(check(&evidence(broken(), 0, &["Ana"])).0, Outcome::Refused);
    }
}
