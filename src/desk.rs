//! What all requests share: who this instance is, its phase, its database, its counters.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::database::Database;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::outside::Clock;
use crate::settings::Settings;

/// Where the desk is in its life. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Listening, but the database is not open yet.
    Starting,
    /// Taking requests.
    Serving,
    /// Told to stop: still answers, but wants no new traffic.
    Draining,
}

/// The shared state; a clone is a handle to the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    identity: Identity,
    clock: Clock,
    data_dir: PathBuf,
    phase: watch::Sender<Phase>,
    in_flight: watch::Sender<u64>,
    database: OnceLock<Database>,
    metrics: Metrics,
    #[cfg(feature = "faults")]
    faults: crate::faults::Faults,
}

impl Desk {
    /// A desk that is starting.
    pub fn new(settings: &Settings) -> Self {
        let clock = Clock::start();
        let identity = settings.identity.clone();
        #[cfg(feature = "faults")]
        let identity = crate::faults::told(identity, settings.fault);
        Self(Arc::new(Inner {
            metrics: Metrics::new(&identity, clock),
            identity,
            clock,
            data_dir: settings.data_dir.clone(),
            phase: watch::Sender::new(Phase::Starting),
            in_flight: watch::Sender::new(0),
            database: OnceLock::new(),
            #[cfg(feature = "faults")]
            faults: crate::faults::Faults::new(settings.fault),
        }))
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.0.identity
    }

    pub(crate) fn clock(&self) -> Clock {
        self.0.clock
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.0.data_dir
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    #[cfg(feature = "faults")]
    pub(crate) fn faults(&self) -> &crate::faults::Faults {
        &self.0.faults
    }

    /// `None` while starting.
    pub(crate) fn database(&self) -> Option<&Database> {
        self.0.database.get()
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.0.phase.borrow()
    }

    /// The database is open and migrated: requests are welcome.
    pub(crate) fn serve_with(&self, database: Database) {
        // The first one stays: a desk opens its database once.
        let _ = self.0.database.set(database);
        self.0.phase.send_if_modified(|phase| {
            let starting = *phase == Phase::Starting;
            if starting {
                *phase = Phase::Serving;
            }
            starting
        });
    }

    /// Told to stop: readiness is false from now on.
    pub(crate) fn drain(&self) {
        self.0.phase.send_replace(Phase::Draining);
    }

    /// Waits until the desk is told to stop.
    pub(crate) async fn draining(&self) {
        // Fails only when the sender is gone, and this handle holds it.
        let _ = self.0.phase.subscribe().wait_for(|phase| *phase == Phase::Draining).await;
    }

    /// Requests whose head has arrived and whose reply is not made yet.
    pub(crate) fn in_flight(&self) -> u64 {
        *self.0.in_flight.borrow()
    }

    /// Waits until no request is in flight.
    pub(crate) async fn idle(&self) {
        // Fails only when the sender is gone, and this handle holds it.
        let _ = self.0.in_flight.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Counts one request as in flight until the answer is dropped.
    pub(crate) fn enter(&self) -> InFlight {
        self.0.in_flight.send_modify(|count| *count += 1);
        InFlight(self.clone())
    }
}

/// One request in flight.
pub(crate) struct InFlight(Desk);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.0.in_flight.send_modify(|count| *count -= 1);
    }
}
