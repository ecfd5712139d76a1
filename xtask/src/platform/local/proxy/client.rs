//! The client side: connections to backends, one request on each at a time.

use super::backend::InFlight;
use super::body::{Outbound, Reading, Tracked, Upload};
use super::counters::Kind;
use super::limits::{HEADER_BYTES_MIN, Limits};
use super::pool::Sender;
use crate::world::World;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;

/// Makes requests to backends.
pub(super) struct Client {
    pub(super) world: World,
    pub(super) limits: Limits,
}

/// Why no reply came.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("failed to connect: {0}")]
    Connect(std::io::Error),
    #[error("failed to connect within {} ms", .0.as_millis())]
    ConnectTimeout(std::time::Duration),
    #[error("the connection broke before the reply began: {0}")]
    Broken(hyper::Error),
    #[error("no reply began within {} ms", .0.as_millis())]
    Silent(std::time::Duration),
    #[error("the client stopped sending its request's body for {} ms", .0.as_millis())]
    ClientSilent(std::time::Duration),
    #[error("the backend changed the protocol without being asked")]
    Unasked,
}

/// A request that got no reply; it is here where no byte of it was sent.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) trouble: Trouble,
    pub(super) unsent: Option<Request<Outbound>>,
}

/// Deliberately short: the environment may hold secrets (invariant 8 in docs/ARCHITECTURE.md).
impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(world: World, limits: Limits) -> Client {
        Client { world, limits }
    }

    /// Sends the request and waits for the reply's head. Failures are the caller's to count.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        in_flight: InFlight,
        kind: Kind,
        mut request: Request<Outbound>,
    ) -> Result<Response<Tracked>, Unanswered> {
        let backend = Arc::clone(in_flight.backend());
        // Ends: each round takes a connection out of the bounded pool, and one that is fresh ends it.
        loop {
            let kept = backend.pool.take(self.world.monotonic(), self.limits.pool_idle_timeout);
            let is_kept = kept.is_some();
            let mut sender = match kept {
                Some(sender) => sender,
                None => match self.connect(backend.address()).await {
                    Ok(sender) => sender,
                    Err(trouble) => return Err(Unanswered { trouble, unsent: Some(request) }),
                },
            };
            match self.send(&mut sender, request).await {
                Ok(reply) => {
                    let (status, client) = (reply.status(), Arc::clone(self));
                    let (sender, state) = (Some(sender), Reading::Open);
                    return Ok(reply.map(|body| Tracked {
                        body,
                        status,
                        kind,
                        sender,
                        client,
                        state,
                        in_flight,
                    }));
                }
                Err(Unanswered { unsent: Some(unsent), .. }) if is_kept => {
                    backend.tally.count_retry();
                    request = unsent;
                }
                Err(unanswered) => return Err(unanswered),
            }
        }
    }

    /// A fresh connection, driven by a task of its own until both sides are done with it.
    pub(super) async fn connect(&self, address: SocketAddr) -> Result<Sender, Trouble> {
        let limit = self.limits.connect_timeout;
        let stream = tokio::select! {
            biased;
            stream = self.world.connect(address) => stream.map_err(Trouble::Connect)?,
            () = self.world.sleep(limit) => return Err(Trouble::ConnectTimeout(limit)),
        };
        stream.set_nodelay(true).map_err(Trouble::Connect)?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(self.limits.header_bytes_max.max(HEADER_BYTES_MIN));
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(Trouble::Broken)?;
        tokio::spawn(async move {
            // Its errors reach whoever waits for the reply or reads its body.
            let _ = connection.with_upgrades().await;
        });
        Ok(sender)
    }

    async fn send(
        &self,
        sender: &mut Sender,
        request: Request<Outbound>,
    ) -> Result<Response<hyper::body::Incoming>, Unanswered> {
        let upload = request.body().upload();
        let sending = sender.try_send_request(request);
        tokio::pin!(sending);
        tokio::select! {
            biased;
            reply = &mut sending => reply.map_err(|mut error| Unanswered {
                unsent: error.take_message(),
                trouble: Trouble::Broken(error.into_error()),
            }),
            trouble = self.silence(upload.as_deref()) => Err(Unanswered { trouble, unsent: None }),
        }
    }

    /// Returns when nothing has moved for the time allowed.
    async fn silence(&self, upload: Option<&Upload>) -> Trouble {
        let limit = self.limits.head_timeout;
        let mut seen = upload.map(Upload::frames);
        loop {
            self.world.sleep(limit).await;
            let now = upload.map(Upload::frames);
            if now == seen {
                let waits_for_client = upload.is_some_and(|upload| !upload.ended());
                return if waits_for_client { Trouble::ClientSilent(limit) } else { Trouble::Silent(limit) };
            }
            seen = now;
        }
    }
}
