//! Request bodies are read whole before a handler runs, up to a size and a time.
//!
//! A handler then never waits for a slow client, a proxy can use the connection again, and a request counts
//! as in flight from its head on, so that a drain waits for a body that is still on its way.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// An approval with a long reason has a few kilobytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Long enough for a phone on a train, short enough that a stuck client frees its place.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// Replaces the body that arrives by the body that has arrived.
pub(crate) async fn read_whole(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let whole = tokio::time::timeout(BODY_DEADLINE, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    match whole {
        Ok(Ok(whole)) => next.run(Request::from_parts(head, Body::from(whole.to_bytes()))).await,
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            (StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {MAX_BODY_BYTES} bytes\n"))
                .into_response()
        }
        Ok(Err(_)) => (StatusCode::BAD_REQUEST, "the body ended early\n").into_response(),
        Err(_) => {
            let seconds = BODY_DEADLINE.as_secs();
            (StatusCode::REQUEST_TIMEOUT, format!("the body did not arrive within {seconds} s\n"))
                .into_response()
        }
    }
}
