//! Instances as the supervisor sees them, and how one is started, watched, restarted and stopped.
//!
//! Starting is in `launch`, watching in `watch`, stopping in `stop`; here is what they share.

mod launch;
mod stop;
mod watch;

pub(super) use launch::launch;
pub(super) use stop::{StopWish, begin as begin_stop, bury, finish as finish_stop};
pub(super) use watch::{look, reap_leftover, watch};

use super::Supervisor;
use super::environment::Environment;
use super::health::{address, standing};
use super::refuse::{failed, malformed};
use super::table::{Facts, Life};
use crate::platform::local::proxy::{Backend, Standing};
use crate::platform::local::shim::InstanceFiles;
use crate::platform::protocol::{Health, InstanceSpec, InstanceStatus, Refusal, Role};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch as channel};

/// An instance, from the wish to start it until it is gone.
pub(super) struct Instance {
    pub(super) spec: InstanceSpec,
    pub(super) role: Role,
    pub(super) port: u16,
    pub(super) nonce: String,
    pub(super) files: InstanceFiles,
    pub(super) health: Health,
    pub(super) pid: Option<u32>,
    pub(super) backend: Arc<Backend>,
    /// Restarts in a row.
    pub(super) restarts: u32,
    /// When it became ready since its last start, by the monotonic clock.
    pub(super) ready_since: Option<Duration>,
    /// Told when its shim, a child of ours, has ended; an adopted one's end is seen by the next check.
    pub(super) ended: Arc<Notify>,
    /// What its stop cut, once it is gone; somebody stops it when this is there.
    pub(super) gone: Option<channel::Receiver<Option<u64>>>,
}

impl Instance {
    /// An instance that does not run yet.
    pub(super) fn new(spec: InstanceSpec, files: InstanceFiles) -> Instance {
        Instance {
            role: spec.role,
            port: 0,
            nonce: String::new(),
            files,
            health: Health::Starting("it is being started".to_owned()),
            pid: None,
            backend: backend(&spec.id, 0),
            restarts: 0,
            ready_since: None,
            ended: Arc::default(),
            gone: None,
            spec,
        }
    }

    /// Takes a port, a nonce and a fresh backend: nothing that was counted of an earlier process is its own.
    pub(super) fn take_place(&mut self, port: u16, nonce: String, pid: Option<u32>) {
        self.port = port;
        self.nonce = nonce;
        self.pid = pid;
        self.ready_since = None;
        self.backend = backend(&self.spec.id, port);
    }

    /// Notes its health, and tells the proxy whether to choose it.
    pub(super) fn set_health(&mut self, health: Health) {
        if self.health != health {
            tracing::info!(
                instance = self.spec.id,
                health = super::table::describe(&health),
                "health changed"
            );
        }
        self.backend.mark(standing(&health, self.role));
        self.health = health;
    }

    /// Whether it is not being stopped.
    pub(super) fn is_staying(&self) -> bool {
        self.gone.is_none()
    }

    /// What the rules of weights need to know.
    pub(super) fn facts(&self) -> Facts {
        Facts {
            digest: self.spec.digest.clone(),
            health: self.health.clone(),
            life: if self.is_staying() { Life::Staying } else { Life::Leaving },
        }
    }

    /// For `Status`.
    pub(super) fn status(&self) -> InstanceStatus {
        InstanceStatus {
            id: self.spec.id.clone(),
            digest: self.spec.digest.clone(),
            role: self.role,
            port: self.port,
            pid: self.pid,
            health: self.health.clone(),
            in_flight: self.backend.in_flight(),
            counters: self.backend.counters(),
            step: self.backend.step(),
            log: self.files.log(),
        }
    }
}

/// A backend that gets nothing until its first good check.
fn backend(id: &str, port: u16) -> Arc<Backend> {
    let backend = Backend::new(id, address(port));
    backend.mark(Standing::Dead);
    backend
}

/// Starts an instance, or finds it started. The caller has checked the grant under [`Environment::change`].
pub(super) fn admit(environment: &Environment, spec: &InstanceSpec) -> Result<Admitted, Refusal> {
    let mut state = environment.state();
    if let Some(instance) = state.instances.get(&spec.id) {
        let is_same = InstanceSpec { role: spec.role, ..instance.spec.clone() } == *spec;
        return match is_same {
            true => Ok(Admitted::Already(instance.status())),
            false => Err(malformed(format!("the instance {} was started otherwise", spec.id))),
        };
    }
    let files = InstanceFiles(environment.instances().join(&spec.id));
    state.instances.insert(spec.id.clone(), Instance::new(spec.clone(), files));
    Ok(Admitted::New)
}

/// Whether an instance of that name is there.
pub(super) enum Admitted {
    /// It is, as it stands.
    Already(InstanceStatus),
    /// It is to be launched now.
    New,
}

/// Launches an admitted instance and begins to watch it; one that cannot be launched leaves nothing behind.
pub(super) async fn start(
    supervisor: &Arc<Supervisor>,
    environment: &Arc<Environment>,
    id: &str,
) -> Result<InstanceStatus, Refusal> {
    if let Err(error) = launch(supervisor, environment, id).await {
        let instance = environment.state().instances.remove(id);
        if let Some(instance) = instance {
            bury(environment, &instance.files, id);
        }
        return Err(failed(&error.context(format!("failed to start the instance {id}"))));
    }
    tokio::spawn(watch(Arc::clone(supervisor), Arc::clone(environment), id.to_owned()));
    let state = environment.state();
    let status = state.instances.get(id).map(Instance::status);
    status.ok_or_else(|| super::refuse::unknown_instance(&environment.target, id))
}
