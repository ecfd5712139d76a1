//! A GitHub of our own: it keeps what it is told, judges every request and its own replies by GitHub's description, and fails when
//! a story wants it to.

use crate::contract::{Contract, Operation, decoded};
use crate::fake_releases::Releases;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

/// What a story wants to go wrong, once per entry.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) method: &'static str,
    /// What the operation's template ends with.
    pub(crate) at: &'static str,
    pub(crate) what: What,
}

/// How it goes wrong.
#[derive(Debug, Clone, PartialEq)]
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
    pub(crate) releases: Releases,
    /// Login, state and commit of each review.
    pub(crate) reviews: Vec<(&'static str, &'static str, &'static str)>,
    pub(crate) faults: Vec<Fault>,
    /// What the token may write.
    pub(crate) rights: Vec<&'static str>,
    /// Where `/repos/o/r` has gone.
    pub(crate) moved: Option<&'static str>,
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

type Out = Response<Body>;

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
            releases: Releases::default(),
            reviews: vec![],
            faults: vec![],
            rights: vec![
                "check-runs",
                "statuses",
                "comments",
                "sarifs",
                "issues",
                "releases",
                "git/refs",
                "contents",
                "/pulls",
            ],
            moved: None,
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
    let token = header("authorization").trim_start_matches("Bearer ").to_owned();
    let path = match (path.strip_prefix("/repositories/1"), state.moved) {
        (Some(rest), Some(_)) => format!("/repos/o/r{rest}"),
        (None, Some(there)) if path.starts_with("/repos/o/r") => {
            let location = format!("{there}{}?{query}", &path["/repos/o/r".len()..]);
            return Ok(plain(
                301,
                "Moved Permanently",
                &[("location", location.trim_end_matches('?').to_owned())],
            ));
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
        Some(What::Reset) => return Err(std::io::Error::other("the story wants a reset")),
        Some(What::CommentDeleted) => state.comments.retain(|one| !is_at(one, &path)),
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
        _ => Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Body::Whole(Full::new(match status {
                204 => Bytes::new(),
                _ => Bytes::from(reply.to_string()),
            })))
            .unwrap(),
    })
}

fn is_at(comment: &Value, path: &str) -> bool {
    path.rsplit('/').next().and_then(|id| id.parse().ok()) == comment["id"].as_u64()
}

