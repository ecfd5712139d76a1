//! After a restart: state files are read, living shims adopted, dead ones cleaned, ports taken again.
//!
//! An adopted instance gets traffic only after it has proved its identity again; the first round of checks runs before
//! the ports are opened, so that a client that comes then is served at once.

use super::Supervisor;
use super::deadman::{self, Expiry};
use super::environment::{Environment, Saved};
use super::health::address;
use super::instances::{self, Instance, bury, reap_leftover, watch};
use super::table::{has_weight, nobody};
use crate::platform::local::files;
use crate::platform::local::proxy::{Limits, Proxy};
use crate::platform::local::shim::{InstanceFiles, ShimSpec, ShimStatus};
use crate::platform::protocol::{Health, Role};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Takes over what an earlier supervisor left.
///
/// # Errors
/// Where a state file is damaged: it is never taken for empty.
pub(super) async fn adopt(supervisor: &Arc<Supervisor>) -> anyhow::Result<()> {
    for service in directories(&supervisor.layout.services())? {
        for directory in directories(&service)? {
            let Some(saved) = Saved::read(&directory)? else { continue };
            let (now, monotonic) = (supervisor.world.now(), supervisor.world.monotonic());
            let expiry = saved
                .expires_at
                .map(|at| Expiry::resumed(at, saved.weights.expires_in_millis.unwrap_or(0), now, monotonic));
            let environment = Arc::new(Environment::resume(saved, directory, expiry));
            supervisor.table().insert(environment.target.clone(), Arc::clone(&environment));
            take_over(supervisor, &environment).await?;
        }
    }
    Ok(())
}

fn directories(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("failed to read {}", path.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("failed to read {}", path.display()))?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

async fn take_over(supervisor: &Arc<Supervisor>, environment: &Arc<Environment>) -> anyhow::Result<()> {
    let roles = Saved::read(&environment.directory)?.map(|saved| saved.roles).unwrap_or_default();
    for directory in directories(&environment.instances())? {
        let id = directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let role = roles.get(&id).copied();
        admit(environment, &id, InstanceFiles(directory), role);
    }
    forget_absent(environment);
    first_round(supervisor, environment).await;
    deadman::lapse(supervisor, environment).await;
    let port = environment.state().port;
    if port != 0
        && let Err(error) = open_port(supervisor, environment, port).await
    {
        tracing::error!(port, error = format!("{error:#}"), "the proxy's port could not be taken again");
        environment.state().unopened = format!("{error:#}");
    }
    let ids: Vec<String> = environment.state().instances.keys().cloned().collect();
    for id in ids {
        tokio::spawn(watch(Arc::clone(supervisor), Arc::clone(environment), id));
    }
    Ok(())
}

/// Takes a living instance over, keeps a dead one that the weights name, and buries the rest.
fn admit(environment: &Environment, id: &str, files: InstanceFiles, role: Option<Role>) {
    let lives = files::is_locked(&files.lock());
    let spec = match files::read_json::<ShimSpec>(&files.spec()) {
        Ok(Some(spec)) => spec,
        unreadable => {
            let error = unreadable.err().map(|error| format!("{error:#}"));
            tracing::error!(instance = id, error, "its spec cannot be read");
            if !lives {
                reap_leftover(&files);
                bury(environment, &files, id);
            }
            return;
        }
    };
    let mut state = environment.state();
    let is_named = state.weights.shares.iter().any(|share| share.instances.iter().any(|name| name == id));
    if !lives && !is_named {
        drop(state);
        reap_leftover(&files);
        bury(environment, &files, id);
        return;
    }
    let status = files::read_json::<ShimStatus>(&files.status()).ok().flatten();
    let mut instance = Instance::new(spec.instance, files);
    instance.role = role.unwrap_or(instance.role);
    instance.take_place(spec.port, spec.nonce, status.filter(|_| lives).and_then(|status| status.pid));
    instance.set_health(match lives {
        true => Health::Starting("adopted, not asked yet".to_owned()),
        false => Health::Exited("it ended while there was no supervisor".to_owned()),
    });
    tracing::info!(instance = id, pid = instance.pid, "instance adopted");
    state.instances.insert(id.to_owned(), instance);
}

/// Weights whose instances are all gone with their directories (everything went down while the disk was full) are no
/// weights any more: the next rollout begins from nobody.
fn forget_absent(environment: &Environment) {
    let mut state = environment.state();
    let is_present = state.weights.shares.iter().filter(|share| share.weight > 0).any(|share| {
        let mut ids = share.instances.iter();
        ids.any(|id| state.instances.contains_key(id))
    });
    if !is_present && !state.weights.shares.is_empty() {
        tracing::warn!(environment = environment.target.environment, "no instance of its weights is left");
        state.weights = nobody();
        state.expiry = None;
        state.generation += 1;
    }
}

/// Asks every instance with traffic for its identity, all at once.
async fn first_round(supervisor: &Arc<Supervisor>, environment: &Arc<Environment>) {
    let asked: Vec<String> = {
        let state = environment.state();
        let ids = state.instances.keys().filter(|id| has_weight(&state.weights, id));
        ids.cloned().collect()
    };
    let mut round = JoinSet::new();
    for id in asked {
        let (supervisor, environment) = (Arc::clone(supervisor), Arc::clone(environment));
        round.spawn(async move {
            let is_alive = environment.state().instances.get(&id).is_some_and(|one| one.pid.is_some());
            if is_alive {
                instances::look(&supervisor, &environment, &id, &mut 0).await;
            }
        });
    }
    round.join_all().await;
}

/// Opens the proxy of an environment and puts its weights in force there. Port 0 lets the kernel choose.
pub(super) async fn open_port(
    supervisor: &Supervisor,
    environment: &Environment,
    port: u16,
) -> anyhow::Result<u16> {
    let listener = supervisor.world.listen(address(port)).await?;
    let proxy = Proxy::start(&supervisor.world, listener, Limits::default())?;
    let mut state = environment.state();
    state.port = proxy.address().port();
    state.proxy = Some(Arc::new(proxy));
    state.switch();
    Ok(state.port)
}
