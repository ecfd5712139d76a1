//! The plan of one rollout: what its policy says, as data; and how long it takes, as a rule and at worst.

use crate::digest::Digest;
use crate::policy::approvers::Approver;
use crate::policy::rollout::{DeadlinePolicy, EnvironmentPolicy, GuardPolicy, JudgePolicy, StepPolicy};
use crate::policy::windows::WindowPolicy;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// The steps of one rollout, as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutPlan {
    /// The canary steps, before 100 %.
    pub steps: Vec<StepPolicy>,
    /// Hard guards.
    pub guards: GuardPolicy,
    /// The judge, where it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<JudgePolicy>,
    /// How long it is watched at 100 %.
    pub soak_millis: u64,
    /// Deadlines.
    pub deadlines: DeadlinePolicy,
    /// Approvals that it needs.
    pub approvals: u32,
    /// Whether the actor may approve.
    pub self_approval: bool,
    /// Who may approve, with the keys that they had when it was planned; nobody by name: whoever may deploy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Approver>,
    /// How many minutes an approval stays good; `None`: as long as the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_minutes: Option<u64>,
    /// When it may begin, and raise its weight.
    #[serde(default, skip_serializing_if = "WindowPolicy::is_empty")]
    pub windows: WindowPolicy,
}

impl RolloutPlan {
    /// The plan that a policy asks for.
    pub fn forward(policy: &EnvironmentPolicy) -> RolloutPlan {
        RolloutPlan {
            steps: policy.steps.clone(),
            guards: policy.guards.clone(),
            judge: policy.judge.enabled.then(|| policy.judge.clone()),
            soak_millis: policy.soak_millis,
            deadlines: policy.deadlines.clone(),
            approvals: policy.approvals.quorum,
            self_approval: policy.approvals.self_approval,
            approvers: Vec::new(),
            approval_minutes: policy.approvals.expires_minutes,
            windows: policy.windows.clone(),
        }
    }

    /// The plan of a rollback: straight to 100 %, no approvals, no soak; guards and deadlines stay.
    pub fn back(policy: &EnvironmentPolicy) -> RolloutPlan {
        let windows = WindowPolicy::default();
        let judge = None;
        RolloutPlan {
            steps: Vec::new(),
            soak_millis: 0,
            approvals: 0,
            windows,
            judge,
            ..Self::forward(policy)
        }
    }

    /// What an approval is bound to, besides digest and environment.
    pub fn hash(&self) -> Digest {
        // Plain data with string keys: it always serialises.
        Digest::of(&serde_json::to_vec(self).unwrap_or_default())
    }

    /// The plan of a restart: straight to 100 % and watched there, no approvals, no windows.
    pub fn restart(policy: &EnvironmentPolicy) -> RolloutPlan {
        RolloutPlan { soak_millis: policy.soak_millis, ..Self::back(policy) }
    }

    /// How long it is watched: what a rollout takes of which nothing is slow.
    pub fn expected(&self) -> SignedDuration {
        let held: u64 = self.steps.iter().fold(0, |sum, step| sum.saturating_add(step.hold_millis));
        millis(held.saturating_add(self.soak_millis))
    }

    /// The longest that it can take from its beginning until the old version has ended, by its deadlines: each state ends
    /// there, forward or back. Pauses and approvals are not in it.
    pub fn worst_case(&self) -> SignedDuration {
        let deadlines = &self.deadlines;
        let secs = |secs: u64| secs.saturating_mul(1000);
        let shift = secs(deadlines.step_secs);
        // Each step is set, then watched for its hold time, what the judge waits for, and the step's deadline.
        let waits = secs(self.judge.as_ref().map_or(0, |judge| judge.wait_secs));
        let step = |held: u64| shift.saturating_mul(2).saturating_add(held).saturating_add(waits);
        let steps = self.steps.iter().fold(0_u64, |sum, one| sum.saturating_add(step(one.hold_millis)));
        // Full and promoting are set; then the old version drains and stops, for twice its deadlines at most.
        let ends = secs(deadlines.drain_secs.saturating_add(deadlines.stop_secs)).saturating_mul(2);
        let parts = [secs(deadlines.ready_secs), steps, shift.saturating_mul(2), self.soak_millis, ends];
        millis(parts.into_iter().fold(0, u64::saturating_add))
    }

    /// For how long a window must stay open that it begins in.
    pub fn must_last(&self) -> SignedDuration {
        if self.windows.must_finish { self.worst_case() } else { SignedDuration::from_millis(1) }
    }
}

fn millis(millis: u64) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_plan_takes_seconds_and_at_worst_a_quarter_of_an_hour() {
        let plan = RolloutPlan::forward(&EnvironmentPolicy::default());
        assert_eq!(plan.expected(), SignedDuration::from_secs(3));
        // 30 ready, twice 1 + 240 and 30 for the judge, 240 for full and promoting, 1 soak, 120 drain and stop.
        assert_eq!(plan.worst_case(), SignedDuration::from_secs(30 + 2 * (241 + 30) + 240 + 1 + 120));
        let mut endless = plan.clone();
        endless.deadlines.drain_secs = u64::MAX;
        assert!(endless.worst_case() > plan.worst_case(), "no length overflows");
    }
}
