//! The socket: who may speak, how much at once, and what belongs to a connection.
//!
//! Calls of one connection run side by side (a renewal must not wait for a drain); what has begun ends even when its
//! caller has gone. The grants of a connection are free the moment that it closes.

use super::Supervisor;
use super::calls::{self, Caller};
use super::grants::ConnectionId;
use super::refuse::{failed, malformed, refuse};
use crate::platform::protocol::{Answer, Call, LINE_BYTES_MAX, PROTOCOL, Refusal, RefusalCode, Request};
use anyhow::Context as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// Calls of one connection at a time; more wait in its socket.
const CALLS_MAX: usize = 32;
/// How long a peer may take to read a reply.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long calls and replies are still awaited when the supervisor ends.
const LAST_REPLIES: Duration = Duration::from_secs(2);
/// A pause after a failed accept: out of descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the supervisor ends.
pub(super) async fn serve(
    supervisor: &Arc<Supervisor>,
    listener: UnixListener,
    mut ending: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut number: ConnectionId = 0;
    loop {
        tokio::select! {
            _ = ending.wait_for(|ending| *ending) => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    number += 1;
                    connections.spawn(converse(Arc::clone(supervisor), stream, number));
                }
                Err(error) => {
                    tracing::error!(error = error.to_string(), "failed to accept");
                    supervisor.world.sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
    let _ = tokio::time::timeout(LAST_REPLIES, connections.join_all()).await;
}

async fn converse(supervisor: Arc<Supervisor>, stream: UnixStream, connection: ConnectionId) {
    if let Err(error) = speak(&supervisor, stream, connection).await {
        tracing::info!(connection, error = format!("{error:#}"), "connection closed");
    }
}

/// Whether a user may speak to a supervisor of user `own`: itself, and root.
fn allowed(uid: u32, own: u32) -> Result<u32, Refusal> {
    if uid == own || uid == 0 {
        return Ok(uid);
    }
    let message = format!("the user {uid} may not use the supervisor of user {own}");
    Err(refuse(RefusalCode::Forbidden, message, "run it as the user who started the supervisor"))
}

async fn speak(
    supervisor: &Arc<Supervisor>,
    stream: UnixStream,
    connection: ConnectionId,
) -> anyhow::Result<()> {
    let uid = stream.peer_cred().context("failed to ask for the peer's credentials")?.uid();
    let uid = allowed(uid, rustix::process::getuid().as_raw());
    let (read, write) = stream.into_split();
    let (replies, outgoing) = mpsc::channel(CALLS_MAX);
    let writer = tokio::spawn(write_answers(write, outgoing));
    let spoken = match uid {
        Ok(uid) => {
            let caller = Caller { connection, uid };
            supervisor.connections().insert(connection);
            let spoken = listen(supervisor, BufReader::new(read), caller, &replies).await;
            calls::release_all(supervisor, connection).await;
            spoken
        }
        Err(refusal) => {
            let _ = replies.send(Answer { id: 0, result: Err(refusal) }).await;
            Ok(())
        }
    };
    drop(replies);
    // Ends with the last call, which has its own limits.
    let _ = writer.await;
    spoken
}

/// Reads calls and starts them, until the peer closes or the supervisor ends.
async fn listen(
    supervisor: &Arc<Supervisor>,
    mut reader: impl AsyncBufRead + Unpin,
    caller: Caller,
    replies: &mpsc::Sender<Answer>,
) -> anyhow::Result<()> {
    let mut ending = supervisor.ending.subscribe();
    let mut greeted = false;
    let mut running = JoinSet::new();
    loop {
        while running.len() >= CALLS_MAX {
            running.join_next().await;
        }
        let line = tokio::select! {
            line = read_line(&mut reader, LINE_BYTES_MAX) => line,
            _ = ending.wait_for(|ending| *ending) => break,
        };
        let call = match line.map(|line| line.map(|line| serde_json::from_slice::<Call>(&line))) {
            Ok(None) => break,
            Ok(Some(Ok(call))) => call,
            Ok(Some(Err(error))) => {
                return refuse_line(replies, format!("the call cannot be read: {error}")).await;
            }
            Err(error) => return refuse_line(replies, format!("the call cannot be read: {error}")).await,
        };
        if let Err(refusal) = greet(&mut greeted, &call.request) {
            replies.send(Answer { id: call.id, result: Err(refusal) }).await?;
            continue;
        }
        let (supervisor, replies) = (Arc::clone(supervisor), replies.clone());
        let asked = Arc::clone(&supervisor);
        running.spawn(async move {
            let is_down = matches!(call.request, Request::Down { .. });
            // Should a call panic, its caller hears of it instead of waiting in vain.
            let answered =
                tokio::spawn(async move { calls::answer(&supervisor, caller, call.request).await }).await;
            let result = answered.unwrap_or_else(|error| Err(failed(&error.into())));
            let is_over = is_down && result.is_ok();
            let _ = replies.send(Answer { id: call.id, result }).await;
            if is_over {
                asked.ending.send_replace(true);
            }
        });
    }
    running.detach_all();
    Ok(())
}

/// A line that is none: after it, nothing that follows can be trusted to begin where it seems to.
async fn refuse_line(replies: &mpsc::Sender<Answer>, why: String) -> anyhow::Result<()> {
    replies.send(Answer { id: 0, result: Err(malformed(why.clone())) }).await?;
    anyhow::bail!(why)
}

fn greet(greeted: &mut bool, request: &Request) -> Result<(), Refusal> {
    match request {
        Request::Hello { protocol: PROTOCOL } => {
            *greeted = true;
            Ok(())
        }
        Request::Hello { protocol } => Err(refuse(
            RefusalCode::Protocol,
            format!("the supervisor speaks protocol {PROTOCOL}, not {protocol}"),
            format!("kill {} (its instances go on), then cargo xtask local up", std::process::id()),
        )),
        _ if *greeted => Ok(()),
        _ => Err(refuse(RefusalCode::Protocol, "the first call must be hello", "cargo xtask local status")),
    }
}

async fn write_answers(mut write: OwnedWriteHalf, mut outgoing: mpsc::Receiver<Answer>) {
    while let Some(answer) = outgoing.recv().await {
        let mut line = serde_json::to_vec(&answer).unwrap_or_default();
        line.push(b'\n');
        let written = tokio::time::timeout(WRITE_TIMEOUT, write.write_all(&line)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

/// One line without its end; `None` at the end of the stream. A torn last line is the end.
pub(in super::super) async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    limit: usize,
) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let available = reader.fill_buf().await?;
        if available.is_empty() {
            return Ok(None);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let piece = &available[..end.unwrap_or(available.len())];
        if line.len() + piece.len() > limit {
            let message = format!("a line has more than {limit} bytes");
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
        }
        line.extend_from_slice(piece);
        let used = piece.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_a_torn_one_is_the_end() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let check = |bytes: &[u8], expected: &[Option<&str>]| {
            let mut reader = BufReader::with_capacity(3, bytes);
            for expected in expected {
                let line = runtime.block_on(read_line(&mut reader, 5)).unwrap();
                assert_eq!(line.map(|line| String::from_utf8(line).unwrap()).as_deref(), *expected);
            }
        };
        check(b"a\n\nabcde\n", &[Some("a"), Some(""), Some("abcde"), None]);
        check(b"a\nbc", &[Some("a"), None, None]);
        let mut reader = BufReader::with_capacity(3, &b"abcdef\n"[..]);
        assert!(runtime.block_on(read_line(&mut reader, 5)).is_err());
    }

    #[test]
    fn only_the_same_user_and_root_may_speak() {
        assert_eq!((allowed(1000, 1000), allowed(0, 1000)), (Ok(1000), Ok(0)));
        assert_eq!(allowed(1001, 1000).unwrap_err().code, RefusalCode::Forbidden);
        assert_eq!(allowed(1000, 0).unwrap_err().code, RefusalCode::Forbidden);
    }

    #[test]
    fn hello_comes_first_and_in_our_protocol() {
        let mut greeted = false;
        let status = Request::Status { service: None };
        assert_eq!(greet(&mut greeted, &status).unwrap_err().code, RefusalCode::Protocol);
        let other = greet(&mut greeted, &Request::Hello { protocol: PROTOCOL + 1 }).unwrap_err();
        let told = format!("protocol {PROTOCOL}, not {}", PROTOCOL + 1);
        assert!(other.message.contains(&told) && !greeted, "{other}");
        assert_eq!(greet(&mut greeted, &Request::Hello { protocol: PROTOCOL }), Ok(()));
        assert_eq!(greet(&mut greeted, &status), Ok(()));
    }
}
