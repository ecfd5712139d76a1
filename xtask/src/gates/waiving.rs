//! Puts waivers on the findings that they name, and says of each waiver what came of it.

use crate::evidence::policy::{PolicyEvidence, Scope};
use crate::policy::waivers::{FILE, Placed, SOON_DAYS, cannot_be_waived};
use crate::verdict::{Finding, Gate, GateVerdict, Outcome, Severity};
use std::collections::BTreeSet;

/// Marks what is waived, judges those gates anew, and gives what is to be said of the waivers themselves.
///
/// An expired waiver lifts nothing. A gate that could not run or had nothing to check stays so whatever is waived.
pub fn apply(policies: &PolicyEvidence, gates: &mut [GateVerdict]) -> Vec<Finding> {
    let mut met: Vec<BTreeSet<String>> = vec![BTreeSet::new(); policies.waivers.len()];
    for gate in gates.iter_mut() {
        for finding in gate.findings.iter_mut().filter(|finding| cannot_be_waived(&finding.code).is_none()) {
            let subject = finding.waived_as().to_owned();
            for (Placed { waiver, .. }, met) in policies.waivers.iter().zip(&mut met) {
                if !waiver.meets(&finding.code, &subject, &finding.names) {
                    continue;
                }
                met.insert(subject.clone());
                if waiver.expired(policies.today) {
                    finding.help = format!("{} (its waiver ended with {})", finding.help, waiver.expires);
                } else if finding.waiver.is_none() {
                    finding.waiver =
                        Some(format!("{}, until {}: {}", waiver.owner, waiver.expires, waiver.reason));
                }
            }
        }
        gate.settle();
    }
    let each = policies.waivers.iter().zip(&met);
    each.flat_map(|(placed, met)| about(policies, placed, met, gates)).collect()
}

/// What is to be said of one waiver.
fn about(
    policies: &PolicyEvidence,
    placed: &Placed,
    met: &BTreeSet<String>,
    gates: &[GateVerdict],
) -> Vec<Finding> {
    let Placed { waiver, line } = placed;
    let name = format!("{} {}", waiver.code, waiver.subject);
    let say = |what: &str, severity, message: String, help: String| {
        Finding::new(Gate::Policy, what, severity, message, help)
            .at(format!("policies/{FILE}"), *line)
            .about(&name)
    };
    if waiver.expired(policies.today) {
        let message = format!("the waiver of {name} ended with {} ({})", waiver.expires, waiver.owner);
        let help = format!(
            "mend it and remove the entry, or give it anew: cargo xtask waive {} '{}'",
            waiver.code, waiver.subject
        );
        return vec![say("waiver-expired", Severity::Error, message, help)];
    }
    let mut findings = Vec::new();
    let left = waiver.days_left(policies.today);
    if left <= SOON_DAYS {
        let days = if left == 1 { "day" } else { "days" };
        let message = format!(
            "the waiver of {name} ends with {} ({}), {left} {days} left",
            waiver.expires, waiver.owner
        );
        let help = "mend it before: an expired waiver refuses".to_owned();
        findings.push(say("waiver-expires-soon", Severity::Note, message, help));
    }
    if met.is_empty() && policies.scope == Scope::Whole && was_judged(waiver.gate(), gates) {
        // A flaky test is not flaky each time.
        let severity = if waiver.code == "tests/flaky" { Severity::Note } else { Severity::Warning };
        let message = format!("the waiver of {name} meets no finding");
        findings.push(say(
            "waiver-unused",
            severity,
            message,
            "remove the entry from policies/waivers.yaml".into(),
        ));
    }
    if let (true, Some(only), 1) = (waiver.broad(), met.first(), met.len()) {
        let message = format!("the waiver of {name} is broader than needed: it meets only {only}");
        findings.push(say(
            "waiver-too-broad",
            Severity::Warning,
            message,
            format!("write `subject: {only}`"),
        ));
    }
    findings
}

