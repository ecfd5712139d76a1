//! The deployer's side of the socket: connecting, calling, and making sure that a supervisor runs.
//!
//! Calls may be made side by side on one connection. Dropping the last clone of a [`Client`] closes the connection,
//! and so frees its grants. Every wait has a limit.

mod up;

pub use up::{down, ensure_up, find};

use super::files;
use super::paths::{self, Layout};
use super::supervisor::{Beacon, read_line};
use crate::failure::Failure;
use crate::platform::protocol::{
    Answer, Call, LINE_BYTES_MAX, PROTOCOL, Refusal, RefusalCode, Reply, Request,
};
use crate::world::World;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long a call may take whose work has no length of its own.
const CALL_DEADLINE: Duration = Duration::from_secs(30);
/// How long a supervisor may take to greet: one that is there does it at once.
const HELLO_DEADLINE: Duration = Duration::from_secs(5);
/// How long `Down` may take: every instance drained and stopped.
const DOWN_DEADLINE: Duration = Duration::from_secs(300);
/// How long a round of probes may take.
const PROBE_DEADLINE: Duration = Duration::from_secs(300);

type Waiting = oneshot::Sender<Result<Reply, Refusal>>;

/// A connection to a supervisor.
#[derive(Clone, Debug)]
pub struct Client(Arc<Connection>);

#[derive(Debug)]
struct Connection {
    write: tokio::sync::Mutex<OwnedWriteHalf>,
    /// Who waits for which reply; `None` once the connection is lost.
    waiting: Arc<Mutex<Option<BTreeMap<u64, Waiting>>>>,
    next: AtomicU64,
    reader: JoinHandle<()>,
    supervisor: u32,
}

/// Why a call brought no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The supervisor refused, and says what to type next.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The connection broke. Whether the call was carried out is not known: observe before going on.
    #[error("the connection to the supervisor is lost")]
    Lost,
    /// No reply in time. Whether the call is carried out is not known.
    #[error("the supervisor did not answer within {} s", .0.as_secs())]
    Late(Duration),
}

impl Client {
    /// Connects to the running supervisor of a state directory.
    ///
    /// # Errors
    /// Where none answers, or it speaks another protocol; the help says what to type.
    pub async fn connect(world: &World, state: &Path) -> anyhow::Result<Client> {
        let beacon = files::read_json::<Beacon>(&Layout(state.to_owned()).beacon()).ok().flatten();
        let socket = match beacon {
            Some(beacon) => beacon.socket,
            None => paths::socket(world, state)?,
        };
        let stream = world.connect_unix(&socket).await.map_err(|error| {
            Failure::infrastructure(
                format!("no supervisor answers for {}: {error}", state.display()),
                "cargo xtask local up",
            )
        })?;
        Client::greet(stream).await
    }

    async fn greet(stream: UnixStream) -> anyhow::Result<Client> {
        let supervisor = stream.peer_cred().ok().and_then(|peer| peer.pid());
        let (read, write) = stream.into_split();
        let waiting = Arc::new(Mutex::new(Some(BTreeMap::new())));
        let reader = tokio::spawn(hear(BufReader::new(read), Arc::clone(&waiting)));
        let client = Client(Arc::new(Connection {
            write: tokio::sync::Mutex::new(write),
            waiting,
            next: AtomicU64::new(1),
            reader,
            supervisor: supervisor.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        }));
        match client.call(Request::Hello { protocol: PROTOCOL }).await {
            Ok(_) => Ok(client),
            Err(CallError::Refused(refusal)) => Err(Failure::infrastructure(refusal.message, refusal.help)),
            Err(error) => Err(Failure::infrastructure(error.to_string(), "cargo xtask local status")),
        }
    }

    /// The supervisor's process, by the kernel; 0 where it is not known.
    pub fn supervisor(&self) -> u32 {
        self.0.supervisor
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// The supervisor's refusal; or that the connection is lost, or no answer came in time.
    pub async fn call(&self, request: Request) -> Result<Reply, CallError> {
        let deadline = deadline(&request);
        match tokio::time::timeout(deadline, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(CallError::Late(deadline)),
        }
    }

    async fn exchange(&self, request: Request) -> Result<Reply, CallError> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let mut line =
            serde_json::to_vec(&Call { id, request }).map_err(|error| too_long(&error.to_string()))?;
        if line.len() > LINE_BYTES_MAX {
            return Err(too_long(&format!("it has {} bytes", line.len())));
        }
        line.push(b'\n');
        let (tell, hear) = oneshot::channel();
        match self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(waiting) => waiting.insert(id, tell),
            None => return Err(CallError::Lost),
        };
        {
            let mut write = self.0.write.lock().await;
            write.write_all(&line).await.map_err(|_| CallError::Lost)?;
        }
        hear.await.map_err(|_| CallError::Lost)?.map_err(CallError::Refused)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn too_long(why: &str) -> CallError {
    let message = format!("the call cannot be sent: {why}");
    let help = "keep large data in a file and record its digest".to_owned();
    CallError::Refused(Refusal { code: RefusalCode::Malformed, message, help })
}

/// How long the answer to a call may take.
fn deadline(request: &Request) -> Duration {
    match request {
        Request::Stop { drain_millis, grace_millis, .. } => {
            Duration::from_millis(drain_millis.saturating_add(*grace_millis)).saturating_add(CALL_DEADLINE)
        }
        Request::Hello { .. } => HELLO_DEADLINE,
        Request::Down { .. } => DOWN_DEADLINE,
        Request::Probe { .. } => PROBE_DEADLINE,
        _ => CALL_DEADLINE,
    }
}

/// Hands each answer to whoever waits for it, until the connection ends; then nobody waits in vain. A refusal of the
/// whole connection (number 0) goes to everybody.
async fn hear(mut reader: BufReader<OwnedReadHalf>, waiting: Arc<Mutex<Option<BTreeMap<u64, Waiting>>>>) {
    while let Ok(Some(line)) = read_line(&mut reader, LINE_BYTES_MAX).await {
        let Ok(answer) = serde_json::from_slice::<Answer>(&line) else { break };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(all) = waiting.as_mut() else { break };
        let heard = match answer.id {
            0 => std::mem::take(all).into_values().collect(),
            id => Vec::from_iter(all.remove(&id)),
        };
        for tell in heard {
            // Whoever no longer waits does not hear it.
            let _ = tell.send(answer.result.clone());
        }
    }
    waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
}
