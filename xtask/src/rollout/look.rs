//! When the judge is asked in a step, of what, and what stays of its answer.
//!
//! Look k of K is due when k/K of the hold time has passed and both sides have k times `min_samples` replies: neither
//! depends on what the replies were, so when it looks tells the judge nothing. The samples go into the journal as the
//! judge's own record; the rollout keeps the figures of the last look of each step.

use super::judge::proportions::Count;
use super::judge::simulate::wilson;
use super::judge::{Answer, Input, Measured, MetricVerdict, Samples, Verdict, shift};
use super::seen::{EnvironmentStatus, InstanceStatus, Role, Side, Sides};
use super::{Observation, Rollout, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The last look of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Index into the plan's steps.
    pub step: usize,
    /// The step's weight, in per cent.
    pub weight: u8,
    /// Which look; 0 where the step ended before the first.
    pub look: u32,
    /// How many were planned.
    pub looks: u32,
    /// What was said.
    pub answer: Answer,
    /// Why, in one line.
    pub reason: String,
    /// Both sides, metric by metric.
    pub metrics: Vec<Compared>,
}

/// One metric, with both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The metric, as the rules name it.
    pub metric: String,
    /// What was said of it.
    pub answer: Answer,
    /// The new version.
    pub canary: Figures,
    /// The stable version.
    pub baseline: Figures,
    /// By how much the new version lies above, with the ends of the 95 % interval: lower end, difference, upper end.
    /// Latencies in milliseconds (Hodges–Lehmann), errors in percentage points (Newcombe).
    pub difference: Option<[f64; 3]>,
}

/// One side of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "of")]
pub enum Figures {
    /// Latencies.
    Latency {
        /// How many.
        samples: u64,
        /// Their median in milliseconds; none of none.
        median_millis: Option<f64>,
    },
    /// Errors among replies.
    Errors {
        /// Errors.
        errors: u64,
        /// Replies.
        replies: u64,
    },
}

impl Rollout {
    /// The number of the look that is due now, by what is seen of both sides.
    pub fn due_look(&self, now: Timestamp, seen: &EnvironmentStatus) -> Option<u32> {
        let State::Watching { step, looked, .. } = self.state else { return None };
        let (judge, policy) = (self.plan.judge.as_ref()?, self.plan.steps.get(step)?);
        let look = looked.checked_add(1).filter(|look| *look <= judge.looks)?;
        let elapsed = u64::try_from(now.duration_since(self.entered_at).as_millis()).unwrap_or(0);
        let is_time =
            elapsed.saturating_mul(judge.looks.into()) >= policy.hold_millis.saturating_mul(look.into());
        let needed = u64::from(look) * u64::from(judge.min_samples);
        let (canary, baseline) = self.replies(seen);
        (is_time && canary >= needed && baseline >= needed).then_some(look)
    }

    /// What the next look waits for, in plain words; none where none is planned now.
    pub fn awaited_look(&self, seen: &EnvironmentStatus) -> Option<String> {
        let State::Watching { looked, .. } = self.state else { return None };
        let judge = self.plan.judge.as_ref().filter(|judge| looked < judge.looks)?;
        let ((canary, baseline), look) = (self.replies(seen), looked.saturating_add(1));
        let needed = u64::from(look) * u64::from(judge.min_samples);
        Some(format!(
            "the judge has {canary} replies of the new version and {baseline} of the stable one; look {look} of {} needs \
             {needed} of each",
            judge.looks
        ))
    }

    /// Replies of the new and of the stable version since the step began, as far as they can be judged.
    pub(super) fn replies(&self, seen: &EnvironmentStatus) -> (u64, u64) {
        let own = self.instance();
        let sum = |is_side: &dyn Fn(&InstanceStatus) -> bool| {
            let side = seen.instances.iter().filter(|instance| is_side(instance));
            side.map(|instance| instance.step.samples.min(instance.step.replies)).sum()
        };
        (
            sum(&|instance| instance.id == own),
            sum(&|instance| instance.id != own && instance.role == Role::Stable),
        )
    }

