//! The desk as a process: what a supervisor sees of it.
//!
//! Each test starts the real binary on a free port (port 0; the log tells which) and waits for what it sees,
//! never for time to pass. A request is "in flight" when its head has arrived and its body has not.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests are the partner: they start the desk and talk to it"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::sqlite::SqlitePool;
use tempfile::TempDir;

/// How long a test waits for something that should happen at once: a hang is then a failure with a name.
const PATIENCE: Duration = Duration::from_secs(30);

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateline-desk"));
    command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // The instrumented binary of a coverage run writes where this says.
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", profile);
    }
    command
}

/// Runs a desk that ends by itself.
fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } =
        command(arguments).envs(environment.iter().copied()).output().expect("the desk starts");
    (status.code(), String::from_utf8(stderr).expect("messages are text"))
}

/// A running desk; killed when a test ends early.
struct Desk {
    child: Child,
    log: BufReader<ChildStdout>,
    address: String,
}

impl Desk {
    fn start(data_dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child =
            command(&["--listen", "127.0.0.1:0", "--data-dir", data_dir.to_str().expect("a text path")])
                .args(arguments)
                .envs(environment.iter().copied())
                .spawn()
                .expect("the desk starts");
        let log = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut desk = Self { child, log, address: String::new() };
        let listening = desk.line("listening");
        desk.address = listening["listen"].as_str().expect("an address").to_owned();
        desk
    }

    fn ready(data_dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut desk = Self::start(data_dir, arguments, environment);
        desk.line("ready");
        desk
    }

    /// Reads the log up to this message. Every line must be one JSON object.
    fn line(&mut self, message: &str) -> Value {
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

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(&self.address).expect("the desk accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Client { stream: BufReader::new(stream) }
    }

    fn get(&self, path: &str) -> Reply {
        let mut client = self.connect();
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: desk\r\nconnection: close\r\n\r\n"));
        client.reply()
    }

    /// Sends the head and half of the body, and waits until the desk counts it as in flight.
    fn half_a_request(&self) -> Client {
        let mut client = self.connect();
        client.send("GET / HTTP/1.1\r\nhost: desk\r\ncontent-length: 4\r\n\r\nha");
        self.wait_for_one_in_flight();
        client
    }

    fn wait_for_one_in_flight(&self) {
        let began = Instant::now();
        // Each reading counts itself as well.
        while !self.get("/metrics").body.contains("gateline_desk_requests_in_flight 2\n") {
            assert!(began.elapsed() < PATIENCE, "the request never came into flight");
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -s {name} {}", self.child.id())])
            .status()
            .expect("a shell is here");
        assert!(sent.success());
    }

    /// The exit code and what is left of the log.
    fn ended(mut self) -> (Option<i32>, String) {
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

struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Client {
    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).expect("the desk reads");
    }

    fn reply(&mut self) -> Reply {
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

    fn is_closed(&mut self) -> bool {
        self.stream.read(&mut [0]).map_or(true, |length| length == 0)
    }
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(got, _)| got == name).map_or("", |(_, value)| value)
    }
}

fn data_dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

fn in_database<T>(data_dir: &Path, work: impl AsyncFnOnce(SqlitePool) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let file = format!("sqlite://{}", data_dir.join("desk.sqlite").display());
        let pool = SqlitePool::connect(&file).await.expect("the desk made a database");
        let result = work(pool.clone()).await;
        pool.close().await;
        result
    })
}

#[test]
fn the_environment_says_who_it_is() {
    let data = data_dir();
    let desk = Desk::ready(
        data.path(),
        &[],
        &[
            ("GATELINE_VERSION", "9.8.7"),
            ("GATELINE_COMMIT", "c0ffee"),
            ("GATELINE_DIGEST", "sha256:ab"),
            ("GATELINE_INSTANCE", "desk-1"),
            ("GATELINE_NONCE", "dice"),
        ],
    );
    for (path, status) in [("/", 200), ("/health/ready", 200), ("/version", 200), ("/no/such", 404)] {
        let reply = desk.get(path);
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.header("x-gateline-version"), "9.8.7");
        assert_eq!(reply.header("x-gateline-commit"), "c0ffee");
        assert_eq!(reply.header("x-gateline-digest"), "sha256:ab");
        assert_eq!(reply.header("x-gateline-instance"), "desk-1");
    }
    assert_eq!(desk.get("/health/ready").header("x-gateline-nonce"), "dice");
    assert_eq!(desk.get("/").header("x-gateline-nonce"), "");
}

