//! Orders of people: what pauses, what is stopped. A way back obeys none of them.

use super::{Cause, FOREIGN_WEIGHTS, Kind, Next, Share, State, Terminal, View, secs};
use crate::policy::windows::AtClose;

impl View<'_> {
    /// The way back that somebody asked for, while there is one.
    pub(super) fn aborted(self) -> Option<Next> {
        let order = self.observation.orders.abort.as_ref().filter(|_| self.rollout.kind != Kind::Rollback)?;
        let reason = format!("stopped {}", order.told());
        match self.rollout.state {
            State::Ended { .. } | State::Draining | State::GoingBack | State::Cleaning => None,
            State::AwaitingApproval => Some(self.end(Terminal::Aborted, &reason)),
            _ => Some(self.back(Cause::Order, reason)),
        }
    }

    /// Enters a state that raises exposure or ends the old version, unless somebody holds the rollout where it is, or the
    /// window has closed.
    pub(super) fn go_on(self, next: State) -> Next {
        if self.observation.orders.paused.is_some() && self.rollout.kind != Kind::Rollback {
            return self.enter(State::Paused { next: Box::new(next) });
        }
        match self.closed_to_raise(&next) {
            None => self.enter(next),
            Some(_) if self.rollout.plan.windows.at_close == AtClose::Hold => {
                self.enter(State::Paused { next: Box::new(next) })
            }
            Some(why) => self.back(Cause::Surroundings, why),
        }
    }

    /// Stays, watched by the guards, until the order is taken back or has stood too long.
    pub(super) fn paused(self, next: &State) -> Next {
        let limit = secs(self.rollout.plan.deadlines.pause_secs);
        if self.shares_before(next).is_some_and(|shares| shares != self.observation.seen.weights.shares) {
            self.back(Cause::Surroundings, FOREIGN_WEIGHTS.to_owned())
        } else if self.elapsed_millis() >= limit {
            self.back(Cause::Order, format!("it was paused for longer than {} s", limit / 1000))
        } else if self.observation.orders.paused.is_some() {
            self.wait()
        } else {
            match self.closed_to_raise(next) {
                None => self.enter(next.clone()),
                Some(_) if self.rollout.plan.windows.at_close == AtClose::Hold => self.wait(),
                Some(why) => self.back(Cause::Surroundings, why),
            }
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
