//! Idle connections to one backend, newest first, few and not for long.

use super::body::Outbound;
use hyper::client::conn::http1::SendRequest;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many idle connections are kept per backend.
const IDLE_MAX: usize = 32;

/// A connection that takes one request at a time.
pub(super) type Sender = SendRequest<Outbound>;

#[derive(Debug, Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Duration,
}

impl Pool {
    /// The newest connection that can take a request now. Closed and overdue ones are dropped.
    pub(super) fn take(&self, now: Duration, idle_timeout: Duration) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| !one.sender.is_closed() && now.saturating_sub(one.since) < idle_timeout);
        let place = idle.iter().rposition(|one| one.sender.is_ready())?;
        Some(idle.remove(place).sender)
    }

    /// Keeps a connection whose reply was read to its end; it may still need a moment to become ready.
    pub(super) fn put(&self, sender: Sender, since: Duration) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX && !sender.is_closed() {
            idle.push(Idle { sender, since });
        }
    }

    pub(super) fn clear(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
