//! One request over the wire, and its whole reply: where it goes, what it carries, how long it may take.

use super::{Call, Client};
use crate::tools::github::limits;
use crate::tools::github::retry::Head;
use crate::tools::github::token::Secret;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::{Request, Response};
use octocrab::OctoBody;
use serde_json::Value;

/// The version of the API that we speak.
const VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");
/// Characters of a message of GitHub's that we repeat.
const MESSAGE_CHARS_MAX: usize = 500;

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

impl Client {
    /// One request and its whole reply.
    pub(super) async fn transfer(
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
