//! The clock: the system's, or one that a test moves by hand.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where time comes from.
#[derive(Clone)]
pub enum Clock {
    /// The machine's clocks, and the instant at which this one was made.
    System(Instant),
    /// A clock that stands still until it is moved; sleeping moves it.
    Manual(Arc<Mutex<Timestamp>>, Timestamp),
}

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the door itself")]
    pub fn system() -> Clock {
        Clock::System(Instant::now())
    }

    /// A clock that stands at `start`.
    pub fn manual(start: Timestamp) -> Clock {
        Clock::Manual(Arc::new(Mutex::new(start)), start)
    }

    /// Wall time.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System(_) => Timestamp::now(),
            Clock::Manual(now, _) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Time since the clock was made.
    pub fn monotonic(&self) -> Duration {
        match self {
            Clock::System(start) => start.elapsed(),
            Clock::Manual(_, start) => self.now().duration_since(*start).unsigned_abs(),
        }
    }

    /// Waits, or moves a manual clock.
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Clock::System(_) => tokio::time::sleep(duration).await,
            Clock::Manual(now, _) => {
                let mut now = now.lock().unwrap_or_else(PoisonError::into_inner);
                let step = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
                *now = now.saturating_add(step).unwrap_or(Timestamp::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeping_moves_a_manual_clock_only() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(clock.sleep(Duration::from_secs(90)));
        assert_eq!(clock.now().as_second(), 90);
        assert_eq!(clock.monotonic(), Duration::from_secs(90));
        let system = Clock::system();
        let before = system.monotonic();
        runtime.block_on(system.sleep(Duration::from_millis(1)));
        assert!(system.monotonic() > before);
    }
}
