//! Replies of the fake: whole, or broken off where a story wants it.

use http_body_util::Full;
use hyper::Response;
use hyper::body::{Bytes, Frame, SizeHint};
use serde_json::json;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A reply.
pub(crate) type Out = Response<Body>;

/// A reply that is a message of GitHub's alone.
pub(super) fn plain(status: u16, message: &str, headers: &[(&'static str, String)]) -> Out {
    let mut reply = Response::builder().status(status).header("content-type", "application/json");
    for (name, value) in headers {
        reply = reply.header(*name, value);
    }
    let body = json!({"message": message, "documentation_url": "https://docs.github.com/rest"}).to_string();
    reply.body(Body::Whole(Full::new(Bytes::from(body)))).unwrap()
}

/// A body, whole or broken off.
pub(crate) enum Body {
    Whole(Full<Bytes>),
    Broken(Option<Bytes>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Body::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Body::Broken(half) => Poll::Ready(Some(match half.take() {
                Some(half) => Ok(Frame::data(half)),
                None => Err(std::io::Error::other("the story wants it broken")),
            })),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Whole(whole) => hyper::body::Body::size_hint(whole),
            Body::Broken(_) => SizeHint::with_exact(1000),
        }
    }
}
