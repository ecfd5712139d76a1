//! Everything that goes wrong between us and a registry ends in another attempt or in an error that says what to do.

use super::proxy::{Fault, Guard, Rule, proxy};
use super::*;

fn answer(status: u16, lines: &str) -> Fault {
    Fault::Answer(status, lines.to_owned())
}

/// Pushes through one fault.
#[track_caller]
fn check(method: &'static str, part: &'static str, times: usize, fault: Fault, code: i32, words: &[&str]) {
    let Some(home) = home() else { return };
    let image = home.image("a", &[7; 300_000], &["x"]);
    let proxy = proxy(home.port, vec![Rule { method, part, times, fault }], None);
    let to = format!("127.0.0.1:{}/svc:1", proxy.port);
    home.run(&["push", &home.oci("a"), &to]).exits(code).says(words);
    assert_eq!(home.tag("svc", "1"), (code == 0).then_some(image), "{method} {part}");
}

#[test]
fn what_may_pass_is_tried_again() {
    check("POST", "/blobs/uploads/", 1, answer(429, "Retry-After: 0\r\n"), 0, &[]);
    check("PUT", "/blobs/uploads/", 1, answer(503, ""), 0, &[]);
    check("PUT", "/blobs/uploads/", 1, Fault::CutRequest, 0, &[]);
    check("PUT", "/manifests/", 1, answer(500, ""), 0, &[]);
    check("GET", "/manifests/", 1, Fault::CutReply, 0, &[]);
    check("POST", "/blobs/uploads/", 9, Fault::Relative, 0, &[]);
}

#[test]
fn what_does_not_pass_is_told_and_no_tag_is_there() {
    check("POST", "/blobs/uploads/", 1, answer(403, ""), 1, &["403", "docker login"]);
    check("POST", "/blobs/uploads/", 1, answer(404, ""), 1, &["404", "check the name"]);
    check("PUT", "/manifests/", 1, answer(409, ""), 1, &["409", "no tag was moved"]);
    check("POST", "/blobs/uploads/", 1, answer(429, "Retry-After: 3600\r\n"), 1, &["429"]);
    check("GET", "/manifests/sha256:", 1, Fault::Flip, 10, &["promised"]);
    check("PUT", "/manifests/sha256:", 1, Fault::OtherDigest, 10, &["took it for"]);
}

#[test]
fn a_blob_that_is_cut_is_read_again_and_a_wrong_one_is_refused() {
    let Some(home) = home() else { return };
    let image = home.image("a", &[7; 300_000], &["x"]);
    home.done(&["push", &home.oci("a"), &home.at("svc:1")]);
    for (fault, code, words) in [(Fault::CutReply, 0, &[][..]), (Fault::Flip, 10, &["its digest is"])] {
        let rule = Rule { method: "GET", part: "/blobs/", times: 1, fault };
        let proxy = proxy(home.port, vec![rule], None);
        let from = format!("127.0.0.1:{}/svc@{image}", proxy.port);
        let to = home.oci(&format!("to-{code}"));
        home.run(&["pull", &from, &to]).exits(code).says(words);
        assert_eq!(home.path(&format!("to-{code}")).exists(), code == 0);
    }
}

#[test]
fn tokens_are_asked_for_and_renewed_and_never_shown() {
    let Some(home) = home() else { return };
    let image = home.image("a", &[7; 300_000], &["x"]);
    let proxy = proxy(home.port, vec![], Some(Guard::new(4)));
    let host = format!("127.0.0.1:{}", proxy.port);
    let auths = serde_json::json!({"auths": {&host: {"username": "story", "password": "not-to-be-shown"}}});
    let folder = home.path(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), auths.to_string()).unwrap();
    let ran = home.run(&["push", &home.oci("a"), &format!("{host}/svc:1")]).exits(0);
    for secret in ["not-to-be-shown", "issued-for-this-story"] {
        assert!(!ran.all().contains(secret), "{}", ran.all());
    }
    assert_eq!(home.tag("svc", "1"), Some(image));
    let seen = proxy.seen.lock().unwrap();
    let tokens = seen.iter().filter(|line| line.contains("/token?")).count();
    assert!(tokens > 1, "one token served for all of {seen:?}");
    assert!(seen.iter().any(|line| line.contains("scope=repository%3Asvc%3Apull%2Cpush")), "{seen:?}");
}

#[test]
fn who_stops_a_push_leaves_no_tag() {
    let Some(home) = home() else { return };
    home.image("a", &[7; 300_000], &[]);
    let rules = vec![Rule {
        method: "PUT",
        part: "/manifests/",
        times: 99,
        fault: answer(503, "Retry-After: 50\r\n"),
    }];
    let proxy = proxy(home.port, rules, None);
    let to = format!("127.0.0.1:{}/svc:1", proxy.port);
    let mut command =
        gateline(home.folder.path(), &home.path("state"), &["image", "push", &home.oci("a"), &to]);
    let mut child = command.env("HOME", home.folder.path()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the first document", || {
        let seen = proxy.seen.lock().unwrap();
        seen.iter()
            .any(|line| line.starts_with("PUT") && line.contains("/manifests/"))
            .then_some(())
            .ok_or(format!("{seen:?}"))
    });
    support::interrupt(child.id());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(home.tag("svc", "1"), None);
}
