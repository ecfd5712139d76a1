//! Real receivers on loopback: one that fails first, one that is slow, one that is dead, one that says no.

use super::*;
use crate::world::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

fn world() -> World {
    World::with([].into(), "/".into(), Clock::system())
}

/// Begins a receiver that answers these statuses one after the other (0: it says nothing); each request comes out.
async fn receiver(world: &World, statuses: &'static [u16]) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = world.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let url = format!("http://{}/hook?a=1", listener.local_addr().unwrap());
    let (told, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        for status in statuses {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut read = Vec::new();
            while !read.ends_with(b"}") {
                let mut piece = [0; 1024];
                match stream.read(&mut piece).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => read.extend_from_slice(&piece[..count]),
                }
            }
            let _ = told.send(String::from_utf8_lossy(&read).into_owned());
            if *status > 0 {
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
            }
            kept.push(stream);
        }
    });
    (url, requests)
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint {
        url: url.to_owned(),
        plain_http: false,
        secret: Secret::of("a word of ours").unwrap(),
        attempts: 3,
        timeout: Duration::from_secs(2),
        patience: Duration::from_secs(20),
    }
}

/// The example of the specification's reference libraries.
#[test]
fn signatures_are_those_of_standard_webhooks() {
    let secret = Secret::of(&["whsec_", "MfKQ9r8GKYqrTwjUPD8I", "LPZIo2LaLaSw"].concat()).unwrap();
    let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    for (bad, word) in [("", "empty"), (" \n", "empty"), ("whsec_", "empty"), ("whsec_!!", "base64")] {
        assert!(Secret::of(bad).err().unwrap().to_string().contains(word), "{bad:?}");
    }
}

#[tokio::test]
async fn one_that_fails_first_gets_it_and_can_check_who_sent_it() {
    let world = world();
    let (url, mut requests) = receiver(&world, &[503, 429, 204]).await;
    let done = deliver(&world, &endpoint(&url), "msg_1", b"{\"a\":1}").await;
    assert_eq!(done, Delivery { attempts: 3, outcome: Ok(204) });
    for _ in 0..3 {
        let request = requests.recv().await.unwrap();
        assert!(
            request.starts_with("POST /hook?a=1 HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"a\":1}"),
            "{request}"
        );
        let header = |name: &str| {
            let mut lines = request.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(known, _)| *known == name).unwrap().1.to_owned()
        };
        let seconds = header("webhook-timestamp").parse().unwrap();
        let expected = Secret::of("a word of ours").unwrap().sign("msg_1", seconds, b"{\"a\":1}").unwrap();
        assert_eq!((header("webhook-id").as_str(), header("webhook-signature")), ("msg_1", expected));
        assert!(!request.contains("a word of ours"));
    }
}

#[tokio::test]
async fn one_that_says_no_is_not_asked_again() {
    let world = world();
    let (url, _requests) = receiver(&world, &[410, 200]).await;
    let done = deliver(&world, &endpoint(&url), "m", b"{}").await;
    assert_eq!(done, Delivery { attempts: 1, outcome: Err("it answered 410".into()) });
}

#[tokio::test]
async fn one_that_is_slow_or_dead_ends_within_its_bounds() {
    let world = world();
    let (url, _requests) = receiver(&world, &[0, 0, 0]).await;
    let slow = Endpoint { attempts: 2, timeout: Duration::from_millis(50), ..endpoint(&url) };
    let done = deliver(&world, &slow, "m", b"{}").await;
    assert_eq!(done, Delivery { attempts: 2, outcome: Err("no reply within 50 ms".into()) });
    let dead = {
        let listener = world.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let done = deliver(&world, &endpoint(&dead), "m", b"{}").await;
    assert_eq!(done.attempts, 3);
    assert!(done.outcome.unwrap_err().contains("failed to connect"));
    let hasty = Endpoint { attempts: 20, patience: Duration::from_millis(300), ..endpoint(&dead) };
    let done = deliver(&world, &hasty, "m", b"{}").await;
    assert!(done.attempts < 20 && done.outcome.unwrap_err().contains("no time is left"));
}

#[tokio::test]
async fn what_is_not_encrypted_stays_here() {
    let done =
        deliver(&world(), &Endpoint { attempts: 1, ..endpoint("http://192.0.2.1/") }, "m", b"{}").await;
    assert!(done.outcome.unwrap_err().contains("plain_http"));
}
