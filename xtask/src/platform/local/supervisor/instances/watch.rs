//! Watching: the health checks of one instance, and what happens when its process has ended.

use super::launch;
use crate::platform::local::files;
use crate::platform::local::shim::{InstanceFiles, ShimStatus, start_ticks};
use crate::platform::local::supervisor::Supervisor;
use crate::platform::local::supervisor::environment::Environment;
use crate::platform::local::supervisor::health::{self, PAUSE_STARTING, PAUSE_STEADY, address};
use crate::platform::protocol::{Health, Role};
use crate::world::kill_group;
use std::sync::Arc;
use std::time::Duration;

/// The first pause before a stable instance is started again; it doubles each time.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// The longest of these pauses.
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(30);
/// Restarts in a row; afterwards an instance stays ended.
const RESTARTS_MAX: u32 = 20;
/// Tries with another port of an instance that ended before it was ready, because its port was taken.
const PORT_TRIES_MAX: u32 = 3;
/// An instance that was ready for so long has its earlier crashes forgiven.
const STEADY: Duration = Duration::from_secs(60);

/// Watches an instance until it is stopped or stays ended.
pub(in super::super) async fn watch(supervisor: Arc<Supervisor>, environment: Arc<Environment>, id: String) {
    let mut failures = 0;
    loop {
        let Some((files, ended, pause)) = glance(&environment, &id) else { return };
        tokio::select! {
            () = ended.notified() => {}
            () = supervisor.world.sleep(pause) => {}
        }
        if files::is_locked(&files.lock()) {
            look(&supervisor, &environment, &id, &mut failures).await;
        } else {
            failures = 0;
            if !revive(&supervisor, &environment, &id, &files).await {
                return;
            }
        }
    }
}

type Glance = (InstanceFiles, Arc<tokio::sync::Notify>, Duration);

/// What the next wait needs; `None` when the instance is no more ours to watch.
fn glance(environment: &Environment, id: &str) -> Option<Glance> {
    let state = environment.state();
    let instance = state.instances.get(id).filter(|instance| instance.is_staying())?;
    let pause = match instance.health {
        Health::Starting(_) => PAUSE_STARTING,
        _ => PAUSE_STEADY,
    };
    Some((instance.files.clone(), Arc::clone(&instance.ended), pause))
}

/// One health check, and its effect.
pub(in super::super) async fn look(
    supervisor: &Supervisor,
    environment: &Environment,
    id: &str,
    failures: &mut u32,
) {
    let Some((spec, port, nonce, pid)) = ({
        let mut state = environment.state();
        state.instances.get_mut(id).map(|instance| {
            if instance.pid.is_none() {
                let status = files::read_json::<ShimStatus>(&instance.files.status()).ok().flatten();
                instance.pid = status.and_then(|status| status.pid);
            }
            (instance.spec.clone(), instance.port, instance.nonce.clone(), instance.pid)
        })
    }) else {
        return;
    };
    let seen = health::check(&supervisor.world, &spec, port, &nonce, pid).await;
    let mut state = environment.state();
    let Some(instance) = state.instances.get_mut(id).filter(|instance| instance.nonce == nonce) else {
        return;
    };
    let next = health::next(&instance.health, failures, seen);
    if next == Health::Ready && instance.ready_since.is_none() {
        instance.ready_since = Some(supervisor.world.monotonic());
    }
    instance.set_health(next);
}

/// What follows the end of an instance's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Start it again after a pause.
    Restart(Duration),
    /// Leave it ended.
    Stay,
}

/// A stable instance is started again, ever more slowly. A canary is not: its end is what the trial was to find out.
/// But whoever lost a race for its port has not been tried yet.
fn decide(role: Role, restarts: u32, lost_port: Option<u16>) -> Next {
    match role {
        _ if lost_port.is_some() && restarts < PORT_TRIES_MAX => Next::Restart(Duration::ZERO),
        Role::Stable if restarts < RESTARTS_MAX => {
            Next::Restart(RESTART_PAUSE.saturating_mul(1 << restarts.min(16)).min(RESTART_PAUSE_MAX))
        }
        _ => Next::Stay,
    }
}

