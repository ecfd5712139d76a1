//! A step's end by the judge: worse goes back at once, no worse goes on, and nothing shown does what the policy says.

use super::super::judge::{Answer, judge};
use super::super::look::Look;
use super::{Action, Cause, Next, Rollout, State, View, secs};
use crate::policy::rollout::{JudgePolicy, OnInconclusive, StepPolicy};

/// What the judge leaves to do in a step.
pub(super) enum Left {
    /// Nothing: nobody asks it, or the new version is no worse.
    Nothing,
    /// Replies are missing, and there is time.
    Replies,
    /// It cannot say, and will not.
    Unshown(String),
}

impl View<'_> {
    /// Takes the look that is due, if one is.
    pub(super) fn look(self, step: usize, policy: &StepPolicy) -> Option<Next> {
        let input = self.rollout.input(self.observation)?;
        let State::Watching { samples_before, .. } = self.rollout.state else { return None };
        let verdict = judge(&input);
        let look = Look::of(step, policy.weight, &input, &verdict);
        let told = look.told();
        let noted = self.rollout.noting(look);
        if verdict.answer == Answer::Fail {
            let why = format!("the judge {told}");
            return Some((noted.going_back(Cause::Release, why, self.now()), Action::Wait { millis: 0 }));
        }
        // The step goes on: its time is not begun anew.
        let state = State::Watching { step, samples_before, looked: input.look };
        Some((Rollout { state, ..noted }, Action::Wait { millis: 0 }))
    }

    /// What is left when the hold time is over.
    pub(super) fn left(self, step: usize, policy: &StepPolicy) -> Left {
        let (Some(judge), State::Watching { looked, .. }) = (&self.rollout.plan.judge, &self.rollout.state)
        else {
            return Left::Nothing;
        };
        let (canary, baseline) = self.rollout.replies(&self.observation.seen);
        if *looked >= judge.looks {
            return match self.rollout.look_at(step) {
                Some(look) if look.answer == Answer::Pass => Left::Nothing,
                Some(look) => Left::Unshown(look.reason.clone()),
                None => Left::Unshown("what the judge said is not known any more".to_owned()),
            };
        }
        let nobody_asks = canary == 0 && baseline == 0 && judge.on_inconclusive == OnInconclusive::GuardsOnly;
        if nobody_asks {
            return Left::Unshown("no client asked for anything".to_owned());
        }
        if self.elapsed_millis() < policy.hold_millis.saturating_add(secs(judge.wait_secs)) {
            return Left::Replies;
        }
        let needed = u64::from(looked + 1) * u64::from(judge.min_samples);
        Left::Unshown(format!(
            "{canary} replies of the new version and {baseline} of the stable one; look {} needs {needed} of each",
            looked + 1
        ))
    }

    /// Nothing was shown in this step, for this reason: what the policy says, then.
    pub(super) fn unshown(self, step: usize, policy: &StepPolicy, next: State, why: String) -> Next {
        let Some(judge) = &self.rollout.plan.judge else { return self.go_on(next) };
        let noted = self.rollout.noting(self.marked(step, policy, judge, why.clone()));
        let view = View { rollout: &noted, observation: self.observation };
        let limit = policy
            .hold_millis
            .saturating_add(secs(judge.wait_secs))
            .saturating_add(secs(self.rollout.plan.deadlines.step_secs));
        match judge.on_inconclusive {
            OnInconclusive::GuardsOnly => view.go_on(next),
            OnInconclusive::Back => {
                view.back(Cause::Surroundings, format!("inconclusive at {} %: {why}", policy.weight))
            }
            OnInconclusive::Hold if self.observation.orders.paused.is_some() => view.go_on(next),
            OnInconclusive::Hold if self.elapsed_millis() >= limit => view.back(
                Cause::Surroundings,
                format!("inconclusive at {} %, and it could not be paused: {why}", policy.weight),
            ),
            OnInconclusive::Hold => self.stay(Action::Pause {
                why: format!("the judge is inconclusive at {} %: {why}", policy.weight),
            }),
        }
    }

    /// The last look as it stands when the step ends without a verdict.
    fn marked(self, step: usize, policy: &StepPolicy, judge: &JudgePolicy, reason: String) -> Look {
        let none = Look {
            step,
            weight: policy.weight,
            look: 0,
            looks: judge.looks,
            answer: Answer::Inconclusive,
            reason: String::new(),
            metrics: Vec::new(),
        };
        Look { reason, ..self.rollout.look_at(step).cloned().unwrap_or(none) }
    }
}
