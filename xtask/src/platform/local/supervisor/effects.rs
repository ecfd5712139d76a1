//! The effects on the data plane. Each one checks the grant first, under the environment's change lock.

use super::Supervisor;
use super::calls::Caller;
use super::deadman::Expiry;
use super::instances::{self, Admitted, StopWish, begin_stop, finish_stop};
use super::names;
use super::refuse::{failed, malformed, refuse, unwritten};
use super::table::{self, EXPIRY_MILLIS_MAX, Exposure};
use crate::platform::local::proxy::{PROBES_MAX, Standing};
use crate::platform::protocol::{InstanceSpec, Refusal, RefusalCode, Reply, Role, Target, Weights};
use std::sync::Arc;
use std::time::Duration;

/// Instances of one environment at a time.
const INSTANCES_MAX: usize = 32;
/// The longest drain or grace.
const PATIENCE_MAX: Duration = Duration::from_secs(3600);

/// Starts an instance.
pub(super) async fn start(
    supervisor: &Arc<Supervisor>,
    caller: Caller,
    target: &Target,
    epoch: u64,
    spec: &InstanceSpec,
) -> Result<Reply, Refusal> {
    names::check("instance", &spec.id)?;
    let environment = supervisor.find(target)?;
    let admitted = {
        let _change = environment.change.lock().await;
        {
            let state = environment.state();
            state.grants.check(caller.connection, epoch)?;
            if state.instances.len() >= INSTANCES_MAX && !state.instances.contains_key(&spec.id) {
                let message = format!("{} has {INSTANCES_MAX} instances already", target.environment);
                return Err(refuse(RefusalCode::Failed, message, "cargo xtask status"));
            }
        }
        instances::admit(&environment, spec)?
    };
    let instance = match admitted {
        Admitted::Already(instance) => instance,
        Admitted::New => instances::start(supervisor, &environment, &spec.id).await?,
    };
    Ok(Reply::Started { instance })
}

/// A patience within limits.
pub(super) fn wish(drain_millis: u64, grace_millis: u64) -> StopWish {
    let bounded = |millis| Duration::from_millis(millis).min(PATIENCE_MAX);
    StopWish { drain: bounded(drain_millis), grace: Some(bounded(grace_millis)) }
}

/// Stops an instance that has no traffic.
pub(super) async fn stop(
    supervisor: &Arc<Supervisor>,
    caller: Caller,
    target: &Target,
    epoch: u64,
    id: &str,
    wish: StopWish,
) -> Result<Reply, Refusal> {
    let environment = supervisor.find(target)?;
    let stopping = {
        let _change = environment.change.lock().await;
        {
            let state = environment.state();
            state.grants.check(caller.connection, epoch)?;
            if state.instances.contains_key(id) && table::has_weight(&state.weights, id) {
                let message = format!("the instance {id} has a share of the traffic; take it away first");
                return Err(malformed(message));
            }
        }
        begin_stop(&environment, id)
    };
    let cut = finish_stop(supervisor, &environment, id, stopping, wish).await;
    Ok(Reply::Stopped { cut })
}

/// Puts weights in force: written down, then switched.
pub(super) async fn set_weights(
    supervisor: &Arc<Supervisor>,
    caller: Caller,
    target: &Target,
    epoch: u64,
    weights: Weights,
) -> Result<Reply, Refusal> {
    let environment = supervisor.find(target)?;
    let _change = environment.change.lock().await;
    let exposure = {
        let state = environment.state();
        state.grants.check(caller.connection, epoch)?;
        if state.proxy.is_none() {
            let message = format!("the port {} of the proxy is taken", state.port);
            return Err(refuse(RefusalCode::PortTaken, message, "cargo xtask local status"));
        }
        table::validate(target, &weights, &state.weights, &state.facts())?
    };
    let world = &supervisor.world;
    let expiry =
        weights.expires_in_millis.map(|millis| Expiry::after(millis, world.now(), world.monotonic()));
    let mut saved = environment.saved();
    saved.put(&weights, expiry.map(|expiry| expiry.at));
    let generation = saved.generation;
    match environment.write(saved).await {
        // Going back never waits for a disk.
        Err(error) if exposure == Exposure::NotRaised => {
            tracing::error!(error = format!("{error:#}"), "the weights could not be written");
        }
        written => written.map_err(|error| unwritten(&error))?,
    }
    {
        let mut state = environment.state();
        state.expiry = expiry;
        state.generation = generation;
        state.restored = false;
        state.put_in_force(weights);
    }
    supervisor.expiries.notify_one();
    tracing::info!(service = target.service, environment = target.environment, generation, "weights set");
    Ok(Reply::Weights { generation })
}

/// Moves the expiry of the weights in force. Weights without one stay without.
pub(super) async fn renew(
    supervisor: &Arc<Supervisor>,
    caller: Caller,
    target: &Target,
    epoch: u64,
    millis: u64,
) -> Result<Reply, Refusal> {
    if millis > EXPIRY_MILLIS_MAX {
        return Err(malformed(format!("an expiry of {millis} ms is more than a day")));
    }
    let environment = supervisor.find(target)?;
    let _change = environment.change.lock().await;
    let generation = {
        let mut state = environment.state();
        state.grants.check(caller.connection, epoch)?;
        if state.expiry.is_some() {
            state.expiry = Some(Expiry::after(millis, supervisor.world.now(), supervisor.world.monotonic()));
            state.weights.expires_in_millis = Some(millis);
        }
        state.generation
    };
    if let Err(error) = environment.persist().await {
        // A restart then finds the earlier expiry, which only lowers exposure sooner.
        tracing::warn!(error = format!("{error:#}"), "the renewal could not be written");
    }
    supervisor.expiries.notify_one();
    Ok(Reply::Weights { generation })
}

/// Marked requests to one role.
pub(super) struct ProbeWish {
    pub(super) role: Role,
    pub(super) path: String,
    pub(super) count: u32,
}

/// Sends marked requests to the ready instances of a role.
pub(super) async fn probe(
    supervisor: &Arc<Supervisor>,
    caller: Caller,
    target: &Target,
    epoch: u64,
    wish: ProbeWish,
) -> Result<Reply, Refusal> {
    if wish.count > PROBES_MAX {
        return Err(malformed(format!("{} probes are more than {PROBES_MAX}", wish.count)));
    }
    let environment = supervisor.find(target)?;
    let (proxy, backends) = {
        let state = environment.state();
        state.grants.check(caller.connection, epoch)?;
        (state.proxy.clone(), state.of_role(wish.role))
    };
    let alive: Vec<_> =
        backends.into_iter().filter(|backend| backend.standing() == Standing::Alive).collect();
    let (Some(proxy), false) = (proxy, alive.is_empty()) else {
        let message = format!("no instance of {} has that role and is ready", target.environment);
        return Err(refuse(RefusalCode::Failed, message, "cargo xtask status"));
    };
    let probed = proxy.probe(&alive, &wish.path, wish.count).await.map_err(|error| failed(&error))?;
    Ok(Reply::Probed { ok: probed.ok, failed: probed.failed, last_failure: probed.last_failure })
}
