//! The gates: each judges its evidence by its policy. Pure, and alike in shape:
//! `judge(&Policy, &Evidence, duration) -> GateVerdict`. Folding them is `verdict.rs`.

pub mod advisories;
pub mod bans;
mod chain;
pub mod coverage;
pub mod image;
pub mod licences;
pub mod lint;
mod part;
pub mod policy;
pub mod scanners;
pub mod secrets;
pub mod sources;
pub mod tests;
pub mod waiving;
pub mod workflows;

use crate::evidence::{Evidence, Measured, TestsEvidence};
use crate::policy::{Policy, PolicySource, TestsPolicy};
use crate::verdict::{About, Finding, Gate, GateVerdict, Verdict};
use crate::workspace::Change;

/// Judges the wanted gates and folds them. A gate without evidence could not run: it is never left out.
pub fn verdict(policy: &Policy, evidence: &Evidence, wanted: &[Gate]) -> Verdict {
    let mut gates: Vec<GateVerdict> = Vec::new();
    for gate in Gate::ALL.iter().filter(|gate| wanted.contains(gate)) {
        let judged = judge(policy, evidence, *gate, wanted, &gates);
        gates.push(of_part(judged, evidence, wanted));
    }
    if let Some(Measured { result: Ok(policies), .. }) = &evidence.gates.policy {
        let said = waiving::apply(policies, &mut gates);
        gates.iter_mut().filter(|gate| gate.gate == Gate::Policy).for_each(|gate| gate.add(said.clone()));
    }
    if let Some(change) = &evidence.change {
        gates.iter_mut().flat_map(|gate| &mut gate.findings).for_each(|finding| mark(change, finding));
    }
    let source = PolicySource { source: "worktree".to_owned(), hash: evidence.subject.policy.clone() };
    let about = About {
        commit: evidence.subject.commit.clone(),
        dirty: evidence.subject.dirty,
        base: evidence.change.as_ref().map(|change| change.base.clone()),
        policy: source,
    };
    Verdict::fold(about, gates)
}

/// What these tests alone say, as they were asked for.
pub fn of_these_tests(policy: &TestsPolicy, evidence: &TestsEvidence) -> GateVerdict {
    part::of_tests(tests::judge(policy, evidence, 0), evidence)
}

/// The verdict of a gate, as it is where only a part of the tests ran.
fn of_part(verdict: GateVerdict, evidence: &Evidence, wanted: &[Gate]) -> GateVerdict {
    let Some(tests) = evidence.gates.tests.as_ref().and_then(|tests| tests.result.as_ref().ok()) else {
        return verdict;
    };
    match verdict.gate {
        Gate::Tests if wanted.contains(&Gate::Image) => {
            part::for_release(part::of_tests(verdict, tests), tests)
        }
        Gate::Tests => part::of_tests(verdict, tests),
        Gate::Coverage => part::of_coverage(verdict, &tests.part),
        _ => verdict,
    }
}

/// Says of a finding whether it lies on lines that the change brings.
fn mark(change: &Change, finding: &mut Finding) {
    let first = finding.line.unwrap_or(0);
    let last = finding.end_line.unwrap_or(first);
    finding.changed = finding.file.as_ref().is_some_and(|file| change.touches(file, first, last));
}

/// `before` are the gates that were judged already: what scanners repeat of them is not said twice.
fn judge(
    demanded: &Policy,
    evidence: &Evidence,
    gate: Gate,
    wanted: &[Gate],
    before: &[GateVerdict],
) -> GateVerdict {
    let parts = &evidence.gates;
    let release = wanted.contains(&Gate::Image);
    match gate {
        Gate::Lint => judged(gate, parts.lint.as_ref(), |one, took| lint::judge(&demanded.lint, one, took)),
        Gate::Tests => {
            judged(gate, parts.tests.as_ref(), |one, took| tests::judge(&demanded.tests, one, took))
        }
        Gate::Coverage => {
            judged(gate, parts.coverage.as_ref(), |one, took| coverage::judge(&demanded.coverage, one, took))
        }
        Gate::Advisories => judged(gate, parts.advisories.as_ref(), |one, took| {
            let occasion = if release { advisories::Occasion::Release } else { advisories::Occasion::Run };
            advisories::judge(&demanded.security.advisories, one, occasion, took)
        }),
        Gate::Licences => judged(gate, parts.licences.as_ref(), |one, took| {
            licences::judge(&demanded.security.licences, one, took)
        }),
        Gate::Bans => {
            judged(gate, parts.bans.as_ref(), |one, took| bans::judge(&demanded.security.bans, one, took))
        }
        Gate::Sources => judged(gate, parts.sources.as_ref(), |one, took| {
            sources::judge(&demanded.security.sources, one, took)
        }),
        Gate::Scanners => judged(gate, parts.scanners.as_ref(), |one, took| {
            scanners::judge(&demanded.security.scanners, one, before, took)
        }),
        Gate::Secrets => judged(gate, parts.secrets.as_ref(), |one, took| {
            secrets::judge(&demanded.security.secrets, one, took)
        }),
        Gate::Workflows => judged(gate, parts.workflows.as_ref(), |one, took| {
            workflows::judge(&demanded.security.workflows, one, took)
        }),
        Gate::Image => {
            judged(gate, parts.image.as_ref(), |one, took| image::judge(&demanded.image, one, took))
        }
        Gate::Policy => judged(gate, parts.policy.as_ref(), policy::judge),
    }
}

