//! What happens around every request of every route: counted in flight, marked with the identity, measured
//! and logged.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{debug, info};

use crate::desk::{Desk, Phase};

/// The route of a request that no route matches.
const UNMATCHED: &str = "unmatched";

/// The outermost layer of the router.
pub(crate) async fn observe(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let in_flight = desk.enter();
    let began = desk.clock().uptime();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str).to_owned();
    let path = request.uri().path().to_owned();
    let for_the_supervisor = path == "/version" || is_health(&path);

    let mut response = next.run(request).await;

    let headers = response.headers_mut();
    desk.identity().mark(headers);
    if for_the_supervisor {
        desk.identity().mark_with_nonce(headers);
    }
    if desk.phase() == Phase::Draining {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = response.status();
    let duration = desk.clock().uptime().saturating_sub(began);
    desk.metrics().count(&route, &method, status, duration);
    let (status, duration_micros) =
        (status.as_u16(), u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    if is_health(&path) {
        debug!(%method, path, route, status, duration_micros, "request");
    } else {
        info!(%method, path, route, status, duration_micros, "request");
    }
    drop(in_flight);
    response
}

/// `/health` and all below it: asked every second, and never worth a line.
pub(crate) fn is_health(path: &str) -> bool {
    path == "/health" || path.starts_with("/health/")
}
