//! The server side: accept, serve each connection in a task of its own, and close in two steps.

use super::limits::HEADER_BYTES_MIN;
use super::{Core, forward};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;

/// Rest after an accept that failed (no descriptors left), before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How far closing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closing {
    /// Not at all.
    Open,
    /// No new requests; those in flight finish.
    Graceful,
    /// Everything ends now.
    Cut,
}

/// Who asks, and what ends with them.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) peer: IpAddr,
    /// Free again when the last copy is gone: connection and upgraded stream share it.
    pub(super) slot: Arc<OwnedSemaphorePermit>,
    pub(super) closing: watch::Receiver<Closing>,
}

/// Returns when closing has come so far; the proxy being dropped is the same as a cut.
pub(super) async fn reached(closing: &mut watch::Receiver<Closing>, state: Closing) {
    let _ = closing.wait_for(|now| *now >= state).await;
}

/// Accepts until closing begins, then waits for the connections.
pub(super) async fn accept(core: Arc<Core>, listener: TcpListener, mut closing: watch::Receiver<Closing>) {
    let mut connections = JoinSet::new();
    let mut watching = closing.clone();
    loop {
        tokio::select! {
            biased;
            () = reached(&mut watching, Closing::Graceful) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            Some((stream, caller)) = next(&core, &listener, &closing) => {
                connections.spawn(serve(Arc::clone(&core), stream, caller));
            }
        }
    }
    drop(listener);
    reached(&mut closing, Closing::Graceful).await;
    while connections.join_next().await.is_some() {}
}

/// The next connection, once there is a slot for it.
async fn next(
    core: &Core,
    listener: &TcpListener,
    closing: &watch::Receiver<Closing>,
) -> Option<(TcpStream, Caller)> {
    let slot = Arc::new(Arc::clone(&core.slots).acquire_owned().await.ok()?);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                return Some((stream, Caller { peer: peer.ip(), slot, closing: closing.clone() }));
            }
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                core.client.world.sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(core: Arc<Core>, stream: TcpStream, caller: Caller) {
    // Without it small replies only come later.
    let _ = stream.set_nodelay(true);
    let mut closing = caller.closing.clone();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(core.client.limits.idle_timeout)
        .max_buf_size(core.client.limits.header_bytes_max.max(HEADER_BYTES_MIN));
    let service = service_fn(move |request| {
        let answered = forward::answer(Arc::clone(&core), caller.clone(), request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    // A connection that ends with an error was the client's to end.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = reached(&mut closing, Closing::Graceful) => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = reached(&mut closing, Closing::Cut) => {}
    }
}
