//! By how much one side lies above the other: the shift of Hodges and Lehmann, the median of all pairwise differences.
//!
//! The n·m differences are never written down: their median is searched by value, and each guess is counted in one pass
//! over both sorted sides, so it takes O((n + m) · 64) time and no memory of its own.

/// Larger values count as this one, so that neither a difference nor a value less a difference overflows.
const LARGEST: i64 = i64::MAX / 2;
/// The quantile of the normal distribution that 95 % lie within.
const Z95: f64 = 1.959_963_984_540_054;

/// The median of `first − second` over all pairs. `None` where a side is empty.
pub fn hodges_lehmann(first: &[u64], second: &[u64]) -> Option<f64> {
    let (first, second) = (sorted(first), sorted(second));
    let (&low, &high) = (first.first()?, first.last()?);
    let range = (low - *second.last()?, high - *second.first()?);
    let pairs = first.len() * second.len();
    let lower = nth(&first, &second, pairs.div_ceil(2), range);
    let upper = nth(&first, &second, pairs / 2 + 1, range);
    Some(halves(lower, upper))
}

/// The 95 % interval of the shift: differences as far from their median as the normal approximation of U says (Hollander
/// and Wolfe, *Nonparametric Statistical Methods*, 4.3). `None` where a side is empty.
pub fn interval(first: &[u64], second: &[u64]) -> Option<[f64; 2]> {
    let (first, second) = (sorted(first), sorted(second));
    let (&low, &high) = (first.first()?, first.last()?);
    let range = (low - *second.last()?, high - *second.first()?);
    let pairs = first.len() * second.len();
    let count = |number: usize| super::ranks::whole(number as u64);
    let spread = (count(pairs) * count(first.len() + second.len() + 1) / 12.0).sqrt();
    let outside = libm::floor(count(pairs) / 2.0 - Z95 * spread);
    // Few values have no pair outside: then it is the whole range.
    let outside = if outside < 1.0 { 1 } else { outside as usize };
    let at = |place| real(nth(&first, &second, place, range));
    Some([at(outside), at(pairs + 1 - outside)])
}

/// The median. `None` where there is no value.
pub fn median(values: &[u64]) -> Option<f64> {
    let values = sorted(values);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(halves(*lower, *upper))
}

/// The `n`-th smallest difference, from 1.
fn nth(first: &[i64], second: &[i64], n: usize, (mut low, mut high): (i64, i64)) -> i64 {
    while low < high {
        // The floor of the mean, which cannot overflow.
        let middle = (low & high) + ((low ^ high) >> 1);
        if at_most(first, second, middle) >= n {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// How many differences are at most this.
fn at_most(first: &[i64], second: &[i64], difference: i64) -> usize {
    let mut below = 0;
    let mut count = 0;
    for value in first {
        let least = value - difference;
        while below < second.len() && second[below] < least {
            below += 1;
        }
        count += second.len() - below;
    }
    count
}

fn sorted(values: &[u64]) -> Vec<i64> {
    let mut values: Vec<i64> =
        values.iter().map(|&value| i64::try_from(value).unwrap_or(LARGEST).min(LARGEST)).collect();
    values.sort_unstable();
    values
}

fn halves(lower: i64, upper: i64) -> f64 {
    real(lower) / 2.0 + real(upper) / 2.0
}

fn real(value: i64) -> f64 {
    let size = super::ranks::whole(value.unsigned_abs());
    if value < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written_down(first: &[u64], second: &[u64]) -> f64 {
        let mut all: Vec<i64> = sorted(first)
            .iter()
            .flat_map(|a| sorted(second).into_iter().map(move |b| a - b).collect::<Vec<_>>())
            .collect();
        all.sort_unstable();
        halves(all[(all.len() - 1) / 2], all[all.len() / 2])
    }

    #[test]
    fn an_empty_side_has_no_shift() {
        assert_eq!(hodges_lehmann(&[], &[1]), None);
        assert_eq!(hodges_lehmann(&[1], &[]), None);
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        assert!(hodges_lehmann(&[u64::MAX], &[0]).is_some_and(|shift| shift > 4e18));
        assert!(hodges_lehmann(&[0], &[u64::MAX, u64::MAX]).is_some_and(|shift| shift < -4e18));
        assert!(hodges_lehmann(&[0, u64::MAX], &[0, u64::MAX]).is_some_and(|shift| shift.abs() < 1.0));
    }

    /// By hand: 20 and 20 values are 400 pairs; √(400 · 41 / 12) · 1.96 = 72.46, so 127 pairs lie outside on each side.
    #[test]
    fn the_interval_holds_the_shift_and_is_that_of_the_formula() {
        let low: Vec<u64> = (0..20).map(|at| at * 10).collect();
        let high: Vec<u64> = low.iter().map(|value| value + 500).collect();
        let mut all: Vec<i64> = high.iter().flat_map(|a| low.iter().map(move |b| (a - b) as i64)).collect();
        all.sort_unstable();
        let expected = [real(all[126]), real(all[400 - 127])];
        assert_eq!(
            interval(&high, &low).map(|ends| ends.map(f64::to_bits)),
            Some(expected.map(f64::to_bits))
        );
        assert!(expected[0] < 500.0 && expected[1] > 500.0, "{expected:?}");
        assert_eq!(
            interval(&[5], &[2]).map(|ends| ends.map(f64::to_bits)),
            Some([3.0, 3.0].map(f64::to_bits))
        );
        assert_eq!(interval(&[], &[2]), None);
    }

    proptest! {
        #[test]
        fn searching_is_writing_down(
            first in proptest::collection::vec(0_u64..40, 1..20),
            second in proptest::collection::vec(0_u64..40, 1..20),
        ) {
            let shift = hodges_lehmann(&first, &second).expect("values");
            prop_assert_eq!(shift.to_bits(), written_down(&first, &second).to_bits());
        }

        #[test]
        fn a_side_moved_by_some_is_shifted_by_that(
            values in proptest::collection::vec(0_u64..1_000_000, 1..50),
            by in 0_u64..1_000_000,
        ) {
            let moved: Vec<u64> = values.iter().map(|value| value + by).collect();
            let before = hodges_lehmann(&values, &values).expect("values");
            let after = hodges_lehmann(&moved, &values).expect("values");
            prop_assert_eq!(after.to_bits(), (before + super::super::ranks::whole(by)).to_bits());
        }
    }
}
