//! How the false alarms that are allowed are spent: over planned looks, and over metrics.
//!
//! Who looks ten times at 1 % each has 4 % false alarms, not 1 %. So the looks are planned, and each gets a share of α that
//! was fixed before the first value was seen: α·(k/K)^ρ is spent after look k of K. The shares add up to α, so by
//! Bonferroni's inequality the looks together raise no more false alarms than α, whatever the looks have in common.

/// What is spent at this look, of `looks` in all.
pub fn share(alpha: f64, look: u32, looks: u32, exponent: u32) -> f64 {
    spent(alpha, look, looks, exponent) - spent(alpha, look.saturating_sub(1), looks, exponent)
}

fn spent(alpha: f64, look: u32, looks: u32, exponent: u32) -> f64 {
    let part = f64::from(look.min(looks)) / f64::from(looks.max(1));
    // Multiplied, not `powi`, whose result is the machine's own.
    (0..exponent).fold(alpha, |product, _| product * part)
}

/// What Holm asks of each metric: the threshold that applied, and whether it was met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// The largest probability that would have been enough.
    pub threshold: f64,
    /// Whether it was reached, and by all that come before it.
    pub met: bool,
}

/// Holm's method: the smallest probability is held against α/M, the next against α/(M − 1), until one is too large. A
/// metric without a probability is counted in M and meets nothing.
pub fn holm(probabilities: &[Option<f64>], alpha: f64) -> Vec<Asked> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    let value = |at: &usize| probabilities[*at].unwrap_or(f64::INFINITY);
    order.sort_by(|one, other| value(one).total_cmp(&value(other)));
    let mut asked = vec![Asked { threshold: 0.0, met: false }; probabilities.len()];
    let (mut left, mut met) = (u32::try_from(probabilities.len()).unwrap_or(u32::MAX), true);
    for at in order {
        let threshold = alpha / f64::from(left);
        met = met && value(&at) <= threshold;
        asked[at] = Asked { threshold, met };
        left = left.saturating_sub(1);
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_all_looks_are_alpha() {
        for looks in 1..=20 {
            for exponent in 1..=4 {
                let shares: Vec<f64> = (1..=looks).map(|look| share(0.01, look, looks, exponent)).collect();
                assert!((shares.iter().sum::<f64>() - 0.01).abs() < 1e-15, "{looks} looks: {shares:?}");
                assert!(shares.iter().all(|share| *share > 0.0));
            }
        }
    }

    #[test]
    fn a_larger_exponent_keeps_more_for_later() {
        assert!(share(0.01, 1, 3, 2) < share(0.01, 1, 3, 1));
        assert!(share(0.01, 3, 3, 2) > share(0.01, 3, 3, 1));
        assert_eq!(share(0.01, 4, 3, 1).to_bits(), 0_f64.to_bits(), "nothing is left after the last look");
    }

    /// Holm 1979, by hand: 0.01 ≤ 0.05/4, 0.015 ≤ 0.05/3, 0.03 > 0.05/2, so the fourth is not asked any more.
    #[test]
    fn holm_stops_at_the_first_that_is_too_large() {
        let met =
            |values: &[Option<f64>]| holm(values, 0.05).iter().map(|asked| asked.met).collect::<Vec<_>>();
        assert_eq!(met(&[Some(0.03), Some(0.01), Some(0.04), Some(0.015)]), [false, true, false, true]);
        assert_eq!(met(&[None, Some(0.02)]), [false, true]);
        assert_eq!(met(&[None, Some(0.03)]), [false, false], "a missing metric still counts in M");
        assert_eq!(met(&[]), Vec::<bool>::new());
    }
}
