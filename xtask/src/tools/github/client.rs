//! The client: octocrab carries the bytes; who we are, the pace, sending again and following a renamed repository are ours.
//!
//! octocrab's own retry sends a POST again that GitHub has carried out, and its models fail on what they do not know. So it is
//! built without retry and without redirects, and what is asked and read is JSON of ours (`api.rs`). Time passes through
//! [`World`]: a test waits for no pause.

mod app;

use super::context::Address;
use super::event::Slug;
use super::limits;
use super::retry::{self, Came, Effect, Head, Next};
use super::token::{Identity, Secret};
use crate::world::World;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, Response};
use jiff::Timestamp;
use octocrab::{OctoBody, Octocrab};
use serde_json::Value;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The version of the API that we speak.
const VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");
/// Characters of a message of GitHub's that we repeat.
const MESSAGE_CHARS_MAX: usize = 500;

/// GitHub, as one repository's report needs it.
pub struct Client {
    world: World,
    octocrab: Octocrab,
    base: String,
    who: Identity,
    repository: Slug,
    memory: Mutex<Memory>,
}

/// What one call leaves for the next.
#[derive(Default)]
struct Memory {
    /// When the last write had its reply.
    wrote: Option<Duration>,
    /// The installation's token, and when it ends.
    token: Option<(Secret, Timestamp)>,
    /// Where a renamed repository is now: `/repositories/1`.
    moved: Option<String>,
    /// Requests that were sent, and how many of them could write.
    sent: (u64, u64),
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    /// How.
    pub method: Method,
    /// Where, from `/` on.
    pub path: String,
    /// With what.
    pub body: Option<Content>,
    /// What it does.
    pub effect: Effect,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub enum Content {
    /// JSON, to the API.
    Json(Value),
    /// A file, to where GitHub takes files.
    File {
        /// Scheme, host and port, as `release.rs` finds them.
        to: String,
        /// Its bytes.
        bytes: Bytes,
    },
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// JSON, or null.
    pub body: Value,
}

/// Why there is no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// GitHub answered, and not as hoped.
    #[error("GitHub answers {status} to {call}: {message}")]
    Answered {
        /// The status.
        status: u16,
        /// What was asked.
        call: String,
        /// What it says.
        message: String,
    },
    /// It cannot be reached, or does not get it done.
    #[error("GitHub does not answer {call}: {why}")]
    Unreachable {
        /// What was asked.
        call: String,
        /// What happened last.
        why: String,
    },
    /// A limit that lasts too long.
    #[error("GitHub limits {call}, and will for too long: {message}")]
    Limited {
        /// What was asked.
        call: String,
        /// What it says.
        message: String,
    },
    /// We cannot say who we are.
    #[error("the App cannot sign: {0}")]
    Key(String),
}

impl Trouble {
    /// Whether the token may not, or what it would write to is not there: then something else is tried.
    pub fn is_not_permitted(&self) -> bool {
        matches!(self, Trouble::Answered { status: 403 | 404 | 410, .. })
    }

    /// Whether what was to be changed is gone.
    pub fn is_gone(&self) -> bool {
        matches!(self, Trouble::Answered { status: 404 | 410, .. })
    }
}

impl Client {
    /// A client for one repository. Needs a tokio runtime.
    ///
    /// # Errors
    /// Where TLS has no roots on this machine.
    pub fn new(world: &World, api: &Address, repository: &Slug, who: Identity) -> anyhow::Result<Client> {
        let base = api.to_string();
        let octocrab = Octocrab::builder()
            .base_uri(base.as_str())
            .map_err(|error| anyhow::anyhow!("failed to use {base}: {error}"))?
            .set_connect_timeout(Some(limits::CONNECT_TIMEOUT))
            .build()
            .map_err(|error| {
                anyhow::anyhow!("failed to prepare TLS, is `ca-certificates` installed? {error}")
            })?;
        let memory = Mutex::new(Memory::default());
        Ok(Client { world: world.clone(), octocrab, base, who, repository: repository.clone(), memory })
    }

    /// The path of something in the repository, wherever it has moved.
    pub fn at(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }

    /// Whose repository it is.
    pub(super) fn owner(&self) -> &str {
        self.repository.owner()
    }

    /// Where the API is.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Requests so far, and how many of them could write.
    pub fn sent(&self) -> (u64, u64) {
        self.memory().sent
    }

