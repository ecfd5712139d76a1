//! One request on a connection of its own: how the supervisor asks an instance for its health. A kept connection
//! would prove less: that the instance still answers, not that it still accepts.

use super::body::Outbound;
use super::client::Client;
use super::limits::Limits;
use super::probe::{AGENT, target};
use crate::world::World;
use anyhow::{Context as _, anyhow};
use http_body_util::{BodyExt as _, Limited};
use hyper::header::{CONNECTION, HOST, HeaderMap, USER_AGENT};
use hyper::{Request, StatusCode};
use std::net::SocketAddr;
use std::time::Duration;

/// The longest body that is read; a longer one is an error.
pub const FETCH_BODY_BYTES_MAX: usize = 64 * 1024;

/// A complete reply.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body, at most [`FETCH_BODY_BYTES_MAX`] bytes.
    pub body: Vec<u8>,
}

/// GETs a path from an address; `timeout` is for the whole.
///
/// # Errors
/// Where no complete reply came in time, or its body is too long; the message names address and path.
pub async fn fetch(
    world: &World,
    address: SocketAddr,
    path: &str,
    timeout: Duration,
) -> anyhow::Result<Fetched> {
    let fetched = tokio::select! {
        biased;
        fetched = get(world, address, path) => fetched,
        () = world.sleep(timeout) => Err(anyhow!("no complete reply within {} ms", timeout.as_millis())),
    };
    fetched.with_context(|| format!("failed to get http://{address}{path}"))
}

async fn get(world: &World, address: SocketAddr, path: &str) -> anyhow::Result<Fetched> {
    let request = Request::get(target(path)?)
        .header(HOST, address.to_string())
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Outbound::Empty)?;
    let client = Client::new(world.clone(), Limits::default());
    let mut sender = client.connect(address).await?;
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, FETCH_BODY_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow!("the body cannot be read: {error}"))?.to_bytes().to_vec();
    Ok(Fetched { status: parts.status, headers: parts.headers, body })
}
