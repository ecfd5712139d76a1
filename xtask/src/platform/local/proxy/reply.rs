//! Replies of the proxy itself: a status and a small JSON body `{"error": …, "help": …}`.

use super::body::Tracked;
use super::client::Trouble;
use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// A backend's reply, or our own.
pub(super) type ReplyBody = Either<Tracked, Full<Bytes>>;

/// Our own reply.
pub(super) fn own(status: StatusCode, error: &str, help: &str) -> Response<ReplyBody> {
    let text = serde_json::json!({ "error": error, "help": help }).to_string();
    let mut reply = Response::new(Either::Right(Full::from(text)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

/// Nobody may be asked.
pub(super) fn nobody() -> Response<ReplyBody> {
    own(StatusCode::SERVICE_UNAVAILABLE, "no instance takes requests here", "cargo xtask status")
}

/// Somebody was asked, in vain.
pub(super) fn failed(trouble: &Trouble) -> Response<ReplyBody> {
    let (status, help) = match trouble {
        Trouble::Connect(_) | Trouble::Broken(_) | Trouble::Unasked => {
            (StatusCode::BAD_GATEWAY, "cargo xtask local logs ENV")
        }
        Trouble::ConnectTimeout(_) | Trouble::Silent(_) => {
            (StatusCode::GATEWAY_TIMEOUT, "cargo xtask local logs ENV")
        }
        Trouble::ClientSilent(_) => (StatusCode::REQUEST_TIMEOUT, "send the body without long pauses"),
    };
    own(status, &trouble.to_string(), help)
}
