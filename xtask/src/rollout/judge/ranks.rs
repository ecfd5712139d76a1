//! Mann–Whitney's U, one-sided: are the values of one side larger than those of the other?
//!
//! Ranks, not means: one reply of a minute does not decide. Values are whole numbers, so none can be NaN and ties are
//! exactly equal. Small sides are counted, not approximated: every choice of ranks by dynamic programming over *doubled*
//! midranks, which are whole numbers too, so ties are exact as well. Larger sides use the normal approximation with
//! corrections for ties and continuity (Mann and Whitney 1947; as scipy's `mannwhitneyu`).

use serde::{Deserialize, Serialize};

/// Most values of both sides together that are counted exactly: up to here every binomial coefficient fits 64 bits.
pub const EXACT_TOTAL_MAX: usize = 60;

/// What the ranks say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranks {
    /// How likely ranks as high as these are where both sides are alike.
    pub p: f64,
    /// How often a value of the first side is larger than one of the second, ties as half: 0 to 1.
    pub superiority: f64,
    /// How `p` was found.
    pub method: Method,
}

/// How a probability was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Counted.
    Exact,
    /// The normal approximation.
    Normal,
}

/// Whether `first` is larger than `second`. `None` where a side is empty.
pub fn greater(first: &[u64], second: &[u64]) -> Option<Ranks> {
    if first.is_empty() || second.is_empty() {
        return None;
    }
    let mut pooled: Vec<(u64, bool)> = first.iter().map(|&value| (value, true)).collect();
    pooled.extend(second.iter().map(|&value| (value, false)));
    pooled.sort_unstable();
    let total = pooled.len();
    // Doubled midranks of the pool, the doubled rank sum of `first`, and the sum of t³ − t over ties.
    let (mut doubled, mut sum, mut tied) = (Vec::with_capacity(total), 0, 0.0);
    for group in pooled.chunk_by(|left, right| left.0 == right.0) {
        let rank = 2 * doubled.len() + 1 + group.len();
        doubled.resize(doubled.len() + group.len(), rank);
        sum += rank * group.iter().filter(|(_, of_first)| *of_first).count();
        let ties = real(group.len());
        tied += ties * ties * ties - ties;
    }
    let (n, m) = (first.len(), second.len());
    let u = real(sum - n * (n + 1)) / 2.0;
    let (p, method) = if total <= EXACT_TOTAL_MAX {
        (counted(&doubled, n, sum), Method::Exact)
    } else {
        (approximated(u, real(n), real(m), tied), Method::Normal)
    };
    Some(Ranks { p, superiority: u / (real(n) * real(m)), method })
}

/// The smallest probability that sides of these sizes can reach: one choice of `n` ranks out of all, 1 / C(n + m, n).
pub fn smallest(n: u32, m: u32) -> f64 {
    (1..=n).fold(1.0, |p, i| p * f64::from(i) / (f64::from(m) + f64::from(i)))
}

/// The share of all choices of `n` ranks whose sum is at least `least`.
fn counted(doubled: &[usize], n: usize, least: usize) -> f64 {
    let most: usize = doubled.iter().sum();
    let mut ways = vec![vec![0_u64; most + 1]; n + 1];
    ways[0][0] = 1;
    for (seen, &rank) in doubled.iter().enumerate() {
        for chosen in (1..=n.min(seen + 1)).rev() {
            let (without, with) = ways.split_at_mut(chosen);
            for at in rank..=most {
                with[0][at] += without[chosen - 1][at - rank];
            }
        }
    }
    let all: u64 = ways[n].iter().sum();
    let high: u64 = ways[n][least..].iter().sum();
    whole(high) / whole(all)
}

fn approximated(u: f64, n: f64, m: f64, tied: f64) -> f64 {
    let total = n + m;
    let variance = n * m / 12.0 * (total + 1.0 - tied / (total * (total - 1.0)));
    if variance <= 0.0 {
        // All values are equal: nothing speaks against "alike".
        return 1.0;
    }
    let z = (u - n * m / 2.0 - 0.5) / variance.sqrt();
    0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
}

/// A length as a number; lengths of sample lists are far below 2⁵³.
fn real(length: usize) -> f64 {
    whole(u64::try_from(length).unwrap_or(u64::MAX))
}

