//! One readable page for each gate of the security group, in Markdown: what came out, the numbers, and every finding with its next step.

use super::text;
use crate::verdict::{Finding, GateVerdict, Outcome, Severity};
use serde_json::Value;
use std::fmt::Write as _;

/// Findings of one severity on a page; `verdict.json` has all.
const FINDINGS_MAX: usize = 2_000;
/// Bytes of one message or help.
const TEXT_BYTES_MAX: usize = 2_000;

/// The page. The same verdict gives the same bytes.
pub fn page(gate: &GateVerdict) -> String {
    let mut page = format!("# {}: {}\n", gate.gate, word(gate.outcome));
    if let Some(facts) = gate.facts.as_object().filter(|facts| !facts.is_empty()) {
        page += "\n";
        for (name, fact) in facts {
            let _ = writeln!(page, "- {}: {}", text::prose(&name.replace('_', " ")), shown(fact));
        }
    }
    for (title, severity) in
        [("Errors", Severity::Error), ("Warnings", Severity::Warning), ("Notes", Severity::Note)]
    {
        let of = gate.findings.iter().filter(|finding| finding.severity == severity);
        let of: Vec<&Finding> = of.collect();
        if of.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {title} ({})\n\n", of.len());
        of.iter().take(FINDINGS_MAX).for_each(|finding| one(&mut page, finding));
        if let Some(rest) = of.len().checked_sub(FINDINGS_MAX).filter(|rest| *rest > 0) {
            let _ = writeln!(page, "- … and {rest} more in verdict.json");
        }
    }
    if gate.findings.is_empty() {
        page += "\nNothing was found.\n";
    }
    page
}

fn one(page: &mut String, finding: &Finding) {
    let prose = |words: &str| text::prose(&text::cut(words, TEXT_BYTES_MAX));
    let place =
        super::rank::place(finding).map_or(String::new(), |place| format!("{}: ", text::code(&place)));
    let _ = writeln!(page, "- {place}{} ({})", prose(&finding.message), text::code(&finding.code));
    if let Some(subject) = &finding.subject {
        let _ = writeln!(page, "  - about: {}", text::code(&text::cut(subject, TEXT_BYTES_MAX)));
    }
    let _ = match &finding.waiver {
        Some(waiver) => writeln!(page, "  - waived: {}", prose(waiver)),
        None if finding.help.is_empty() => Ok(()),
        None => writeln!(page, "  - next: {}", prose(&finding.help)),
    };
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Refused => "refused",
        Outcome::Error => "could not run",
        Outcome::NothingChecked => "nothing checked",
    }
}

/// A fact in one line: numbers and words as they are, what is nested with its names.
fn shown(fact: &Value) -> String {
    match fact {
        Value::Null => "none".to_owned(),
        Value::String(words) if words.is_empty() => "none".to_owned(),
        Value::String(words) => text::prose(&text::cut(words, TEXT_BYTES_MAX)),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => {
            let named = fields
                .iter()
                .map(|(name, fact)| format!("{} {}", text::prose(&name.replace('_', " ")), shown(fact)));
            named.collect::<Vec<_>>().join(", ")
        }
        Value::Bool(_) | Value::Number(_) => fact.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Gate;

    #[test]
    fn a_page_has_the_numbers_and_every_finding_with_its_next_step() {
        let finding = |severity, message: &str| {
            Finding::new(Gate::Advisories, "vulnerability", severity, message, "cargo update -p x")
                .at("Cargo.lock", 7)
                .about("RUSTSEC-1")
        };
        let waived =
            Finding { waiver: Some("ana, until 2026-12-31: later".into()), ..finding(Severity::Error, "b") };
        let facts = serde_json::json!({"packages": 3, "yanked": {"known": 1, "unknown": 2}, "databases": [{"name": "embedded", "age_days": 4}], "osv": [], "why": null});
        let gate =
            GateVerdict::of(Gate::Advisories, 5, facts, vec![finding(Severity::Error, "a <b>"), waived]);
        let expected = "# advisories: refused\n\n- databases: age days 4, name embedded\n- osv: none\n- packages: 3\n- why: none\n\
            - yanked: known 1, unknown 2\n\n## Errors (2)\n\n- `Cargo.lock:7`: a &lt;b&gt; (`advisories/vulnerability`)\n  - about: `RUSTSEC-1`\n  - next: cargo update \\-p x\n\
            - `Cargo.lock:7`: b (`advisories/vulnerability`)\n  - about: `RUSTSEC-1`\n  - waived: ana, until 2026\\-12\\-31: later\n";
        assert_eq!(page(&gate).replace('\\', ""), expected.replace('\\', ""));
        let empty = GateVerdict::of(Gate::Secrets, 5, serde_json::json!({}), vec![]);
        assert_eq!(page(&empty), "# secrets: passed\n\nNothing was found.\n");
    }

    #[test]
    fn a_page_is_bounded() {
        let finding =
            Finding::new(Gate::Secrets, "x", Severity::Warning, "m".repeat(10_000), "h".repeat(10_000));
        let gate = GateVerdict::of(Gate::Secrets, 5, serde_json::json!({}), vec![finding; FINDINGS_MAX + 5]);
        let page = page(&gate);
        assert!(page.ends_with("- … and 5 more in verdict.json\n") && page.len() < FINDINGS_MAX * 5_000);
    }
}
