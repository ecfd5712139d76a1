//! Marked requests to backends where there is no traffic to judge by; counted apart from clients' requests.

use super::backend::{Backend, InFlight};
use super::body::{Outbound, Tracked};
use super::client::Client;
use super::counters::{Kind, Outcome};
use super::headers::PROBE_HEADER;
use http_body_util::BodyExt as _;
use hyper::header::{HOST, USER_AGENT};
use hyper::{Request, Response, Uri};
use std::sync::Arc;
use tokio::task::JoinSet;

/// The most probes of one call.
pub const PROBES_MAX: u32 = 1000;
/// How many are on their way at a time.
pub const PROBES_AT_ONCE: u32 = 8;
pub(super) const AGENT: &str = concat!("gateline/", env!("CARGO_PKG_VERSION"));

/// What probes came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probed {
    /// Complete replies below 500.
    pub ok: u64,
    /// The rest.
    pub failed: u64,
    /// What the last failure was.
    pub last_failure: Option<String>,
}

pub(super) async fn probe(
    client: &Arc<Client>,
    backends: &[Arc<Backend>],
    path: &str,
    count: u32,
) -> anyhow::Result<Probed> {
    anyhow::ensure!(count <= PROBES_MAX, "{count} probes are more than {PROBES_MAX}");
    anyhow::ensure!(!backends.is_empty(), "there is no instance to probe");
    let uri = target(path)?;
    let mut running = JoinSet::new();
    let mut probed = Probed::default();
    for backend in backends.iter().cycle().take(count as usize) {
        if running.len() >= PROBES_AT_ONCE as usize {
            note(&mut probed, running.join_next().await);
        }
        running.spawn(one(Arc::clone(client), Arc::clone(backend), uri.clone()));
    }
    while let Some(ended) = running.join_next().await {
        note(&mut probed, Some(ended));
    }
    Ok(probed)
}

/// A path on a backend.
pub(super) fn target(path: &str) -> anyhow::Result<Uri> {
    let uri = path.parse::<Uri>().ok().filter(|uri| path.starts_with('/') && uri.authority().is_none());
    uri.ok_or_else(|| anyhow::anyhow!("`{path}` is not a path (it begins with `/`)"))
}

fn note(probed: &mut Probed, ended: Option<Result<Result<(), String>, tokio::task::JoinError>>) {
    match ended {
        None => {}
        Some(Ok(Ok(()))) => probed.ok += 1,
        Some(Ok(Err(why))) => {
            probed.failed += 1;
            probed.last_failure = Some(why);
        }
        Some(Err(error)) => {
            probed.failed += 1;
            probed.last_failure = Some(error.to_string());
        }
    }
}

/// Sends one and reads the reply to its end, all within the limit. A reply counts itself when it is dropped; an
/// attempt without one is counted here.
async fn one(client: Arc<Client>, backend: Arc<Backend>, uri: Uri) -> Result<(), String> {
    let ended = client.world.sleep(client.limits.probe_timeout);
    tokio::pin!(ended);
    let late = || format!("no complete reply within {} ms", client.limits.probe_timeout.as_millis());
    let answered = tokio::select! {
        biased;
        answered = ask(&client, &backend, &uri) => answered,
        () = &mut ended => Err(late()),
    };
    let read = match answered {
        Err(why) => {
            backend.tally.count(Kind::Probe, Outcome::Failed);
            Err(why)
        }
        Ok(mut answered) => tokio::select! {
            biased;
            read = finish(&mut answered) => read,
            () = &mut ended => {
                answered.into_body().fail();
                Err(late())
            }
        },
    };
    read.map_err(|why| format!("{} {uri}: {why}", backend.id()))
}

async fn ask(client: &Arc<Client>, backend: &Arc<Backend>, uri: &Uri) -> Result<Response<Tracked>, String> {
    let request = Request::get(uri)
        .header(HOST, backend.address().to_string())
        .header(USER_AGENT, AGENT)
        .header(PROBE_HEADER, "1")
        .body(Outbound::Empty)
        .map_err(|error| error.to_string())?;
    let answered = client.exchange(InFlight::begin(backend), Kind::Probe, request).await;
    answered.map_err(|unanswered| unanswered.trouble.to_string())
}

async fn finish(answered: &mut Response<Tracked>) -> Result<(), String> {
    while let Some(frame) = answered.frame().await {
        frame.map_err(|error| format!("the reply was cut: {error}"))?;
    }
    let status = answered.status();
    if status.is_server_error() { Err(format!("answered {status}")) } else { Ok(()) }
}