/// What GitHub does.
fn act(
    contract: &Contract,
    state: &mut State,
    operation: &Operation,
    path: &str,
    query: &str,
    body: &Value,
) -> (u16, Value) {
    let template = operation.template.rsplit("{repo}").next().unwrap();
    let example = |status: u16| contract.example(operation, status);
    let parts: Vec<&str> = path.split('/').collect();
    let id: u64 = parts.last().and_then(|part| part.parse().ok()).unwrap_or(0);
    let asked = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| decoded(value))
    };
    state.next += 1;
    let not_found = (
        404,
        json!({"message": "Not Found", "documentation_url": "https://docs.github.com/rest", "status": "404"}),
    );
    match (operation.method.as_str(), template) {
        ("post", "/check-runs") => {
            let mut made = example(201);
            for key in ["name", "head_sha", "external_id", "status", "conclusion", "details_url"] {
                made[key] = body[key].clone();
            }
            made["id"] = json!(state.next);
            let annotations = body["output"]["annotations"].as_array().cloned().unwrap_or_default();
            for key in ["title", "summary"] {
                made["output"][key] = body["output"][key].clone();
            }
            made["output"]["annotations_count"] = json!(annotations.len());
            state.annotations.insert(state.next, annotations);
            state.checks.push(made.clone());
            (201, made)
        }
        ("patch", "/check-runs/{check_run_id}") => {
            let Some(check) = state.checks.iter_mut().find(|one| one["id"] == id) else { return not_found };
            let all = state.annotations.entry(id).or_default();
            all.extend(body["output"]["annotations"].as_array().cloned().unwrap_or_default());
            check["output"]["annotations_count"] = json!(all.len());
            (200, check.clone())
        }
        ("get", "/check-runs/{check_run_id}") => {
            state.checks.iter().find(|one| one["id"] == id).map_or(not_found, |one| (200, one.clone()))
        }
        ("get", "/commits/{ref}/check-runs") => {
            let commit = parts[parts.len() - 2];
            let name = asked("check_name");
            let of = |one: &&Value| {
                one["head_sha"] == commit && name.as_ref().is_none_or(|name| one["name"] == **name)
            };
            // `filter=latest`: the newest of each name.
            let found: Vec<Value> = state.checks.iter().rev().filter(of).take(1).cloned().collect();
            (200, json!({"total_count": found.len(), "check_runs": found}))
        }
        ("get", "/commits/{ref}/status") => {
            let mut made = example(200);
            made["statuses"] = json!(state.statuses.iter().rev().collect::<Vec<_>>());
            (200, made)
        }
        ("post", "/statuses/{sha}") => {
            let mut made = example(201);
            for key in ["state", "description", "context", "target_url"] {
                made[key] = body[key].clone();
            }
            let short: Value = [
                "url",
                "avatar_url",
                "id",
                "node_id",
                "state",
                "description",
                "target_url",
                "context",
                "created_at",
                "updated_at",
            ]
            .iter()
            .map(|key| ((*key).to_owned(), made[*key].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
            state.statuses.push(short);
            (201, made)
        }
        ("get", "/issues/{issue_number}/comments") => {
            let number =
                |name: &str, otherwise: usize| asked(name).and_then(|n| n.parse().ok()).unwrap_or(otherwise);
            let (size, page) = (number("per_page", 30).min(100), number("page", 1));
            let some: Vec<Value> =
                state.comments.iter().skip(size * (page - 1)).take(size).cloned().collect();
            (200, json!(some))
        }
        ("post", "/issues/{issue_number}/comments") => {
            let made = comment(example(201), state.next, body["body"].as_str().unwrap(), "Bot", "NONE");
            state.comments.push(made.clone());
            (201, made)
        }
        ("patch", "/issues/comments/{comment_id}") => {
            let Some(there) = state.comments.iter_mut().find(|one| is_at(one, path)) else {
                return not_found;
            };
            there["body"] = body["body"].clone();
            (200, there.clone())
        }
        ("get", "/pulls/{pull_number}") => match id == state.pull.0 {
            true => (200, pull(example(200), &state.pull)),
            false => not_found,
        },
        ("get", "/pulls/{pull_number}/reviews") => {
            let made = |(login, state, commit): &(&str, &str, &str)| {
                let mut made = example(200)[0].clone();
                made["user"]["login"] = json!(login);
                made["state"] = json!(state);
                made["commit_id"] = json!(commit);
                made
            };
            (200, json!(state.reviews.iter().map(made).collect::<Vec<_>>()))
        }
        ("get", "/pulls") => {
            let one = pull(example(200)[0].clone(), &state.pull);
            let owner = state.pull.3.as_deref().and_then(|name| name.split('/').next()).unwrap_or_default();
            let here = state.pull.1 == "open"
                && asked("head").is_some_and(|head| head.starts_with(&format!("{owner}:")));
            (200, if here { json!([one]) } else { json!([]) })
        }
        ("post", "/code-scanning/sarifs") => {
            state.sarifs.push(body.clone());
            (202, example(202))
        }
        ("get", "/issues") => {
            let of = |one: &&Value| asked("state").is_none_or(|state| one["state"] == *state);
            (200, json!(state.issues.iter().filter(of).collect::<Vec<_>>()))
        }
        ("post", "/issues") => {
            let mut made = comment(example(201), state.next, body["body"].as_str().unwrap(), "Bot", "NONE");
            made["number"] = json!(state.next);
            made["title"] = body["title"].clone();
            made["state"] = json!("open");
            state.issues.push(made.clone());
            (201, made)
        }
        ("patch", "/issues/{issue_number}") => {
            let Some(there) = state.issues.iter_mut().find(|one| one["number"] == id) else {
                return not_found;
            };
            for (key, value) in body.as_object().unwrap() {
                there[key] = value.clone();
            }
            (200, there.clone())
        }
        ("get", "/installation") => (200, example(200)),
        ("post", "/app/installations/{installation_id}/access_tokens") => {
            state.given += 1;
            let token = format!("ghs_1_given.{}", state.given);
            state.tokens = vec![token.clone()];
            (201, json!({"token": token, "expires_at": state.ends, "permissions": {"checks": "write"}}))
        }
        other => panic!("the fake cannot {other:?}"),
    }
}

fn pull(mut made: Value, (number, state, head, repository): &Pull) -> Value {
    // GitHub's example of a team lacks what its own schema asks for.
    made["requested_teams"] = json!([]);
    made["number"] = json!(number);
    made["state"] = json!(state);
    made["head"]["sha"] = json!(head);
    match repository {
        Some(name) => made["head"]["repo"]["full_name"] = json!(name),
        None => made["head"]["repo"] = Value::Null,
    }
    made
}

/// A comment of somebody.
pub(crate) fn comment(mut made: Value, id: u64, body: &str, kind: &str, association: &str) -> Value {
    made["id"] = json!(id);
    made["body"] = json!(body);
    made["user"]["type"] = json!(kind);
    made["author_association"] = json!(association);
    made
}

fn plain(status: u16, message: &str, headers: &[(&'static str, String)]) -> Out {
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
