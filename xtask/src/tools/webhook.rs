//! Delivers one message to a webhook: signed as Standard Webhooks has it, tried again with growing pauses, bounded.
//!
//! Headers (<https://www.standardwebhooks.com>): `webhook-id`, `webhook-timestamp` (seconds), `webhook-signature` with
//! `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`. A secret that begins with `whsec_` is base64; any other
//! is its bytes. Redirects are not followed, and what a receiver answers is not read but for its status.
//!
//! Left out: TLS, which the light build does not have.

use crate::world::World;
use anyhow::{Context as _, anyhow, bail};
use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use std::net::SocketAddr;
use std::time::Duration;

/// What marks a secret that is written as base64.
const ENCODED: &str = "whsec_";
/// The pause after the first failed attempt; each next one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// Replies that say "later": the rest of 400 to 499 says "never".
const LATER: [u16; 3] = [408, 425, 429];

/// A secret by which messages are signed. Nothing can print it.
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads a secret as it is written.
    ///
    /// # Errors
    /// Where it is empty or no base64; the message does not show it.
    pub fn of(text: &str) -> anyhow::Result<Secret> {
        let text = text.trim();
        let bytes = match text.strip_prefix(ENCODED) {
            Some(encoded) => {
                Base64::decode_vec(encoded).map_err(|_| anyhow!("it is no base64 after {ENCODED}"))?
            }
            None => text.as_bytes().to_vec(),
        };
        if bytes.is_empty() {
            bail!("it is empty");
        }
        Ok(Secret(bytes))
    }

    /// The value of `webhook-signature`.
    fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> anyhow::Result<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| anyhow!("the secret is no key"))?;
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        Ok(format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes())))
    }
}

/// Where messages go, and how patiently.
pub struct Endpoint {
    /// `http://HOST[:PORT]/PATH`.
    pub url: String,
    /// Whether it may be another machine.
    pub plain_http: bool,
    /// Signs.
    pub secret: Secret,
    /// How often.
    pub attempts: u32,
    /// For one attempt.
    pub timeout: Duration,
    /// For all of them, with their pauses.
    pub patience: Duration,
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// How often it was tried.
    pub attempts: u32,
    /// The status that took it; or why nobody did.
    pub outcome: Result<u16, String>,
}

/// Delivers a message. Never fails: what came of it is the answer.
pub async fn deliver(world: &World, to: &Endpoint, id: &str, body: &[u8]) -> Delivery {
    let deadline = world.monotonic() + to.patience;
    let (mut attempts, mut pause, mut why) = (0, FIRST_PAUSE, String::new());
    while attempts < to.attempts {
        let left = deadline.saturating_sub(world.monotonic());
        if left.is_zero() {
            why = format!("no time is left; before that: {why}");
            break;
        }
        attempts += 1;
        let limit = to.timeout.min(left);
        let posted = tokio::select! {
            biased;
            posted = post(world, to, id, body) => posted,
            () = world.sleep(limit) => Err(anyhow!("no reply within {} ms", limit.as_millis())),
        };
        match posted {
            Ok(status) if (200..300).contains(&status) => return Delivery { attempts, outcome: Ok(status) },
            Ok(status) => {
                why = format!("it answered {status}");
                if status < 500 && !LATER.contains(&status) {
                    break;
                }
            }
            Err(error) => why = format!("{error:#}"),
        }
        if attempts < to.attempts {
            world.sleep(pause.min(deadline.saturating_sub(world.monotonic()))).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
    Delivery { attempts, outcome: Err(why) }
}

/// One attempt: the status of the reply.
async fn post(world: &World, to: &Endpoint, id: &str, body: &[u8]) -> anyhow::Result<u16> {
    let uri: Uri = to.url.parse().context("its address cannot be read")?;
    let host = uri.host().context("its address names no host")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = world.resolve(bare, uri.port_u16().unwrap_or(80)).await;
    let found = found.with_context(|| format!("failed to find {host}"))?;
    let address = *found.first().with_context(|| format!("{host} has no address"))?;
    if !address.ip().is_loopback() && !to.plain_http {
        bail!("{host} is another machine, and http is not encrypted: `plain_http: true` lets it");
    }
    let stream = world.connect(address).await.context("failed to connect")?;
    send(world, to, (id, body), &uri, address, stream).await
}

async fn send(
    world: &World,
    to: &Endpoint,
    (id, body): (&str, &[u8]),
    uri: &Uri,
    address: SocketAddr,
    stream: tokio::net::TcpStream,
) -> anyhow::Result<u16> {
    let seconds = world.now().as_second();
    let request = Request::post(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, uri.authority().map_or_else(|| address.to_string(), ToString::to_string))
        .header(USER_AGENT, concat!("gateline/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", to.secret.sign(id, seconds, body)?)
        .body(Full::new(Bytes::copy_from_slice(body)))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.context("failed to connect")?;
    let driving = tokio::spawn(connection);
    let reply = sender.send_request(request).await.context("no reply");
    driving.abort();
    Ok(reply?.status().as_u16())
}

#[cfg(test)]
mod tests;
