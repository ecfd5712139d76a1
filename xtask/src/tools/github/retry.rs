//! When a request is sent again: a pure rule. GitHub's, not octocrab's, which sends a POST again that GitHub has carried out.
//!
//! A limit means that nothing was done, so every request may be sent again after it. A failure of theirs, or no reply, means that
//! nobody knows: what only reads or sets is sent again, what makes something is looked up first ([`Effect::Makes`]).

use super::limits::{ATTEMPTS_MAX, FAILED_PAUSE, LIMITED_PAUSE_MAX, LIMITED_PAUSE_MIN};
use jiff::Timestamp;
use std::time::Duration;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Reads,
    /// Sets what is there: twice is as good as once.
    Sets,
    /// Makes or adds something: twice is one too many.
    Makes,
}

/// What came back of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// A reply.
    Reply(Head),
    /// None: refused, reset, or out of time.
    Nothing,
}

/// What matters of a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// `retry-after`, in seconds.
    pub retry_after: Option<u64>,
    /// `x-ratelimit-remaining`.
    pub remaining: Option<u64>,
    /// `x-ratelimit-reset`, in seconds since 1970.
    pub reset: Option<i64>,
    /// What GitHub says.
    pub message: String,
}

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is the answer, good or bad.
    Answer,
    /// Once more, after this.
    Again(Duration),
    /// Nobody knows whether it was carried out: look it up, and if it was not, once more after this.
    LookUp(Duration),
    /// No longer: a limit that ends too late, or too many attempts.
    GiveUp,
}

/// The rule. `attempt` counts from 1; `now` is the wall clock.
pub fn next(effect: Effect, attempt: u32, came: &Came, now: Timestamp) -> Next {
    let doubled = |first: Duration| first.saturating_mul(1 << attempt.saturating_sub(1).min(10));
    let last = attempt >= ATTEMPTS_MAX;
    match came {
        Came::Reply(head) => match limited(head, now) {
            Some(_) if last => Next::GiveUp,
            Some(named) => match named.unwrap_or_else(|| doubled(LIMITED_PAUSE_MIN).min(LIMITED_PAUSE_MAX)) {
                pause if pause > LIMITED_PAUSE_MAX => Next::GiveUp,
                pause => Next::Again(pause),
            },
            None if head.status < 500 => Next::Answer,
            None => failed(effect, last, doubled(FAILED_PAUSE)),
        },
        Came::Nothing => failed(effect, last, doubled(FAILED_PAUSE)),
    }
}

fn failed(effect: Effect, last: bool, pause: Duration) -> Next {
    match effect {
        // Even after the last attempt: what was made must be known.
        Effect::Makes => Next::LookUp(pause),
        _ if last => Next::GiveUp,
        _ => Next::Again(pause),
    }
}

/// Whether a reply is that of a limit, and when it ends if that is said. 403 is a missing right where nothing speaks of one.
fn limited(head: &Head, now: Timestamp) -> Option<Option<Duration>> {
    if !matches!(head.status, 403 | 429) {
        return None;
    }
    if let Some(seconds) = head.retry_after {
        return Some(Some(Duration::from_secs(seconds)));
    }
    if head.remaining == Some(0) {
        let until = head.reset.and_then(|reset| Timestamp::from_second(reset).ok());
        // A second more: the clock of the other side is not ours.
        let wait =
            until.map(|until| (until.duration_since(now)).max(jiff::SignedDuration::ZERO).unsigned_abs());
        return Some(wait.map(|wait| wait.saturating_add(Duration::from_secs(1))));
    }
    let says_so = head.message.to_ascii_lowercase().contains("rate limit");
    (says_so || head.status == 429).then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(status: u16) -> Head {
        Head { status, ..Head::default() }
    }

    #[track_caller]
    fn check(effect: Effect, attempt: u32, head: Head, expected: Next) {
        assert_eq!(next(effect, attempt, &Came::Reply(head), Timestamp::UNIX_EPOCH), expected);
    }

    #[test]
    fn a_limit_is_waited_for_as_github_asks() {
        let seconds = Duration::from_secs;
        let again = |wait| Next::Again(seconds(wait));
        check(Effect::Makes, 1, Head { retry_after: Some(7), ..reply(403) }, again(7));
        check(Effect::Makes, 1, Head { retry_after: Some(7), ..reply(429) }, again(7));
        let spent = Head { remaining: Some(0), reset: Some(30), ..reply(403) };
        check(Effect::Reads, 1, spent.clone(), again(31));
        check(Effect::Reads, 1, Head { reset: Some(3600), ..spent }, Next::GiveUp);
        let secondary = Head { message: "You have exceeded a secondary rate limit".into(), ..reply(403) };
        check(Effect::Makes, 1, secondary.clone(), again(60));
        check(Effect::Makes, 2, secondary.clone(), again(120));
        check(Effect::Makes, ATTEMPTS_MAX, secondary, Next::GiveUp);
        check(Effect::Reads, 1, reply(429), again(60));
    }

    #[test]
    fn a_missing_right_is_an_answer() {
        let forbidden = Head { message: "Resource not accessible by integration".into(), ..reply(403) };
        check(Effect::Makes, 1, Head { remaining: Some(4999), ..forbidden }, Next::Answer);
        for status in [200, 201, 304, 401, 404, 409, 410, 422] {
            check(Effect::Makes, 1, reply(status), Next::Answer);
        }
    }

    #[test]
    fn what_makes_something_is_looked_up_first() {
        for status in [500, 502, 503, 504] {
            check(Effect::Makes, 1, reply(status), Next::LookUp(FAILED_PAUSE));
            check(Effect::Sets, 1, reply(status), Next::Again(FAILED_PAUSE));
        }
        let nothing = |effect, attempt| next(effect, attempt, &Came::Nothing, Timestamp::UNIX_EPOCH);
        assert_eq!(nothing(Effect::Reads, 2), Next::Again(FAILED_PAUSE * 2));
        assert_eq!(nothing(Effect::Reads, ATTEMPTS_MAX), Next::GiveUp);
        assert!(matches!(nothing(Effect::Makes, ATTEMPTS_MAX), Next::LookUp(_)));
    }

    proptest! {
        #[test]
        fn every_request_ends_and_nothing_is_made_twice_unseen(
            effect in prop::sample::select(vec![Effect::Reads, Effect::Sets, Effect::Makes]),
            attempt in 1u32..100, status in 100u16..600, retry_after: Option<u64>, remaining: Option<u64>,
            reset: Option<i64>, message in ".{0,40}", now in 0i64..4_000_000_000,
        ) {
            let now = Timestamp::from_second(now).unwrap();
            let head = Head { status, retry_after, remaining, reset, message };
            match next(effect, attempt, &Came::Reply(head), now) {
                Next::Again(pause) => {
                    prop_assert!(attempt < ATTEMPTS_MAX && pause <= LIMITED_PAUSE_MAX);
                    prop_assert!(effect != Effect::Makes || matches!(status, 403 | 429));
                }
                Next::LookUp(pause) => prop_assert!(effect == Effect::Makes && pause <= FAILED_PAUSE * 1024),
                Next::Answer => prop_assert!(status < 500),
                Next::GiveUp => {}
            }
        }
    }
}
