//! What is counted of one backend, and how long its replies took.

use super::sample::Sample;
use crate::platform::protocol::{Counters, Side, Step};
use hyper::StatusCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The upper bounds of the histogram's buckets, in milliseconds; a last bucket takes what is slower.
pub const LATENCY_BOUNDS_MILLIS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/// Client requests by the time to the head of the reply: a count per bound of [`LATENCY_BOUNDS_MILLIS`], and one more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// The counts, not cumulated.
    pub counts: [u64; LATENCY_BOUNDS_MILLIS.len() + 1],
}

/// For whom a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Client,
    Probe,
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The reply came, as far as its receiver wanted it.
    Served(StatusCode),
    /// No connection, no head in time, or cut before the reply was complete.
    Failed,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    requests: AtomicU64,
    server_errors: AtomicU64,
    connection_errors: AtomicU64,
    retries: AtomicU64,
    probes: AtomicU64,
    probe_errors: AtomicU64,
    latency: [AtomicU64; LATENCY_BOUNDS_MILLIS.len() + 1],
    since: Mutex<Since>,
}

/// The latencies since a switch, and what was counted before it.
#[derive(Debug, Default)]
struct Since {
    before: Counters,
    sample: Sample,
}

impl Since {
    /// Replies and errors of clients since then.
    fn counts(&self, now: &Counters) -> (u64, u64) {
        let errors = |counters: &Counters| counters.server_errors + counters.connection_errors;
        let replies = now.requests.saturating_sub(self.before.requests);
        // Errors are counted first: what is seen between the two is no error without a reply.
        (replies, errors(now).saturating_sub(errors(&self.before)).min(replies))
    }
}

impl Tally {
    /// Begins anew what is told of a step.
    pub(super) fn begin_step(&self) {
        *self.since() = Since { before: self.counters(), sample: Sample::default() };
    }

    pub(super) fn step(&self) -> Step {
        let (now, since) = (self.counters(), self.since());
        let (replies, errors) = since.counts(&now);
        Step { replies, errors, samples: since.sample.len() as u64 }
    }

    pub(super) fn side(&self) -> Side {
        let (now, since) = (self.counters(), self.since());
        let (replies, errors) = since.counts(&now);
        Side { micros: since.sample.micros(), replies, errors }
    }

    fn since(&self) -> MutexGuard<'_, Since> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, kind: Kind, outcome: Outcome) {
        let counter = match (kind, outcome) {
            (Kind::Client, Outcome::Failed) => Some(&self.connection_errors),
            (Kind::Client, Outcome::Served(status)) => {
                status.is_server_error().then_some(&self.server_errors)
            }
            (Kind::Probe, Outcome::Failed) => Some(&self.probe_errors),
            (Kind::Probe, Outcome::Served(status)) => status.is_server_error().then_some(&self.probe_errors),
        };
        // Errors first: a reader between the two never sees fewer errors than requests say.
        if let Some(counter) = counter {
            counter.fetch_add(1, Relaxed);
        }
        match kind {
            Kind::Client => self.requests.fetch_add(1, Relaxed),
            Kind::Probe => self.probes.fetch_add(1, Relaxed),
        };
    }

    pub(super) fn count_retry(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(super) fn time(&self, took: Duration) {
        let millis = took.as_micros().div_ceil(1000);
        let bucket = LATENCY_BOUNDS_MILLIS.iter().position(|bound| millis <= u128::from(*bound));
        self.latency[bucket.unwrap_or(LATENCY_BOUNDS_MILLIS.len())].fetch_add(1, Relaxed);
        self.since().sample.take(took);
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            requests: self.requests.load(Relaxed),
            server_errors: self.server_errors.load(Relaxed),
            connection_errors: self.connection_errors.load(Relaxed),
            retries: self.retries.load(Relaxed),
            probes: self.probes.load(Relaxed),
            probe_errors: self.probe_errors.load(Relaxed),
        }
    }

    pub(super) fn latency(&self) -> Latency {
        Latency { counts: self.latency.each_ref().map(|count| count.load(Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_counter() {
        let check = |kind, outcome, expected: Counters| {
            let tally = Tally::default();
            tally.count(kind, outcome);
            assert_eq!(tally.counters(), expected);
        };
        let (ok, bad) = (Outcome::Served(StatusCode::NOT_FOUND), Outcome::Served(StatusCode::BAD_GATEWAY));
        let none = Counters::default();
        check(Kind::Client, ok, Counters { requests: 1, ..none });
        check(Kind::Client, bad, Counters { requests: 1, server_errors: 1, ..none });
        check(Kind::Client, Outcome::Failed, Counters { requests: 1, connection_errors: 1, ..none });
        check(Kind::Probe, ok, Counters { probes: 1, ..none });
        check(Kind::Probe, bad, Counters { probes: 1, probe_errors: 1, ..none });
        check(Kind::Probe, Outcome::Failed, Counters { probes: 1, probe_errors: 1, ..none });
    }

    #[test]
    fn a_step_begins_with_nothing_and_knows_no_probes() {
        let tally = Tally::default();
        let (ok, bad) = (Outcome::Served(StatusCode::OK), Outcome::Served(StatusCode::BAD_GATEWAY));
        for kind in [Kind::Client, Kind::Probe] {
            tally.count(kind, bad);
        }
        tally.time(Duration::from_micros(7));
        assert_eq!(tally.step(), Step { replies: 1, errors: 1, samples: 1 });
        tally.begin_step();
        assert_eq!((tally.step(), tally.side()), (Step::default(), Side::default()));
        for outcome in [ok, bad, Outcome::Failed] {
            tally.count(Kind::Client, outcome);
        }
        tally.count(Kind::Probe, bad);
        tally.time(Duration::from_micros(9));
        assert_eq!(tally.side(), Side { micros: vec![9], replies: 3, errors: 2 });
        assert_eq!(tally.counters().requests, 4, "what the guards count goes on");
    }

    #[test]
    fn a_time_goes_into_the_bucket_that_bounds_it() {
        for (micros, bucket) in
            [(0, 0), (1_000, 0), (1_001, 1), (2_001, 2), (10_000_000, 11), (10_000_001, 12)]
        {
            let tally = Tally::default();
            tally.time(Duration::from_micros(micros));
            assert_eq!(tally.latency().counts[bucket], 1, "{micros} microseconds");
        }
    }
}