    /// Lets time pass, as [`World::sleep`].
    pub async fn pause(&self, pause: Duration) {
        self.world.sleep(pause).await;
    }

    /// Asks until there is an answer: for what reads or sets.
    ///
    /// # Errors
    /// [`Trouble`]; of a request that makes something, also where nobody knows whether it did.
    pub async fn call(&self, call: &Call) -> Result<Reply, Trouble> {
        let mut attempt = 1;
        loop {
            match self.once(call, attempt).await? {
                Once::Answer(reply) => return Ok(reply),
                Once::Again(pause) => self.pause(pause).await,
                Once::LookUp(_, why) => return Err(why),
            }
            attempt += 1;
        }
    }

    /// Makes something, once: after a lost reply it is looked up before it is made again.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn make<T>(
        &self,
        call: &Call,
        read: impl Fn(&Value) -> Option<T>,
        look_up: impl AsyncFn() -> Result<Option<T>, Trouble>,
    ) -> Result<T, Trouble> {
        let mut attempt = 1;
        loop {
            match self.once(call, attempt).await? {
                Once::Answer(reply) => return read(&reply.body).ok_or_else(|| unreadable(call)),
                Once::Again(pause) => self.pause(pause).await,
                Once::LookUp(pause, why) => {
                    self.pause(pause).await;
                    match look_up().await? {
                        Some(made) => return Ok(made),
                        None if attempt >= limits::ATTEMPTS_MAX => return Err(why),
                        None => {}
                    }
                }
            }
            attempt += 1;
        }
    }

    /// One attempt, and what is to be done after it.
    async fn once(&self, call: &Call, attempt: u32) -> Result<Once, Trouble> {
        let (came, reply, why) = match self.send(call).await {
            Ok((head, body)) => {
                let why = Trouble::Answered {
                    status: head.status,
                    call: name(call),
                    message: head.message.clone(),
                };
                let reply = Reply { status: head.status, body };
                (Came::Reply(head), Some(reply), why)
            }
            Err(Failed::Trouble(trouble)) => return Err(trouble),
            Err(Failed::Lost(why)) => (Came::Nothing, None, Trouble::Unreachable { call: name(call), why }),
        };
        let next = retry::next(call.effect, attempt, &came, self.world.now());
        match (next, reply) {
            (Next::Answer, Some(reply)) if reply.status < 300 => Ok(Once::Answer(reply)),
            (Next::Again(pause), _) => Ok(Once::Again(pause)),
            (Next::LookUp(pause), _) => Ok(Once::LookUp(pause, why)),
            (Next::GiveUp, Some(Reply { status: 403 | 429, .. })) => {
                let Trouble::Answered { call, message, .. } = why else { return Err(why) };
                Err(Trouble::Limited { call, message })
            }
            _ => Err(why),
        }
    }

    /// Sends it: at the pace, as who we are, to where the repository is now.
    async fn send(&self, call: &Call) -> Result<(Head, Value), Failed> {
        let (mut path, mut redirects, mut renewed) = (self.moved(&call.path), 0, false);
        loop {
            if call.effect != Effect::Reads {
                self.keep_pace().await;
            }
            let token = self.token().await?;
            let sent = self.transfer(call, &path, &token).await;
            {
                let mut memory = self.memory();
                memory.sent.0 += 1;
                if call.effect != Effect::Reads {
                    memory.sent.1 += 1;
                    memory.wrote = Some(self.world.monotonic());
                }
            }
            let (head, location, body) = sent.map_err(|why| Failed::Lost(token.clean(&why)))?;
            match head.status {
                301 | 302 | 307 | 308 if redirects < limits::REDIRECTS_MAX => {
                    let Some(there) = location.and_then(|there| self.inside(&there)) else {
                        return Ok((head, body));
                    };
                    self.remember_move(&path, &there);
                    (path, redirects) = (there, redirects + 1);
                }
                // An installation's token may end before it said so.
                401 if !renewed && self.memory().token.take().is_some() => renewed = true,
                _ => return Ok((head, body)),
            }
        }
    }

    /// One request and its whole reply.
    async fn transfer(
        &self,
        call: &Call,
        path: &str,
        token: &Secret,
    ) -> Result<(Head, Option<String>, Value), String> {
        let (base, time) = match &call.body {
            Some(Content::File { to, .. }) => (to, limits::UPLOAD_TIMEOUT),
            _ => (&self.base, limits::REPLY_TIMEOUT),
        };
        let mut builder = Request::builder()
            .method(call.method.clone())
            .uri(format!("{base}{path}"))
            .header(ACCEPT, "application/vnd.github+json")
            .header(HeaderName::from_static(VERSION.0), VERSION.1);
        let mut header = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
            .map_err(|_| "the token has letters that no token has".to_owned())?;
        header.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, header);
        let body = match &call.body {
            Some(Content::Json(value)) => {
                builder = builder.header(CONTENT_TYPE, "application/json");
                OctoBody::from(value.to_string())
            }
            Some(Content::File { bytes, .. }) => {
                builder = builder.header(CONTENT_TYPE, "application/octet-stream");
                OctoBody::from(bytes.clone())
            }
            None => OctoBody::empty(),
        };
        let request = builder.body(body).map_err(|error| error.to_string())?;
        let work = async {
            let reply = self
                .octocrab
                .execute(request)
                .await
                .map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
            read(reply, token).await
        };
        tokio::time::timeout(time, work)
            .await
            .unwrap_or_else(|_| Err(format!("no reply within {} s", time.as_secs())))
    }

    async fn keep_pace(&self) {
        let wrote = self.memory().wrote;
        let Some(wrote) = wrote else { return };
        let since = self.world.monotonic().saturating_sub(wrote);
        let wait = limits::PAUSE_BETWEEN_WRITES.saturating_sub(since);
        if !wait.is_zero() {
            self.pause(wait).await;
        }
    }

    /// A path of ours from an address, if it leads to the same place: a token goes nowhere else.
    fn inside(&self, location: &str) -> Option<String> {
        let rest = match location.strip_prefix(&self.base) {
            Some(rest) => rest,
            None if location.starts_with('/') && !location.starts_with("//") => location,
            None => return None,
        };
        (rest.starts_with('/') && !rest.contains("..")).then(|| rest.to_owned())
    }

    /// The path where a repository that was found renamed is now.
    fn moved(&self, path: &str) -> String {
        let own = self.at("");
        match (&self.memory().moved, path.strip_prefix(&own)) {
            (Some(there), Some(rest)) => format!("{there}{rest}"),
            _ => path.to_owned(),
        }
    }

    fn remember_move(&self, from: &str, to: &str) {
        let own = self.at("");
        if let Some(there) = from.strip_prefix(&own).and_then(|rest| to.strip_suffix(rest)) {
            self.memory().moved = Some(there.to_owned());
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an attempt came to.
enum Once {
    Answer(Reply),
    Again(Duration),
    LookUp(Duration, Trouble),
}

enum Failed {
    /// Nobody knows what became of it.
    Lost(String),
    /// It ends here.
    Trouble(Trouble),
}

/// Status, what matters of the headers, and the JSON. A reply that is cut off is no reply.
async fn read<B>(reply: Response<B>, token: &Secret) -> Result<(Head, Option<String>, Value), String>
where
    B: hyper::body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let status = reply.status().as_u16();
    let header = |name: &str| reply.headers().get(name).and_then(|value| value.to_str().ok());
    let number = |name: &str| header(name).and_then(|value| value.trim().parse::<u64>().ok());
    let (retry_after, remaining) = (number("retry-after"), number("x-ratelimit-remaining"));
    let reset = number("x-ratelimit-reset").and_then(|reset| i64::try_from(reset).ok());
    let location = header(LOCATION.as_str()).map(str::to_owned);
    let body = Limited::new(reply.into_body(), limits::REPLY_BYTES_MAX).collect().await;
    let bytes = body.map_err(|error| format!("the reply broke off: {error}"))?.to_bytes();
    let body: Value = match (serde_json::from_slice(&bytes), status) {
        (Ok(body), _) => body,
        (Err(_), 200..=299) if !bytes.is_empty() => return Err("the reply is no JSON".to_owned()),
        _ => Value::Null,
    };
    let said = body["message"].as_str().unwrap_or("without a word");
    let details = body.get("errors").map(|errors| format!(" {errors}")).unwrap_or_default();
    let message: String = token.clean(&format!("{said}{details}"));
    let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
    Ok((Head { status, retry_after, remaining, reset, message }, location, body))
}

fn name(call: &Call) -> String {
    format!("{} {}", call.method, call.path.split('?').next().unwrap_or_default())
}

fn unreadable(call: &Call) -> Trouble {
    Trouble::Unreachable { call: name(call), why: "the reply lacks what it should have".to_owned() }
}
