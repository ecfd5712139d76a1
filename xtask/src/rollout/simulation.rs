//! Every single fault at every step, and every pair of faults at every pair of steps, for each kind of rollout.
//!
//! The space is small, so it is enumerated. The same `advance` as the real deployer's runs against a platform of a few
//! lines; after each action the invariants of docs/ARCHITECTURE.md are checked.

mod judged;
mod platform;

use super::orders::{Ordered, Orders};
use super::seen::Role;
use super::{Action, Answer, Approvals, Kind, Observation, Rollout, State, Terminal, advance};
use crate::policy::windows::{AtClose, Window};
use jiff::{SignedDuration, Timestamp};
use platform::{FAULTS, Fault, Sim, digest, old_share, rollout};

/// More actions than any rollout takes: exceeding it is a rollout without an end.
const ACTIONS_MAX: usize = 3000;
/// Steps of an undisturbed rollout are fewer than this; faults are tried at each.
const FAULT_STEPS: usize = 40;

/// Runs one rollout to its end under these faults, checking the invariants after each action.
fn run(start: Rollout, faults: &[(usize, Fault)]) -> (Rollout, Sim) {
    run_on(Sim::new(start.previous.is_some()), start, faults)
}

/// The same on a platform that is there.
fn run_on(mut sim: Sim, start: Rollout, faults: &[(usize, Fault)]) -> (Rollout, Sim) {
    let mut rollout = start;
    for action_number in 0..ACTIONS_MAX {
        let mut refused = false;
        for (_, fault) in faults.iter().filter(|(at, _)| *at == action_number) {
            sim.inject(*fault);
            refused |= *fault == Fault::ActionRefused;
            calendar(&mut rollout, *fault);
        }
        let approvals = Approvals {
            granted: u32::from(action_number >= 2),
            answer: Answer::Open,
            overriding: sim.overriding,
        };
        let observation = Observation {
            now: sim.now,
            approvals,
            orders: sim.orders.clone(),
            seen: sim.seen.clone(),
            sides: sim.sides(),
        };
        let (next, action) = advance(&rollout, &observation);
        check_invariants(&rollout, &next, &sim, &action);
        rollout = next;
        if action == Action::Finish {
            return (rollout, sim);
        }
        if !refused {
            sim.perform(&action);
        }
        if matches!(rollout.state, State::Paused { .. }) {
            sim.stay_paused();
        }
    }
    panic!("no end after {ACTIONS_MAX} actions: {faults:?} {rollout:?}");
}

/// What the calendar says from now on.
fn calendar(rollout: &mut Rollout, fault: Fault) {
    match fault {
        Fault::WindowCloses => rollout.plan.windows.freeze = vec![Window::default()],
        Fault::WindowOpens => rollout.plan.windows.freeze = Vec::new(),
        _ => {}
    }
}

fn check_invariants(before: &Rollout, after: &Rollout, sim: &Sim, action: &Action) {
    assert!(before.terminal().is_none() || before == after, "a terminal state changed: {before:?}");
    let sum: u32 = sim.seen.weights.shares.iter().map(|share| u32::from(share.weight)).sum();
    let begins = before.state == State::AwaitingApproval && after.state == State::Starting;
    let forbidden = before.kind == Kind::Deploy && (sim.orders.frozen.is_some() || sim.orders.held.is_some());
    assert!(!(begins && forbidden), "a rollout begins where none may");
    let raises = matches!(after.state, State::Starting | State::Shifting { .. } | State::Full);
    let closed = after.kind == Kind::Deploy && sim.overriding == 0 && !after.plan.windows.is_empty();
    assert!(!(closed && raises && before.state != after.state), "exposure rises while the window is closed");
    assert!(sum == 100 || (sum == 0 && sim.seen.weights.shares.is_empty()), "weights sum to {sum}");
    if let Action::SetWeights { weights } = action {
        let exposed = weights.shares.iter().any(|share| share.role == Role::Canary && share.weight > 0);
        assert!(!exposed || weights.expires_in_millis.is_some(), "a canary without a dead man's switch");
        assert!(
            !exposed || !matches!(after.state, State::GoingBack | State::Cleaning),
            "a way back that raises exposure"
        );
    }
}

fn check_end(rollout: &Rollout, sim: &Sim, faults: &[(usize, Fault)]) {
    let new_serves =
        sim.seen.weights.shares.iter().any(|share| share.digest == digest("new") && share.weight == 100);
    match (rollout.terminal().unwrap(), rollout.kind) {
        (Terminal::Done, Kind::Deploy | Kind::Restart) | (Terminal::RolledBack, Kind::Rollback) => {
            assert!(new_serves, "done, and the new version does not serve: {faults:?}");
            assert!(
                rollout.previous.is_none() || sim.seen.instances.len() == 1,
                "an old instance is left: {faults:?}"
            );
        }
        (Terminal::RolledBack, Kind::Deploy | Kind::Restart) => {
            let old_serves = sim.seen.weights.shares == [old_share(100)];
            assert!(
                if rollout.previous.is_some() { old_serves } else { sim.seen.weights.shares.is_empty() },
                "{faults:?}"
            );
            assert!(rollout.reason.is_some(), "a rollback without a reason: {faults:?}");
        }
        (Terminal::NeedsOperator, _) => {
            assert!(rollout.reason.is_some(), "stuck without a reason: {faults:?}")
        }
        (Terminal::Expired, Kind::Deploy) => {
            let waits = |(_, fault): &(usize, Fault)| {
                matches!(fault, Fault::Frozen | Fault::Held | Fault::WindowCloses)
            };
            assert!(faults.iter().any(waits) && !new_serves, "{faults:?}");
        }
        (Terminal::Aborted, Kind::Deploy | Kind::Restart) => {
            assert!(faults.iter().any(|(_, fault)| *fault == Fault::Stopped) && !new_serves, "{faults:?}");
        }
        (other, _) => panic!("{other:?} under {faults:?}"),
    }
}

