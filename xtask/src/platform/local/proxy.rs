//! The weighted proxy of one environment: HTTP/1.1 on hyper, inside the supervisor.
//!
//! A switch is one swap of a table in memory: no client connection is touched by it, and a request counts as in
//! flight from the moment that it is given a backend, under the same lock. So when [`Proxy::switch`] has returned,
//! no later request reaches a backend that is no longer in the table, and [`Backend::drained`] sees every earlier one.
//!
//! Bodies stream both ways and are never held in memory. A request is sent once more only where no byte of it was
//! sent: on a fresh connection when a kept one turned out to be closed, and on another backend of the same group
//! when a connection was refused and the request has no body or is idempotent. Both are counted. Upgrades
//! (WebSocket) are passed through and belong to the instance that they began on; they count as in flight.
//!
//! Backend connections are kept in an own small pool: it costs less than hyper-util's client (tried: 2.31 against 2.47
//! CPU seconds per 100,000 requests), and it tells whether a failed request had left. Everything spawned is `Send`, so the supervisor may run on any runtime.
//!
//! Left out: TLS and HTTP/2 (the embedded platform listens on loopback), and health checks, which are the
//! supervisor's: it says who is dead with [`Backend::mark`] and asks through [`fetch`].

mod backend;
mod body;
mod client;
mod counters;
mod fetch;
mod forward;
mod headers;
mod limits;
mod pool;
mod probe;
mod reply;
mod sample;
mod serve;
mod table;
#[cfg(test)]
mod tests;
mod upgrade;

pub use backend::{Backend, Standing};
pub use counters::{LATENCY_BOUNDS_MILLIS, Latency};
pub use fetch::{FETCH_BODY_BYTES_MAX, Fetched, fetch};
pub use headers::PROBE_HEADER;
pub use limits::Limits;
pub use probe::{PROBES_AT_ONCE, PROBES_MAX, Probed};
pub use table::{Group, Table, TableError};

use crate::world::World;
use client::Client;
use serve::Closing;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use table::Router;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// A running proxy. Dropping it closes its port and cuts its connections.
#[derive(Debug)]
pub struct Proxy {
    core: Arc<Core>,
    address: SocketAddr,
    closing: watch::Sender<Closing>,
    accepting: JoinHandle<()>,
}

/// What every connection of a proxy shares.
#[derive(Debug)]
struct Core {
    router: Router,
    client: Arc<Client>,
    /// One permit per client connection or upgraded stream.
    slots: Arc<Semaphore>,
}

impl Proxy {
    /// Begins to accept, with an empty table: every request is answered 503 until the first switch. The world's
    /// clock must run: on one that is moved by hand every limit is over at once.
    ///
    /// # Errors
    /// Where the listener has no address.
    pub fn start(world: &World, listener: TcpListener, limits: Limits) -> std::io::Result<Proxy> {
        let address = listener.local_addr()?;
        let slots = Arc::new(Semaphore::new(limits.connections_max as usize));
        let client = Arc::new(Client::new(world.clone(), limits));
        let core = Arc::new(Core { router: Router::default(), client, slots });
        let (closing, watching) = watch::channel(Closing::Open);
        let accepting = tokio::spawn(serve::accept(Arc::clone(&core), listener, watching));
        Ok(Proxy { core, address, closing, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the whole table at once. When this returns, every later pick uses the new one.
    pub fn switch(&self, table: Table) -> u64 {
        self.core.router.switch(table)
    }

    /// The number of the table in force; 0 before the first switch.
    pub fn generation(&self) -> u64 {
        self.core.router.generation()
    }

    /// Sends marked requests to these backends in turn, through the same client as everything else, and counts
    /// them apart. At most [`PROBES_AT_ONCE`] at a time.
    ///
    /// # Errors
    /// Where the path is none, there is no backend, or `count` is more than [`PROBES_MAX`].
    pub async fn probe(&self, backends: &[Arc<Backend>], path: &str, count: u32) -> anyhow::Result<Probed> {
        probe::probe(&self.core.client, backends, path, count).await
    }

    /// Stops accepting and frees the port, lets what is in flight finish, then cuts what is left. Returns how many
    /// connections and streams were cut.
    pub async fn shutdown(mut self, deadline: Duration) -> u64 {
        self.closing.send_replace(Closing::Graceful);
        let all = self.core.client.limits.connections_max;
        let closed = self.core.slots.acquire_many(all);
        let left = tokio::select! {
            biased;
            _ = closed => 0,
            () = self.core.client.world.sleep(deadline) => {
                u64::from(all).saturating_sub(self.core.slots.available_permits() as u64)
            }
        };
        self.closing.send_replace(Closing::Cut);
        // The task only ends; a panic in it has nothing left to break.
        let _ = (&mut self.accepting).await;
        left
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.closing.send_replace(Closing::Cut);
        self.accepting.abort();
    }
}
