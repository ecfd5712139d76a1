//! `judge:` of an environment: by which numbers a step's canary is compared with the stable version, and what happens
//! where nothing is shown.

use crate::policy::Percent;
use crate::rollout::judge::rules::{Kind, MetricRule, Rules, Worse};
use crate::rollout::seen::SAMPLES_MAX;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How clients' replies of the new version are compared with those of the stable one in each step, behind the guards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JudgePolicy {
    /// Whether the judge is asked at all. Default true.
    pub enabled: bool,
    /// Most false alarms over all looks and metrics of one step. Default 1.
    pub alpha: Percent,
    /// How often the replies of one step are looked at, spread evenly over its hold time. Default 3.
    pub looks: u32,
    /// Fewest replies of each side before the first look; each further look needs as many more. Default 200.
    pub min_samples: u32,
    /// How much slower the new version may be, in per cent of the stable version's median. Default 10.
    pub latency_tolerance: Percent,
    /// A difference of so many milliseconds is tolerated in any case: what has just started is cold. Default 20.
    pub latency_floor_millis: u64,
    /// How many percentage points more errors the new version may have. Default 1.
    pub error_tolerance: Percent,
    /// How long a step is held beyond its hold time while replies are missing. Default 30.
    pub wait_secs: u64,
    /// What happens where nothing is shown: after the last look, or when `wait_secs` are over. Default `guards-only`.
    pub on_inconclusive: OnInconclusive,
}

/// What happens to a step of which the judge can say nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnInconclusive {
    /// It goes on where the guards hold, and is marked as not judged. An environment without any client's request is not
    /// waited for.
    GuardsOnly,
    /// It is paused until somebody continues or stops it; `pause_secs` ends that.
    Hold,
    /// It goes back. The release is not held: nothing was shown.
    Back,
}

impl Default for JudgePolicy {
    fn default() -> Self {
        JudgePolicy {
            enabled: true,
            alpha: Percent::whole(1),
            looks: 3,
            min_samples: 200,
            latency_tolerance: Percent::whole(10),
            latency_floor_millis: 20,
            error_tolerance: Percent::whole(1),
            wait_secs: 30,
            on_inconclusive: OnInconclusive::GuardsOnly,
        }
    }
}

impl JudgePolicy {
    /// The judge's rules.
    pub fn rules(&self) -> Rules {
        let metric = |name: &str, kind, tolerance, floor| MetricRule {
            name: name.to_owned(),
            kind,
            worse: Worse::Higher,
            tolerance,
            floor,
        };
        let floor = self.latency_floor_millis.saturating_mul(1000);
        Rules {
            alpha: self.alpha,
            looks: self.looks,
            spending: 1,
            min_samples: self.min_samples,
            metrics: vec![
                metric("latency", Kind::Values, self.latency_tolerance, floor),
                metric("errors", Kind::Errors, self.error_tolerance, 0),
            ],
        }
    }

    /// Why these numbers can never decide; none where they can, or nobody asks.
    pub fn senseless(&self) -> Option<String> {
        if !self.enabled {
            return None;
        }
        let kept = SAMPLES_MAX / 2;
        let needed = self.looks.saturating_mul(self.min_samples);
        let too_many = || {
            format!(
                "{} looks at {} replies need {needed}, and the proxy keeps {kept} for sure",
                self.looks, self.min_samples
            )
        };
        self.rules().check().err().or_else(|| (needed as usize > kept).then(too_many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_can_never_decide_are_told_unless_nobody_asks() {
        let check = |policy: JudgePolicy, word: Option<&str>| {
            let said = policy.senseless();
            assert_eq!(said.is_some(), word.is_some(), "{said:?}");
            assert!(
                word.is_none_or(|word| said.as_ref().is_some_and(|said| said.contains(word))),
                "{said:?}"
            );
        };
        let default = JudgePolicy::default;
        check(default(), None);
        check(JudgePolicy { min_samples: 4, ..default() }, Some("can never fail"));
        check(JudgePolicy { min_samples: 29, ..default() }, Some("most bad canaries"));
        check(JudgePolicy { looks: 0, ..default() }, Some("`looks` is 0"));
        check(JudgePolicy { looks: 6, ..default() }, Some("need 1200"));
        check(JudgePolicy { looks: 5, ..default() }, None);
        check(JudgePolicy { enabled: false, looks: 0, ..default() }, None);
    }
}