fn was_judged(gate: Option<Gate>, gates: &[GateVerdict]) -> bool {
    let settled = |one: &&GateVerdict| matches!(one.outcome, Outcome::Passed | Outcome::Refused);
    gates.iter().filter(settled).any(|one| Some(one.gate) == gate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::waivers::Waiver;
    use jiff::civil::{Date, date};

    fn placed(code: &str, subject: &str, expires: Date) -> Placed {
        let (reason, owner) = ("why".to_owned(), "ana".to_owned());
        Placed {
            waiver: Waiver {
                code: code.into(),
                subject: subject.into(),
                reason,
                owner,
                expires,
                value: None,
            },
            line: 7,
        }
    }

    fn tests_gate(subjects: &[&str]) -> GateVerdict {
        let failed = |subject: &&str| {
            Finding::new(Gate::Tests, "failed", Severity::Error, "m", "rerun it").about(*subject)
        };
        GateVerdict::of(Gate::Tests, 0, serde_json::json!({}), subjects.iter().map(failed).collect())
    }

    /// The outcome of the gate, and the codes of what is said of the waivers.
    fn check(waivers: Vec<Placed>, mut gate: GateVerdict, scope: Scope) -> (Outcome, Vec<String>) {
        let today = date(2026, 11, 24);
        let policies = PolicyEvidence { today, scope, waivers, ..PolicyEvidence::default() };
        let said = apply(&policies, std::slice::from_mut(&mut gate));
        (gate.outcome, said.into_iter().map(|one| one.code).collect())
    }

    const LATER: Date = date(2027, 1, 31);
    const SOON: Date = date(2026, 11, 30);
    const OVER: Date = date(2026, 11, 23);

    #[test]
    fn a_waiver_lifts_exactly_what_it_names_while_it_lasts() {
        let one = |subject, expires| vec![placed("tests/failed", subject, expires)];
        let run = |waivers| check(waivers, tests_gate(&["a::b"]), Scope::Whole);
        assert_eq!(run(one("a::b", LATER)), (Outcome::Passed, vec![]));
        assert_eq!(run(one("a::b", SOON)), (Outcome::Passed, vec!["policy/waiver-expires-soon".into()]));
        assert_eq!(run(one("a::b", OVER)), (Outcome::Refused, vec!["policy/waiver-expired".into()]));
        assert_eq!(run(one("a::c", LATER)), (Outcome::Refused, vec!["policy/waiver-unused".into()]));
        assert_eq!(run(one("a::*", LATER)), (Outcome::Passed, vec!["policy/waiver-too-broad".into()]));
        assert_eq!(run(vec![placed("tests/flaky", "a::b", LATER)]).0, Outcome::Refused);
    }

    #[test]
    fn one_waiver_of_two_findings_still_refuses_and_a_star_may_take_both() {
        let waivers = vec![placed("tests/failed", "a::b", LATER)];
        assert_eq!(check(waivers, tests_gate(&["a::b", "a::c"]), Scope::Whole).0, Outcome::Refused);
        let waivers = vec![placed("tests/failed", "a::*", LATER)];
        assert_eq!(check(waivers, tests_gate(&["a::b", "a::c"]), Scope::Whole), (Outcome::Passed, vec![]));
    }

    #[test]
    fn of_a_part_and_of_a_gate_that_did_not_run_nothing_is_unused() {
        let waivers = || vec![placed("tests/failed", "x", LATER)];
        assert_eq!(check(waivers(), tests_gate(&[]), Scope::Part).1, Vec::<String>::new());
        let why = crate::evidence::CouldNotRun { message: "no disk".into(), help: "df".into() };
        let failed = GateVerdict::could_not_run(Gate::Tests, 0, &why);
        assert_eq!(check(waivers(), failed, Scope::Whole), (Outcome::Error, vec![]));
        let flaky = vec![placed("tests/flaky", "x", LATER)];
        assert_eq!(check(flaky, tests_gate(&[]), Scope::Whole).1, ["policy/waiver-unused"]);
    }

    #[test]
    fn what_had_nothing_to_check_does_not_pass_by_a_waiver() {
        let waivers = vec![placed("tests/failed", "a", LATER)];
        let gate = tests_gate(&["a"]).nothing_checked();
        assert_eq!(gate.outcome, Outcome::Refused);
        assert_eq!(check(waivers, gate, Scope::Whole).0, Outcome::NothingChecked);
        // Even one that got past the parser: evidence comes from a file.
        let why = crate::evidence::CouldNotRun { message: "no disk".into(), help: "df".into() };
        let failed = GateVerdict::could_not_run(Gate::Tests, 0, &why);
        let waivers = vec![placed("tests/could-not-run", "*", LATER)];
        assert_eq!(check(waivers, failed, Scope::Whole).0, Outcome::Error);
    }
}