#[test]
fn without_an_environment_it_is_unknown() {
    let data = data_dir();
    let desk = Desk::ready(data.path(), &[], &[]);
    let reply = desk.get("/version");
    assert_eq!(reply.header("x-gateline-version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(reply.header("x-gateline-digest"), "unknown");
    assert_eq!(reply.header("x-gateline-nonce"), "unknown");
}

#[test]
fn settings_come_from_the_environment_too() {
    let data = data_dir();
    let directory = data.path().join("from the environment");
    let directory_name = directory.to_str().expect("a text path").to_owned();
    // The flags of `start` win, so this one starts by hand.
    let mut child = command(&[])
        .envs([("PORT", "0"), ("DATA_DIR", directory_name.as_str()), ("GATELINE_DESK_LOG_LEVEL", "debug")])
        .spawn()
        .expect("the desk starts");
    let log = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut desk = Desk { child, log, address: String::new() };
    desk.address = desk.line("listening")["listen"].as_str().expect("an address").to_owned();
    assert!(desk.address.starts_with("127.0.0.1:"));
    desk.line("ready");
    assert!(directory.join("desk.sqlite").is_file());
    assert_eq!(desk.get("/health/live").status, 200);
    let line = desk.line("request");
    assert_eq!(
        (&line["level"], &line["path"], &line["status"]),
        (&Value::from("DEBUG"), &Value::from("/health/live"), &Value::from(200))
    );
}

#[test]
fn a_log_for_people_is_text() {
    let data = data_dir();
    let directory = data.path().to_str().expect("a text path");
    let mut child = command(&["--listen", "127.0.0.1:0", "--data-dir", directory, "--log-format", "text"])
        .spawn()
        .expect("starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(line.contains("INFO") && line.contains("listening") && !line.starts_with('{'), "{line}");
}

#[test]
fn bad_settings_end_with_two_and_say_what_where_why_and_next() {
    #[track_caller]
    fn check(arguments: &[&str], environment: &[(&str, &str)], expected: &[&str]) {
        let (code, message) = refused(arguments, environment);
        assert_eq!(code, Some(2), "{message}");
        for part in expected {
            assert!(message.contains(part), "no '{part}' in: {message}");
        }
    }
    check(&["--listen", "here"], &[], &["--listen", "'here'", "why:", "next:"]);
    check(&[], &[("GATELINE_DESK_LISTEN", "here")], &["GATELINE_DESK_LISTEN", "'here'", "next:"]);
    check(&[], &[("PORT", "http")], &["(PORT)", "'http'", "next:"]);
    check(&[], &[("GATELINE_DESK_DRAIN_TIMEOUT_SECS", "0")], &["GATELINE_DESK_DRAIN_TIMEOUT_SECS", "next:"]);
    check(&[], &[("GATELINE_NONCE", "two words")], &["GATELINE_NONCE", "next:"]);
    check(&["--no-such-flag"], &[], &["--no-such-flag"]);
}

#[test]
fn help_and_version_are_answers() {
    for flag in ["--help", "--version"] {
        let output = command(&[flag]).output().expect("the desk starts");
        assert_eq!(output.status.code(), Some(0));
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let data = data_dir();
    let file = data.path().join("file");
    std::fs::write(&file, "in the way").expect("writable");
    let inside = file.join("data");
    let inside = inside.to_str().expect("a text path");
    let (code, message) = refused(&["--listen", "127.0.0.1:0", "--data-dir", inside], &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains(inside) && message.contains("next:"), "{message}");
}

#[test]
fn a_taken_port_is_named() {
    let data = data_dir();
    let first = Desk::start(data.path(), &[], &[]);
    let directory = data.path().to_str().expect("a text path");
    let (code, message) = refused(&["--listen", &first.address, "--data-dir", directory], &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains(&first.address) && message.contains("next:"), "{message}");
}

#[test]
fn a_start_is_recorded_in_a_migrated_database() {
    let data = data_dir();
    let desk = Desk::ready(data.path(), &[], &[("GATELINE_INSTANCE", "desk-1")]);
    desk.signal("TERM");
    assert_eq!(desk.ended().0, Some(0));
    let (instances, journal): (Vec<String>, String) = in_database(data.path(), async |pool| {
        let instances =
            sqlx::query_scalar("SELECT instance FROM starts").fetch_all(&pool).await.expect("a table");
        (instances, sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&pool).await.expect("a mode"))
    });
    assert_eq!((instances, journal.as_str()), (vec!["desk-1".to_owned()], "wal"));
}

#[test]
fn an_older_desk_starts_on_a_newer_schema() {
    let data = data_dir();
    let desk = Desk::ready(data.path(), &[], &[]);
    desk.signal("TERM");
    assert_eq!(desk.ended().0, Some(0));
    in_database(data.path(), async |pool| {
        sqlx::query("ALTER TABLE starts ADD COLUMN mood TEXT").execute(&pool).await.expect("expands");
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', TRUE, x'00', 0)",
        )
        .execute(&pool)
        .await
        .expect("a migration of a later version");
    });
    let desk = Desk::ready(data.path(), &[], &[]);
    assert_eq!(desk.get("/health/ready").status, 200);
}

#[test]
fn a_changed_migration_is_refused() {
    let data = data_dir();
    let desk = Desk::ready(data.path(), &[], &[]);
    desk.signal("TERM");
    assert_eq!(desk.ended().0, Some(0));
    in_database(data.path(), async |pool| {
        sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&pool).await.expect("changes");
    });
    let directory = data.path().to_str().expect("a text path");
    let (code, message) = refused(&["--listen", "127.0.0.1:0", "--data-dir", directory], &[]);
    assert_eq!(code, Some(1));
    assert!(message.contains("migration 1 was changed") && message.contains("next:"), "{message}");
}

#[test]
fn a_drain_finishes_what_is_in_flight_and_answers_what_still_comes() {
    for signal in ["TERM", "INT"] {
        let data = data_dir();
        let mut desk = Desk::ready(data.path(), &[], &[]);
        let mut kept = desk.connect();
        kept.send("GET /health/ready HTTP/1.1\r\nhost: desk\r\n\r\n");
        assert_eq!(kept.reply().status, 200);
        let mut half = desk.half_a_request();

        desk.signal(signal);
        desk.line("draining");
        let reply = desk.get("/health/ready");
        assert_eq!((reply.status, reply.header("connection")), (503, "close"));
        assert!(reply.body.contains("draining"), "{}", reply.body);
        // A kept connection is still served, and then closed.
        kept.send("GET / HTTP/1.1\r\nhost: desk\r\n\r\n");
        let reply = kept.reply();
        assert_eq!((reply.status, reply.header("connection")), (200, "close"));
        assert!(kept.is_closed());

        half.send("lf");
        let reply = half.reply();
        assert_eq!((reply.status, reply.header("connection")), (200, "close"));
        let (code, log) = desk.ended();
        assert_eq!(code, Some(0), "{log}");
        assert!(log.contains("stopped in order"), "{log}");
    }
}

#[test]
fn an_idle_connection_does_not_hold_a_drain_up() {
    let data = data_dir();
    let desk = Desk::ready(data.path(), &["--drain-timeout-secs", "3600", "--lame-duck-millis", "0"], &[]);
    let mut kept = desk.connect();
    kept.send("GET / HTTP/1.1\r\nhost: desk\r\n\r\n");
    assert_eq!(kept.reply().status, 200);
    let mut silent = desk.connect();
    desk.signal("TERM");
    assert!(kept.is_closed());
    assert!(silent.is_closed());
    assert_eq!(desk.ended().0, Some(0));
}

#[test]
fn what_still_runs_at_the_deadline_is_cut_and_counted() {
    let data = data_dir();
    let desk = Desk::ready(data.path(), &["--drain-timeout-secs", "1"], &[]);
    let mut half = desk.half_a_request();
    desk.signal("TERM");
    assert!(half.is_closed());
    let (code, log) = desk.ended();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains(r#""cut_requests":1"#), "{log}");
}

#[cfg(feature = "faults")]
mod faulty {
    use super::*;

    #[test]
    fn a_crash_comes_after_readiness_was_said() {
        let data = data_dir();
        let desk = Desk::ready(data.path(), &["--fault", "crash-after-ready"], &[]);
        assert_eq!(desk.get("/health/ready").status, 200);
        assert_eq!(desk.ended().0, Some(3));
    }

    #[test]
    fn a_file_beside_the_executable_bakes_a_fault_in() {
        let data = data_dir();
        let program = data.path().join("desk");
        std::fs::copy(env!("CARGO_BIN_EXE_gateline-desk"), &program).expect("a copy");
        std::fs::write(data.path().join("desk-fault"), "no-such-fault\n").expect("a file");
        let output = Command::new(&program).env_clear().output().expect("the copy starts");
        assert_eq!(output.status.code(), Some(2));
        let message = String::from_utf8(output.stderr).expect("text");
        assert!(message.contains("desk-fault") && message.contains("no-such-fault"), "{message}");
    }

    #[test]
    fn a_deaf_desk_goes_on_after_sigterm() {
        let data = data_dir();
        let desk = Desk::ready(data.path(), &[], &[("GATELINE_DESK_FAULT", "ignore-sigterm")]);
        desk.signal("TERM");
        assert_eq!(desk.get("/health/ready").status, 200);
        desk.signal("INT");
        assert_eq!(desk.ended().0, Some(0));
    }

    #[test]
    fn a_slow_request_is_finished_by_a_drain() {
        let data = data_dir();
        let mut desk = Desk::ready(data.path(), &[], &[]);
        let mut slow = desk.connect();
        slow.send("GET /faults/slow?ms=500 HTTP/1.1\r\nhost: desk\r\n\r\n");
        desk.wait_for_one_in_flight();
        desk.signal("TERM");
        desk.line("draining");
        assert_eq!(slow.reply().status, 200);
        assert_eq!(desk.ended().0, Some(0));
    }
}
