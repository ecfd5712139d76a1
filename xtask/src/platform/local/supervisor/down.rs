//! Going down: with the instances, orderly; or the supervisor alone, whose instances the next one adopts.

use super::Supervisor;
use super::environment::Environment;
use super::instances::{StopWish, begin_stop, finish_stop};
use super::table;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinSet;

/// Longest wait for requests in flight when everything goes down.
const DRAIN: Duration = Duration::from_secs(10);

/// Takes all traffic away and stops every instance, all at once.
pub(super) async fn stop_instances(supervisor: &Arc<Supervisor>) {
    supervisor.is_leaving.store(true, Ordering::SeqCst);
    let mut stops = JoinSet::new();
    let mut unwritten = Vec::new();
    for environment in supervisor.environments() {
        if let Err(error) = withdraw(&environment).await {
            tracing::warn!(error = format!("{error:#}"), "the empty weights could not be written yet");
            unwritten.push(Arc::clone(&environment));
        }
        let ids: Vec<String> = environment.state().instances.keys().cloned().collect();
        for id in ids {
            let (supervisor, environment) = (Arc::clone(supervisor), Arc::clone(&environment));
            stops.spawn(async move {
                let wish = StopWish { drain: DRAIN, grace: None };
                let stopping = begin_stop(&environment, &id);
                finish_stop(&supervisor, &environment, &id, stopping, wish).await
            });
        }
    }
    let cut: u64 = stops.join_all().await.into_iter().sum();
    tracing::info!(cut, "all instances are stopped");
    for environment in unwritten {
        // What the instances left has made room. Going down does not depend on it: at its start the next supervisor
        // finds no instance of these weights, and serves nobody.
        if let Err(error) = environment.persist().await {
            tracing::error!(error = format!("{error:#}"), "the empty weights could not be written");
        }
    }
}

/// From now on nobody deploys and nobody serves, also for the next supervisor.
async fn withdraw(environment: &Environment) -> anyhow::Result<()> {
    let _change = environment.change.lock().await;
    {
        let mut state = environment.state();
        state.grants.revoke();
        state.expiry = None;
        state.generation += 1;
        state.put_in_force(table::nobody());
    }
    environment.persist().await
}

/// Closes the proxies: what is in flight finishes, up to a limit.
pub(super) async fn close(supervisor: &Supervisor) {
    let mut closing = JoinSet::new();
    for environment in supervisor.environments() {
        let proxy = environment.state().proxy.take();
        if let Some(proxy) = proxy.and_then(Arc::into_inner) {
            closing.spawn(proxy.shutdown(DRAIN));
        }
    }
    closing.join_all().await;
}
