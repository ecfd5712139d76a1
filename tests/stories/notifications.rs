//! Who is told when a rollout needs people: real receivers that fail first, answer, or are not there.

use crate::id_of;
use crate::support::releases::Image;
use crate::support::site::{Demands, Pace, Site, free_ports};
use crate::support::{eventually, files_with};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

/// A receiver on loopback: its port, and the requests so far. The first is answered 500, the others 200.
#[expect(clippy::disallowed_methods, reason = "stories use real sockets")]
fn receiver() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut read = Vec::new();
            while !is_whole(&read) {
                let mut piece = [0; 1024];
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => read.extend_from_slice(&piece[..count]),
                }
            }
            let mut heard = told.lock().expect("nobody panicked");
            let status = if heard.is_empty() { 500 } else { 200 };
            heard.push(String::from_utf8_lossy(&read).into_owned());
            let _ = stream.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes());
        }
    });
    (port, heard)
}

/// Whether a request has come with the whole of its JSON.
fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    text.split_once("\r\n\r\n").is_some_and(|(_, body)| serde_json::from_str::<Value>(body).is_ok())
}

/// The record of what `to` was told of one occasion.
fn recorded(site: &Site, to: &str, of: &str) -> Value {
    let all = site.run(&["audit", "log", "--format", "json"]).exits(0).json();
    let mine = |record: &&Value| {
        let body = &record["entry"]["body"];
        body["to"] == to && body["of"] == of
    };
    let record = all.as_array().and_then(|all| all.iter().find(mine)).cloned().expect("it is recorded");
    record["entry"].clone()
}

#[test]
fn webhooks_are_told_and_a_dead_one_holds_nothing_up() {
    let (port, heard) = receiver();
    let dead = free_ports(1)[0];
    let notifications = format!(
        "[{{name: ops, url: 'http://127.0.0.1:{port}/hook', secret_file: hook.secret}}, \
         {{name: dead, url: 'http://127.0.0.1:{dead}/', secret_file: hook.secret, attempts: 2, on: [rolled-back]}}, \
         {{name: poor, url: 'http://127.0.0.1:{port}/', secret_file: nowhere, on: [rolled-back]}}]"
    );
    let site = Site::demanding(Pace::Quick, &Demands { notifications: &notifications, ..Demands::default() });
    let secret = "every good word of seven";
    std::fs::write(site.workspace.join("hook.secret"), secret).expect("the secret can be written");
    let good = site.deployed(Image::One, "production");
    assert!(heard.lock().expect("nobody panicked").is_empty(), "nobody is needed");

    let bad = site.release(Image::Bad);
    let id = id_of(&site.run(&["deploy", "production"]).exits(13));
    let entry = recorded(&site, "ops", "waiting-for-approval");
    assert_eq!((&entry["what"], &entry["body"]["attempts"]), (&json!("notified"), &json!(2)), "{entry}");
    let ended = site.run(&["approve", &id, "--resume"]).exits(11);
    ended.says(&["dead was not told", "poor was not told", "nowhere"]);
    assert_eq!(site.answering("production"), good.to_string());
    assert_eq!(recorded(&site, "ops", "rolled-back")["what"], "notified");
    let entry = recorded(&site, "dead", "rolled-back");
    assert_eq!((&entry["what"], &entry["body"]["attempts"]), (&json!("not-notified"), &json!(2)), "{entry}");
    assert_eq!(recorded(&site, "poor", "rolled-back")["what"], "not-notified");

    eventually("three requests", || match heard.lock().expect("nobody panicked").len() {
        3 => Ok(()),
        count => Err(count.to_string()),
    });
    let heard = heard.lock().expect("nobody panicked");
    assert!(
        heard
            .iter()
            .all(|request| request.starts_with("POST /hook ") && request.contains("webhook-signature: v1,"))
    );
    let (_, body) = heard[2].split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).expect("it is JSON");
    assert_eq!(
        (&body["type"], &body["data"]["digest"]),
        (&json!("rollout.rolled-back"), &json!(bad.to_string()))
    );
    assert!(body["data"]["reason"].as_str().is_some_and(|reason| reason.contains("were errors")), "{body}");
    assert!(!heard.iter().any(|request| request.contains(secret)));
    assert_eq!(files_with(&site.state, secret), [""; 0].map(std::path::PathBuf::from));
}