fn judged<E>(
    gate: Gate,
    measured: Option<&Measured<E>>,
    judge: impl FnOnce(&E, u64) -> GateVerdict,
) -> GateVerdict {
    match measured {
        None => GateVerdict::missing(gate),
        Some(Measured { result: Ok(evidence), duration_millis }) => judge(evidence, *duration_millis),
        Some(Measured { result: Err(why), duration_millis }) => {
            GateVerdict::could_not_run(gate, *duration_millis, why)
        }
    }
}

#[cfg(test)]
mod judging {
    use super::*;
    use crate::digest::Digest;
    use crate::evidence::{CouldNotRun, GateEvidence, SecretsEvidence, Subject};
    use crate::verdict::Outcome;

    fn evidence(gates: GateEvidence) -> Evidence {
        let digest = Digest::of(b"");
        let subject = Subject {
            commit: "c".into(),
            dirty: false,
            tree: digest.clone(),
            policy: digest.clone(),
            toolchain: digest,
        };
        Evidence { schema: crate::evidence::SCHEMA.into(), subject, change: None, uncompared: None, gates }
    }

    #[test]
    fn what_was_not_measured_is_an_error_for_every_gate() {
        for gate in Gate::ALL {
            let verdict = verdict(&Policy::default(), &evidence(GateEvidence::default()), &[gate]);
            assert_eq!(verdict.outcome, Outcome::Error, "{gate}");
        }
    }

    #[test]
    fn what_could_not_run_is_an_error_and_what_ran_is_judged() {
        let why = CouldNotRun { message: "no disk".into(), help: "df -h".into() };
        let mut gates = GateEvidence {
            secrets: Some(Measured { result: Err(why), duration_millis: 1 }),
            ..Default::default()
        };
        let outcome = |gates: &GateEvidence| {
            verdict(&Policy::default(), &evidence(gates.clone()), &[Gate::Secrets]).outcome
        };
        assert_eq!(outcome(&gates), Outcome::Error);
        let read = SecretsEvidence { files: 3, ..SecretsEvidence::default() };
        gates.secrets = Some(Measured { result: Ok(read), duration_millis: 1 });
        assert_eq!(outcome(&gates), Outcome::Passed);
    }

    #[test]
    fn a_waiver_lifts_a_finding_and_the_verdict_shows_it() {
        use crate::evidence::secrets::SecretFound;
        use crate::policy::waivers::{Placed, tests::waiver};
        let found = SecretFound {
            file: "a.rs".into(),
            line: 3,
            rule: "github-token".into(),
            what: "a token".into(),
            redacted: "ghp_…".into(),
            ..SecretFound::default()
        };
        let secrets = SecretsEvidence { files: 1, found: vec![found], ..SecretsEvidence::default() };
        let judged = |subject: &str, today| {
            let waivers = vec![Placed { waiver: waiver("secrets/github-token", subject), line: 2 }];
            let policy = crate::evidence::PolicyEvidence { today, waivers, ..Default::default() };
            let gates = GateEvidence {
                secrets: Some(Measured { result: Ok(secrets.clone()), duration_millis: 1 }),
                policy: Some(Measured { result: Ok(policy), duration_millis: 1 }),
                ..Default::default()
            };
            verdict(&Policy::default(), &evidence(gates), &[Gate::Secrets, Gate::Policy])
        };
        let day = jiff::civil::date(2026, 11, 24);
        let waived = judged("a.rs", day);
        assert_eq!(waived.outcome, Outcome::Passed);
        let waiver = waived.gates[0].findings[0].waiver.as_deref();
        assert_eq!(waiver, Some("ana, until 2026-12-31: upstream has a fix"));
        assert_eq!(judged("b.rs", day).outcome, Outcome::Refused);
        let late = judged("a.rs", jiff::civil::date(2027, 1, 1));
        assert_eq!((late.gates[0].outcome, late.gates[1].outcome), (Outcome::Refused, Outcome::Refused));
        assert_eq!(late.gates[1].findings[0].code, "policy/waiver-expired");
    }
}
