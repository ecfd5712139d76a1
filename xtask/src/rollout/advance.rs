//! The engine: one state, one observation, the next state and one action. Pure and total.
//!
//! Every state but the ends has a deadline, so from any state a rollout ends within a bounded time whatever is seen.
//! The guards are obeyed in every state in which the new version takes traffic. Missing samples never advance a step.

mod judging;
mod people;
mod windows;

use super::seen::{Counters, Health, InstanceStatus, OnExpiry, Role, Share, Weights};
use super::{Action, Answer, Cause, Kind, Observation, Rollout, State, Terminal};
use jiff::Timestamp;
use judging::Left;
pub use windows::Closed;

/// How often a waiting rollout looks again.
const LOOK_AGAIN_MILLIS: u64 = 100;
/// Why a rollout goes back whose table was replaced.
const FOREIGN_WEIGHTS: &str = "the weights in force are not those of this rollout: somebody else set them";
/// Most probe requests in one action.
const PROBES_MAX: u64 = 50;

/// The next state, and what is to be made so in it.
pub fn advance(rollout: &Rollout, observation: &Observation) -> (Rollout, Action) {
    let view = View { rollout, observation };
    if let Some(next) = view.aborted() {
        return next;
    }
    match rollout.state {
        State::AwaitingApproval => view.awaiting_approval(),
        State::Starting => view.starting(),
        State::Shifting { step } => view.watched(|view| view.shifting(step)),
        State::Watching { step, samples_before, .. } => {
            view.watched(|view| view.watching(step, samples_before))
        }
        State::Paused { ref next } => view.watched(|view| view.paused(next)),
        State::Full => view.watched(View::full),
        State::Soaking => view.watched(View::soaking),
        State::Promoting => view.watched(View::promoting),
        State::Draining => view.draining(),
        State::GoingBack => view.going_back(),
        State::Cleaning => view.cleaning(),
        State::Ended { .. } => (rollout.clone(), Action::Finish),
    }
}

#[derive(Clone, Copy)]
struct View<'a> {
    rollout: &'a Rollout,
    observation: &'a Observation,
}

type Next = (Rollout, Action);

impl<'a> View<'a> {
    fn awaiting_approval(self) -> Next {
        let (plan, approvals) = (&self.rollout.plan, self.observation.approvals);
        if approvals.answer == Answer::Rejected {
            return self.end(Terminal::Rejected, "the approval was refused");
        }
        let forbidden = self.observation.orders.must_not_begin(self.rollout);
        let (approved, closed) = (approvals.granted >= plan.approvals, self.closed_to_begin());
        if forbidden.is_none() && approved && closed.is_none() {
            self.enter(State::Starting)
        } else if self.elapsed_millis() >= secs(plan.deadlines.approval_secs) {
            self.end(Terminal::Expired, "nobody approved in time, or it could not begin")
        } else if let Some(why) = forbidden {
            self.stay(Action::Hold { why, opens: None })
        } else if let (true, Some(Closed { why, opens })) = (approved, closed) {
            self.stay(Action::Hold { why, opens })
        } else {
            self.stay(Action::AskApproval)
        }
    }

    fn starting(self) -> Next {
        let instance = self.rollout.instance();
        let deadline = secs(self.rollout.plan.deadlines.ready_secs);
        let Some(seen) = self.canary() else {
            return if self.elapsed_millis() >= deadline {
                self.back(Cause::Surroundings, "the new instance could not be started in time".to_owned())
            } else {
                self.stay(Action::Start { instance })
            };
        };
        match &seen.health {
            Health::Ready if self.rollout.plan.steps.is_empty() || self.rollout.previous.is_none() => {
                self.go_on(State::Full)
            }
            Health::Ready => self.go_on(State::Shifting { step: 0 }),
            Health::Exited(why) => {
                self.back(Cause::Release, format!("the new instance ended before it was ready: {why}"))
            }
            Health::Foreign(why) => {
                self.back(Cause::Surroundings, format!("the new instance's identity is not its own: {why}"))
            }
            Health::Starting(why) | Health::Unready(why) if self.elapsed_millis() >= deadline => self.back(
                Cause::Release,
                format!("the new instance was not ready within {} s: {why}", deadline / 1000),
            ),
            Health::Starting(_) | Health::Unready(_) => self.wait(),
        }
    }

    /// Guards first, then the state's own work.
    fn watched(self, work: impl FnOnce(Self) -> Next) -> Next {
        match self.broken_guard() {
            Some((cause, reason)) => self.back(cause, reason),
            None => work(self),
        }
    }

