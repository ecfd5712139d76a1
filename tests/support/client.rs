//! Clients that never stop asking: keep-alive connections through a proxy, every reply counted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A reply that takes longer is lost.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);
/// Between two requests of one client.
const BETWEEN: Duration = Duration::from_millis(5);

/// One reply.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// Header lines, lower case names.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

impl Reply {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A connection that is kept.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to a port on this machine.
    pub(crate) fn to(port: u16) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(stream)))
    }

    /// Asks for a path.
    pub(crate) fn get(&mut self, path: &str) -> std::io::Result<Reply> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: story\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
                None => break,
            }
        }
        let mut reply = Reply { status, headers, body: String::new() };
        let length = reply.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        reply.body = String::from_utf8_lossy(&body).into_owned();
        Ok(reply)
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

/// One question on a connection of its own.
pub(crate) fn get(port: u16, path: &str) -> std::io::Result<Reply> {
    Connection::to(port)?.get(path)
}

/// Clients that ask until they are stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    /// `clients` clients on each of these ports.
    pub(crate) fn on(ports: &[u16], clients: usize) -> Load {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let start = |port: u16| {
            let (stop, sent) = (Arc::clone(&stop), Arc::clone(&sent));
            std::thread::spawn(move || ask(port, &stop, &sent))
        };
        let clients = ports.iter().flat_map(|port| (0..clients).map(|_| *port)).map(start).collect();
        Load { stop, sent, clients }
    }

    /// Requests sent so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// Stops them; gives the number of requests and what was lost.
    pub(crate) fn end(self) -> (u64, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        let lost =
            self.clients.into_iter().flat_map(|client| client.join().expect("a client ends")).collect();
        (self.sent.load(Ordering::SeqCst), lost)
    }
}

fn ask(port: u16, stop: &AtomicBool, sent: &AtomicU64) -> Vec<String> {
    let mut lost = Vec::new();
    let mut connection = None;
    while !stop.load(Ordering::SeqCst) {
        sent.fetch_add(1, Ordering::SeqCst);
        match once(port, &mut connection) {
            Ok(reply) if reply.status == 200 => {}
            Ok(reply) => lost.push(format!("{port}: {} {}", reply.status, reply.body)),
            Err(error) => {
                connection = None;
                lost.push(format!("{port}: {error}"));
            }
        }
        std::thread::sleep(BETWEEN);
    }
    lost
}

fn once(port: u16, connection: &mut Option<Connection>) -> std::io::Result<Reply> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::to(port)?,
    };
    let reply = open.get("/version")?;
    // A server that says goodbye after a complete reply has lost nothing.
    if reply.header("connection") != Some("close") {
        *connection = Some(open);
    }
    Ok(reply)
}
