//! What the judge is asked to decide by, and which rules can never decide.

use super::{looks, ranks};
use crate::policy::Percent;
use serde::{Deserialize, Serialize};

/// Fewest samples per side that rules may ask for: below, a shift of one standard deviation is found in a third of all cases.
pub const MIN_SAMPLES_LEAST: u32 = 30;

/// Most looks.
pub const LOOKS_MAX: u32 = 50;

/// The largest exponent of the spending.
pub const SPENDING_MAX: u32 = 10;

/// Most false alarms that may be allowed: more is no test.
const ALPHA_MAX: Percent = Percent::whole(20);

/// What is demanded of a canary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Most false alarms over all looks and metrics of a step, in per cent.
    pub alpha: Percent,
    /// How often the samples are looked at.
    pub looks: u32,
    /// ρ of the spending α·(k/K)^ρ: 1 spends evenly, more keeps more for later looks.
    pub spending: u32,
    /// Fewest samples per side.
    pub min_samples: u32,
    /// What is compared.
    pub metrics: Vec<MetricRule>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricRule {
    /// Its name.
    pub name: String,
    /// What its samples are.
    pub kind: Kind,
    /// Which way is worse.
    pub worse: Worse,
    /// How much worse it may be: per cent of the baseline's median for values, percentage points for errors.
    pub tolerance: Percent,
    /// A difference of so many units is tolerated in any case, whatever the share; of values only.
    #[serde(default, skip_serializing_if = "is_none")]
    pub floor: u64,
}

/// Records without a floor keep the bytes that they had before there was one.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(floor: &u64) -> bool {
    *floor == 0
}

/// What samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A value per reply, such as a latency.
    Values,
    /// Errors among replies.
    Errors,
}

/// Which way is worse. More errors are always worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Worse {
    /// Higher values.
    Higher,
    /// Lower values.
    Lower,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            alpha: Percent::whole(1),
            looks: 3,
            spending: 1,
            min_samples: 50,
            metrics: vec![
                MetricRule {
                    name: "latency".to_owned(),
                    kind: Kind::Values,
                    worse: Worse::Higher,
                    tolerance: Percent::whole(10),
                    floor: 0,
                },
                MetricRule {
                    name: "errors".to_owned(),
                    kind: Kind::Errors,
                    worse: Worse::Higher,
                    tolerance: Percent::whole(1),
                    floor: 0,
                },
            ],
        }
    }
}

impl Rules {
    /// α as a share.
    pub fn alpha(&self) -> f64 {
        share(self.alpha)
    }

    /// Whether these rules can be followed and can decide.
    ///
    /// # Errors
    /// Why not, in one line.
    pub fn check(&self) -> Result<(), String> {
        let out_of = |what: &str, value: String, least: String, most: String| {
            Err(format!("`{what}` is {value}: it must be from {least} to {most}"))
        };
        if self.alpha.basis_points() == 0 || self.alpha > ALPHA_MAX {
            return out_of(
                "alpha",
                format!("{} %", self.alpha),
                "0.01 %".to_owned(),
                format!("{ALPHA_MAX} %"),
            );
        }
        for (what, value, most) in
            [("looks", self.looks, LOOKS_MAX), ("spending", self.spending, SPENDING_MAX)]
        {
            if !(1..=most).contains(&value) {
                return out_of(what, value.to_string(), "1".to_owned(), most.to_string());
            }
        }
        if self.metrics.is_empty() {
            return Err("no metric is named: there is nothing to judge".to_owned());
        }
        for (at, metric) in self.metrics.iter().enumerate() {
            if self.metrics[..at].iter().any(|earlier| earlier.name == metric.name) {
                return Err(format!("the metric `{}` is named twice", metric.name));
            }
            if metric.kind == Kind::Errors && metric.worse == Worse::Lower {
                return Err(format!(
                    "the metric `{}` counts errors, and fewer errors are not worse",
                    metric.name
                ));
            }
        }
        let metrics = u32::try_from(self.metrics.len()).unwrap_or(u32::MAX);
        let threshold =
            looks::share(self.alpha(), self.looks, self.looks, self.spending) / f64::from(metrics);
        let least = ranks::smallest(self.min_samples, self.min_samples);
        if least > threshold {
            return Err(format!(
                "`min_samples` is {0}: {0} and {0} samples can never fail a canary, because not even sides without \
                 overlap are rarer than {least:.2e}, and {threshold:.2e} is asked",
                self.min_samples
            ));
        }
        if self.min_samples < MIN_SAMPLES_LEAST {
            return Err(format!(
                "`min_samples` is {}: below {MIN_SAMPLES_LEAST} most bad canaries are missed",
                self.min_samples
            ));
        }
        Ok(())
    }

    /// Whether this look was planned.
    ///
    /// # Errors
    /// Why not, in one line.
    pub fn check_look(&self, look: u32) -> Result<(), String> {
        match (1..=self.looks).contains(&look) {
            true => Ok(()),
            false => Err(format!("look {look} was not planned: there are {}", self.looks)),
        }
    }
}

impl MetricRule {
    /// What is tolerated, as a share.
    pub(super) fn share_tolerated(&self) -> f64 {
        share(self.tolerance)
    }
}

fn share(percent: Percent) -> f64 {
    f64::from(percent.basis_points()) / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Rules), why: &str) {
        let mut rules = Rules::default();
        change(&mut rules);
        let said = rules.check().expect_err("these rules are wrong");
        assert!(said.contains(why), "{said}");
    }

    #[test]
    fn rules_that_cannot_be_followed_are_refused_with_the_reason() {
        assert_eq!(Rules::default().check(), Ok(()));
        refused(|rules| rules.alpha = Percent::whole(0), "`alpha` is 0 %");
        refused(|rules| rules.alpha = Percent::whole(21), "from 0.01 % to 20 %");
        refused(|rules| rules.looks = 0, "`looks` is 0");
        refused(|rules| rules.looks = LOOKS_MAX + 1, "`looks` is 51");
        refused(|rules| rules.spending = 0, "`spending` is 0");
        refused(|rules| rules.metrics.clear(), "nothing to judge");
        refused(|rules| rules.metrics.push(rules.metrics[0].clone()), "`latency` is named twice");
        refused(|rules| rules.metrics[1].worse = Worse::Lower, "fewer errors are not worse");
        refused(|rules| rules.min_samples = 29, "most bad canaries are missed");
    }

    /// The reference: 4 and 4 samples reach no less than 1/70, so a test at 1 % cannot fail.
    #[test]
    fn rules_that_can_never_decide_are_refused() {
        for min_samples in [0, 1, 4] {
            refused(
                |rules| {
                    rules.looks = 1;
                    rules.metrics.truncate(1);
                    rules.min_samples = min_samples;
                },
                "can never fail a canary",
            );
        }
    }
}