    fn shifting(self, step: usize) -> Next {
        let Some(weight) = self.rollout.plan.steps.get(step).map(|step| step.weight) else {
            return self.enter(State::Full);
        };
        let watching = State::Watching { step, samples_before: self.samples(), looked: 0 };
        self.set_weights(self.shares(weight), Some(self.expiry_millis()), watching)
    }

    fn watching(self, step: usize, samples_before: u64) -> Next {
        let plan = &self.rollout.plan;
        let Some(policy) = plan.steps.get(step) else { return self.enter(State::Full) };
        if self.observation.seen.weights.shares != self.shares(policy.weight) {
            return self.back(Cause::Surroundings, FOREIGN_WEIGHTS.to_owned());
        }
        let (elapsed, needed) = (self.elapsed_millis(), u64::from(policy.samples));
        let have = self.samples().saturating_sub(samples_before);
        if let Some(looked) = self.look(step, policy) {
            return looked;
        }
        if elapsed >= policy.hold_millis && have >= needed {
            let last = step + 1 >= plan.steps.len();
            let next = if last { State::Full } else { State::Shifting { step: step + 1 } };
            return match self.left(step, policy) {
                Left::Nothing => self.go_on(next),
                Left::Replies => self.wait(),
                Left::Unshown(why) => self.unshown(step, policy, next, why),
            };
        }
        if elapsed >= policy.hold_millis + secs(plan.deadlines.step_secs) {
            let why = format!("only {have} of {needed} samples at {} %: inconclusive", policy.weight);
            return self.back(Cause::Surroundings, why);
        }
        // Probes fill up what traffic does not bring, spread over the hold time.
        let due =
            (needed * elapsed.min(policy.hold_millis)).checked_div(policy.hold_millis).unwrap_or(needed);
        match due.saturating_sub(have).min(PROBES_MAX) {
            0 => self.wait(),
            count => self.stay(Action::Probe { count: u32::try_from(count).unwrap_or(1) }),
        }
    }

    fn full(self) -> Next {
        self.set_weights(self.shares(100), Some(self.expiry_millis()), State::Soaking)
    }

    fn soaking(self) -> Next {
        if self.observation.seen.weights.shares != self.shares(100) {
            return self.back(Cause::Surroundings, FOREIGN_WEIGHTS.to_owned());
        }
        if self.elapsed_millis() >= self.rollout.plan.soak_millis {
            self.go_on(State::Promoting)
        } else {
            self.wait()
        }
    }

    fn promoting(self) -> Next {
        let stable = Share {
            role: Role::Stable,
            digest: self.rollout.digest.clone(),
            instances: vec![self.rollout.instance()],
            weight: 100,
        };
        self.set_weights(vec![stable], None, State::Draining)
    }

    fn draining(self) -> Next {
        let deadlines = &self.rollout.plan.deadlines;
        let own = self.rollout.instance();
        let old = self.observation.seen.instances.iter().find(|instance| instance.id != own);
        match old {
            None if self.rollout.kind == Kind::Rollback => {
                self.enter(State::Ended { terminal: Terminal::RolledBack })
            }
            None => self.enter(State::Ended { terminal: Terminal::Done }),
            Some(_) if self.elapsed_millis() >= 2 * secs(deadlines.drain_secs + deadlines.stop_secs) => {
                self.end(Terminal::NeedsOperator, "the previous version's instances do not end")
            }
            Some(old) => self.stay(Action::Stop { instance: old.id.clone() }),
        }
    }

    fn going_back(self) -> Next {
        let shares = match &self.rollout.previous {
            Some(_) => self.shares(0).into_iter().filter(|share| share.weight > 0).collect(),
            None => Vec::new(),
        };
        self.set_weights(shares, None, State::Cleaning)
    }

    fn cleaning(self) -> Next {
        match self.canary() {
            Some(_) if self.elapsed_millis() >= secs(self.rollout.plan.deadlines.rollback_secs) => {
                self.end(Terminal::NeedsOperator, "the failed version's instance does not end")
            }
            Some(instance) => self.stay(Action::Stop { instance: instance.id.clone() }),
            // A rollback that failed has not gone where its owner wanted: that is no success.
            None if self.rollout.kind == Kind::Rollback => {
                self.enter(State::Ended { terminal: Terminal::NeedsOperator })
            }
            None => self.enter(State::Ended { terminal: Terminal::RolledBack }),
        }
    }

