//! The fold, the proof, and what waivers make of a gate.

use super::*;
use crate::digest::Digest;

fn folded(outcomes: &[Outcome]) -> Verdict {
    let policy = PolicySource { source: "worktree".into(), hash: Digest::of(b"") };
    let gates = Gate::ALL.iter().zip(outcomes).map(|(gate, outcome)| GateVerdict {
        outcome: *outcome,
        ..GateVerdict::of(*gate, 0, serde_json::json!({}), vec![])
    });
    Verdict::fold(About { commit: String::new(), dirty: false, base: None, policy }, gates.collect())
}

#[test]
fn the_worst_outcome_wins_whatever_the_order() {
    use Outcome::{Error, NothingChecked, Passed, Refused};
    let all = [Passed, Refused, Error, NothingChecked];
    for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b))) {
        assert_eq!(folded(&[a, b]).outcome, folded(&[b, a]).outcome);
        assert_eq!(folded(&[a, b]).outcome == Passed, a == Passed && b == Passed);
    }
    assert_eq!(folded(&[Error, Refused]).outcome.exit().code(), 10);
    assert_eq!(folded(&[NothingChecked, Error]).outcome.exit().code(), 1);
    assert_eq!(folded(&[]).outcome.exit().code(), 3);
}

#[test]
fn the_proof_needs_every_gate_of_a_release() {
    const GATES: usize = Gate::FOR_RELEASE.len();
    assert!(folded(&[Outcome::Passed; GATES]).passed().is_some());
    assert!(
        folded(&[Outcome::Passed; GATES - 1]).passed().is_none(),
        "without one of the gates there is no release"
    );
    for bad in [Outcome::Refused, Outcome::Error, Outcome::NothingChecked] {
        let mut outcomes = [Outcome::Passed; GATES];
        outcomes[1] = bad;
        assert!(folded(&outcomes).passed().is_none(), "{bad:?}");
    }
}

#[test]
fn an_error_refuses_and_a_warning_does_not() {
    let judged = |severity| {
        let finding = Finding::new(Gate::Lint, "clippy", severity, "m", "h").at("a.rs", 0);
        GateVerdict::of(Gate::Lint, 0, serde_json::json!({}), vec![finding]).outcome
    };
    assert_eq!(judged(Severity::Error), Outcome::Refused);
    assert_eq!(judged(Severity::Warning), Outcome::Passed);
    assert_eq!(GateVerdict::missing(Gate::Tests).outcome, Outcome::Error);
}
