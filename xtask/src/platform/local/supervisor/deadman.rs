//! The dead man's switch: weights lapse when nobody renews them, and then everything goes back to the stable share.
//!
//! Two clocks judge: the wall clock sees the time that a laptop slept, the monotonic one is not fooled when the wall
//! clock is set back. Whichever says so first, counts; lapsing early only lowers exposure.

use super::Supervisor;
use super::environment::Environment;
use super::table;
use crate::platform::protocol::{Entry, Phase};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// The longest that the switch sleeps while an expiry is set: how late a jump of the wall clock is seen.
const LOOK_MAX: Duration = Duration::from_secs(1);
/// The longest while none is set.
const IDLE_MAX: Duration = Duration::from_secs(600);

/// When weights lapse, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expiry {
    /// By the wall clock.
    pub(super) at: Timestamp,
    /// By [`crate::world::World::monotonic`].
    deadline: Duration,
}

impl Expiry {
    /// In so many milliseconds from now.
    pub(super) fn after(millis: u64, now: Timestamp, monotonic: Duration) -> Expiry {
        let step = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        let at = now.saturating_add(step).unwrap_or(Timestamp::MAX);
        Expiry { at, deadline: monotonic.saturating_add(Duration::from_millis(millis)) }
    }

    /// The expiry that an earlier supervisor wrote down. It never gets longer than it was, whatever the clock did since.
    pub(super) fn resumed(at: Timestamp, millis: u64, now: Timestamp, monotonic: Duration) -> Expiry {
        let left = u64::try_from(at.duration_since(now).as_millis()).unwrap_or(0).min(millis);
        Expiry::after(left, now, monotonic)
    }

    /// What is left of it; zero when it has lapsed.
    pub(super) fn left(&self, now: Timestamp, monotonic: Duration) -> Duration {
        let wall = Duration::try_from(self.at.duration_since(now)).unwrap_or(Duration::ZERO);
        wall.min(self.deadline.saturating_sub(monotonic))
    }
}

/// Watches every environment until the supervisor ends.
pub(super) async fn watch(supervisor: Arc<Supervisor>) {
    loop {
        let changed = supervisor.expiries.notified();
        let mut pause = IDLE_MAX;
        for environment in supervisor.environments() {
            let left = environment.state().expiry.map(|expiry| supervisor.left(&expiry));
            match left {
                Some(Duration::ZERO) => lapse(&supervisor, &environment).await,
                Some(left) => pause = pause.min(left).min(LOOK_MAX),
                None => {}
            }
        }
        tokio::select! {
            () = changed => {}
            () = supervisor.world.sleep(pause) => {}
        }
    }
}

/// Restores the stable share, if the weights have lapsed indeed. Should the disk be full, the data plane goes back all
/// the same.
pub(super) async fn lapse(supervisor: &Arc<Supervisor>, environment: &Arc<Environment>) {
    let _change = environment.change.lock().await;
    let (before, after) = {
        let mut state = environment.state();
        match state.expiry {
            Some(expiry) if supervisor.left(&expiry).is_zero() => {}
            _ => return,
        }
        let before = state.weights.clone();
        let after = table::restore(&before);
        state.expiry = None;
        state.restored |= after.shares != before.shares;
        state.generation += 1;
        state.put_in_force(after.clone());
        (before, after)
    };
    if let Err(error) = environment.persist().await {
        tracing::error!(error = format!("{error:#}"), "the restored weights could not be written");
    }
    if after.shares == before.shares {
        return;
    }
    let target = &environment.target;
    tracing::warn!(service = target.service, environment = target.environment, "restored the stable share");
    let rollout =
        supervisor.journals.newest(target).await.map(|record| record.entry.rollout).unwrap_or_default();
    let body = serde_json::json!({ "from": before, "to": after });
    let entry = Entry { rollout, phase: Phase::Event, what: "restored".to_owned(), body };
    if let Err(refusal) = supervisor.journals.append_own(target, entry).await {
        tracing::error!(error = refusal.message, "the restore could not be recorded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_manual_clock_lapses_it_exactly() {
        let clock = Clock::manual(seconds(1000));
        let expiry = Expiry::after(10_000, clock.now(), clock.monotonic());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(clock.sleep(Duration::from_millis(9_999)));
        assert_eq!(expiry.left(clock.now(), clock.monotonic()), Duration::from_millis(1));
        runtime.block_on(clock.sleep(Duration::from_millis(1)));
        assert!(expiry.left(clock.now(), clock.monotonic()).is_zero());
    }

    #[test]
    fn either_clock_is_enough() {
        let expiry = Expiry::after(10_000, seconds(1000), Duration::from_secs(5));
        assert!(!expiry.left(seconds(1009), Duration::from_secs(14)).is_zero());
        assert!(expiry.left(seconds(1010), Duration::from_secs(5)).is_zero(), "the machine slept");
        assert!(expiry.left(seconds(0), Duration::from_secs(15)).is_zero(), "the clock was set back");
    }

    #[test]
    fn a_restart_never_lengthens_it() {
        let left = |now| Expiry::resumed(seconds(1010), 10_000, seconds(now), Duration::ZERO);
        assert!(left(1011).left(seconds(1011), Duration::ZERO).is_zero(), "it lapsed while nobody looked");
        assert_eq!(left(1004).left(seconds(1004), Duration::ZERO), Duration::from_secs(6));
        assert_eq!(
            left(0).left(seconds(0), Duration::ZERO),
            Duration::from_secs(10),
            "the clock was set back"
        );
    }

    #[test]
    fn no_length_overflows() {
        let expiry = Expiry::after(u64::MAX, seconds(1000), Duration::MAX);
        assert!(!expiry.left(seconds(2000), Duration::from_secs(1)).is_zero());
    }
}