    /// Sets the shares until the data plane shows them, then enters `then`. Bounded by the step's deadline; going back
    /// is bounded by its own, and its failure needs an operator.
    fn set_weights(self, shares: Vec<Share>, expires_in_millis: Option<u64>, then: State) -> Next {
        let deadlines = &self.rollout.plan.deadlines;
        if self.observation.seen.weights.shares == shares && !self.observation.seen.restored {
            return self.enter(then);
        }
        let back = self.rollout.state == State::GoingBack;
        let limit = secs(if back { deadlines.rollback_secs } else { deadlines.step_secs });
        if self.elapsed_millis() >= limit {
            return match self.rollout.state {
                State::GoingBack => {
                    self.end(Terminal::NeedsOperator, "the previous version's weights could not be restored")
                }
                _ => self.back(Cause::Surroundings, "the weights could not be set in time".to_owned()),
            };
        }
        self.stay(Action::SetWeights {
            weights: Weights { shares, expires_in_millis, on_expiry: OnExpiry::Stable },
        })
    }

    /// The table with this weight for the new version. The previous one stays in it even at 0: it is what a lapse restores.
    fn shares(self, weight: u8) -> Vec<Share> {
        let stable = self.rollout.previous.as_ref().map(|previous| Share {
            role: Role::Stable,
            digest: previous.digest.clone(),
            instances: previous.instances.clone(),
            weight: 100 - weight,
        });
        let canary = Share {
            role: Role::Canary,
            digest: self.rollout.digest.clone(),
            instances: vec![self.rollout.instance()],
            weight,
        };
        stable.into_iter().chain([canary]).collect()
    }

    fn broken_guard(self) -> Option<(Cause, String)> {
        if self.observation.seen.restored {
            let why =
                "the weights lapsed while no deployer was alive, and traffic went back to the stable version";
            return Some((Cause::Surroundings, why.to_owned()));
        }
        let Some(canary) = self.canary() else {
            return Some((Cause::Surroundings, "the new instance is gone".to_owned()));
        };
        match &canary.health {
            Health::Ready => {}
            Health::Exited(why) => {
                return Some((Cause::Release, format!("the new instance crashed: {why}")));
            }
            Health::Starting(why) | Health::Unready(why) => {
                return Some((Cause::Release, format!("the new instance is not ready any more: {why}")));
            }
            Health::Foreign(why) => {
                let why = format!("the new instance's identity is not its own: {why}");
                return Some((Cause::Surroundings, why));
            }
        }
        let guards = &self.rollout.plan.guards;
        let (errors, total) = (errors(&canary.counters), samples(&canary.counters));
        // Good replies must reach 100 % less the ceiling; in integers, see `Percent`.
        let too_many = total >= u64::from(guards.samples_min) && !guards.errors_max.at_least(errors, total);
        too_many.then(|| {
            let why = format!(
                "{errors} of {total} replies of the new version were errors, more than the {} % allowed",
                guards.errors_max
            );
            (Cause::Release, why)
        })
    }

    fn canary(self) -> Option<&'a InstanceStatus> {
        let id = self.rollout.instance();
        self.observation.seen.instances.iter().find(|instance| instance.id == id)
    }

    fn samples(self) -> u64 {
        self.canary().map_or(0, |canary| samples(&canary.counters))
    }

    fn expiry_millis(self) -> u64 {
        secs(self.rollout.plan.deadlines.weight_expiry_secs)
    }

    /// Time in this state. A clock that was set back counts as no time at all: hold, never advance.
    fn elapsed_millis(self) -> u64 {
        let elapsed = self.observation.now.duration_since(self.rollout.entered_at).as_millis();
        u64::try_from(elapsed).unwrap_or(0)
    }

    fn now(self) -> Timestamp {
        self.observation.now
    }

    /// Enters a state; its first action comes with the next observation.
    fn enter(self, state: State) -> Next {
        let action =
            if matches!(state, State::Ended { .. }) { Action::Finish } else { Action::Wait { millis: 0 } };
        (self.rollout.entering(state, self.now()), action)
    }

    fn back(self, cause: Cause, reason: String) -> Next {
        (self.rollout.going_back(cause, reason, self.now()), Action::Wait { millis: 0 })
    }

    fn end(self, terminal: Terminal, reason: &str) -> Next {
        let reason = match &self.rollout.reason {
            Some(first) => format!("{reason}; {first}"),
            None => reason.to_owned(),
        };
        (
            Rollout { reason: Some(reason), ..self.rollout.entering(State::Ended { terminal }, self.now()) },
            Action::Finish,
        )
    }

    fn stay(self, action: Action) -> Next {
        (self.rollout.clone(), action)
    }

    fn wait(self) -> Next {
        self.stay(Action::Wait { millis: LOOK_AGAIN_MILLIS })
    }
}

fn secs(secs: u64) -> u64 {
    secs.saturating_mul(1000)
}

fn samples(counters: &Counters) -> u64 {
    counters.requests + counters.probes
}

fn errors(counters: &Counters) -> u64 {
    counters.server_errors + counters.connection_errors + counters.probe_errors
}