fn starts() -> Vec<Rollout> {
    let mut patient = rollout(Kind::Deploy, true);
    patient.plan.windows.at_close = AtClose::Hold;
    vec![
        rollout(Kind::Deploy, true),
        rollout(Kind::Deploy, false),
        rollout(Kind::Rollback, true),
        patient,
        rollout(Kind::Restart, true),
    ]
}

#[test]
fn undisturbed_rollouts_arrive() {
    let ends = starts().into_iter().map(|start| run(start, &[])).map(|(rollout, sim)| {
        check_end(&rollout, &sim, &[]);
        rollout.terminal().unwrap()
    });
    let expected = [Terminal::Done, Terminal::Done, Terminal::RolledBack, Terminal::Done, Terminal::Done];
    assert_eq!(ends.collect::<Vec<_>>(), expected);
}

#[test]
fn every_single_fault_at_every_step_ends_well() {
    for start in starts() {
        for (at, fault) in (0..FAULT_STEPS).flat_map(|at| FAULTS.map(|fault| (at, fault))) {
            let faults = [(at, fault)];
            let (rollout, sim) = run(start.clone(), &faults);
            check_end(&rollout, &sim, &faults);
        }
    }
}

/// Every pair of faults at every pair of steps. One kind of rollout for each test: they run beside each other.
fn pairs(start: &Rollout) {
    for (first, second) in
        (0..FAULT_STEPS).step_by(2).flat_map(|a| (a..FAULT_STEPS).step_by(3).map(move |b| (a, b)))
    {
        for (one, other) in FAULTS.iter().flat_map(|one| FAULTS.map(|other| (*one, other))) {
            let faults = [(first, one), (second, other)];
            let (rollout, sim) = run(start.clone(), &faults);
            check_end(&rollout, &sim, &faults);
        }
    }
}

#[test]
fn every_pair_of_faults_at_every_pair_of_steps_ends_well() {
    pairs(&starts()[0]);
}

#[test]
fn every_pair_of_faults_of_a_first_deployment_ends_well() {
    pairs(&starts()[1]);
}

#[test]
fn every_pair_of_faults_of_a_rollback_ends_well() {
    pairs(&starts()[2]);
}

#[test]
fn every_pair_of_faults_of_a_deployment_that_holds_at_a_closed_window_ends_well() {
    pairs(&starts()[3]);
}

#[test]
fn every_pair_of_faults_of_a_restart_ends_well() {
    pairs(&starts()[4]);
}

#[test]
fn a_bad_canary_goes_back_and_says_why() {
    for (fault, words) in [
        (Fault::CanaryErrors, "replies of the new version were errors"),
        (Fault::CanaryCrashes, "crashed"),
        (Fault::CanaryUnready, "not ready any more"),
        (Fault::DeployerSleepsPastExpiry, "lapsed"),
        (Fault::Stopped, "stopped by uid:2 on 1970-01-01 00:00 UTC: night"),
        (Fault::PausedForGood, "paused for longer than 86400 s"),
        (Fault::WindowCloses, "the window has closed: frozen by its calendar (each day)"),
    ] {
        let (rollout, _) = run(rollout(Kind::Deploy, true), &[(8, fault)]);
        assert_eq!(rollout.terminal(), Some(Terminal::RolledBack), "{fault:?}");
        assert!(
            rollout.reason.as_deref().unwrap_or_default().contains(words),
            "{fault:?}: {:?}",
            rollout.reason
        );
    }
}

#[test]
fn a_no_and_a_silence_end_before_anything_starts() {
    let start = rollout(Kind::Deploy, true);
    let sim = Sim::new(true);
    let observe = |now, answer| Observation {
        now,
        approvals: Approvals { answer, ..Approvals::default() },
        orders: Orders::default(),
        seen: sim.seen.clone(),
        sides: None,
    };
    let (no, _) = advance(&start, &observe(sim.now, Answer::Rejected));
    let late = sim.now.checked_add(SignedDuration::from_hours(8 * 24)).unwrap();
    let (silence, _) = advance(&start, &observe(late, Answer::Open));
    assert_eq!((no.terminal(), silence.terminal()), (Some(Terminal::Rejected), Some(Terminal::Expired)));
}

#[test]
fn a_pause_holds_the_weight_and_a_way_back_knows_none() {
    let pause = Orders {
        paused: Some(Ordered { by: "uid:2".into(), at: Timestamp::UNIX_EPOCH, reason: String::new() }),
        ..Orders::default()
    };
    for (kind, expected) in [(Kind::Deploy, "paused"), (Kind::Rollback, "full")] {
        let mut sim = Sim::new(true);
        sim.orders = pause.clone();
        let mut rollout = rollout(kind, true);
        for _ in 0..20 {
            let approvals = Approvals { granted: 1, ..Approvals::default() };
            let observation = Observation {
                now: sim.now,
                approvals,
                orders: sim.orders.clone(),
                seen: sim.seen.clone(),
                sides: None,
            };
            let (next, action) = advance(&rollout, &observation);
            rollout = next;
            if rollout.state.name() == expected {
                break;
            }
            sim.perform(&action);
        }
        assert_eq!(rollout.state.name(), expected, "{kind:?}");
        assert_eq!(sim.seen.weights.shares, [old_share(100)], "nothing is exposed before the first step");
        assert_eq!(rollout.is_exposed(), kind == Kind::Rollback);
    }
}
