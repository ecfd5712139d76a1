//! The desk as a process: what a supervisor sees of it.
//!
//! Each test starts the real binary on a free port (port 0; the log tells which) and waits for what it sees,
//! never for time to pass. A request is "in flight" when its head has arrived and its body has not.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests are the partner: they start the desk and talk to it"
)]

#[path = "desk/process.rs"]
mod process;

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use process::{Desk, command, refused};
use serde_json::Value;
use sqlx::sqlite::SqlitePool;
use tempfile::TempDir;

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
    let mut desk = Desk::spawn(command(&[]).envs([
        ("PORT", "0"),
        ("DATA_DIR", directory_name.as_str()),
        ("GATELINE_DESK_LOG_LEVEL", "debug"),
    ]));
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
    use crate::process::program;

    #[test]
    fn a_crash_comes_after_readiness_was_said() {
        let data = data_dir();
        let desk = Desk::ready(data.path(), &["--fault", "crash-after-ready"], &[]);
        assert_eq!(desk.get("/health/ready").status, 200);
        assert_eq!(desk.ended().0, Some(3));
    }

    #[test]
    fn a_file_beside_the_executable_bakes_a_fault_in() {
        // A link, and so on the same disk: a copy can be "busy", while another test forks with it open.
        let data = data_dir();
        let beside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let path = beside.path().join("desk");
        std::fs::hard_link(env!("CARGO_BIN_EXE_gateline-desk"), &path).expect("a link");
        std::fs::write(beside.path().join("desk-fault"), "never-ready\n").expect("a file");
        let data = data.path().to_str().expect("a text path");
        let mut desk = Desk::spawn(&mut program(&path, &["--listen", "127.0.0.1:0", "--data-dir", data]));
        desk.line("ready");
        let reply = desk.get("/health/ready");
        assert_eq!(reply.status, 503);
        assert!(reply.body.contains("never-ready"), "{}", reply.body);
    }

    #[test]
    fn an_unknown_fault_is_a_bad_setting() {
        let (code, message) = refused(&["--fault", "no-such-fault"], &[]);
        assert_eq!(code, Some(2));
        assert!(message.contains("desk-fault") && message.contains("next: give one of"), "{message}");
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
