//! The client of one registry: who we are, retries, redirects, and replies with limits.
//!
//! Own, on the hyper that every build has: `oci-client` re-uploads what is there, takes a legal 202 on a mount for an error, and
//! writes no fallback tag (decision 0044). Nothing that is sent or said carries a credential but the one header that needs it.

mod identity;

use super::credentials::Login;
use super::limits::{self, REPLY_BYTES_MAX, SAID_CHARS_MAX};
use super::reference::Reference;
use super::retry::{self, Came, Next};
use super::stream::whole;
use super::wire::{Body, Origin, Wire};
use crate::digest::Digest;
use crate::failure::Failure;
use crate::world::World;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request, Response, Uri};
use identity::Tokens;
use std::time::Duration;

/// Whether a registry elsewhere may be spoken to without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// Only on this machine.
    Loopback,
    /// Wherever it is: whoever sits between can read and change everything but what has a digest.
    Anywhere,
}

/// A registry.
pub struct Client {
    world: World,
    origin: Origin,
    plain: Plain,
    wire: Wire,
    login: Option<Login>,
    tokens: Tokens,
    shown: String,
}

/// One request.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// A path of the registry, or a whole address.
    pub(super) to: String,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) content: Bytes,
    /// What a token must allow: `repository:NAME:pull`.
    pub(super) scopes: Vec<String>,
    /// Statuses that are an answer.
    pub(super) expected: &'static [u16],
}

/// A reply that was read whole.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) bytes: Bytes,
}

/// Why something could not be had from, or put into, a registry.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// It answered, and not as hoped.
    #[error("{registry} answers {status} to {call}: {said}")]
    Answered {
        /// The registry.
        registry: String,
        /// The status.
        status: u16,
        /// What was asked.
        call: String,
        /// What it says.
        said: String,
    },
    /// It does not answer, or breaks off, as often as we try.
    #[error("{registry} does not answer {call}: {why}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// What was asked.
        call: String,
        /// What happened last.
        why: String,
    },
    /// What came is not what its name promises, or is beyond a limit.
    #[error("{what} of {from} is refused: {why}")]
    Refused {
        /// Which part.
        what: String,
        /// From where.
        from: String,
        /// Why.
        why: String,
    },
    /// It would be unsafe.
    #[error("{0}")]
    Unsafe(String),
    /// A file here.
    #[error("{0}")]
    Local(String),
}

impl Trouble {
    /// The next command to type, or what to change.
    pub fn help(&self) -> String {
        match self {
            Trouble::Answered { status: 401 | 403, registry, .. } => {
                format!(
                    "log in with an account that may: docker login {registry}, or podman login {registry}"
                )
            }
            Trouble::Answered { status: 404, .. } => {
                "check the name: the registry has no such repository, tag or digest, or does not show it"
                    .to_owned()
            }
            Trouble::Answered { status: 429, .. } => {
                "wait, then run it again: what is there is not sent again".to_owned()
            }
            Trouble::Answered { status: 500.., .. } | Trouble::Unreachable { .. } => {
                "run it again: what is there already is not sent again, and no tag was moved".to_owned()
            }
            Trouble::Answered { .. } => "see what the registry says; no tag was moved".to_owned(),
            Trouble::Refused { .. } => {
                "do not use it; push the image again from where it was made".to_owned()
            }
            Trouble::Unsafe(_) => "use https, or give --plain-http where you know the network".to_owned(),
            Trouble::Local(_) => "look at the file, then run it again".to_owned(),
        }
    }

    /// As what the command line shows.
    pub fn failure(self) -> anyhow::Error {
        let help = self.help();
        match self {
            Trouble::Unsafe(message) => Failure::usage(message, help),
            Trouble::Refused { .. } => Failure::error(crate::exit::Exit::Refused, self.to_string(), help),
            _ => Failure::infrastructure(self.to_string(), help),
        }
    }
}

