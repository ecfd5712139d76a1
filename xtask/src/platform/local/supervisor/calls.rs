//! What each call does: environments, grants and the journal here, effects on the data plane in `effects`.

use super::Supervisor;
use super::adopt::open_port;
use super::environment::{Environment, Saved};
use super::grants::ConnectionId;
use super::journals::Under;
use super::refuse::{failed, malformed, refuse, unwritten};
use super::{down, effects, names};
use crate::journal::Importance;
use crate::platform::local::files;
use crate::platform::protocol::{
    Entry, EnvironmentStatus, GrantKind, Phase, Refusal, RefusalCode, Reply, Request, Target,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Records in one reply at most.
const RECORDS_MAX: u32 = 1000;
/// How long connections to a port that an environment has left may still finish.
const OLD_PORT: Duration = Duration::from_secs(30);

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// The connection.
    pub(super) connection: ConnectionId,
    /// The user at its other end, by the kernel.
    pub(super) uid: u32,
}

/// Does what was asked.
pub(super) async fn answer(
    supervisor: &Arc<Supervisor>,
    caller: Caller,
    request: Request,
) -> Result<Reply, Refusal> {
    match request {
        Request::Hello { .. } => Ok(hello(supervisor)),
        Request::Status { service } => Ok(status(supervisor, service.as_deref()).await),
        Request::Ensure { target, port } => ensure(supervisor, &target, port).await,
        Request::Grant { target, kind } => grant(supervisor, caller, &target, kind).await,
        Request::Release { target } => release(supervisor, caller, &target).await,
        Request::Append { target, epoch, entry } => append(supervisor, caller, &target, epoch, entry).await,
        Request::Journal { service, after, limit } => journal(supervisor, &service, after, limit).await,
        Request::Start { target, epoch, spec } => {
            effects::start(supervisor, caller, &target, epoch, &spec).await
        }
        Request::Stop { target, epoch, instance, drain_millis, grace_millis } => {
            let wish = effects::wish(drain_millis, grace_millis);
            effects::stop(supervisor, caller, &target, epoch, &instance, wish).await
        }
        Request::SetWeights { target, epoch, weights } => {
            effects::set_weights(supervisor, caller, &target, epoch, weights).await
        }
        Request::Renew { target, epoch, expires_in_millis } => {
            effects::renew(supervisor, caller, &target, epoch, expires_in_millis).await
        }
        Request::Probe { target, epoch, role, path, count } => {
            effects::probe(supervisor, caller, &target, epoch, effects::ProbeWish { role, path, count }).await
        }
        Request::Samples { target } => {
            let sides = supervisor.find(&target)?.state().sides();
            Ok(Reply::Samples { sides })
        }
        Request::Down { instances } => {
            if instances {
                down::stop_instances(supervisor).await;
            }
            Ok(Reply::Done)
        }
    }
}

fn hello(supervisor: &Supervisor) -> Reply {
    Reply::Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        state: supervisor.layout.0.clone(),
        executable: supervisor.executable.clone(),
    }
}

async fn status(supervisor: &Supervisor, service: Option<&str>) -> Reply {
    let mut environments = Vec::new();
    for environment in supervisor.environments() {
        if service.is_some_and(|service| service != environment.target.service) {
            continue;
        }
        let newest = supervisor.journals.newest(&environment.target).await;
        let rollout = newest.map(|record| record.entry.body);
        environments.push(EnvironmentStatus { rollout, ..environment.status() });
    }
    Reply::Status { now: supervisor.world.now(), environments }
}

/// Makes an environment, or another port for it. What could not be made leaves nothing behind.
async fn ensure(supervisor: &Arc<Supervisor>, target: &Target, port: u16) -> Result<Reply, Refusal> {
    names::check_target(target)?;
    let _ensuring = supervisor.ensuring.lock().await;
    let known = supervisor.table().get(target).map(Arc::clone);
    let environment = known.clone().unwrap_or_else(|| {
        let directory = supervisor.layout.environment(target);
        Arc::new(Environment::resume(Saved::new(target.clone()), directory, None))
    });
    let (has_port, is_open) = {
        let state = environment.state();
        (state.port, state.proxy.is_some())
    };
    if is_open && (port == 0 || port == has_port) {
        return Ok(Reply::Ensured { port: has_port });
    }
    let wanted = if port == 0 { has_port } else { port };
    let _change = environment.change.lock().await;
    let before = environment.state().proxy.clone();
    let port =
        open_port(supervisor, &environment, wanted).await.map_err(|error| port_refusal(wanted, &error))?;
    if let Some(before) = before.and_then(Arc::into_inner) {
        tokio::spawn(before.shutdown(OLD_PORT));
    }
    let made = files::create_private_directory(&environment.directory).map_err(anyhow::Error::new);
    let made = match made {
        Ok(()) => environment.persist().await,
        error => error,
    };
    made.map_err(|error| unwritten(&error))?;
    supervisor.table().insert(target.clone(), Arc::clone(&environment));
    tracing::info!(service = target.service, environment = target.environment, port, "the proxy listens");
    Ok(Reply::Ensured { port })
}

fn port_refusal(port: u16, error: &anyhow::Error) -> Refusal {
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    if kind != Some(std::io::ErrorKind::AddrInUse) {
        return failed(error);
    }
    let help = format!(
        "stop what listens on port {port} (ss -ltnp), or choose another port in policies/rollout.yaml"
    );
    refuse(RefusalCode::PortTaken, format!("the port {port} is taken"), help)
}

