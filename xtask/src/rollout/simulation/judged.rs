//! Rollouts that the judge is asked in: clients ask, and the new version is good, slow or erring; or nobody asks.

use super::super::judge::Answer as Said;
use super::super::seen::{Side, Sides, Step};
use super::super::{Cause, Kind, Rollout, Terminal};
use super::platform::{FAULTS, Fault, Sim, rollout};
use super::{check_end, run_on};
use crate::policy::rollout::{JudgePolicy, OnInconclusive, StepPolicy};

/// Clients' requests to each side between two looks of the engine.
const REQUESTS: u64 = 8;
/// Enough for the judge, and above what it counts exactly: this is enumerated some hundred thousand times.
const SAMPLES: usize = 31;

/// Who asks, and what the new version answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Clients {
    #[default]
    None,
    OfGood,
    OfSlow,
    OfErring,
}

impl Sim {
    /// Some requests more of both sides.
    pub(super) fn clients_ask(&mut self) {
        if self.clients == Clients::None {
            return;
        }
        let erring = self.clients == Clients::OfErring;
        for instance in &mut self.seen.instances {
            let Step { replies, .. } = instance.step;
            let replies = replies + REQUESTS;
            let errors = if erring && instance.id != "old-0" { replies } else { 0 };
            instance.step = Step { replies, errors, samples: replies };
        }
    }

    pub(super) fn forget_step(&mut self) {
        self.seen.instances.iter_mut().for_each(|instance| instance.step = Step::default());
    }

    pub(super) fn sides(&self) -> Option<Sides> {
        let side = |is_old: bool, slower: u64| {
            let of = self.seen.instances.iter().find(|instance| (instance.id == "old-0") == is_old);
            let Step { replies, errors, .. } = of.map_or(Step::default(), |instance| instance.step);
            Side {
                micros: (0..SAMPLES as u64).map(|at| 10_000 + at * 50 + slower).collect(),
                replies,
                errors,
            }
        };
        let slower = if self.clients == Clients::OfSlow { 300_000 } else { 0 };
        (self.clients != Clients::None).then(|| Sides {
            generation: self.seen.generation,
            canary: side(false, slower),
            baseline: side(true, 0),
        })
    }
}

fn start(on_inconclusive: OnInconclusive, steps: Vec<StepPolicy>) -> Rollout {
    let mut start = rollout(Kind::Deploy, true);
    start.plan.steps = steps;
    start.plan.judge = Some(JudgePolicy {
        looks: 2,
        min_samples: 30,
        wait_secs: 1,
        on_inconclusive,
        ..JudgePolicy::default()
    });
    start
}

/// Two steps, as by default.
fn usual(on_inconclusive: OnInconclusive) -> Rollout {
    start(on_inconclusive, rollout(Kind::Deploy, true).plan.steps)
}

fn judged(clients: Clients, start: Rollout, faults: &[(usize, Fault)]) -> Rollout {
    let mut sim = Sim::new(true);
    sim.clients = clients;
    let (rollout, sim) = run_on(sim, start, faults);
    check_end(&rollout, &sim, faults);
    let reason = rollout.reason.as_deref().unwrap_or_default();
    match clients {
        Clients::OfSlow | Clients::OfErring => {
            assert_ne!(
                rollout.terminal(),
                Some(Terminal::Done),
                "a bad canary serves: {clients:?} {faults:?}"
            );
        }
        Clients::OfGood => assert!(!reason.contains("the judge at"), "a false alarm: {faults:?} {reason}"),
        Clients::None => assert!(!reason.contains("worse"), "{faults:?} {reason}"),
    }
    assert!(rollout.judged.len() <= rollout.plan.steps.len(), "one look per step is kept");
    rollout
}

const ALL: [OnInconclusive; 3] = [OnInconclusive::GuardsOnly, OnInconclusive::Hold, OnInconclusive::Back];

#[test]
fn a_good_canary_arrives_and_a_bad_one_goes_back_with_the_numbers_of_both_sides() {
    let good = judged(Clients::OfGood, usual(OnInconclusive::Back), &[]);
    assert_eq!(good.terminal(), Some(Terminal::Done));
    let said =
        good.judged.iter().map(|look| (look.step, look.weight, look.look, look.answer)).collect::<Vec<_>>();
    assert_eq!(said, [(0, 10, 2, Said::Pass), (1, 50, 2, Said::Pass)]);
    for (clients, words) in [
        (
            Clients::OfSlow,
            ["the judge at 10 %, look 1 of 2: worse", "latency 310.8 ms of 31 replies against 10.8 ms of 31"],
        ),
        (Clients::OfErring, ["the judge at 10 %, look 1 of 2: worse", "against 0 of"]),
    ] {
        let bad = judged(clients, usual(OnInconclusive::GuardsOnly), &[]);
        assert_eq!(
            (bad.terminal(), bad.cause),
            (Some(Terminal::RolledBack), Some(Cause::Release)),
            "{clients:?}"
        );
        let reason = bad.reason.unwrap_or_default();
        assert!(words.iter().all(|word| reason.contains(word)), "{clients:?}: {reason}");
    }
}

#[test]
fn where_nobody_asks_the_policy_says_what_happens_and_it_ends() {
    let idle = |on_inconclusive, faults: &[_]| {
        let rollout = judged(Clients::None, usual(on_inconclusive), faults);
        (rollout.terminal(), rollout.cause, rollout.judged)
    };
    let (ended, _, looks) = idle(OnInconclusive::GuardsOnly, &[]);
    assert_eq!(ended, Some(Terminal::Done));
    assert_eq!(looks.iter().map(|look| look.look).collect::<Vec<_>>(), [0, 0], "marked as not judged");
    assert_eq!(looks[0].told(), "at 10 %: not judged: no client asked for anything");
    let (ended, cause, looks) = idle(OnInconclusive::Back, &[]);
    assert_eq!((ended, cause), (Some(Terminal::RolledBack), Some(Cause::Surroundings)));
    assert!(looks[0].told().contains("look 1 needs 30 of each"), "{looks:?}");
    // Somebody continues it.
    assert_eq!(idle(OnInconclusive::Hold, &[]).0, Some(Terminal::Done));
    // Nobody ever does.
    let (ended, cause, _) = idle(OnInconclusive::Hold, &[(0, Fault::Forgotten)]);
    assert_eq!((ended, cause), (Some(Terminal::RolledBack), Some(Cause::Order)));
}

#[test]
fn every_single_fault_at_every_step_ends_well_with_the_judge() {
    for clients in [Clients::None, Clients::OfGood, Clients::OfSlow, Clients::OfErring] {
        for on_inconclusive in ALL {
            for (at, fault) in (0..super::FAULT_STEPS).flat_map(|at| FAULTS.map(|fault| (at, fault))) {
                judged(clients, usual(on_inconclusive), &[(at, fault)]);
            }
        }
    }
}

/// One short step: every pair of faults at every pair of its actions.
#[test]
fn every_pair_of_faults_at_every_pair_of_steps_ends_well_with_the_judge() {
    let short = vec![StepPolicy { weight: 10, hold_millis: 500, samples: 5 }];
    for clients in [Clients::OfGood, Clients::OfSlow, Clients::OfErring] {
        for (first, second) in (2..18).step_by(2).flat_map(|a| (a..18).step_by(3).map(move |b| (a, b))) {
            for (one, other) in FAULTS.iter().flat_map(|one| FAULTS.map(|other| (*one, other))) {
                let start = start(OnInconclusive::GuardsOnly, short.clone());
                judged(clients, start, &[(first, one), (second, other)]);
            }
        }
    }
}
