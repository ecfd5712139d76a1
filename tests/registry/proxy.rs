//! A proxy of bytes before a registry: it passes on, or does one of the things that go wrong.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What goes wrong.
#[derive(Clone)]
pub(crate) enum Fault {
    /// This reply instead of the registry's, with these header lines.
    Answer(u16, String),
    /// The reply breaks off in the middle of its body.
    CutReply,
    /// The connection ends while the request is still being sent.
    CutRequest,
    /// The last byte of the reply is another one.
    Flip,
    /// `Location` without scheme and host.
    Relative,
    /// Another digest in the reply's header.
    OtherDigest,
}

/// Where it goes wrong, and how often.
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    pub(crate) part: &'static str,
    pub(crate) times: usize,
    pub(crate) fault: Fault,
}

/// Asks for a token, and lets each serve for a few requests.
#[derive(Default)]
pub(crate) struct Guard {
    pub(crate) uses: usize,
    issued: usize,
    left: usize,
}

/// The proxy.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

#[expect(clippy::disallowed_methods, reason = "a story opens sockets")]
pub(crate) fn proxy(to: u16, rules: Vec<Rule>, guard: Option<Guard>) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let state = Arc::new((Mutex::new(rules), Mutex::new(guard), seen.clone()));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let state = state.clone();
            thread::spawn(move || serve(client, to, port, &state));
        }
    });
    Proxy { port, seen }
}

type State = (Mutex<Vec<Rule>>, Mutex<Option<Guard>>, Arc<Mutex<Vec<String>>>);

fn serve(mut client: TcpStream, to: u16, own: u16, (rules, guard, seen): &State) {
    let Some(head) = head(&mut client) else { return };
    let line = head.lines().next().unwrap_or_default().to_owned();
    seen.lock().unwrap().push(line.clone());
    let fault = {
        let mut rules = rules.lock().unwrap();
        let hit =
            |rule: &&mut Rule| rule.times > 0 && line.starts_with(rule.method) && line.contains(rule.part);
        rules.iter_mut().find(hit).map(|rule| {
            rule.times -= 1;
            rule.fault.clone()
        })
    };
    if let Some(Fault::CutRequest) = fault {
        let mut some = [0; 1000];
        let _ = client.read(&mut some);
        let _ = client.shutdown(Shutdown::Both);
        return;
    }
    let length = header(&head, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if client.read_exact(&mut body).is_err() {
        return;
    }
    let refused = guard.lock().unwrap().as_mut().and_then(|guard| guard.asks(&line, &head, own));
    if let Some(reply) = refused {
        let _ = client.write_all(reply.as_bytes());
        return;
    }
    if let Some(Fault::Answer(status, lines)) = &fault {
        let reply = format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n");
        let _ = client.write_all(reply.as_bytes());
        return;
    }
    let request = [head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes(), &body].concat();
    let mut reply = exchange(to, &request);
    match fault {
        Some(Fault::CutReply) => {
            let (head, body) = parted(&reply);
            reply.truncate(head.len() + body.len() / 2);
        }
        Some(Fault::Flip) => {
            if let Some(last) = reply.last_mut() {
                *last ^= 1;
            }
        }
        Some(Fault::Relative) => {
            let (head, body) = parted(&reply);
            let head = head.replace(&format!("http://127.0.0.1:{own}"), "");
            reply = [head.as_bytes(), body].concat();
        }
        Some(Fault::OtherDigest) => {
            let (head, body) = parted(&reply);
            let other = format!("Docker-Content-Digest: sha256:{}", "0".repeat(64));
            let lines = head.split("\r\n").map(|line| {
                if line.starts_with("Docker-Content-Digest") { other.clone() } else { line.to_owned() }
            });
            reply = [lines.collect::<Vec<_>>().join("\r\n").as_bytes(), body].concat();
        }
        _ => {}
    }
    let _ = client.write_all(&reply);
}

impl Guard {
    pub(crate) fn new(uses: usize) -> Guard {
        Guard { uses, ..Guard::default() }
    }

    fn asks(&mut self, line: &str, head: &str, own: u16) -> Option<String> {
        if line.contains(" /token?") {
            // The name and password of the story, as base64.
            let known = header(head, "authorization").is_some_and(|text| text.starts_with("Basic "));
            self.issued += 1;
            self.left = self.uses;
            let body = format!("{{\"token\":\"issued-for-this-story-{}\"}}", self.issued);
            let status = if known { 200 } else { 401 };
            let length = body.len();
            return Some(format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            ));
        }
        let current = format!("Bearer issued-for-this-story-{}", self.issued);
        if self.left > 0 && header(head, "authorization") == Some(current.as_str()) {
            self.left -= 1;
            return None;
        }
        let challenge =
            format!("WWW-Authenticate: Bearer realm=\"http://127.0.0.1:{own}/token\",service=\"story\"");
        Some(format!("HTTP/1.1 401 X\r\n{challenge}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
    }
}

fn head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Sends a request that closes, and reads the whole reply.
#[expect(clippy::disallowed_methods, reason = "a story opens sockets")]
pub(crate) fn exchange(port: u16, request: &[u8]) -> Vec<u8> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    server.write_all(request).unwrap();
    let mut reply = Vec::new();
    // What came before a reset is the reply.
    let _ = server.read_to_end(&mut reply);
    reply
}

/// Head and body of a reply.
pub(crate) fn parted(reply: &[u8]) -> (String, &[u8]) {
    let end = reply.windows(4).position(|window| window == b"\r\n\r\n").map_or(reply.len(), |at| at + 4);
    (String::from_utf8_lossy(&reply[..end]).into_owned(), &reply[end..])
}
