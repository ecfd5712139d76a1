//! A GitHub of our own: it keeps what it is told, judges every request and its own replies by GitHub's description, and fails when
//! a story wants it to.

use crate::contract::Contract;
#[path = "fake/act.rs"]
mod act;
#[path = "fake/body.rs"]
mod body;
#[path = "fake/settings.rs"]
pub(crate) mod settings;

use crate::fake_releases::Releases;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

pub(crate) use act::comment;
use act::{act, is_at};
use body::{Body, Out, plain};
use settings::Settings;

/// What a story wants to go wrong, once per entry.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) method: &'static str,
    /// What the operation's template ends with.
    pub(crate) at: &'static str,
    pub(crate) what: What,
}

/// How it goes wrong.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// Nothing is done, and this is the answer, with these headers.
    Answer(u16, Vec<(&'static str, String)>, &'static str),
    /// It is done, and the answer is a failure.
    DoneAnd(u16),
    /// Nothing is done, and the connection ends.
    Reset,
    /// It is done, and the answer breaks off.
    DoneAndBroken,
    /// The comment is deleted just before.
    CommentDeleted,
    /// `/repos/o/r` goes there just before.
    Renamed(&'static str),
    /// This happens to everything just before, and it goes on.
    After(fn(&mut State)),
}

/// Number, state, newest commit and its repository of a pull request.
pub(crate) type Pull = (u64, String, String, Option<String>);

/// What it knows.
pub(crate) struct State {
    pub(crate) pull: Pull,
    pub(crate) checks: Vec<Value>,
    pub(crate) annotations: BTreeMap<u64, Vec<Value>>,
    pub(crate) comments: Vec<Value>,
    pub(crate) statuses: Vec<Value>,
    pub(crate) sarifs: Vec<Value>,
    pub(crate) issues: Vec<Value>,
    pub(crate) settings: Settings,
    pub(crate) releases: Releases,
    /// Login, state and commit of each review.
    pub(crate) reviews: Vec<(&'static str, &'static str, &'static str)>,
    pub(crate) faults: Vec<Fault>,
    /// What the token may write.
    pub(crate) rights: Vec<&'static str>,
    /// Where `/repos/o/r` has gone.
    pub(crate) moved: Option<&'static str>,
    /// Headers that make a request depend on an ETag.
    pub(crate) etags: Vec<String>,
    /// The only tokens that are good; any where empty.
    pub(crate) tokens: Vec<String>,
    /// Installation tokens that were given, and when each ends.
    pub(crate) given: u64,
    pub(crate) ends: String,
    pub(crate) log: Vec<String>,
    pub(crate) violations: Vec<String>,
    pub(crate) next: u64,
    /// Where files are sent to: beside the API, as on GitHub Enterprise.
    pub(crate) own_base: String,
}

/// It runs until the process ends.
pub(crate) struct Fake {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

impl Fake {
    /// Starts it, with one open pull request at this commit.
    pub(crate) fn start(contract: &'static Contract, head: &str) -> Fake {
        let state = State {
            pull: (7, "open".to_owned(), head.to_owned(), Some("o/r".to_owned())),
            checks: vec![],
            annotations: BTreeMap::new(),
            comments: vec![],
            statuses: vec![],
            sarifs: vec![],
            issues: vec![],
            settings: Settings::default(),
            releases: Releases::default(),
            reviews: vec![],
            faults: vec![],
            rights: vec![
                "check-runs",
                "statuses",
                "comments",
                "sarifs",
                "issues",
                "rulesets",
                "environments",
                "permissions",
                "releases",
                "git/refs",
                "contents",
                "/pulls",
            ],
            moved: None,
            etags: vec![],
            tokens: vec![],
            given: 0,
            ends: "2099-01-01T00:00:00Z".to_owned(),
            log: vec![],
            violations: vec![],
            next: 100,
            own_base: String::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/api/v3", listener.local_addr().unwrap());
        state.lock().unwrap().own_base = url.replace("/api/v3", "/api/uploads");
        let shared = state.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let shared = shared.clone();
                    tokio::spawn(async move {
                        let service = service_fn(|request| answer(contract, shared.clone(), request));
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
            });
        });
        Fake { url, state }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Forgets the log; what was told stays.
    pub(crate) fn forget_log(&self) {
        self.state().log.clear();
    }

    /// Requests that were made, and those of them that could write.
    pub(crate) fn requests(&self) -> (usize, usize) {
        let state = self.state();
        (state.log.len(), state.log.iter().filter(|line| !line.starts_with("GET ")).count())
    }

    /// Nothing was against GitHub's description.
    #[track_caller]
    pub(crate) fn is_content(&self) {
        let state = self.state();
        assert!(state.violations.is_empty(), "{:#?}\n{:#?}", state.violations, state.log);
    }
}

async fn answer(
    contract: &'static Contract,
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Out, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let method = parts.method.as_str().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let mut state = state.lock().unwrap();
    let state = &mut *state;
    let path = parts.uri.path();
    let path = path.strip_prefix("/api/v3").or_else(|| path.strip_prefix("/api/uploads"));
    let Some(path) = path.map(str::to_owned) else {
        state.violations.push(format!("{} is not below the base", parts.uri));
        return Ok(plain(404, "Not Found", &[]));
    };
    state.log.push(format!("{method} {path}?{query}"));
    let header =
        |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if header("x-github-api-version").is_empty() || header("user-agent").is_empty() {
        state.violations.push(format!("{method} {path}: headers are missing"));
    }
    let conditions = ["if-none-match", "if-match", "if-modified-since", "if-unmodified-since"];
    state
        .etags
        .extend(conditions.iter().filter(|name| !header(name).is_empty()).map(|name| (*name).to_owned()));
    let token = header("authorization").trim_start_matches("Bearer ").to_owned();
    let path = match (path.strip_prefix("/repositories/1"), state.moved) {
        (Some(rest), Some(_)) => format!("/repos/o/r{rest}"),
        (None, Some(there)) if path.starts_with("/repos/o/r") => {
            return Ok(redirect(&method, there, &path, &query));
        }
        _ => path,
    };
    let Some(operation) = contract.find(&method, &path) else {
        state.violations.push(format!("{method} {path}: there is no such operation"));
        return Ok(plain(404, "Not Found", &[]));
    };
    let of_app = operation.template.contains("installation");
    if !of_app && !state.tokens.is_empty() && !state.tokens.contains(&token) {
        return Ok(plain(401, "Bad credentials", &[]));
    }
    let fault =
        state.faults.iter().position(|one| one.method == method && operation.template.ends_with(one.at));
    let fault = fault.map(|at| state.faults.remove(at).what);
    match &fault {
        Some(What::Answer(status, headers, message)) => return Ok(plain(*status, message, headers)),
        Some(What::Renamed(there)) => {
            state.moved = Some(there);
            return Ok(redirect(&method, there, &path, &query));
        }
        Some(What::Reset) => return Err(std::io::Error::other("the story wants a reset")),
        Some(What::CommentDeleted) => state.comments.retain(|one| !is_at(one, &path)),
        Some(What::After(happens)) => happens(state),
        _ => {}
    }
    let wrong = contract.check_request(&operation, &query, &body);
    if !wrong.is_empty() {
        state.violations.extend(wrong.iter().map(|what| format!("{method} {}: {what}", operation.template)));
        return Ok(plain(422, "Validation Failed", &[]));
    }
    if method != "GET" && !of_app && !state.rights.iter().any(|right| operation.template.contains(right)) {
        return Ok(plain(
            403,
            "Resource not accessible by integration",
            &[("x-ratelimit-remaining", "4999".into())],
        ));
    }
    let of_release = crate::fake_releases::act(contract, state, &operation, (&path, &query), &body);
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, reply) =
        of_release.unwrap_or_else(|| act(contract, state, &operation, &path, &query, &body));
    let wrong = contract.check_reply(&operation, status, &reply);
    state.violations.extend(wrong.into_iter().map(|what| format!("REPLY {what}")));
    Ok(match fault {
        Some(What::DoneAnd(status)) => plain(status, "Server Error", &[]),
        Some(What::DoneAndBroken) => {
            let half = Bytes::from(reply.to_string()).slice(..1);
            Response::builder().status(status).body(Body::Broken(Some(half))).unwrap()
        }
        _ => {
            let text = if status == 204 { String::new() } else { reply.to_string() };
            Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .body(Body::Whole(Full::new(Bytes::from(text))))
                .unwrap()
        }
    })
}

/// What was asked of `/repos/o/r` is there now. What writes is told so that it keeps its method and its body.
fn redirect(method: &str, there: &str, path: &str, query: &str) -> Out {
    let location = format!("{there}{}?{query}", &path["/repos/o/r".len()..]);
    let status = if method == "GET" { 301 } else { 307 };
    plain(status, "Moved Permanently", &[("location", location.trim_end_matches('?').to_owned())])
}
