//! One metric's samples as numbers: effect, probability, and whether there are enough.

use super::proportions::{self, Count};
use super::ranks::{self, Method};
use super::rules::{Kind, MetricRule, Worse};
use super::{Measured, Samples, shift};

/// What the samples of one metric say, before anybody asks how sure is sure enough.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measure {
    pub(super) p: Option<f64>,
    pub(super) method: Option<Method>,
    pub(super) effect: Option<f64>,
    pub(super) superiority: Option<f64>,
    /// Whether the effect is larger than what is tolerated.
    pub(super) beyond: bool,
    pub(super) canary: u64,
    pub(super) baseline: u64,
    /// What is missing for an answer.
    pub(super) lacking: Option<String>,
}

pub(super) fn measure(rule: &MetricRule, min_samples: u32, measured: &[Measured]) -> Measure {
    let lacking = |why: String| Measure { lacking: Some(why), ..Measure::default() };
    let mut named = measured.iter().filter(|measured| measured.metric == rule.name);
    let (samples, again) = (named.next(), named.next());
    if again.is_some() {
        return lacking("it was measured twice".to_owned());
    }
    match (samples.map(|measured| &measured.samples), rule.kind) {
        (Some(Samples::Values { canary, baseline }), Kind::Values) => {
            values(rule, min_samples, canary, baseline)
        }
        (Some(Samples::Errors { canary, baseline }), Kind::Errors) => {
            errors(rule, min_samples, *canary, *baseline)
        }
        (Some(_), _) => lacking("what was measured is of another kind than the rules say".to_owned()),
        (None, _) => lacking("nothing was measured".to_owned()),
    }
}

fn values(rule: &MetricRule, min_samples: u32, canary: &[u64], baseline: &[u64]) -> Measure {
    let sizes = (length(canary), length(baseline));
    let found = Measure {
        canary: sizes.0,
        baseline: sizes.1,
        lacking: too_few(min_samples, sizes),
        ..Measure::default()
    };
    let (Some(median), Some(shift)) = (shift::median(baseline), shift::hodges_lehmann(canary, baseline))
    else {
        return found;
    };
    if found.lacking.is_some() {
        return found;
    }
    // The baseline is moved by what is tolerated, so that only what is worse by more than that is a fail.
    let tolerated = (median * rule.share_tolerated()).max(ranks::whole(rule.floor));
    let allowance = upwards(tolerated);
    let (ranks, worse_by) = match rule.worse {
        Worse::Higher => {
            let moved: Vec<u64> = baseline.iter().map(|value| value.saturating_add(allowance)).collect();
            (ranks::greater(canary, &moved), shift)
        }
        Worse::Lower => {
            let moved: Vec<u64> = canary.iter().map(|value| value.saturating_add(allowance)).collect();
            (ranks::greater(baseline, &moved), -shift)
        }
    };
    let plain = match rule.worse {
        Worse::Higher => ranks::greater(canary, baseline),
        Worse::Lower => ranks::greater(baseline, canary),
    };
    Measure {
        p: ranks.map(|ranks| ranks.p),
        method: ranks.map(|ranks| ranks.method),
        effect: (median > 0.0).then(|| worse_by / median),
        superiority: plain.map(|ranks| ranks.superiority),
        beyond: worse_by > tolerated,
        ..found
    }
}

fn errors(rule: &MetricRule, min_samples: u32, canary: Count, baseline: Count) -> Measure {
    let sizes = (canary.replies, baseline.replies);
    let found = Measure {
        canary: sizes.0,
        baseline: sizes.1,
        lacking: too_few(min_samples, sizes),
        ..Measure::default()
    };
    let (Some(of_canary), Some(of_baseline), None) = (canary.share(), baseline.share(), &found.lacking)
    else {
        return found;
    };
    let effect = of_canary - of_baseline;
    match proportions::greater(canary, baseline) {
        Some(p) => Measure {
            p: Some(p),
            method: Some(Method::Exact),
            effect: Some(effect),
            beyond: effect > rule.share_tolerated(),
            ..found
        },
        None => {
            Measure { lacking: Some("the counts cannot be: more errors than replies".to_owned()), ..found }
        }
    }
}

fn too_few(min_samples: u32, (canary, baseline): (u64, u64)) -> Option<String> {
    let needed = u64::from(min_samples);
    (canary < needed || baseline < needed).then(|| {
        format!(
            "{canary} samples of the canary and {baseline} of the baseline; {min_samples} of each are needed"
        )
    })
}

fn length(values: &[u64]) -> u64 {
    u64::try_from(values.len()).unwrap_or(u64::MAX)
}

/// The next whole number. What is no number below 2⁶⁴ becomes the nearest that is one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and that is what is wanted"
)]
fn upwards(value: f64) -> u64 {
    libm::ceil(value) as u64
}
