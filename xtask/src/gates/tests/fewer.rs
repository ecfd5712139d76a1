//! Fewer tests than at the base: a suite that shrinks is green without having proved as much.

use crate::evidence::TestsEvidence;
use crate::evidence::baseline::TestsCompared;
use crate::policy::lint::Level;
use crate::verdict::{Finding, Gate, Severity};

/// Names that the message holds; the rest is in the evidence.
const NAMES_MAX: usize = 8;

/// The finding, where there are fewer tests than the baseline had and the policy looks for it.
pub(super) fn finding(level: Level, evidence: &TestsEvidence) -> Option<Finding> {
    let compared = evidence.compared.as_ref().filter(|compared| compared.now < compared.before)?;
    let severity = match level {
        Level::Refuse => Severity::Error,
        Level::Warn => Severity::Warning,
        Level::Off => return None,
    };
    let help = "bring them back; if they were to go, tests.yaml: `fewer: warn`, or a waiver for tests/fewer";
    Some(Finding::new(Gate::Tests, "fewer", severity, message(compared), help).about("tests"))
}

fn message(compared: &TestsCompared) -> String {
    let (before, now, new) = (compared.before, compared.now, compared.new);
    let names: Vec<&str> = compared.gone.iter().take(NAMES_MAX).map(String::as_str).collect();
    let told = (compared.gone.len() - names.len()) as u64 + compared.gone_more;
    let more = if told > 0 { format!(" and {told} more") } else { String::new() };
    format!(
        "{now} tests where the base had {before} (baseline {}); gone or ignored now: {}{more}; new: {new}",
        compared.age.words(),
        names.join(", ")
    )
}

#[cfg(test)]
mod proof {
    use super::*;
    use crate::evidence::baseline::Age;

    fn evidence(before: u64, now: u64, gone: usize) -> TestsEvidence {
        let age = Age { commit: "c".repeat(40), behind: 0, days: 1 };
        let gone = (0..gone).map(|index| format!("t{index}")).collect();
        let compared = TestsCompared { age, before, now, gone, gone_more: 5, new: 0 };
        TestsEvidence { compared: Some(compared), ..TestsEvidence::default() }
    }

    #[test]
    fn the_policy_says_how_bad_it_is_and_names_are_bounded() {
        let fewer = evidence(20, 9, 11);
        let found = finding(Level::Warn, &fewer).unwrap();
        assert_eq!((found.code.as_str(), found.severity), ("tests/fewer", Severity::Warning));
        assert!(found.message.contains("t7 and 8 more"), "{}", found.message);
        assert_eq!(finding(Level::Refuse, &fewer).unwrap().severity, Severity::Error);
        assert_eq!(finding(Level::Off, &fewer), None);
    }

    #[test]
    fn as_many_tests_are_enough() {
        assert_eq!(finding(Level::Refuse, &evidence(9, 9, 1)), None);
        assert_eq!(finding(Level::Refuse, &TestsEvidence::default()), None);
    }
}