/// Deals with an ended instance; false where there is nothing left to watch.
async fn revive(
    supervisor: &Arc<Supervisor>,
    environment: &Arc<Environment>,
    id: &str,
    files: &InstanceFiles,
) -> bool {
    let why = reap_leftover(files);
    let Some((role, restarts, port, was_ready)) = note_end(supervisor, environment, id, &why) else {
        return false;
    };
    let lost_port = match was_ready {
        false if supervisor.world.listen(address(port)).await.is_err() => Some(port),
        _ => None,
    };
    let Next::Restart(pause) = decide(role, restarts, lost_port) else { return false };
    tracing::warn!(instance = id, why, restarts, "instance ended and is started again");
    supervisor.world.sleep(pause).await;
    {
        let mut state = environment.state();
        match state.instances.get_mut(id).filter(|instance| instance.is_staying()) {
            Some(instance) => instance.restarts += 1,
            None => return false,
        }
    }
    if let Err(error) = launch(supervisor, environment, id).await {
        tracing::error!(instance = id, error = format!("{error:#}"), "failed to start it again");
    }
    true
}

fn note_end(
    supervisor: &Supervisor,
    environment: &Environment,
    id: &str,
    why: &str,
) -> Option<(Role, u32, u16, bool)> {
    let mut state = environment.state();
    let instance = state.instances.get_mut(id).filter(|instance| instance.is_staying())?;
    let now = supervisor.world.monotonic();
    if instance.ready_since.is_some_and(|since| now.saturating_sub(since) >= STEADY) {
        instance.restarts = 0;
    }
    let was_ready = instance.ready_since.is_some();
    instance.pid = None;
    instance.set_health(Health::Exited(why.to_owned()));
    Some((instance.role, instance.restarts, instance.port, was_ready))
}

/// Says how an instance without a living shim ended. Where the shim itself was killed, the instance may still run,
/// unwatched: it is killed, if it is still the same process.
pub(in super::super) fn reap_leftover(files: &InstanceFiles) -> String {
    let status = files::read_json::<ShimStatus>(&files.status()).ok().flatten();
    match status {
        None => "it was never started".to_owned(),
        Some(ShimStatus { ended: Some(why), .. }) => why,
        Some(ShimStatus { pid: Some(pid), start_ticks: Some(ticks), .. })
            if start_ticks(pid) == Some(ticks) =>
        {
            kill_group(Some(pid));
            "its shim was killed, and so it was ended too".to_owned()
        }
        Some(_) => "it ended with its shim".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stable_instance_is_started_again_and_ever_more_slowly() {
        let seconds = |seconds| Next::Restart(Duration::from_secs(seconds));
        let pauses: Vec<Next> = (0..7).map(|restarts| decide(Role::Stable, restarts, None)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30].map(seconds));
        assert_eq!(decide(Role::Stable, RESTARTS_MAX - 1, None), seconds(30));
        assert_eq!(decide(Role::Stable, RESTARTS_MAX, None), Next::Stay);
        assert_eq!(decide(Role::Canary, 0, None), Next::Stay);
        assert_eq!(decide(Role::Baseline, 0, None), Next::Stay);
    }

    #[test]
    fn a_lost_race_for_the_port_is_tried_again_a_few_times() {
        for (restarts, expected) in [(0, Next::Restart(Duration::ZERO)), (PORT_TRIES_MAX, Next::Stay)] {
            assert_eq!(decide(Role::Canary, restarts, Some(1)), expected);
        }
    }

    #[test]
    fn only_the_same_process_is_killed() {
        let directory = tempfile::tempdir().unwrap();
        let files = InstanceFiles(directory.path().to_owned());
        assert_eq!(reap_leftover(&files), "it was never started");
        let own = std::process::id();
        let started = jiff::Timestamp::UNIX_EPOCH;
        let ticks = start_ticks(own).map(|ticks| ticks + 1);
        let status = ShimStatus { shim: 1, pid: Some(own), start_ticks: ticks, started, ended: None };
        files::write_json(&files.status(), &status).unwrap();
        assert_eq!(reap_leftover(&files), "it ended with its shim", "and we live");
    }
}
