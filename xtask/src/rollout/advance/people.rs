//! Orders of people: what pauses, what is stopped. A way back obeys none of them.

use super::{Cause, FOREIGN_WEIGHTS, Kind, Next, Share, State, Terminal, View, secs};

impl View<'_> {
    /// The way back that somebody asked for, while there is one.
    pub(super) fn aborted(self) -> Option<Next> {
        let order = self.observation.orders.abort.as_ref().filter(|_| self.rollout.kind == Kind::Deploy)?;
        let reason = format!("stopped {}", order.told());
        match self.rollout.state {
            State::Ended { .. } | State::Draining | State::GoingBack | State::Cleaning => None,
            State::AwaitingApproval => Some(self.end(Terminal::Aborted, &reason)),
            _ => Some(self.back(Cause::Order, reason)),
        }
    }

    /// Enters a state that raises exposure or ends the old version, unless somebody holds the rollout where it is.
    pub(super) fn go_on(self, next: State) -> Next {
        match self.observation.orders.paused {
            Some(_) if self.rollout.kind == Kind::Deploy => {
                self.enter(State::Paused { next: Box::new(next) })
            }
            _ => self.enter(next),
        }
    }

    /// Stays, watched by the guards, until the order is taken back or has stood too long.
    pub(super) fn paused(self, next: &State) -> Next {
        let limit = secs(self.rollout.plan.deadlines.pause_secs);
        if self.shares_before(next).is_some_and(|shares| shares != self.observation.seen.weights.shares) {
            self.back(Cause::Surroundings, FOREIGN_WEIGHTS.to_owned())
        } else if self.observation.orders.paused.is_none() {
            self.enter(next.clone())
        } else if self.elapsed_millis() >= limit {
            self.back(Cause::Order, format!("it was paused for longer than {} s", limit / 1000))
        } else {
            self.wait()
        }
    }

    /// The table that this rollout has set before it enters `next`; none before its first.
    fn shares_before(self, next: &State) -> Option<Vec<Share>> {
        let steps = &self.rollout.plan.steps;
        let weight = |step: Option<usize>| step.and_then(|step| steps.get(step)).map(|step| step.weight);
        match next {
            State::Shifting { step } => weight(step.checked_sub(1)),
            State::Full if self.rollout.previous.is_some() => weight(steps.len().checked_sub(1)),
            State::Promoting => Some(100),
            _ => None,
        }
        .map(|weight| self.shares(weight))
    }
}
