//! The proxy between real sockets: hyper backends behind it, keep-alive clients before it, all on loopback.

mod failures;
mod routing;
mod service;
mod streams;

use super::*;
use crate::platform::protocol::{Counters, Role};
use crate::world::Clock;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// Longer than any test: where it is waited for, something hangs.
const LONG: Duration = Duration::from_secs(60);
/// Long enough for a timer to fire, where nothing else can happen.
const SHORT: Duration = Duration::from_millis(30);

type AnyBody = BoxBody<Bytes, Infallible>;

fn world() -> World {
    World::with(BTreeMap::new(), "/".into(), Clock::system())
}

async fn listener() -> TcpListener {
    world().listen(([127, 0, 0, 1], 0).into()).await.unwrap()
}

fn text(text: impl Into<Bytes>) -> Response<AnyBody> {
    Response::new(Full::new(text.into()).boxed())
}

fn status(status: u16) -> Response<AnyBody> {
    let mut reply = text("");
    *reply.status_mut() = StatusCode::from_u16(status).unwrap();
    reply
}

/// A body that is fed by hand.
struct Fed(mpsc::Receiver<Bytes>);

impl Body for Fed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// A real hyper server; gone with all its connections when dropped.
struct Server {
    address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start<H, F>(handler: H) -> Server
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<AnyBody>> + Send + 'static,
    {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let handler = handler.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let reply = handler(request);
                        async move { Ok::<_, Infallible>(reply.await) }
                    });
                    let server = hyper::server::conn::http1::Builder::new();
                    let _ = server.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
                });
            }
        });
        Server { address, task: task.abort_handle() }
    }

    /// A server that always says the same.
    async fn saying(words: &'static str) -> Server {
        Server::start(move |_| async move { text(words) }).await
    }

    fn backend(&self, id: &str) -> Arc<Backend> {
        Backend::new(id, self.address)
    }
}

/// A keep-alive connection of a client. It is never opened again: whatever cuts it fails the test.
struct Session(SendRequest<AnyBody>);

#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    body: Result<String, hyper::Error>,
}

impl Session {
    async fn open(proxy: &Proxy) -> Session {
        let stream = world().connect(proxy.address()).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        Session(sender)
    }

    async fn send(&mut self, request: Request<AnyBody>) -> Response<Incoming> {
        self.0.ready().await.unwrap();
        self.0.send_request(request).await.unwrap()
    }

    async fn ask(&mut self, request: Request<AnyBody>) -> Got {
        let (parts, body) = self.send(request).await.into_parts();
        let body = body.collect().await.map(|body| String::from_utf8(body.to_bytes().to_vec()).unwrap());
        Got { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    async fn get(&mut self, path: &str) -> Got {
        self.ask(get(path)).await
    }

    async fn says(&mut self) -> String {
        self.get("/").await.body.unwrap()
    }
}

fn get(path: &str) -> Request<AnyBody> {
    Request::get(path).header("host", "desk.test").body(Full::default().boxed()).unwrap()
}

fn post(body: AnyBody) -> Request<AnyBody> {
    Request::post("/").header("host", "desk.test").body(body).unwrap()
}

async fn proxy_with(limits: Limits) -> Proxy {
    Proxy::start(&world(), listener().await, limits).unwrap()
}

async fn proxy() -> Proxy {
    proxy_with(Limits::default()).await
}

fn group(role: Role, weight: u8, backends: &[&Arc<Backend>]) -> Group {
    Group { role, weight, backends: backends.iter().map(|backend| Arc::clone(backend)).collect() }
}

fn all_to(backends: &[&Arc<Backend>]) -> Table {
    Table::new(vec![group(Role::Stable, 100, backends)]).unwrap()
}

/// An address where nobody listens.
async fn nowhere() -> SocketAddr {
    listener().await.local_addr().unwrap()
}

/// A server that says when a request has arrived, and answers it when it may.
async fn holding(answer: &'static str) -> (Server, Arc<Notify>, Arc<Notify>) {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server = Server::start({
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        move |_| {
            let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
            async move {
                arrived.notify_one();
                go.notified().await;
                text(answer)
            }
        }
    })
    .await;
    (server, arrived, go)
}
