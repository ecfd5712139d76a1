//! Which path is answered by whom. The layers hold for every route and for what no route matches.

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;

use crate::desk::Desk;
use crate::{body, health, metrics, observe, page};

/// The whole service, for a server or for a test.
pub fn router(desk: Desk) -> Router {
    let routes = Router::new()
        .route("/", get(page::home))
        .route("/health", get(health::summary))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/version", get(health::version))
        .route("/metrics", get(metrics::show));
    #[cfg(feature = "faults")]
    let routes = routes.route("/faults/slow", get(crate::faults::slow));
    let routes = routes.fallback(not_found);
    #[cfg(feature = "faults")]
    let routes = routes.layer(middleware::from_fn_with_state(desk.clone(), crate::faults::misbehave));
    routes
        .layer(middleware::from_fn(body::read_whole))
        .layer(middleware::from_fn_with_state(desk.clone(), observe::observe))
        .with_state(desk)
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing here; start at /\n")
}

#[cfg(test)]
mod tests;
