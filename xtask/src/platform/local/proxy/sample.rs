//! A bounded, even sample of latencies: when it is full, every other one goes, and from then on only every other request
//! is kept. So it spans the whole time since it began, needs no chance, and never grows.

use crate::rollout::seen::SAMPLES_MAX;
use std::time::Duration;

/// Latencies of clients' requests to one backend, in microseconds.
#[derive(Debug)]
pub(super) struct Sample {
    kept: Vec<u32>,
    /// Every so many requests one is kept.
    stride: u64,
    /// Requests since the last that was kept.
    passed: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Sample { kept: Vec::new(), stride: 1, passed: 0 }
    }
}

impl Sample {
    pub(super) fn take(&mut self, took: Duration) {
        self.passed += 1;
        if self.passed < self.stride {
            return;
        }
        self.passed = 0;
        if self.kept.len() >= SAMPLES_MAX {
            let mut place = 0;
            self.kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
        self.kept.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn micros(&self) -> Vec<u64> {
        self.kept.iter().copied().map(u64::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_bounded_never_empties_and_is_spread_evenly(count in 0_u32..20_000) {
            let mut sample = Sample::default();
            for micros in 0..count {
                sample.take(Duration::from_micros(micros.into()));
            }
            let (kept, count) = (sample.micros(), u64::from(count));
            prop_assert!(kept.len() <= SAMPLES_MAX);
            prop_assert!(kept.len() as u64 >= count.min(SAMPLES_MAX as u64 / 2));
            // What is kept lies a stride apart; two strides only where the stride was doubled.
            let far = kept.windows(2).filter(|pair| pair[1] - pair[0] > sample.stride).count();
            prop_assert!(far <= 1, "{far} gaps");
            prop_assert!(kept.first().is_none_or(|first| *first == 0));
            prop_assert!(kept.last().is_none_or(|last| count - last <= 2 * sample.stride));
        }
    }

    #[test]
    fn what_takes_longer_than_an_hour_takes_that() {
        let mut sample = Sample::default();
        sample.take(Duration::from_secs(100_000));
        assert_eq!((sample.len(), sample.micros()), (1, vec![u64::from(u32::MAX)]));
    }
}
