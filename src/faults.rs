//! Ways to misbehave, in a build for stories only (feature `faults`).
//!
//! A fault is chosen by `--fault`, by `GATELINE_DESK_FAULT`, or by a file `desk-fault` beside the executable: stories bake
//! the file into an image, because they cannot set the environment of an instance.

use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::desk::Desk;
use crate::identity::{Identity, Word};
use crate::observe::is_health;
use crate::settings::{BadSetting, Complaint};

/// Named after the file that chooses a fault.
const FILE: &str = "desk-fault";
const EXIT_CRASHED: i32 = 3;
/// The reply that says ready must have left before the crash.
const CRASH_DELAY: Duration = Duration::from_millis(200);
const MAX_SLOW: Duration = Duration::from_secs(60);
const DEFAULT_SLOW_MILLIS: u64 = 1000;
/// How much later slow replies come.
const LATER: Duration = Duration::from_millis(300);

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 500 on every route but health, once readiness was true.
    ErrorsAfterReady,
    NeverReady,
    /// Exits with code 3 shortly after readiness was true.
    CrashAfterReady,
    IgnoreSigterm,
    /// 300 ms later than it could, on every route but health.
    SlowReplies,
    /// Another digest than the supervisor told.
    LyingIdentity,
}

/// The digest that a liar tells.
const FALSE_DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

impl FromStr for Fault {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Ok(match name {
            "errors-after-ready" => Self::ErrorsAfterReady,
            "never-ready" => Self::NeverReady,
            "crash-after-ready" => Self::CrashAfterReady,
            "ignore-sigterm" => Self::IgnoreSigterm,
            "slow-replies" => Self::SlowReplies,
            "lying-identity" => Self::LyingIdentity,
            _ => return Err(()),
        })
    }
}

/// The fault that was asked for (flag or environment), or else the one of the file beside the executable.
pub(crate) fn choose(asked: Option<String>) -> Result<Option<Fault>, BadSetting> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join(FILE)));
    match asked.or_else(|| beside.as_deref().and_then(written)) {
        None => Ok(None),
        Some(name) => match name.trim().parse() {
            Ok(fault) => Ok(Some(fault)),
            Err(()) => Err(Complaint {
                what: "is no fault",
                why: "a story must get the fault that it asked for",
                next: "give one of: errors-after-ready, never-ready, crash-after-ready, ignore-sigterm, slow-replies, lying-identity",
            }
            .about("--fault (GATELINE_DESK_FAULT, file desk-fault)", name)),
        },
    }
}

fn written(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok()
}

/// The identity as this desk tells it.
pub(crate) fn told(identity: Identity, fault: Option<Fault>) -> Identity {
    match (fault, Word::new(FALSE_DIGEST)) {
        (Some(Fault::LyingIdentity), Some(digest)) => Identity { digest, ..identity },
        _ => identity,
    }
}

/// The fault of this desk, and what it waits for.
pub(crate) struct Faults {
    fault: Option<Fault>,
    ready_was_said: AtomicBool,
}

impl Faults {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self { fault, ready_was_said: AtomicBool::new(false) }
    }

    pub(crate) fn never_ready(&self) -> Option<String> {
        (self.fault == Some(Fault::NeverReady)).then(|| "the fault never-ready is on".to_owned())
    }

    pub(crate) fn ready_was_said(&self) {
        let first = !self.ready_was_said.swap(true, Ordering::Relaxed);
        if first && self.fault == Some(Fault::CrashAfterReady) {
            tokio::spawn(crash());
        }
    }

    fn answers_with_errors(&self) -> bool {
        self.fault == Some(Fault::ErrorsAfterReady) && self.ready_was_said.load(Ordering::Relaxed)
    }
}

#[expect(clippy::exit, reason = "a crash skips everything that an orderly stop does")]
async fn crash() {
    tokio::time::sleep(CRASH_DELAY).await;
    tracing::error!("the fault crash-after-ready is on");
    std::process::exit(EXIT_CRASHED);
}

/// A layer around every route.
pub(crate) async fn misbehave(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    if desk.faults().answers_with_errors() && !is_health(request.uri().path()) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the fault errors-after-ready is on\n").into_response();
    }
    if desk.faults().fault == Some(Fault::SlowReplies) && !is_health(request.uri().path()) {
        tokio::time::sleep(LATER).await;
    }
    next.run(request).await
}

/// `GET /faults/slow?ms=500`: a request that is in flight for that long.
pub(crate) async fn slow(uri: Uri) -> Response {
    let asked = uri.query().and_then(|query| query.strip_prefix("ms="));
    match asked.map_or(Ok(DEFAULT_SLOW_MILLIS), str::parse) {
        Ok(millis) => {
            tokio::time::sleep(Duration::from_millis(millis).min(MAX_SLOW)).await;
            "slow, but here\n".into_response()
        }
        Err(_) => (StatusCode::BAD_REQUEST, "give ?ms=NUMBER\n").into_response(),
    }
}
