//! The desk's one door to the outside: the clock and the listening socket (invariant 1 in docs/ARCHITECTURE.md).
#![expect(clippy::disallowed_methods, reason = "this is the door that the bans point to, for the desk")]

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;

/// When this process started, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    started_unix_secs: u64,
}

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Self {
        // A machine whose clock stands before 1970 says 0: only people read it.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_unix_secs: since_epoch.as_secs() }
    }

    /// Time since the start, unmoved by changes of the wall clock.
    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Wall clock at the start.
    pub(crate) fn started_unix_secs(&self) -> u64 {
        self.started_unix_secs
    }
}

/// Opens the listening socket.
pub(crate) async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}
