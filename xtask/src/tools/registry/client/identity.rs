//! Tokens and passwords: asked for when a registry wants them, kept while they hold, sent where nobody listens.

use super::{Ask, Client, Trouble, sensitive, short, whole};
use crate::tools::github::token::Secret;
use crate::tools::registry::challenge::{self, Challenge};
use crate::tools::registry::credentials::Login;
use crate::tools::registry::limits::{PAUSE_MIN, REPLY_BYTES_MAX, REPLY_TIMEOUT};
use crate::tools::registry::retry::{self, Next};
use base64ct::{Base64, Encoding as _};
use hyper::body::Bytes;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Uri};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a token holds that does not say it (distribution's token protocol).
const HOLDS_SECS: u64 = 60;
/// A token is not used in its last seconds.
const MARGIN: Duration = Duration::from_secs(5);

/// What the registry wanted, and what we have for it, by scopes.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    challenge: Option<Challenge>,
    tokens: BTreeMap<String, (Secret, Duration)>,
}

/// The reply of a token service.
#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    expires_in: Option<u64>,
}

impl Client {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.tokens.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a 401 asks for, and forgets the token that it refused. Whether another attempt makes sense.
    pub(super) fn challenged(&self, ask: &Ask, headers: &HeaderMap) -> bool {
        let asked = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let Some(asked) = challenge::parse(asked) else { return false };
        let mut kept = self.kept();
        let had = kept.tokens.remove(&ask.scopes.join(" ")).is_some();
        let new = kept.challenge.as_ref() != Some(&asked);
        kept.challenge = Some(asked);
        new || had
    }

    /// The header that says who we are, once the registry has asked.
    pub(super) async fn authorization(&self, scopes: &[String]) -> Result<Option<HeaderValue>, Trouble> {
        let key = scopes.join(" ");
        let (asked, held) = {
            let kept = self.kept();
            let held = kept.tokens.get(&key).filter(|(_, until)| *until > self.world.monotonic());
            (kept.challenge.clone(), held.map(|(token, _)| token.clone()))
        };
        match (asked, held) {
            (None, _) => Ok(None),
            (Some(Challenge::Basic), _) => match &self.login {
                Some(Login::Password { user, password }) if self.origin.is_private() => {
                    Ok(basic(user, password))
                }
                Some(Login::Password { .. }) => Err(self.would_be_heard(&self.origin.host)),
                _ => Ok(None),
            },
            (Some(Challenge::Bearer { .. }), Some(token)) => Ok(bearer(&token)),
            (Some(Challenge::Bearer { realm, service }), None) => {
                let token = self.fetch(&realm, service.as_deref(), scopes).await?;
                Ok(bearer(&token))
            }
        }
    }

    /// A password never goes over an open wire, even where `--plain-http` was given: that flag is about images.
    fn would_be_heard(&self, host: &str) -> Trouble {
        Trouble::Unsafe(format!(
            "{} wants a password sent to {host} without TLS, where others could listen",
            self.shown
        ))
    }

    async fn fetch(&self, realm: &str, service: Option<&str>, scopes: &[String]) -> Result<Secret, Trouble> {
        let what = "the address of its token service";
        let address: Uri = realm.parse().map_err(|_| self.refused(what, "it is no address".to_owned()))?;
        let origin = self.safe(&address)?;
        if self.login.is_some() && !origin.is_private() {
            return Err(self.would_be_heard(&origin.host));
        }
        let mut query = String::new();
        let pairs = service.map(|service| ("service", service)).into_iter();
        for (name, value) in pairs.chain(scopes.iter().map(|scope| ("scope", scope.as_str()))) {
            let _ = write!(query, "{}{name}={}", if query.is_empty() { "" } else { "&" }, percent(value));
        }
        let path = address.path();
        let begun = address.query().map(|query| format!("{query}&")).unwrap_or_default();
        let mut attempt = 1;
        loop {
            let mut request = Request::builder().header(HOST, origin.header()).header(USER_AGENT, "gateline");
            let mut content = Bytes::new();
            request = match &self.login {
                Some(Login::Identity(token)) => {
                    let scope = percent(&scopes.join(" "));
                    let service = percent(service.unwrap_or_default());
                    let held = percent(token.reveal());
                    content = format!(
                        "grant_type=refresh_token&client_id=gateline&service={service}&scope={scope}&refresh_token={held}"
                    )
                    .into();
                    let form = "application/x-www-form-urlencoded";
                    request.method(Method::POST).uri(path).header(CONTENT_TYPE, form)
                }
                Some(Login::Password { user, password }) => {
                    let header = basic(user, password)
                        .ok_or_else(|| self.refused("the login", "it is no header".into()))?;
                    request.uri(format!("{path}?{begun}{query}")).header(AUTHORIZATION, header)
                }
                None => request.uri(format!("{path}?{begun}{query}")),
            };
            let lost = |why: String| Trouble::Unreachable {
                registry: self.shown.clone(),
                call: "for a token".to_owned(),
                why: self.clean(&why),
            };
            let request = request.body(whole(content)).map_err(|error| lost(error.to_string()))?;
            let sent = tokio::time::timeout(REPLY_TIMEOUT, async {
                Ok(Client::rest(self.wire.send(&origin, request).await?).await)
            });
            let sent = sent.await.unwrap_or_else(|_| Err("no reply in time".to_owned()));
            let (came, end) = match sent {
                Ok(reply) if reply.status == 200 => return self.keep(&reply.bytes, scopes),
                Ok(reply) => {
                    let said = "the token service gives none".to_owned();
                    let call = "for a token".to_owned();
                    let (registry, status) = (self.shown.clone(), reply.status);
                    (
                        super::came_of(status, &reply.headers),
                        Trouble::Answered { registry, status, call, said },
                    )
                }
                Err(why) => (retry::Came::Nothing, lost(why)),
            };
            match retry::next(attempt, came) {
                Next::Again(pause) => self.pause(pause.max(PAUSE_MIN)).await,
                Next::Answer | Next::GiveUp => return Err(end),
            }
            attempt += 1;
        }
    }

    fn keep(&self, bytes: &[u8], scopes: &[String]) -> Result<Secret, Trouble> {
        let none = || {
            self.refused(
                "the reply of its token service",
                format!("it has no token in {REPLY_BYTES_MAX} bytes"),
            )
        };
        let given: Given = serde_json::from_slice(bytes).map_err(|_| none())?;
        let text = if given.token.is_empty() { given.access_token } else { given.token };
        let token = Secret::new(&text);
        if token.reveal().is_empty() {
            return Err(none());
        }
        let holds = Duration::from_secs(given.expires_in.unwrap_or(HOLDS_SECS)).saturating_sub(MARGIN);
        let until = self.world.monotonic().saturating_add(holds);
        self.kept().tokens.insert(scopes.join(" "), (token.clone(), until));
        Ok(token)
    }

    /// A text of somebody else without our secrets in it.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut text = match &self.login {
            Some(Login::Password { password: secret, .. } | Login::Identity(secret)) => secret.clean(text),
            None => text.to_owned(),
        };
        for (token, _) in self.kept().tokens.values() {
            text = token.clean(&text);
        }
        short(&text)
    }
}

fn basic(user: &str, password: &Secret) -> Option<HeaderValue> {
    let pair = Base64::encode_string(format!("{user}:{}", password.reveal()).as_bytes());
    sensitive(&format!("Basic {pair}"))
}

fn bearer(token: &Secret) -> Option<HeaderValue> {
    sensitive(&format!("Bearer {}", token.reveal()))
}

/// Everything but what RFC 3986 calls unreserved, escaped.
fn percent(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
