//! One request of a client: pick, send, perhaps once more, pass the reply on.

use super::body::Outbound;
use super::client::{Trouble, Unanswered};
use super::counters::{Kind, Outcome};
use super::reply::{self, ReplyBody};
use super::serve::Caller;
use super::table::Pick;
use super::{Core, headers, upgrade};
use http_body_util::Either;
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;

/// How many backends one request may try.
const ATTEMPTS_MAX: usize = 3;

/// Answers a client's request, whatever happens.
pub(super) async fn answer(
    core: Arc<Core>,
    caller: Caller,
    mut request: Request<Incoming>,
) -> Response<ReplyBody> {
    if request.method() == Method::CONNECT {
        return reply::own(StatusCode::NOT_IMPLEMENTED, "this proxy opens no tunnels", "ask for a path");
    }
    let client_side = hyper::upgrade::on(&mut request);
    let (mut parts, body) = request.into_parts();
    let wanted = match headers::to_backend(&mut parts, caller.peer) {
        Ok(wanted) => wanted,
        Err(why) => return reply::own(StatusCode::BAD_REQUEST, why, "send a request as RFC 9112 has it"),
    };
    let request = Request::from_parts(parts, Outbound::of(body));
    let mut answered = match exchange(&core, request).await {
        Ok(answered) => answered,
        Err(own) => return own,
    };
    if answered.status() != StatusCode::SWITCHING_PROTOCOLS {
        headers::to_client(answered.headers_mut());
        return answered.map(Either::Left);
    }
    match wanted {
        Some(protocol) => upgrade::join(answered, protocol, client_side, caller),
        None => {
            answered.into_body().fail();
            reply::failed(&Trouble::Unasked)
        }
    }
}

/// A backend's reply, or our own about why there is none.
async fn exchange(
    core: &Core,
    mut request: Request<Outbound>,
) -> Result<Response<super::body::Tracked>, Response<ReplyBody>> {
    let mut tried = Vec::new();
    let mut pick = core.router.pick().ok_or_else(reply::nobody)?;
    loop {
        let Pick { in_flight, from } = pick;
        let backend = Arc::clone(in_flight.backend());
        let began = core.client.world.monotonic();
        let Unanswered { trouble, unsent } =
            match core.client.exchange(in_flight, Kind::Client, request).await {
                Ok(answered) => {
                    backend.tally.time(core.client.world.monotonic().saturating_sub(began));
                    return Ok(answered);
                }
                Err(unanswered) => unanswered,
            };
        if !matches!(trouble, Trouble::ClientSilent(_)) {
            backend.tally.count(Kind::Client, Outcome::Failed);
        }
        tried.push(Arc::clone(&backend));
        let again = unsent.filter(|request| may_repeat(request) && tried.len() < ATTEMPTS_MAX);
        let next = again.and_then(|request| Some((request, core.router.pick_again(from, &tried)?)));
        (request, pick) = next.ok_or_else(|| reply::failed(&trouble))?;
        backend.tally.count_retry();
    }
}

/// Whether another backend may be asked, given that no byte has left.
fn may_repeat(request: &Request<Outbound>) -> bool {
    matches!(request.body(), Outbound::Empty) || request.method().is_idempotent()
}