async fn grant(
    supervisor: &Arc<Supervisor>,
    caller: Caller,
    target: &Target,
    kind: GrantKind,
) -> Result<Reply, Refusal> {
    let environment = supervisor.find(target)?;
    let emergency = match kind {
        GrantKind::Forward => {
            supervisor.journals.is_sound(&target.service).await?;
            None
        }
        GrantKind::Rollback => supervisor.journals.open_for_rollback(&target.service).await?,
    };
    let _change = environment.change.lock().await;
    let epoch = {
        let mut state = environment.state();
        // Whose connection has closed meanwhile would hold it for ever.
        if !supervisor.connections().contains(&caller.connection) {
            return Err(refuse(RefusalCode::Stale, "the connection is closed", "cargo xtask status"));
        }
        if supervisor.is_leaving.load(Ordering::SeqCst) {
            return Err(refuse(RefusalCode::Failed, "the supervisor goes down", "cargo xtask local up"));
        }
        state.grants.ask(caller.connection, kind)?
    };
    if let Err(error) = write_grant(supervisor, &environment, kind).await {
        // An epoch that a restart could give again is none.
        environment.state().grants.release(caller.connection);
        return Err(unwritten(&error));
    }
    tracing::info!(service = target.service, environment = target.environment, epoch, "grant given");
    Ok(Reply::Granted { epoch, emergency })
}

/// Writes the epoch down. Going back never waits for a disk: where there is no room, the journal's reserve makes it,
/// and where that is not enough, the epoch is kept in memory (and told by the next record of the journal). A restart
/// may then give its number again, but never to the same connection, and a grant is good for its connection only.
async fn write_grant(
    supervisor: &Supervisor,
    environment: &Environment,
    kind: GrantKind,
) -> anyhow::Result<()> {
    let Err(error) = environment.persist().await else { return Ok(()) };
    if kind == GrantKind::Forward {
        return Err(error);
    }
    tracing::warn!(error = format!("{error:#}"), "the epoch could not be written: the reserve is given up");
    supervisor.journals.make_room(&environment.target.service).await;
    if let Err(error) = environment.persist().await {
        tracing::error!(error = format!("{error:#}"), "the epoch is kept in memory only");
    }
    Ok(())
}

async fn release(supervisor: &Arc<Supervisor>, caller: Caller, target: &Target) -> Result<Reply, Refusal> {
    let environment = supervisor.find(target)?;
    let _change = environment.change.lock().await;
    environment.state().grants.release(caller.connection);
    Ok(Reply::Done)
}

/// Frees what a closed connection held.
pub(super) async fn release_all(supervisor: &Arc<Supervisor>, connection: ConnectionId) {
    supervisor.connections().remove(&connection);
    for environment in supervisor.environments() {
        let _change = environment.change.lock().await;
        environment.state().grants.release(connection);
    }
}

async fn append(
    supervisor: &Arc<Supervisor>,
    caller: Caller,
    target: &Target,
    epoch: Option<u64>,
    entry: Entry,
) -> Result<Reply, Refusal> {
    let environment = supervisor.find(target)?;
    let importance = {
        let state = environment.state();
        match epoch {
            Some(epoch) => match state.grants.check(caller.connection, epoch)? {
                GrantKind::Forward => Importance::Normal,
                GrantKind::Rollback => Importance::Rollback,
            },
            None => {
                check_short(entry.phase, state.grants.is_held_by_other(caller.connection))?;
                Importance::Normal
            }
        }
    };
    let under = Under { epoch: epoch.unwrap_or(0), actor: format!("uid:{}", caller.uid), importance };
    let record = supervisor.journals.append(target, entry, under).await?;
    Ok(Reply::Appended { seq: record.seq })
}

/// What may be written without a grant: events; and a rollout's state while nobody else is at work (one that waits for
/// its approval holds no grant).
fn check_short(phase: Phase, is_held_by_other: bool) -> Result<(), Refusal> {
    match phase {
        Phase::Event => Ok(()),
        Phase::State if !is_held_by_other => Ok(()),
        Phase::State => Err(refuse(
            RefusalCode::Held,
            "somebody else holds the environment, so its rollout's state is theirs to write",
            "cargo xtask status",
        )),
        Phase::Intent | Phase::Done | Phase::Failed => {
            Err(malformed("the record of an effect needs a grant"))
        }
    }
}

async fn journal(
    supervisor: &Arc<Supervisor>,
    service: &str,
    after: u64,
    limit: u32,
) -> Result<Reply, Refusal> {
    let is_known = supervisor.table().keys().any(|target| target.service == service);
    if !is_known {
        let message = format!("there is no service {service}");
        return Err(refuse(RefusalCode::Unknown, message, "cargo xtask status"));
    }
    let records = supervisor.journals.read(service, after, limit.min(RECORDS_MAX)).await?;
    Ok(Reply::Journal { records })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_no_effect_goes_without_a_grant() {
        let code = |phase, is_held| check_short(phase, is_held).err().map(|refusal| refusal.code);
        for is_held in [false, true] {
            assert_eq!(code(Phase::Event, is_held), None);
            for phase in [Phase::Intent, Phase::Done, Phase::Failed] {
                assert_eq!(code(phase, is_held), Some(RefusalCode::Malformed));
            }
        }
        assert_eq!((code(Phase::State, false), code(Phase::State, true)), (None, Some(RefusalCode::Held)));
    }
}
