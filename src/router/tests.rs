//! The router without a socket: what each route answers in each phase.

use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::database::Database;
use crate::settings::tests::settings;

const FLAGS: [&str; 10] = [
    "--identity-version",
    "1.2.3",
    "--identity-commit",
    "c0ffee<",
    "--identity-digest",
    "sha256:ab",
    "--identity-instance",
    "one",
    "--identity-nonce",
    "dice",
];

fn starting(directory: &Path) -> Desk {
    let directory = directory.to_str().unwrap();
    Desk::new(&settings(&[&FLAGS[..], &["--data-dir", directory]].concat()))
}

async fn serving(directory: &Path) -> Desk {
    let desk = starting(directory);
    desk.serve_with(Database::open(directory).await.unwrap());
    desk
}

async fn ask(desk: &Desk, request: Request<Body>) -> (u16, HeaderMap, String) {
    let response = router(desk.clone()).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(desk: &Desk, path: &str) -> (u16, HeaderMap, String) {
    ask(desk, Request::get(path).body(Body::empty()).unwrap()).await
}

#[track_caller]
fn check_health(reply: &(u16, HeaderMap, String), code: u16, status: &str) {
    let (got, headers, body) = reply;
    assert_eq!(*got, code, "{body}");
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-gateline-nonce"], "dice");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["status"], status, "{body}");
    assert_eq!(body["version"], "1.2.3");
    assert_eq!(body["commit"], "c0ffee<");
    assert_eq!(body["digest"], "sha256:ab");
    assert_eq!(body["instance"], "one");
    assert!(body["uptime_secs"].is_u64());
}

#[tokio::test]
async fn every_reply_says_who_answers_errors_too() {
    let directory = tempfile::tempdir().unwrap();
    let desk = serving(directory.path()).await;
    let post = Request::post("/").body(Body::empty()).unwrap();
    let long = Request::post("/").body(Body::from(vec![b'x'; 65 * 1024])).unwrap();
    let replies = [
        (200, get(&desk, "/").await),
        (200, get(&desk, "/health").await),
        (200, get(&desk, "/metrics").await),
        (404, get(&desk, "/no/such").await),
        (405, ask(&desk, post).await),
        (413, ask(&desk, long).await),
    ];
    for (expected, (code, headers, body)) in replies {
        assert_eq!(code, expected, "{body}");
        assert_eq!(headers["x-gateline-version"], "1.2.3");
        assert_eq!(headers["x-gateline-commit"], "c0ffee<");
        assert_eq!(headers["x-gateline-digest"], "sha256:ab");
        assert_eq!(headers["x-gateline-instance"], "one");
    }
}

#[tokio::test]
async fn only_health_and_version_carry_the_nonce() {
    let directory = tempfile::tempdir().unwrap();
    let desk = serving(directory.path()).await;
    for (path, expected) in [
        ("/", false),
        ("/metrics", false),
        ("/healthy", false),
        ("/version", true),
        ("/health", true),
        ("/health/live", true),
        ("/health/ready", true),
        ("/health/no-such", true),
    ] {
        let (_, headers, _) = get(&desk, path).await;
        assert_eq!(headers.contains_key("x-gateline-nonce"), expected, "{path}");
    }
}

#[tokio::test]
async fn readiness_follows_the_phase_and_the_database() {
    let directory = tempfile::tempdir().unwrap();
    let desk = starting(directory.path());
    check_health(&get(&desk, "/health/ready").await, 503, "starting");
    check_health(&get(&desk, "/health").await, 503, "starting");

    desk.serve_with(Database::open(directory.path()).await.unwrap());
    check_health(&get(&desk, "/health/ready").await, 200, "ready");
    check_health(&get(&desk, "/version").await, 200, "ok");

    desk.database().unwrap().close().await;
    check_health(&get(&desk, "/health/ready").await, 503, "failing");
    check_health(&get(&desk, "/health").await, 503, "failing");
    check_health(&get(&desk, "/health/live").await, 200, "live");
}

#[tokio::test]
async fn a_draining_desk_answers_closes_and_is_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let desk = serving(directory.path()).await;
    assert!(!get(&desk, "/").await.1.contains_key("connection"));
    desk.drain();
    check_health(&get(&desk, "/health/ready").await, 503, "draining");
    check_health(&get(&desk, "/health").await, 503, "draining");
    check_health(&get(&desk, "/health/live").await, 200, "live");
    let (code, headers, _) = get(&desk, "/").await;
    assert_eq!(code, 200);
    assert_eq!(headers["connection"], "close");
}

