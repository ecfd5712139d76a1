//! The judge: whether a canary is worse than the baseline, by more than what is tolerated.
//!
//! [`judge`] is pure: rules, samples of both sides and the number of the look in, three-valued verdict out. Missing data
//! is never a pass. What went in is kept beside what came out ([`record`]), and replaying it gives the same bytes on each
//! machine: samples are whole numbers, and nothing asks the platform for logarithms. Why these tests: decision 0038.
//!
//! It leaves out how samples are gathered and what a rollout does with a verdict.

pub mod looks;
mod measure;
pub mod proportions;
pub mod ranks;
pub mod record;
pub mod rules;
pub mod shift;
pub mod simulate;

use looks::Asked;
use measure::Measure;
use proportions::Count;
use ranks::Method;
use rules::{MetricRule, Rules};
use serde::{Deserialize, Serialize};

/// What is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What is demanded.
    pub rules: Rules,
    /// Which of the planned looks this is, from 1.
    pub look: u32,
    /// What was measured since the step began. A metric that is not here is missing.
    pub measured: Vec<Measured>,
}

/// One metric's samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The metric, as the rules name it.
    pub metric: String,
    /// Its samples.
    pub samples: Samples,
}

/// Samples of both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Samples {
    /// Values in whole units, for latency microseconds.
    Values {
        /// Of the new version.
        canary: Vec<u64>,
        /// Of the stable version.
        baseline: Vec<u64>,
    },
    /// Errors among replies.
    Errors {
        /// Of the new version.
        canary: Count,
        /// Of the stable version.
        baseline: Count,
    },
}

/// The three answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// All looks are over, and it is within what is tolerated.
    Pass,
    /// It is worse by more than what is tolerated.
    Fail,
    /// Neither is shown.
    Inconclusive,
}

impl Answer {
    /// Its word, as records have it.
    pub const fn name(self) -> &'static str {
        match self {
            Answer::Pass => "pass",
            Answer::Fail => "fail",
            Answer::Inconclusive => "inconclusive",
        }
    }
}

/// What the judge says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// In total: one fail is a fail; else one inconclusive is inconclusive.
    pub answer: Answer,
    /// Why, in one line.
    pub reason: String,
    /// The share of false alarms that this look may spend.
    pub spent: f64,
    /// Each metric, as the rules have them.
    pub metrics: Vec<MetricVerdict>,
}

/// What it says of one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricVerdict {
    /// The metric.
    pub metric: String,
    /// The answer.
    pub answer: Answer,
    /// Why, in one line.
    pub reason: String,
    /// How much worse the canary is: of the baseline's median for values, difference of the shares for errors. Negative
    /// is better.
    pub effect: Option<f64>,
    /// How often a value of the canary is worse than one of the baseline; 0.5 is alike.
    pub superiority: Option<f64>,
    /// How likely such samples are where the canary is worse by no more than what is tolerated (errors: where it is not worse).
    pub p: Option<f64>,
    /// The largest `p` that would have been a fail.
    pub threshold: f64,
    /// How `p` was found.
    pub method: Option<Method>,
    /// Samples of the new version.
    pub canary: u64,
    /// Samples of the stable version.
    pub baseline: u64,
}

/// The verdict on what was measured.
pub fn judge(input: &Input) -> Verdict {
    let rules = &input.rules;
    if let Err(why) = rules.check().and_then(|()| rules.check_look(input.look)) {
        return Verdict { answer: Answer::Inconclusive, reason: why, spent: 0.0, metrics: Vec::new() };
    }
    let spent = looks::share(rules.alpha(), input.look, rules.looks, rules.spending);
    let measures: Vec<Measure> =
        rules.metrics.iter().map(|rule| measure::measure(rule, rules.min_samples, &input.measured)).collect();
    let asked = looks::holm(&measures.iter().map(|measure| measure.p).collect::<Vec<_>>(), spent);
    let each = rules.metrics.iter().zip(measures).zip(asked);
    let metrics: Vec<MetricVerdict> =
        each.map(|((rule, measure), asked)| of_metric(rule, measure, asked, input)).collect();
    // `Rules::check` refuses rules without a metric, so one of these is there.
    let with = |answer| metrics.iter().find(|metric: &&MetricVerdict| metric.answer == answer);
    let (answer, reason) = match with(Answer::Fail).or_else(|| with(Answer::Inconclusive)) {
        Some(metric) => (metric.answer, format!("{}: {}", metric.metric, metric.reason)),
        None => {
            (Answer::Pass, format!("all metrics are within what is tolerated after {} looks", input.look))
        }
    };
    Verdict { answer, reason, spent, metrics }
}

fn of_metric(rule: &MetricRule, measure: Measure, asked: Asked, input: &Input) -> MetricVerdict {
    let (answer, reason) = answer(rule, &measure, asked, input);
    MetricVerdict {
        metric: rule.name.clone(),
        answer,
        reason,
        effect: measure.effect,
        superiority: measure.superiority,
        p: measure.p,
        threshold: asked.threshold,
        method: measure.method,
        canary: measure.canary,
        baseline: measure.baseline,
    }
}

fn answer(rule: &MetricRule, measure: &Measure, asked: Asked, input: &Input) -> (Answer, String) {
    let (Some(p), None) = (measure.p, &measure.lacking) else {
        let why = measure.lacking.clone().unwrap_or_else(|| "nothing was measured".to_owned());
        return (Answer::Inconclusive, why);
    };
    let worse =
        measure.effect.map_or_else(|| "worse".to_owned(), |effect| format!("{:+.2} %", effect * 100.0));
    let tolerated = tolerated(rule);
    let (look, looks) = (input.look, input.rules.looks);
    if asked.met && measure.beyond {
        return (Answer::Fail, format!("{worse} against the baseline, {tolerated} (p {p:.2e})"));
    }
    if look < looks {
        return (Answer::Inconclusive, format!("not shown to be worse at look {look} of {looks} ({worse})"));
    }
    match measure.beyond {
        false => (Answer::Pass, format!("{worse} against the baseline, {tolerated}")),
        true => (
            Answer::Inconclusive,
            format!("{worse} against the baseline, {tolerated}; this may be chance (p {p:.2e})"),
        ),
    }
}

fn tolerated(rule: &MetricRule) -> String {
    match rule.floor {
        0 => format!("{} % are tolerated", rule.tolerance),
        floor => format!("{} % or a difference of {floor} are tolerated", rule.tolerance),
    }
}

#[cfg(test)]
mod tests;
