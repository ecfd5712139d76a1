//! The named limits of a proxy. The defaults are meant for one machine; tests set shorter ones.

use std::time::Duration;

/// The smallest buffer that hyper takes.
pub(super) const HEADER_BYTES_MIN: usize = 8192;

/// How much and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Client connections and upgraded streams at a time; more wait in the kernel's queue. Default 400: two
    /// descriptors each, under the usual limit of 1,024.
    pub connections_max: u32,
    /// The head of a request or a reply, in bytes; below 8,192 counts as 8,192. Default 64 KiB.
    pub header_bytes_max: usize,
    /// How long a client may take for a request's head, and keep an idle connection. Default 75 s, as nginx.
    pub idle_timeout: Duration,
    /// How long a backend may take to accept. Default 2 s.
    pub connect_timeout: Duration,
    /// How long a backend may take for the reply's head, after the last byte of the request that moved. Default
    /// 60 s.
    pub head_timeout: Duration,
    /// How long a whole probe may take. Default 5 s.
    pub probe_timeout: Duration,
    /// How long an idle connection to a backend is kept. Default 4 s: below the 5 s after which Node.js closes its
    /// own, so that a request rarely meets a connection that is just being closed.
    pub pool_idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_max: 400,
            header_bytes_max: 64 * 1024,
            idle_timeout: Duration::from_secs(75),
            connect_timeout: Duration::from_secs(2),
            head_timeout: Duration::from_secs(60),
            probe_timeout: Duration::from_secs(5),
            pool_idle_timeout: Duration::from_secs(4),
        }
    }
}