impl Client {
    /// A client for the registry of a reference. Asks nothing yet.
    ///
    /// # Errors
    /// [`Trouble::Local`] where the host is none.
    pub fn new(
        world: &World,
        reference: &Reference,
        plain: Plain,
        login: Option<Login>,
    ) -> Result<Client, Trouble> {
        let scheme = if reference.is_loopback() || plain == Plain::Anywhere { "http" } else { "https" };
        // Docker's own registry answers under another name than the one in references.
        let host = if reference.host == "docker.io" { "registry-1.docker.io" } else { &reference.host };
        let address: Option<Uri> = format!("{scheme}://{host}/").parse().ok();
        let origin = address.as_ref().and_then(Origin::of);
        let origin = origin.ok_or_else(|| Trouble::Local(format!("`{host}` is no host")))?;
        let (wire, tokens, shown) = (Wire::new(world), Tokens::default(), reference.host.clone());
        Ok(Client { world: world.clone(), origin, plain, wire, login, tokens, shown })
    }

    /// How the registry is called.
    pub fn name(&self) -> &str {
        &self.shown
    }

    /// Lets time pass, as [`World::sleep`].
    pub(super) async fn pause(&self, pause: Duration) {
        self.world.sleep(pause).await;
    }

    /// Asks until there is an answer, and reads it whole up to a limit.
    pub(super) async fn call(&self, ask: &Ask, bytes_max: usize) -> Result<Reply, Trouble> {
        let mut attempt = 1;
        loop {
            let sent = async {
                let reply = self.send(ask).await?;
                let (head, body) = reply.into_parts();
                let read = Limited::new(body, bytes_max).collect().await;
                let bytes = read.map_err(|error| {
                    let large = error.downcast_ref::<http_body_util::LengthLimitError>().is_some();
                    let why = format!("it has more than {bytes_max} bytes, the most that is read");
                    let broke = || self.lost(ask, format!("the reply broke off: {error}"));
                    if large { self.refused(&call_of(ask), why) } else { broke() }
                })?;
                Ok(Reply { status: head.status.as_u16(), headers: head.headers, bytes: bytes.to_bytes() })
            };
            let sent = tokio::time::timeout(limits::REPLY_TIMEOUT, sent).await.unwrap_or_else(|_| {
                Err(self.lost(ask, format!("no reply within {} s", limits::REPLY_TIMEOUT.as_secs())))
            });
            let (came, end) = match sent {
                Ok(reply) if ask.expected.contains(&reply.status) => return Ok(reply),
                Ok(reply) => (came_of(reply.status, &reply.headers), self.answered(ask, &reply)),
                Err(lost @ Trouble::Unreachable { .. }) => (Came::Nothing, lost),
                Err(other) => return Err(other),
            };
            match retry::next(attempt, came) {
                Next::Again(pause) => self.pause(pause).await,
                Next::Answer | Next::GiveUp => return Err(end),
            }
            attempt += 1;
        }
    }

