//! Fisher's exact test, one-sided: is the share of errors of one side larger than that of the other?
//!
//! Errors are counts, so nothing is put into bins. The probability of the counts that were seen is taken in log space; the
//! tail is a sum of ratios to it, which only shrink on the side away from the mode, so the sum is stable and short.

use super::ranks::whole;
use serde::{Deserialize, Serialize};

/// A ratio below which a further term changes nothing in the sum.
const NEGLIGIBLE: f64 = 1e-18;

/// Errors among replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// Replies that were errors.
    pub errors: u64,
    /// All replies.
    pub replies: u64,
}

impl Count {
    /// The share of errors. `None` where there is no reply.
    pub fn share(self) -> Option<f64> {
        (self.replies > 0).then(|| whole(self.errors) / whole(self.replies))
    }

    /// Most replies of a side: sums of two stay whole numbers as floating point has them.
    const REPLIES_MAX: u64 = 1 << 50;

    fn is_possible(self) -> bool {
        self.errors <= self.replies && (1..=Self::REPLIES_MAX).contains(&self.replies)
    }
}

/// How likely at least so many errors of `first` are where both sides are alike. `None` where a side has no reply, or
/// counts that cannot be.
pub fn greater(first: Count, second: Count) -> Option<f64> {
    if !first.is_possible() || !second.is_possible() {
        return None;
    }
    let all = first.replies + second.replies;
    let errors = first.errors + second.errors;
    let draw = Draw { all, errors, drawn: first.replies };
    let least = (first.replies + errors).saturating_sub(all);
    if first.errors <= least {
        return Some(1.0);
    }
    Some(if draw.is_above_mode(first.errors) {
        draw.upwards(first.errors).min(1.0)
    } else {
        (1.0 - draw.downwards(first.errors - 1, least)).clamp(0.0, 1.0)
    })
}

/// The hypergeometric distribution: `drawn` replies out of `all`, of which `errors` are errors.
struct Draw {
    all: u64,
    errors: u64,
    drawn: u64,
}

impl Draw {
    fn is_above_mode(&self, errors: u64) -> bool {
        let mode = u128::from(self.drawn + 1) * u128::from(self.errors + 1) / u128::from(self.all + 2);
        u128::from(errors) > mode
    }

    /// Replies that are neither errors nor drawn, where `errors` of the errors are drawn.
    fn rest(&self, errors: u64) -> f64 {
        whole(self.all + errors - self.errors - self.drawn)
    }

    fn log_probability(&self, errors: u64) -> f64 {
        log_choose(self.errors, errors) + log_choose(self.all - self.errors, self.drawn - errors)
            - log_choose(self.all, self.drawn)
    }

    /// P(X ≥ errors).
    fn upwards(&self, errors: u64) -> f64 {
        let (mut term, mut sum) = (1.0, 1.0);
        for at in errors..self.errors.min(self.drawn) {
            term *= whole(self.errors - at) * whole(self.drawn - at) / (whole(at + 1) * self.rest(at + 1));
            sum += term;
            if term < sum * NEGLIGIBLE {
                break;
            }
        }
        libm::exp(self.log_probability(errors) + libm::log(sum))
    }

    /// P(X ≤ errors).
    fn downwards(&self, errors: u64, least: u64) -> f64 {
        let (mut term, mut sum) = (1.0, 1.0);
        for at in (least + 1..=errors).rev() {
            term *= whole(at) * self.rest(at) / (whole(self.errors - at + 1) * whole(self.drawn - at + 1));
            sum += term;
            if term < sum * NEGLIGIBLE {
                break;
            }
        }
        libm::exp(self.log_probability(errors) + libm::log(sum))
    }
}

fn log_choose(of: u64, chosen: u64) -> f64 {
    log_factorial(of) - log_factorial(chosen) - log_factorial(of - chosen)
}

fn log_factorial(of: u64) -> f64 {
    libm::lgamma(whole(of) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(errors: u64, replies: u64) -> Count {
        Count { errors, replies }
    }

    /// scipy 1.17.1, `fisher_exact([[a, n − a], [b, m − b]], alternative="greater")`.
    #[test]
    fn probabilities_are_as_scipy_has_them() {
        let check = |first, second, p: f64| {
            let ours = greater(first, second).expect("both sides have replies");
            assert!((ours - p).abs() <= 1e-9 * p, "{ours} is not {p} ({first:?}, {second:?})");
        };
        check(of(10, 500), of(1, 500), 0.005_646_257_510_187_023);
        check(of(1, 500), of(10, 500), 0.999_538_119_168_615_8);
        check(of(20, 1000), of(1, 1000), 9.618_286_575_873_022e-6);
        check(of(0, 50), of(0, 50), 1.0);
        check(of(5, 5), of(0, 5), 0.003_968_253_968_253_969);
        check(of(3, 100), of(2, 900), 0.008_365_780_422_397_433);
        check(of(50, 1000), of(1000, 100_000), 1.874_612_374_843_013_4e-19);
        check(of(5, 500), of(1, 500), 0.108_670_466_406_992_56);
        check(of(900, 1000), of(800, 1000), 2.073_115_311_218_192_7e-10);
    }

    #[test]
    fn no_replies_and_impossible_counts_say_nothing() {
        assert_eq!(greater(of(0, 0), of(0, 10)), None);
        assert_eq!(greater(of(0, 10), of(0, 0)), None);
        assert_eq!(greater(of(11, 10), of(0, 10)), None);
        assert_eq!(greater(of(0, u64::MAX), of(0, 10)), None);
    }

    proptest! {
        /// The definition, with whole numbers: C(K, x) · C(N − K, n − x) / C(N, n), summed.
        #[test]
        fn small_counts_are_as_the_definition_has_them(n in 1_u64..14, m in 1_u64..14, a in 0_u64..14, b in 0_u64..14) {
            let (first, second) = (of(a.min(n), n), of(b.min(m), m));
            let choose = |n: u64, k: u64| -> u64 {
                if k > n { 0 } else { (0..k).fold(1, |product, i| product * (n - i) / (i + 1)) }
            };
            let errors = first.errors + second.errors;
            let high: u64 = (first.errors..=errors.min(n))
                .map(|x| choose(errors, x) * choose(n + m - errors, n - x))
                .sum();
            let p = whole(high) / whole(choose(n + m, n));
            let ours = greater(first, second).expect("replies");
            prop_assert!((ours - p).abs() <= 1e-11, "{} is not {}", ours, p);
        }

        #[test]
        fn one_error_more_is_never_likelier(n in 1_u64..2000, m in 1_u64..2000, a in 0_u64..1000, b in 0_u64..1000) {
            let second = of(b.min(m), m);
            if a < n {
                let (before, after) = (greater(of(a, n), second), greater(of(a + 1, n), second));
                prop_assert!(after.expect("replies") <= before.expect("replies") + 1e-9);
            }
        }
    }
}
