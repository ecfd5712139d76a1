//! One backend: its address, what is counted of it, and what is in flight to it.

use super::counters::{Latency, Tally};
use super::pool::Pool;
use crate::platform::protocol::{Counters, Side, Step};
use crate::world::World;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// A backend. The same one may stand in many tables, one after the other, and keeps its counters.
#[derive(Debug)]
pub struct Backend {
    id: String,
    address: SocketAddr,
    dead: AtomicBool,
    in_flight: AtomicU64,
    /// Told when nothing is in flight any more.
    emptied: Notify,
    pub(super) tally: Tally,
    pub(super) pool: Pool,
}

/// Whether requests may go to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They may.
    Alive,
    /// Known to be dead: left out of the choice.
    Dead,
}

/// A request on its way: counted until dropped.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Backend>);

impl Backend {
    /// A backend, alive, with nothing counted.
    pub fn new(id: impl Into<String>, address: SocketAddr) -> Arc<Backend> {
        Arc::new(Backend {
            id: id.into(),
            address,
            dead: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            emptied: Notify::new(),
            tally: Tally::default(),
            pool: Pool::default(),
        })
    }

    /// The instance.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says whether requests may go to it; the health checks know.
    pub fn mark(&self, standing: Standing) {
        self.dead.store(standing == Standing::Dead, Ordering::SeqCst);
    }

    /// Whether requests may go to it.
    pub fn standing(&self) -> Standing {
        if self.dead.load(Ordering::SeqCst) { Standing::Dead } else { Standing::Alive }
    }

    /// What was counted of it. A request that was refused here and retried elsewhere counts at both, so an error
    /// rate never exceeds one; one that only needed a fresh connection counts once, with its retry.
    pub fn counters(&self) -> Counters {
        self.tally.counters()
    }

    /// Begins anew what is told of a step.
    pub fn begin_step(&self) {
        self.tally.begin_step();
    }

    /// How much clients got of it since [`Backend::begin_step`].
    pub fn step(&self) -> Step {
        self.tally.step()
    }

    /// What they got, with a sample of the latencies.
    pub fn side(&self) -> Side {
        self.tally.side()
    }

    /// How long its replies to clients took.
    pub fn latency(&self) -> Latency {
        self.tally.latency()
    }

    /// Requests (probes and upgraded streams too) that are on their way now.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Waits until nothing is in flight, and closes the idle connections. Returns what is left at the deadline; 0 is
    /// "none lost". Take it out of the table first.
    pub async fn drained(&self, world: &World, deadline: Duration) -> u64 {
        let left = tokio::select! {
            biased;
            () = self.empty() => 0,
            () = world.sleep(deadline) => self.in_flight(),
        };
        self.pool.clear();
        left
    }

    async fn empty(&self) {
        loop {
            // Made before the look: it hears of a last request that ends between look and wait.
            let emptied = self.emptied.notified();
            if self.in_flight() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl InFlight {
    pub(super) fn begin(backend: &Arc<Backend>) -> InFlight {
        backend.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(Arc::clone(backend))
    }

    pub(super) fn backend(&self) -> &Arc<Backend> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}