    /// What the judge is asked now; none where no look is due, or its samples are not there.
    pub fn input(&self, observation: &Observation) -> Option<Input> {
        let look = self.due_look(observation.now, &observation.seen)?;
        let (judge, sides) = (self.plan.judge.as_ref()?, observation.sides.as_ref()?);
        // Samples of other weights say nothing of this step.
        if sides.generation != observation.seen.generation {
            return None;
        }
        Some(Input { rules: judge.rules(), look, measured: measured(sides) })
    }

    /// The last look of a step.
    pub fn look_at(&self, step: usize) -> Option<&Look> {
        self.judged.iter().find(|look| look.step == step)
    }

    /// The same rollout with this as the last look of its step: one per step is kept.
    pub(super) fn noting(&self, look: Look) -> Rollout {
        let mut noted = self.clone();
        noted.judged.retain(|earlier| earlier.step != look.step);
        noted.judged.push(look);
        noted
    }
}

fn measured(sides: &Sides) -> Vec<Measured> {
    let count = |side: &Side| Count { errors: side.errors, replies: side.replies };
    let of = |metric: &str, samples| Measured { metric: metric.to_owned(), samples };
    let Sides { canary, baseline, .. } = sides;
    let values = Samples::Values { canary: canary.micros.clone(), baseline: baseline.micros.clone() };
    vec![
        of("latency", values),
        of("errors", Samples::Errors { canary: count(canary), baseline: count(baseline) }),
    ]
}

impl Look {
    /// What stays of a look.
    pub(super) fn of(step: usize, weight: u8, input: &Input, verdict: &Verdict) -> Look {
        let compared = input.measured.iter().filter_map(|measured| {
            let said = verdict.metrics.iter().find(|said| said.metric == measured.metric)?;
            Some(compared(measured, said))
        });
        Look {
            step,
            weight,
            look: input.look,
            looks: input.rules.looks,
            answer: verdict.answer,
            reason: verdict.reason.clone(),
            metrics: compared.collect(),
        }
    }

    /// In plain words, with the numbers of both sides.
    pub fn told(&self) -> String {
        let said = match (self.answer, self.look) {
            (Answer::Pass, _) => "no worse".to_owned(),
            (Answer::Fail, _) => "worse".to_owned(),
            (Answer::Inconclusive, 0) => return format!("at {} %: not judged: {}", self.weight, self.reason),
            (Answer::Inconclusive, _) => format!("nothing is shown ({})", self.reason),
        };
        let each: Vec<String> = self.metrics.iter().map(Compared::told).collect();
        format!("at {} %, look {} of {}: {said}; {}", self.weight, self.look, self.looks, each.join("; "))
    }
}

impl Compared {
    /// In plain words.
    pub fn told(&self) -> String {
        let difference = |unit: &str| match self.difference {
            Some([low, by, high]) => format!(": {by:+.1} {unit} (95 %: {low:+.1} to {high:+.1})"),
            None => String::new(),
        };
        match (self.canary, self.baseline) {
            (
                Figures::Latency { samples: new, median_millis: Some(here) },
                Figures::Latency { samples: old, median_millis: Some(there) },
            ) => format!(
                "{} {here:.1} ms of {new} replies against {there:.1} ms of {old}{}",
                self.metric,
                difference("ms")
            ),
            (Figures::Errors { errors: new, replies }, Figures::Errors { errors: old, replies: of }) => {
                format!("{} {new} of {replies} against {old} of {of}{}", self.metric, difference("points"))
            }
            _ => format!("{}: nothing was measured", self.metric),
        }
    }
}

