//! Health: three questions with three readers.
//!
//! `/health/live` (should this process be restarted?) never looks at anything outside the process: a slow
//! disk must not cause restarts. `/health/ready` (should it get traffic?) needs the phase and the database.
//! `/health` is the summary for people. None of them is ever cached.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::checks::{self, Check, CheckStatus};
use crate::desk::{Desk, Phase};

/// Whether the desk wants traffic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// A word for machines and a sentence for people.
    NotReady(&'static str, String),
}

/// What every health and version reply says.
#[derive(Serialize)]
struct Reply<'a> {
    status: &'static str,
    version: &'a str,
    commit: &'a str,
    digest: &'a str,
    instance: &'a str,
    uptime_secs: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Checks>,
}

#[derive(Serialize)]
struct Checks {
    database: Check,
    memory: Check,
    disk: Check,
}

pub(crate) async fn live(State(desk): State<Desk>) -> Response {
    reply(&desk, StatusCode::OK, "live", None, None)
}

pub(crate) async fn ready(State(desk): State<Desk>) -> Response {
    match readiness(&desk).await {
        Readiness::Ready => {
            #[cfg(feature = "faults")]
            desk.faults().ready_was_said();
            reply(&desk, StatusCode::OK, "ready", None, None)
        }
        Readiness::NotReady(status, reason) => {
            reply(&desk, StatusCode::SERVICE_UNAVAILABLE, status, Some(reason), None)
        }
    }
}

pub(crate) async fn summary(State(desk): State<Desk>) -> Response {
    let checks = Checks {
        database: database(&desk).await,
        memory: checks::memory(),
        disk: checks::disk(desk.data_dir()),
    };
    let (code, status) = overall(desk.phase(), &checks);
    reply(&desk, code, status, None, Some(checks))
}

pub(crate) async fn version(State(desk): State<Desk>) -> Response {
    reply(&desk, StatusCode::OK, "ok", None, None)
}

/// Asked by a request to `/health/ready` and by each reading of the metrics.
pub(crate) async fn readiness(desk: &Desk) -> Readiness {
    #[cfg(feature = "faults")]
    if let Some(reason) = desk.faults().never_ready() {
        return Readiness::NotReady("starting", reason);
    }
    match (desk.phase(), desk.database()) {
        (Phase::Draining, _) => Readiness::NotReady("draining", "told to stop".to_owned()),
        (Phase::Starting, _) | (_, None) => {
            Readiness::NotReady("starting", "the database is not open yet".to_owned())
        }
        (Phase::Serving, Some(database)) => match database.starts().await {
            // The phase may have changed meanwhile, and the answer must not be older than SIGTERM.
            Ok(_) if desk.phase() == Phase::Draining => {
                Readiness::NotReady("draining", "told to stop".to_owned())
            }
            Ok(_) => Readiness::Ready,
            Err(failure) => Readiness::NotReady("failing", format!("{failure:#}")),
        },
    }
}

async fn database(desk: &Desk) -> Check {
    match desk.database() {
        None => Check { status: CheckStatus::Failing, detail: "not open yet".to_owned() },
        Some(database) => match database.starts().await {
            Ok(starts) => {
                Check { status: CheckStatus::Ok, detail: format!("answers; {starts} starts recorded") }
            }
            Err(failure) => Check { status: CheckStatus::Failing, detail: format!("{failure:#}") },
        },
    }
}

fn overall(phase: Phase, checks: &Checks) -> (StatusCode, &'static str) {
    let worst = checks.database.status.max(checks.memory.status).max(checks.disk.status);
    match (phase, worst) {
        (Phase::Starting, _) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        (Phase::Draining, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (Phase::Serving, CheckStatus::Failing) => (StatusCode::SERVICE_UNAVAILABLE, "failing"),
        (Phase::Serving, CheckStatus::Warning) => (StatusCode::OK, "degraded"),
        (Phase::Serving, CheckStatus::Ok) => (StatusCode::OK, "ok"),
    }
}

fn reply(
    desk: &Desk,
    code: StatusCode,
    status: &'static str,
    reason: Option<String>,
    checks: Option<Checks>,
) -> Response {
    let identity = desk.identity();
    let body = serde_json::to_string(&Reply {
        status,
        version: identity.version(),
        commit: identity.commit(),
        digest: identity.digest(),
        instance: identity.instance(),
        uptime_secs: desk.clock().uptime().as_secs(),
        reason,
        checks,
    });
    match body {
        Ok(mut body) => {
            body.push('\n');
            let json = HeaderValue::from_static("application/json");
            let no_store = HeaderValue::from_static("no-store");
            (code, [(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, no_store)], body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_decides_while_serving() {
        #[track_caller]
        fn check(phase: Phase, worst: CheckStatus, expected: (u16, &str)) {
            let of = |status| Check { status, detail: String::new() };
            let checks =
                Checks { database: of(CheckStatus::Ok), memory: of(worst), disk: of(CheckStatus::Ok) };
            let (code, status) = overall(phase, &checks);
            assert_eq!((code.as_u16(), status), expected);
        }
        check(Phase::Serving, CheckStatus::Ok, (200, "ok"));
        check(Phase::Serving, CheckStatus::Warning, (200, "degraded"));
        check(Phase::Serving, CheckStatus::Failing, (503, "failing"));
        check(Phase::Starting, CheckStatus::Ok, (503, "starting"));
        check(Phase::Draining, CheckStatus::Ok, (503, "draining"));
    }
}
