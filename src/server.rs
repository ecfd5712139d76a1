//! The server: accepts connections, and stops without losing a request.
//!
//! A drain has three steps, all before one deadline. First it goes on accepting, because a proxy may not
//! have seen the drain yet: every reply then closes its connection, and this lasts until the lame-duck time
//! is over and no request is in flight. Then the listener closes; what waits in its queue or is on its way
//! on an open connection is still answered, and idle connections are hung up. At the deadline what still
//! runs is cut and counted.
//! `axum::serve` has no such middle step and does not count, so this uses hyper below it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};
use tracing::{debug, warn};

use crate::desk::Desk;
use crate::router;
use crate::settings::DrainLimits;

/// Above this, connections wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1024;
/// How many connections out of that queue a drain still answers.
const MAX_QUEUED: usize = 1024;
/// For the head of a request, and for an idle connection: longer than proxies keep theirs.
const HEAD_DEADLINE: Duration = Duration::from_secs(75);
/// How long a drain waits, after the last accept, for a request on a connection that is open: it may be on its way.
const LAST_REQUEST: Duration = Duration::from_millis(250);
/// After an accept that failed, mostly because descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What the deadline of a drain cut: nothing when it was orderly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Requests that had no reply yet.
    pub cut_requests: u64,
    /// Connections that were still open.
    pub cut_connections: usize,
}

/// Serves until the desk drains, then drains.
pub(crate) async fn serve(desk: Desk, listener: TcpListener, limits: DrainLimits) -> Drained {
    let mut connections = Connections::new(router(desk.clone()));
    connections.accept_until(&listener, desk.draining()).await;

    let mut deadline = pin!(sleep(limits.deadline));
    connections.accept_until(&listener, quiet(&desk, limits.lame_duck, deadline.as_mut())).await;
    connections.accept_queued(&listener).await;
    drop(listener);
    connections.hang_up();
    tokio::select! {
        biased;
        () = connections.ended() => Drained { cut_requests: 0, cut_connections: 0 },
        () = deadline => {
            let drained = Drained { cut_requests: desk.in_flight(), cut_connections: connections.tasks.len() };
            connections.tasks.shutdown().await;
            drained
        }
    }
}

/// The lame-duck time is over and no request is in flight, or the deadline has come.
async fn quiet(desk: &Desk, lame_duck: Duration, deadline: Pin<&mut Sleep>) {
    let idle = async {
        sleep(lame_duck).await;
        desk.idle().await;
    };
    tokio::select! {
        () = idle => {}
        () = deadline => {}
    }
}

struct Connections {
    router: Router,
    tasks: JoinSet<()>,
    hang_up: watch::Sender<bool>,
}

impl Connections {
    fn new(router: Router) -> Self {
        Self { router, tasks: JoinSet::new(), hang_up: watch::Sender::new(false) }
    }

    async fn accept_until(&mut self, listener: &TcpListener, end: impl Future<Output = ()>) {
        let mut end = pin!(end);
        loop {
            let has_place = self.tasks.len() < MAX_CONNECTIONS;
            tokio::select! {
                biased;
                () = &mut end => return,
                Some(_) = self.tasks.join_next() => {}
                accepted = listener.accept(), if has_place => match accepted {
                    Ok((stream, _)) => self.serve(stream),
                    Err(error) => {
                        warn!(%error, "failed to accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }

    /// Clients in the kernel's queue are connected already: closing the listener would reset them.
    async fn accept_queued(&mut self, listener: &TcpListener) {
        for _ in 0..MAX_QUEUED {
            tokio::select! {
                biased;
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.serve(stream),
                    Err(_) => return,
                },
                () = std::future::ready(()) => return,
            }
        }
    }

    fn serve(&mut self, stream: TcpStream) {
        self.tasks.spawn(connection(stream, self.router.clone(), self.hang_up.subscribe()));
    }

    /// Idle connections close soon, the others after their reply.
    fn hang_up(&self) {
        self.hang_up.send_replace(true);
    }

    async fn ended(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn connection(stream: TcpStream, router: Router, mut hang_up: watch::Receiver<bool>) {
    // Replies are small: waiting to fill a packet only adds delay.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let over = async {
        drop(hang_up.wait_for(|over| *over).await);
        sleep(LAST_REQUEST).await;
    };
    let ended = tokio::select! {
        // Reads what has arrived before it hangs up: a request that is here is answered.
        biased;
        ended = connection.as_mut() => ended,
        () = over => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended early");
    }
}
