//! A connection that changed its protocol (WebSocket): bytes are carried both ways until either side ends.
//!
//! The stream belongs to the backend that it began on and stays in flight there; a switch does not touch it.

use super::body::Tracked;
use super::headers;
use super::reply::ReplyBody;
use super::serve::{Caller, Closing, reached};
use http_body_util::{Either, Full};
use hyper::Response;
use hyper::header::HeaderValue;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

/// Passes the backend's 101 on, and joins both sides once the client has it.
pub(super) fn join(
    mut answered: Response<Tracked>,
    protocol: HeaderValue,
    client_side: OnUpgrade,
    caller: Caller,
) -> Response<ReplyBody> {
    let backend_side = hyper::upgrade::on(&mut answered);
    let (mut parts, tracked) = answered.into_parts();
    headers::to_client(&mut parts.headers);
    headers::set_upgrade(&mut parts.headers, protocol);
    tokio::spawn(carry(client_side, backend_side, tracked, caller));
    Response::from_parts(parts, Either::Right(Full::default()))
}

/// Keeps the request in flight and the client's slot taken while the stream lasts.
async fn carry(client_side: OnUpgrade, backend_side: OnUpgrade, tracked: Tracked, caller: Caller) {
    let Caller { slot, mut closing, .. } = caller;
    let carried = async {
        let (client, backend) = tokio::try_join!(client_side, backend_side)?;
        // An end with an error is an end: both sides see it as their own connection's.
        let _ = copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(backend)).await;
        Ok::<_, hyper::Error>(())
    };
    let joined = tokio::select! {
        biased;
        joined = carried => joined,
        () = reached(&mut closing, Closing::Cut) => Ok(()),
    };
    match joined {
        Ok(()) => drop(tracked),
        Err(_) => tracked.fail(),
    }
    drop(slot);
}
