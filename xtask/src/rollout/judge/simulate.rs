//! How often rules raise a false alarm, and how often they find a canary that is worse: rules tried on made-up canaries.
//!
//! Latencies are log-normal around 100 ms, errors are drawn one by one; each look has `min_samples` more of both sides.
//! All from one seed, so the same numbers come out on each machine.

use super::proportions::Count;
use super::rules::{Kind, Rules, Worse};
use super::{Answer, Input, Measured, Samples, judge};
use crate::policy::Percent;
use serde::Serialize;

/// The median latency of the baseline, in microseconds.
const MEDIAN_MICROS: f64 = 100_000.0;

/// The quantile of the normal distribution that 95 % lie within.
const Z95: f64 = 1.959_963_984_540_054;

/// What is made up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct World {
    /// Rollouts for each effect.
    pub runs: u32,
    /// The seed.
    pub seed: u64,
    /// Standard deviation of the latencies' logarithm, in per cent.
    pub spread: Percent,
    /// Errors of the baseline.
    pub errors: Percent,
}

/// What is wrong with the canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Effect {
    /// Values worse by this, in per cent.
    pub values: u32,
    /// Errors more than the baseline's.
    pub errors: Percent,
}

/// The effects that are tried; the first is a canary that is as good as the baseline.
pub const EFFECTS: [Effect; 8] = [
    Effect { values: 0, errors: Percent::whole(0) },
    Effect { values: 10, errors: Percent::whole(0) },
    Effect { values: 20, errors: Percent::whole(0) },
    Effect { values: 50, errors: Percent::whole(0) },
    Effect { values: 100, errors: Percent::whole(0) },
    Effect { values: 0, errors: Percent::whole(1) },
    Effect { values: 0, errors: Percent::whole(5) },
    Effect { values: 0, errors: Percent::whole(20) },
];

/// How the rollouts with one effect ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The effect.
    pub effect: Effect,
    /// Rollouts that were stopped.
    pub fail: u32,
    /// Rollouts that went on.
    pub pass: u32,
    /// Rollouts of which nothing was shown.
    pub inconclusive: u32,
    /// Share of those that were stopped, with its 95 % interval (Wilson): lower end, share, upper end.
    pub stopped: [f64; 3],
}

/// Tries the rules on each effect.
pub fn simulate(rules: &Rules, world: &World) -> Vec<Row> {
    EFFECTS.into_iter().map(|effect| row(rules, world, effect)).collect()
}

fn row(rules: &Rules, world: &World, effect: Effect) -> Row {
    // Each effect has its own numbers, so that one more effect changes no other.
    let salt = u64::from(effect.values) << 32 | u64::from(effect.errors.basis_points());
    let mut chance = fastrand::Rng::with_seed(world.seed ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut row = Row { effect, fail: 0, pass: 0, inconclusive: 0, stopped: [0.0; 3] };
    for _ in 0..world.runs {
        match rollout(rules, world, effect, &mut chance) {
            Answer::Fail => row.fail += 1,
            Answer::Pass => row.pass += 1,
            Answer::Inconclusive => row.inconclusive += 1,
        }
    }
    Row { stopped: wilson(row.fail, world.runs), ..row }
}

fn rollout(rules: &Rules, world: &World, effect: Effect, chance: &mut fastrand::Rng) -> Answer {
    let measured = rules.metrics.iter().map(|rule| Measured {
        metric: rule.name.clone(),
        samples: match rule.kind {
            Kind::Values => Samples::Values { canary: Vec::new(), baseline: Vec::new() },
            Kind::Errors => {
                let none = Count { errors: 0, replies: 0 };
                Samples::Errors { canary: none, baseline: none }
            }
        },
    });
    let mut input = Input { rules: rules.clone(), look: 0, measured: measured.collect() };
    let mut answer = Answer::Inconclusive;
    while input.look < rules.looks && answer != Answer::Fail {
        input.look += 1;
        for (rule, measured) in rules.metrics.iter().zip(&mut input.measured) {
            for _ in 0..rules.min_samples {
                reply(&mut measured.samples, rule.worse, world, effect, chance);
            }
        }
        answer = judge(&input).answer;
    }
    answer
}

/// One more reply of each side.
fn reply(samples: &mut Samples, worse: Worse, world: &World, effect: Effect, chance: &mut fastrand::Rng) {
    match samples {
        Samples::Values { canary, baseline } => {
            let by = 1.0 + f64::from(effect.values) / 100.0;
            let by = if worse == Worse::Higher { by } else { 1.0 / by };
            canary.push(value(by, world.spread, chance));
            baseline.push(value(1.0, world.spread, chance));
        }
        Samples::Errors { canary, baseline } => {
            let mut one = |count: &mut Count, points: u32| {
                count.replies += 1;
                count.errors += u64::from(chance.u32(0..10_000) < points);
            };
            one(canary, world.errors.basis_points() + effect.errors.basis_points());
            one(baseline, world.errors.basis_points());
        }
    }
}

/// A log-normal value, by Box and Muller.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and far below 2⁵³")]
fn value(by: f64, spread: Percent, chance: &mut fastrand::Rng) -> u64 {
    let sigma = f64::from(spread.basis_points()) / 10_000.0;
    // 1 − u is never 0, whose logarithm is none.
    let radius = (-2.0 * libm::log(1.0 - chance.f64())).sqrt();
    let normal = radius * libm::cos(std::f64::consts::TAU * chance.f64());
    libm::round(MEDIAN_MICROS * by * libm::exp(sigma * normal)) as u64
}

/// The interval of Wilson for a share, at 95 %: lower end, share, upper end.
pub fn wilson(part: u32, of: u32) -> [f64; 3] {
    if of == 0 {
        return [0.0, 0.0, 1.0];
    }
    let n = f64::from(of);
    let share = f64::from(part) / n;
    let z2 = Z95 * Z95;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z95 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    [(middle - half).max(0.0), share, (middle + half).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World { runs: 200, seed: 1, spread: Percent::whole(50), errors: Percent::whole(1) }
    }

    /// Statsmodels' and R's value for 5 of 100: 0.0215 to 0.1118.
    #[test]
    fn the_interval_is_wilsons() {
        let [low, share, high] = wilson(5, 100);
        assert!((low - 0.021_543).abs() < 1e-5 && (high - 0.111_753).abs() < 1e-5, "{low} to {high}");
        assert_eq!(share.to_bits(), 0.05_f64.to_bits());
        assert_eq!(wilson(0, 0).map(f64::to_bits), [0.0, 0.0, 1.0].map(f64::to_bits));
    }

    #[test]
    fn a_good_canary_is_seldom_stopped_and_a_bad_one_mostly() {
        let rows = simulate(&Rules::default(), &world());
        let of =
            |effect: Effect| rows.iter().find(|row| row.effect == effect).expect("it was tried").stopped[1];
        assert!(of(EFFECTS[0]) <= 0.03, "α is 1 %: {rows:?}");
        assert!(of(EFFECTS[1]) <= 0.03, "10 % are tolerated: {rows:?}");
        assert!(of(EFFECTS[4]) >= 0.95, "twice as slow: {rows:?}");
        assert!(of(EFFECTS[7]) >= 0.95, "20 % more errors: {rows:?}");
        assert!(rows.iter().all(|row| row.fail + row.pass + row.inconclusive == 200));
    }

    #[test]
    fn the_same_seed_gives_the_same_rows() {
        let small = World { runs: 20, ..world() };
        assert_eq!(simulate(&Rules::default(), &small), simulate(&Rules::default(), &small));
    }
}
