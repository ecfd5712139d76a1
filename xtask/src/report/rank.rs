//! Which findings come first where there is not room for all: on changed lines, then the worst, then by place.

use crate::verdict::{Finding, Severity, Verdict};

/// Findings that count, in that order. Waived ones are not among them.
pub fn ranked(verdict: &Verdict) -> Vec<&Finding> {
    let mut all: Vec<&Finding> = verdict
        .gates
        .iter()
        .flat_map(|gate| &gate.findings)
        .filter(|finding| finding.waiver.is_none())
        .collect();
    all.sort_by_key(|finding| key(finding));
    all
}

/// Findings that a waiver lifts, by code and place.
pub fn waived(verdict: &Verdict) -> Vec<&Finding> {
    let mut all: Vec<&Finding> = verdict
        .gates
        .iter()
        .flat_map(|gate| &gate.findings)
        .filter(|finding| finding.waiver.is_some())
        .collect();
    all.sort_by_key(|finding| (&finding.code, key(finding)));
    all
}

fn key(finding: &Finding) -> (u8, Severity, &str, u32, &str) {
    let elsewhere = u8::from(!finding.changed);
    let file = finding.file.as_deref().unwrap_or_default();
    (elsewhere, finding.severity, file, finding.line.unwrap_or(0), &finding.message)
}

/// `src/a.rs:3`, `src/a.rs:3-7`, `src/a.rs`, or nothing.
pub fn place(finding: &Finding) -> Option<String> {
    let file = finding.file.as_ref()?;
    Some(match (finding.line, finding.end_line) {
        (Some(first), Some(last)) if last > first => format!("{file}:{first}-{last}"),
        (Some(line), _) => format!("{file}:{line}"),
        _ => file.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn changed_lines_come_first_then_the_worst_then_the_place() {
        let mut verdict = sample::verdict();
        verdict.gates[0].findings = vec![];
        let ranked = ranked(&verdict);
        let keys: Vec<_> = ranked.iter().map(|finding| (!finding.changed, finding.severity)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(ranked[0].changed && ranked.iter().any(|finding| !finding.changed));
        assert!(ranked.iter().all(|finding| finding.waiver.is_none()));
        assert_eq!(waived(&verdict).len(), 1);
    }
}