/// The nearest number, rounded as IEEE 754 says, so on each machine alike.
pub(super) fn whole(count: u64) -> f64 {
    let low = u32::try_from(count & 0xffff_ffff).unwrap_or(u32::MAX);
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition: every way to choose the first side out of the pool, by brute force.
    fn enumerated(first: &[u64], second: &[u64]) -> f64 {
        let pool: Vec<u64> = first.iter().chain(second).copied().collect();
        let doubled_u = |chosen: u32| -> usize {
            let is_first = |i: usize| chosen >> i & 1 == 1;
            (0..pool.len())
                .filter(|&i| is_first(i))
                .flat_map(|i| (0..pool.len()).filter(move |&j| !is_first(j)).map(move |j| (i, j)))
                .map(|(i, j)| match pool[i].cmp(&pool[j]) {
                    std::cmp::Ordering::Greater => 2,
                    std::cmp::Ordering::Equal => 1,
                    std::cmp::Ordering::Less => 0,
                })
                .sum()
        };
        let seen = doubled_u((1 << first.len()) - 1);
        let all: Vec<u32> =
            (0_u32..1 << pool.len()).filter(|chosen| chosen.count_ones() as usize == first.len()).collect();
        real(all.iter().filter(|&&chosen| doubled_u(chosen) >= seen).count()) / real(all.len())
    }

    fn check(first: &[u64], second: &[u64], p: f64, method: Method) {
        let ranks = greater(first, second).expect("both sides have values");
        assert!((ranks.p - p).abs() <= 1e-12 * p, "{} is not {p} ({first:?}, {second:?})", ranks.p);
        assert_eq!(ranks.method, method);
    }

    /// scipy 1.17.1, `mannwhitneyu(first, second, alternative="greater", method="exact")`.
    #[test]
    fn small_sides_are_as_scipy_counts_them() {
        check(&[19, 22, 16, 29, 24], &[20, 11, 17, 12], 0.055_555_555_555_555_55, Method::Exact);
        check(&[1, 2, 3, 4, 5], &[6, 7, 8, 9, 10], 1.0, Method::Exact);
        check(&[6, 7, 8, 9, 10], &[1, 2, 3, 4, 5], 0.003_968_253_968_253_968, Method::Exact);
        check(&[7, 8], &[3, 9, 1], 0.4, Method::Exact);
    }

    /// scipy 1.17.1, the same with `method="asymptotic"`.
    #[test]
    fn large_sides_are_as_scipy_approximates_them() {
        let row = |count: u64, by: u64, modulus: u64, plus: u64| -> Vec<u64> {
            (0..count).map(|i| i * by % modulus + plus).collect()
        };
        let check = |first: Vec<u64>, second: Vec<u64>, p| check(&first, &second, p, Method::Normal);
        check(row(40, 37, 101, 6), row(45, 53, 97, 0), 0.056_992_435_514_254_51);
        check(row(50, 7, 13, 0), row(50, 5, 11, 0), 0.126_145_744_592_969_73);
        check(row(50, 7, 13, 100), row(50, 5, 11, 0), 3.310_469_672_870_596_8e-18);
    }

    #[test]
    fn an_empty_side_says_nothing_and_equal_values_say_alike() {
        assert_eq!(greater(&[], &[1]), None);
        assert_eq!(greater(&[1], &[]), None);
        for count in [3, 50] {
            let ranks = greater(&vec![7; count], &vec![7; count]).expect("both sides have values");
            assert_eq!(
                (ranks.p.to_bits(), ranks.superiority.to_bits()),
                (1_f64.to_bits(), 0.5_f64.to_bits())
            );
        }
    }

    #[test]
    fn the_smallest_probability_is_reached_where_the_sides_do_not_overlap() {
        for n in 1..=12_u32 {
            let high: Vec<u64> = (100..100 + u64::from(n)).collect();
            let low: Vec<u64> = (0..u64::from(n)).collect();
            check(&high, &low, smallest(n, n), Method::Exact);
        }
    }

    proptest! {
        /// Also with many ties: only five values.
        #[test]
        fn counting_is_enumerating(
            first in proptest::collection::vec(0_u64..5, 1..6),
            second in proptest::collection::vec(0_u64..5, 1..6),
        ) {
            check(&first, &second, enumerated(&first, &second), Method::Exact);
        }

        #[test]
        fn larger_values_never_make_it_less_likely_that_they_are_larger(
            first in proptest::collection::vec(0_u64..1000, 1..60),
            second in proptest::collection::vec(0_u64..1000, 1..60),
            more in 0_u64..500,
        ) {
            let higher: Vec<u64> = first.iter().map(|value| value + more).collect();
            let (before, after) = (greater(&first, &second).expect("values"), greater(&higher, &second).expect("values"));
            prop_assert!(after.superiority >= before.superiority);
        }

        #[test]
        fn the_sides_mirror_each_other(
            first in proptest::collection::vec(0_u64..50, 1..60),
            second in proptest::collection::vec(0_u64..50, 1..60),
        ) {
            let (one, other) = (greater(&first, &second).expect("values"), greater(&second, &first).expect("values"));
            prop_assert!((one.superiority + other.superiority - 1.0).abs() < 1e-12);
            // Both count what was seen, so together they are at least 1.
            prop_assert!(one.p + other.p >= 1.0 - 1e-12);
            prop_assert!((0.0..=1.0).contains(&one.p));
        }
    }
}