    /// Sends it once, with a token, and follows where it leads.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Response<Incoming>, Trouble> {
        let mut renewed = false;
        loop {
            let reply = self.follow(ask, &mut || whole(ask.content.clone())).await?;
            if reply.status().as_u16() == 401 && !renewed && self.challenged(ask, reply.headers()) {
                renewed = true;
                continue;
            }
            return Ok(reply);
        }
    }

    /// Sends a body that there is once. A 401 makes the next attempt take a new token.
    pub(super) async fn send_stream(&self, ask: &Ask, body: Body) -> Result<Response<Incoming>, Trouble> {
        let mut body = Some(body);
        let reply = self.follow(ask, &mut || body.take().unwrap_or_else(|| whole(Bytes::new()))).await?;
        if reply.status().as_u16() == 401 {
            self.challenged(ask, reply.headers());
        }
        Ok(reply)
    }

    async fn follow(
        &self,
        ask: &Ask,
        body: &mut (dyn FnMut() -> Body + Send),
    ) -> Result<Response<Incoming>, Trouble> {
        let mut address = self.address(&ask.to, None)?;
        for _ in 0..=limits::REDIRECTS_MAX {
            let origin = self.safe(&address)?;
            let mut request = Request::builder().method(ask.method.clone());
            let target = address.path_and_query().map_or("/", |target| target.as_str());
            request = request.uri(target).header(HOST, origin.header()).header(USER_AGENT, "gateline");
            for (name, value) in &ask.headers {
                request = request.header(name, value);
            }
            // What lies elsewhere, in a store, has its right in its address: our credential is for the registry alone.
            if origin == self.origin
                && let Some(header) = self.authorization(&ask.scopes).await?
            {
                request = request.header(AUTHORIZATION, header);
            }
            let request = request.body(body()).map_err(|error| self.lost(ask, error.to_string()))?;
            let reply = self.wire.send(&origin, request).await.map_err(|why| self.lost(ask, why))?;
            let location = reply.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            match (reply.status().as_u16(), location) {
                (301 | 302 | 303 | 307 | 308, Some(there))
                    if matches!(ask.method, Method::GET | Method::HEAD) =>
                {
                    address = self.address(there, Some(&address))?;
                }
                _ => return Ok(reply),
            }
        }
        Err(self.lost(ask, format!("it leads to more than {} addresses", limits::REDIRECTS_MAX)))
    }

    /// An absolute address of a path or an address, seen from another or from the registry.
    pub(super) fn address(&self, to: &str, from: Option<&Uri>) -> Result<Uri, Trouble> {
        let bad = || {
            self.refused(
                "an address",
                format!("`{}` is none", short(to.split('?').next().unwrap_or_default())),
            )
        };
        if to.starts_with("http://") || to.starts_with("https://") {
            return to.parse().map_err(|_| bad());
        }
        let origin = from.and_then(Origin::of).unwrap_or_else(|| self.origin.clone());
        let scheme = if origin.secure { "https" } else { "http" };
        let path = match (to.starts_with('/'), from) {
            (true, _) => to.to_owned(),
            (false, Some(from)) => {
                let path = from.path();
                format!("{}{to}", &path[..=path.rfind('/').unwrap_or(0)])
            }
            (false, None) => return Err(bad()),
        };
        format!("{scheme}://{}:{}{path}", origin.host, origin.port).parse().map_err(|_| bad())
    }

    /// The origin of an address, if it may be spoken to.
    fn safe(&self, address: &Uri) -> Result<Origin, Trouble> {
        let origin =
            Origin::of(address).ok_or_else(|| self.refused("an address", "it has no host".to_owned()))?;
        if origin.is_private() || self.plain == Plain::Anywhere {
            return Ok(origin);
        }
        let message =
            format!("{} leads to {} without TLS, where others could listen", self.shown, origin.host);
        Err(Trouble::Unsafe(message))
    }

    pub(super) fn lost(&self, ask: &Ask, why: String) -> Trouble {
        Trouble::Unreachable { registry: self.shown.clone(), call: call_of(ask), why: self.clean(&why) }
    }

    pub(super) fn refused(&self, what: &str, why: String) -> Trouble {
        Trouble::Refused { what: what.to_owned(), from: self.shown.clone(), why }
    }

    /// The error that a reply is.
    pub(super) fn answered(&self, ask: &Ask, reply: &Reply) -> Trouble {
        let json: serde_json::Value = serde_json::from_slice(&reply.bytes).unwrap_or_default();
        let first = &json["errors"][0];
        let said: Vec<&str> =
            [&first["code"], &first["message"]].into_iter().filter_map(|one| one.as_str()).collect();
        let said = if said.is_empty() { "without a word".to_owned() } else { said.join(": ") };
        let said = short(&self.clean(&said));
        Trouble::Answered { registry: self.shown.clone(), status: reply.status, call: call_of(ask), said }
    }

    /// Reads what little a reply to an upload says.
    pub(super) async fn rest(reply: Response<Incoming>) -> Reply {
        let (head, body) = reply.into_parts();
        let bytes =
            Limited::new(body, REPLY_BYTES_MAX).collect().await.map(|all| all.to_bytes()).unwrap_or_default();
        Reply { status: head.status.as_u16(), headers: head.headers, bytes }
    }
}

/// What a status means for another attempt.
pub(super) fn came_of(status: u16, headers: &HeaderMap) -> Came {
    let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    Came::Reply(status, after)
}

/// The digest that a registry says it means.
pub(super) fn said_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

/// Method and path, without what is behind `?`: upload sessions have secrets there.
fn call_of(ask: &Ask) -> String {
    let path = ask.to.split('?').next().unwrap_or_default();
    let path = path.split_once("://").and_then(|(_, rest)| Some(&rest[rest.find('/')?..])).unwrap_or(path);
    format!("{} {path}", ask.method)
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(SAID_CHARS_MAX).collect()
}

/// A header that no log shows.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