fn compared(measured: &Measured, said: &MetricVerdict) -> Compared {
    let (canary, baseline, difference) = match &measured.samples {
        Samples::Values { canary, baseline } => {
            let shift = shift::hodges_lehmann(canary, baseline).zip(shift::interval(canary, baseline));
            let difference = shift.map(|(by, [low, high])| [low, by, high].map(|micros| micros / 1000.0));
            (latencies(canary), latencies(baseline), difference)
        }
        Samples::Errors { canary, baseline } => {
            let figures = |count: &Count| Figures::Errors { errors: count.errors, replies: count.replies };
            (figures(canary), figures(baseline), newcombe(*canary, *baseline))
        }
    };
    Compared { metric: said.metric.clone(), answer: said.answer, canary, baseline, difference }
}

fn latencies(micros: &[u64]) -> Figures {
    let median_millis = shift::median(micros).map(|micros| micros / 1000.0);
    Figures::Latency { samples: micros.len() as u64, median_millis }
}

/// The difference of two shares in percentage points with its 95 % interval: Newcombe 1998, method 10, of two intervals of
/// Wilson. None where a side has no reply.
fn newcombe(canary: Count, baseline: Count) -> Option<[f64; 3]> {
    let share = |count: Count| {
        let (errors, replies) = (u32::try_from(count.errors).ok()?, u32::try_from(count.replies).ok()?);
        (replies > 0).then(|| wilson(errors, replies))
    };
    let ([low, here, high], [least, there, most]) = (share(canary)?, share(baseline)?);
    let (by, square) = (here - there, |value: f64| value * value);
    let below = (square(here - low) + square(most - there)).sqrt();
    let above = (square(high - here) + square(there - least)).sqrt();
    Some([by - below, by, by + above].map(|share| share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Newcombe 1998, table II, example (a), method 10: 56/70 − 48/80 is 0.2, from 0.0524 to 0.3339.
    #[test]
    fn the_interval_of_two_shares_is_newcombes() {
        let found = newcombe(Count { errors: 56, replies: 70 }, Count { errors: 48, replies: 80 });
        let expected = [5.24, 20.0, 33.39];
        let near = |found: &[f64; 3]| {
            found.iter().zip(expected).all(|(found, wanted)| (found - wanted).abs() < 0.01)
        };
        assert!(found.as_ref().is_some_and(near), "{found:?}");
        assert_eq!(newcombe(Count { errors: 0, replies: 0 }, Count { errors: 1, replies: 2 }), None);
    }

    #[test]
    fn a_look_is_told_with_the_numbers_of_both_sides() {
        let latency = |samples, median| Figures::Latency { samples, median_millis: Some(median) };
        let errors = |errors, replies| Figures::Errors { errors, replies };
        let compared = |metric: &str, answer, canary, baseline, difference| Compared {
            metric: metric.into(),
            answer,
            canary,
            baseline,
            difference: Some(difference),
        };
        let look = Look {
            step: 0,
            weight: 10,
            look: 1,
            looks: 3,
            answer: Answer::Fail,
            reason: "latency: +3000.00 %".into(),
            metrics: vec![
                compared(
                    "latency",
                    Answer::Fail,
                    latency(200, 310.2),
                    latency(1800, 9.9),
                    [299.0, 300.3, 301.0],
                ),
                compared("errors", Answer::Inconclusive, errors(2, 200), errors(0, 1800), [0.1, 1.0, 3.6]),
            ],
        };
        assert_eq!(
            look.told(),
            "at 10 %, look 1 of 3: worse; latency 310.2 ms of 200 replies against 9.9 ms of 1800: +300.3 ms (95 %: +299.0 \
             to +301.0); errors 2 of 200 against 0 of 1800: +1.0 points (95 %: +0.1 to +3.6)"
        );
        let none = Look {
            look: 0,
            answer: Answer::Inconclusive,
            reason: "no client asked".into(),
            metrics: vec![],
            ..look
        };
        assert_eq!(none.told(), "at 10 %: not judged: no client asked");
    }
}
