//! The desk as a process, and a client that writes HTTP by hand: half a request must be possible.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for something that should happen at once: a hang is then a failure with a name.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn command(arguments: &[&str]) -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_gateline-desk")), arguments)
}

/// The desk under another name.
pub(crate) fn program(path: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The instrumented binary of a coverage run writes where this says.
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", profile);
    }
    command
}

/// Runs a desk that ends by itself.
pub(crate) fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } =
        command(arguments).envs(environment.iter().copied()).output().expect("the desk starts");
    (status.code(), String::from_utf8(stderr).expect("messages are text"))
}

/// A running desk; killed when a test ends early.
pub(crate) struct Desk {
    child: Child,
    log: BufReader<ChildStdout>,
    pub(crate) address: String,
}

impl Desk {
    pub(crate) fn start(data_dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let data_dir = data_dir.to_str().expect("a text path");
        Self::spawn(
            command(&["--listen", "127.0.0.1:0", "--data-dir", data_dir])
                .args(arguments)
                .envs(environment.iter().copied()),
        )
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the desk starts");
        let log = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut desk = Self { child, log, address: String::new() };
        let listening = desk.line("listening");
        desk.address = listening["listen"].as_str().expect("an address").to_owned();
        desk
    }

    pub(crate) fn ready(data_dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut desk = Self::start(data_dir, arguments, environment);
        desk.line("ready");
        desk
    }

    /// Reads the log up to this message. Every line must be one JSON object.
    pub(crate) fn line(&mut self, message: &str) -> Value {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            let length = self.log.read_line(&mut line).expect("the log is text");
            assert_ne!(length, 0, "the log ended before '{message}':\n{seen}");
            let value: Value = serde_json::from_str(&line).expect("a line is one JSON object");
            if value["message"] == message {
                return value;
            }
            seen.push_str(&line);
        }
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(&self.address).expect("the desk accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Client { stream: BufReader::new(stream) }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        let mut client = self.connect();
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n\r\n"));
        client.reply()
    }

    /// Sends the head and half of the body, and waits until the desk counts it as in flight.
    pub(crate) fn half_a_request(&self) -> Client {
        let mut client = self.connect();
        client.send("GET / HTTP/1.1\r\nhost: desk\r\ncontent-length: 4\r\n\r\nha");
        self.wait_for_one_in_flight();
        client
    }

    pub(crate) fn wait_for_one_in_flight(&self) {
        let began = Instant::now();
        // Each reading counts itself as well.
        while !self.get("/metrics").body.contains("gateline_desk_requests_in_flight 2\n") {
            assert!(began.elapsed() < PATIENCE, "the request never came into flight");
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -s {name} {}", self.child.id())])
            .status()
            .expect("a shell is here");
        assert!(sent.success());
    }

    /// The exit code and what is left of the log.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).expect("the log is text");
        (self.child.wait().expect("the desk ends").code(), rest)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // It is gone already in a test that went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).expect("the desk reads");
    }

    pub(crate) fn reply(&mut self) -> Reply {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a reply");
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let status =
            head.first().and_then(|line| line.split(' ').nth(1)).expect("a reply, not a closed connection");
        let status = status.parse().expect("a status");
        let headers: Vec<(String, String)> = head[1..]
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut reply = Reply { status, headers, body: String::new() };
        let mut body = vec![0; reply.header("content-length").parse().expect("a length")];
        self.stream.read_exact(&mut body).expect("a whole body");
        reply.body = String::from_utf8(body).expect("a body of text");
        reply
    }

    pub(crate) fn is_closed(&mut self) -> bool {
        self.stream.read(&mut [0]).map_or(true, |length| length == 0)
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(got, _)| got == name).map_or("", |(_, value)| value)
    }
}
