//! When a request is sent again: a pure rule.
//!
//! Every request of the client may be sent twice: reading changes nothing, what is written has the digest as its name, and an upload
//! that was begun twice is one that the registry forgets.

use super::limits::{ATTEMPTS_MAX, PAUSE_MAX, PAUSE_MIN};
use std::time::Duration;

/// What came back of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// A reply with this status, and the seconds of `Retry-After`.
    Reply(u16, Option<u64>),
    /// None: refused, reset, cut off, or out of time.
    Nothing,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is the answer, good or bad.
    Answer,
    /// Once more, after this.
    Again(Duration),
    /// No longer.
    GiveUp,
}

/// The rule. `attempt` counts from 1.
pub fn next(attempt: u32, came: Came) -> Next {
    let named = match came {
        Came::Reply(408 | 425 | 429 | 500 | 502 | 503 | 504, named) => named,
        Came::Reply(..) => return Next::Answer,
        Came::Nothing => None,
    };
    let own = PAUSE_MIN.saturating_mul(1 << attempt.saturating_sub(1).min(10)).min(PAUSE_MAX);
    match named.map_or(own, Duration::from_secs) {
        pause if attempt >= ATTEMPTS_MAX || pause > PAUSE_MAX => Next::GiveUp,
        pause => Next::Again(pause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let seconds = Duration::from_secs;
        assert_eq!(next(1, Came::Reply(429, Some(2))), Next::Again(seconds(2)));
        assert_eq!(next(1, Came::Reply(429, Some(61))), Next::GiveUp);
        assert_eq!(next(2, Came::Reply(503, None)), Next::Again(PAUSE_MIN * 2));
        assert_eq!(next(1, Came::Nothing), Next::Again(PAUSE_MIN));
        for status in [200, 201, 202, 401, 403, 404, 409, 416, 501] {
            assert_eq!(next(1, Came::Reply(status, Some(1))), Next::Answer, "{status}");
        }
    }

    proptest! {
        #[test]
        fn it_ends_and_never_waits_longer_than_it_may(attempt in 1u32..50, status: u16, after: Option<u64>, lost: bool) {
            let came = if lost { Came::Nothing } else { Came::Reply(status, after) };
            match next(attempt, came) {
                Next::Again(pause) => prop_assert!(attempt < ATTEMPTS_MAX && pause <= PAUSE_MAX),
                Next::Answer => prop_assert!(!lost),
                Next::GiveUp => {}
            }
        }
    }
}