#[tokio::test]
async fn a_desk_that_was_told_to_stop_while_starting_never_serves() {
    let directory = tempfile::tempdir().unwrap();
    let desk = starting(directory.path());
    desk.drain();
    desk.serve_with(Database::open(directory.path()).await.unwrap());
    check_health(&get(&desk, "/health/ready").await, 503, "draining");
}

#[tokio::test]
async fn the_summary_names_each_check() {
    let directory = tempfile::tempdir().unwrap();
    let desk = serving(directory.path()).await;
    let (_, _, body) = get(&desk, "/health").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["checks"]["database"]["status"], "ok");
    for check in ["database", "memory", "disk"] {
        assert!(!body["checks"][check]["detail"].as_str().unwrap().is_empty(), "{check}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let directory = tempfile::tempdir().unwrap();
    let desk = serving(directory.path()).await;
    get(&desk, "/").await;
    get(&desk, "/").await;
    get(&desk, "/someone/tried/this").await;
    ask(&desk, Request::builder().method("BREW").uri("/").body(Body::empty()).unwrap()).await;
    let (_, headers, body) = get(&desk, "/metrics").await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    for line in [
        r#"gateline_desk_requests_total{route="/",method="GET",status="200"} 2"#,
        r#"gateline_desk_requests_total{route="unmatched",method="GET",status="404"} 1"#,
        r#"gateline_desk_requests_total{route="/",method="other",status="405"} 1"#,
        r#"gateline_desk_request_duration_seconds_count{route="/",method="GET"} 2"#,
        r#"gateline_desk_build_info{version="1.2.3",commit="c0ffee<",digest="sha256:ab",instance="one"} 1"#,
        "gateline_desk_requests_in_flight 1",
        "gateline_desk_ready 1",
        "# EOF",
    ] {
        assert!(body.lines().any(|got| got == line), "no {line} in:\n{body}");
    }
    assert!(body.contains("process_start_time_seconds "));
    assert!(!body.contains("someone"));
}

#[tokio::test]
async fn the_page_shows_the_identity_as_text() {
    let directory = tempfile::tempdir().unwrap();
    let desk = serving(directory.path()).await;
    let (_, headers, body) = get(&desk, "/").await;
    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert!(body.contains("c0ffee&lt;"), "{body}");
}

#[cfg(feature = "faults")]
mod faulty {
    use super::*;

    async fn with(fault: &str, directory: &Path) -> Desk {
        let directory_name = directory.to_str().unwrap();
        let desk = Desk::new(&settings(&["--fault", fault, "--data-dir", directory_name]));
        desk.serve_with(Database::open(directory).await.unwrap());
        desk
    }

    async fn check(desk: &Desk, path: &str, expected: u16) {
        let (code, _, body) = get(desk, path).await;
        assert_eq!(code, expected, "{path}: {body}");
    }

    #[tokio::test]
    async fn errors_begin_after_readiness_was_said() {
        let directory = tempfile::tempdir().unwrap();
        let desk = with("errors-after-ready", directory.path()).await;
        check(&desk, "/", 200).await;
        check(&desk, "/health/ready", 200).await;
        for path in ["/", "/version", "/metrics", "/no/such"] {
            check(&desk, path, 500).await;
        }
        for path in ["/health", "/health/live", "/health/ready"] {
            check(&desk, path, 200).await;
        }
    }

    #[tokio::test]
    async fn never_ready_is_never_ready() {
        let directory = tempfile::tempdir().unwrap();
        let desk = with("never-ready", directory.path()).await;
        check(&desk, "/health/ready", 503).await;
        check(&desk, "/", 200).await;
    }

    #[tokio::test]
    async fn a_liar_tells_another_digest() {
        let directory = tempfile::tempdir().unwrap();
        let desk = with("lying-identity", directory.path()).await;
        let (_, headers, _) = get(&desk, "/health/ready").await;
        assert!(headers["x-gateline-digest"].to_str().unwrap().starts_with("sha256:0000"));
    }

    #[tokio::test]
    async fn slow_takes_a_number() {
        let directory = tempfile::tempdir().unwrap();
        let desk = with("never-ready", directory.path()).await;
        check(&desk, "/faults/slow?ms=1", 200).await;
        check(&desk, "/faults/slow?ms=soon", 400).await;
    }
}
