//! Bodies on their way: the client's to the backend, and the backend's to the client with its bookkeeping.

use super::backend::InFlight;
use super::client::Client;
use super::counters::{Kind, Outcome};
use super::pool::Sender;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

/// The body of a request to a backend.
#[derive(Debug)]
pub(super) enum Outbound {
    Empty,
    Client(Incoming, Arc<Upload>),
}

/// How far a client's body has come: tells a slow client from a silent backend.
#[derive(Debug, Default)]
pub(super) struct Upload {
    frames: AtomicU64,
    ended: AtomicBool,
}

impl Upload {
    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Relaxed)
    }

    pub(super) fn ended(&self) -> bool {
        self.ended.load(Relaxed)
    }
}

impl Outbound {
    pub(super) fn of(body: Incoming) -> Outbound {
        if body.is_end_stream() { Outbound::Empty } else { Outbound::Client(body, Arc::default()) }
    }

    pub(super) fn upload(&self) -> Option<Arc<Upload>> {
        match self {
            Outbound::Empty => None,
            Outbound::Client(_, upload) => Some(Arc::clone(upload)),
        }
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Outbound::Client(body, upload) = self.get_mut() else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *body).poll_frame(context));
        upload.frames.fetch_add(1, Relaxed);
        if body.is_end_stream() || !matches!(frame, Some(Ok(_))) {
            upload.ended.store(true, Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Outbound::Empty => true,
            Outbound::Client(body, _) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Outbound::Empty => SizeHint::with_exact(0),
            Outbound::Client(body, _) => body.size_hint(),
        }
    }
}

/// A backend's reply on its way to whoever asked. When it is dropped, the request is counted, its connection kept
/// where it was read to the end, and then the request is no longer in flight.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) body: Incoming,
    pub(super) status: StatusCode,
    pub(super) kind: Kind,
    pub(super) sender: Option<Sender>,
    pub(super) client: Arc<Client>,
    pub(super) state: Reading,
    pub(super) in_flight: InFlight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    Open,
    Ended,
    Cut,
}

impl Tracked {
    /// The attempt failed for a reason that the body does not show.
    pub(super) fn fail(mut self) {
        self.state = Reading::Cut;
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        match &frame {
            None => this.state = Reading::Ended,
            Some(Err(_)) => this.state = Reading::Cut,
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let backend = self.in_flight.backend();
        let cut = self.state == Reading::Cut;
        let outcome = if cut { Outcome::Failed } else { Outcome::Served(self.status) };
        backend.tally.count(self.kind, outcome);
        let ended = self.state == Reading::Ended || self.body.is_end_stream();
        if let Some(sender) = self.sender.take().filter(|_| ended && !cut) {
            backend.pool.put(sender, self.client.world.monotonic());
        }
    }
}
