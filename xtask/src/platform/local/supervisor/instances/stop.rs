//! Stopping: no new requests, the ones in flight finished, SIGTERM, grace, SIGKILL, and nothing left behind but the log.

use crate::platform::local::files;
use crate::platform::local::proxy::Backend;
use crate::platform::local::shim::{InstanceFiles, ShimStatus, StopOrder};
use crate::platform::local::supervisor::Supervisor;
use crate::platform::local::supervisor::environment::Environment;
use crate::platform::local::supervisor::instances::reap_leftover;
use crate::world::{World, kill_group};
use rustix::process::{Pid, Signal};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch as channel;

/// What a shim may take beyond the grace.
const MARGIN: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);
/// Logs of dead instances that are kept per environment.
const DEAD_LOGS_MAX: usize = 5;

/// How patiently an instance is stopped.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct StopWish {
    /// Longest wait for requests in flight.
    pub(in super::super) drain: Duration,
    /// From SIGTERM to SIGKILL; the instance's own where `None`.
    pub(in super::super) grace: Option<Duration>,
}

/// What a stop found.
pub(in super::super) enum Stopping {
    /// It is gone already: stopping is "make it gone".
    Absent,
    /// Somebody else stops it: their end is ours.
    Already(channel::Receiver<Option<u64>>),
    /// It is ours to stop.
    Ours(Box<Ours>),
}

/// An instance that is marked as leaving.
pub(in super::super) struct Ours {
    tell: channel::Sender<Option<u64>>,
    files: InstanceFiles,
    backend: Arc<Backend>,
    grace: Duration,
}

/// Marks an instance as leaving: from now on it gets no weight and is not started again.
pub(in super::super) fn begin(environment: &Environment, id: &str) -> Stopping {
    let mut state = environment.state();
    let Some(instance) = state.instances.get_mut(id) else { return Stopping::Absent };
    if let Some(gone) = &instance.gone {
        return Stopping::Already(gone.clone());
    }
    let (tell, hear) = channel::channel(None);
    instance.gone = Some(hear);
    let grace = Duration::from_millis(instance.spec.stop_grace_millis);
    let (files, backend) = (instance.files.clone(), Arc::clone(&instance.backend));
    Stopping::Ours(Box::new(Ours { tell, files, backend, grace }))
}

/// Stops a marked instance; it is gone when this returns. Answers how many requests were cut.
pub(in super::super) async fn finish(
    supervisor: &Supervisor,
    environment: &Environment,
    id: &str,
    stopping: Stopping,
    wish: StopWish,
) -> u64 {
    let ours = match stopping {
        Stopping::Absent => return 0,
        Stopping::Already(mut gone) => {
            let cut = gone.wait_for(Option::is_some).await.ok().and_then(|cut| *cut);
            return cut.unwrap_or(0);
        }
        Stopping::Ours(ours) => ours,
    };
    let cut = ours.backend.drained(&supervisor.world, wish.drain).await;
    end(&supervisor.world, &ours.files, wish.grace.unwrap_or(ours.grace)).await;
    bury(environment, &ours.files, id);
    environment.state().instances.remove(id);
    tracing::info!(instance = id, cut, "instance stopped");
    ours.tell.send_replace(Some(cut));
    cut
}

/// Ends the shim and its instance.
async fn end(world: &World, files: &InstanceFiles, grace: Duration) {
    let grace_millis = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    if let Err(error) = files::write_json(&files.stop(), &StopOrder { grace_millis }) {
        tracing::warn!(error = format!("{error:#}"), "the instance's own grace holds");
    }
    let shim = || files::read_json::<ShimStatus>(&files.status()).ok().flatten();
    let deadline = world.monotonic() + grace + MARGIN;
    let mut told = None;
    while files::is_locked(&files.lock()) && world.monotonic() < deadline {
        // One that has just begun tells its number a moment later.
        if told.is_none() {
            told = shim().map(|status| status.shim);
            signal(told, Signal::TERM);
        }
        world.sleep(PAUSE).await;
    }
    if files::is_locked(&files.lock()) {
        kill_group(shim().and_then(|status| status.pid));
        signal(told, Signal::KILL);
    }
    reap_leftover(files);
}

fn signal(process: Option<u32>, signal: Signal) {
    let process = process.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(process) = process {
        // One that has ended is what we want.
        let _ = rustix::process::kill_process(process, signal);
    }
}

/// Removes the directory of an ended instance; its log stays a while.
pub(in super::super) fn bury(environment: &Environment, files: &InstanceFiles, id: &str) {
    let dead = environment.dead();
    let kept = files::create_private_directory(&dead)
        .and_then(|()| std::fs::rename(files.log(), dead.join(format!("{id}.log"))));
    if let Err(error) = kept
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(instance = id, error = error.to_string(), "the log could not be kept");
    }
    if let Err(error) = std::fs::remove_dir_all(&files.0)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(instance = id, error = error.to_string(), "the directory could not be removed");
    }
    prune(&dead);
}

fn prune(dead: &Path) {
    let all = std::fs::read_dir(dead).into_iter().flatten().flatten();
    let mut logs: Vec<_> =
        all.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    logs.sort();
    let surplus = logs.len().saturating_sub(DEAD_LOGS_MAX);
    for (_, path) in logs.into_iter().take(surplus) {
        // One that stays is pruned next time.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::local::supervisor::environment::Saved;
    use crate::platform::protocol::Target;

    #[test]
    fn the_last_few_logs_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let target = Target { service: "desk".to_owned(), environment: "staging".to_owned() };
        let environment = Environment::resume(Saved::new(target), directory.path().to_owned(), None);
        for number in 0..DEAD_LOGS_MAX + 2 {
            let id = format!("r-{number}");
            let files = InstanceFiles(environment.instances().join(&id));
            files::create_private_directory(&files.0).unwrap();
            std::fs::write(files.log(), &id).unwrap();
            bury(&environment, &files, &id);
            assert!(!files.0.exists());
        }
        let kept = std::fs::read_dir(environment.dead()).unwrap().count();
        assert_eq!(kept, DEAD_LOGS_MAX);
        bury(&environment, &InstanceFiles(directory.path().join("none")), "none");
    }
}
