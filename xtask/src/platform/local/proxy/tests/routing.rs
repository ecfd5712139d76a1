//! Who gets a request, and what a switch and a drain promise.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use tokio::sync::Semaphore;

#[tokio::test]
async fn weights_are_exact_over_any_hundred_requests_whatever_the_connection() {
    let (stable, canary) = (Server::saying("stable").await, Server::saying("canary").await);
    let proxy = proxy().await;
    let backends = (stable.backend("s"), canary.backend("c"));
    let groups = vec![group(Role::Stable, 93, &[&backends.0]), group(Role::Canary, 7, &[&backends.1])];
    assert_eq!(proxy.switch(Table::new(groups).unwrap()), 1);
    let mut sessions =
        [Session::open(&proxy).await, Session::open(&proxy).await, Session::open(&proxy).await];
    let mut said = Vec::new();
    for turn in 0..250 {
        said.push(sessions[turn % 3].says().await);
    }
    for hundred in said.windows(100) {
        assert_eq!(hundred.iter().filter(|who| *who == "canary").count(), 7);
    }
    let counted = backends.1.counters().requests + backends.0.counters().requests;
    assert_eq!((counted, backends.0.in_flight()), (250, 0));
    assert_eq!(backends.0.latency().counts.iter().sum::<u64>(), backends.0.counters().requests);
}

/// A server that counts what it sees.
async fn counting(seen: &Arc<AtomicU64>) -> Server {
    let seen = Arc::clone(seen);
    Server::start(move |request| {
        let seen = Arc::clone(&seen);
        async move {
            seen.fetch_add(1, SeqCst);
            text(request.into_body().collect().await.unwrap().to_bytes())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_switch_under_load_loses_nothing_and_the_old_one_gets_nothing_more() {
    const CLIENTS: usize = 8;
    let seen = [Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0))];
    let servers = [counting(&seen[0]).await, counting(&seen[1]).await];
    let backends = [servers[0].backend("a"), servers[1].backend("b")];
    let proxy = proxy().await;
    proxy.switch(all_to(&[&backends[0]]));
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(Semaphore::new(0)));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
        let mut session = Session::open(&proxy).await;
        clients.spawn(async move {
            let mut count = 0_u64;
            while !stop.load(SeqCst) {
                let sent = format!("{client} {count}");
                let got = session.ask(post(Full::from(sent.clone()).boxed())).await;
                assert_eq!((got.status, got.body.unwrap()), (200, sent));
                answered.add_permits(1);
                count += 1;
            }
            count
        });
    }
    for turn in 0..30 {
        let (old, new) = (turn % 2, (turn + 1) % 2);
        assert_eq!(proxy.switch(all_to(&[&backends[new]])), turn as u64 + 2);
        assert_eq!(backends[old].drained(&world(), LONG).await, 0);
        let before = seen[old].load(SeqCst);
        answered.forget_permits(usize::MAX);
        answered.acquire_many(50).await.unwrap().forget();
        assert_eq!(seen[old].load(SeqCst), before, "no request after the switch");
    }
    stop.store(true, SeqCst);
    let sent: u64 = clients.join_all().await.into_iter().sum();
    let counters = backends.each_ref().map(|backend| backend.counters());
    assert_eq!(counters.iter().map(|one| one.requests).sum::<u64>(), sent);
    assert_eq!(seen.iter().map(|seen| seen.load(SeqCst)).sum::<u64>(), sent);
    assert!(counters.iter().all(|one| one.connection_errors + one.retries + one.server_errors == 0));
}

#[tokio::test]
async fn a_drain_waits_for_what_is_in_flight_and_says_what_is_left() {
    let (server, arrived, go) = holding("late").await;
    let (proxy, backend) = (proxy().await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let mut session = Session::open(&proxy).await;
    let asked = tokio::spawn(async move { session.says().await });
    arrived.notified().await;
    proxy.switch(Table::empty());
    assert_eq!(backend.drained(&world(), SHORT).await, 1);
    let drained = tokio::spawn({
        let backend = Arc::clone(&backend);
        async move { backend.drained(&world(), LONG).await }
    });
    go.notify_one();
    assert_eq!((asked.await.unwrap().as_str(), drained.await.unwrap()), ("late", 0));
}

#[tokio::test]
async fn without_anybody_to_ask_the_reply_says_so() {
    let proxy = proxy().await;
    let mut session = Session::open(&proxy).await;
    let got = session.get("/").await;
    assert_eq!((got.status, got.headers["content-type"].to_str().unwrap()), (503, "application/json"));
    let body: serde_json::Value = serde_json::from_str(&got.body.unwrap()).unwrap();
    assert_eq!(body["error"], "no instance takes requests here");
    assert_eq!(body["help"], "cargo xtask status");
    let server = Server::saying("now").await;
    proxy.switch(all_to(&[&server.backend("a")]));
    assert_eq!(
        (session.says().await.as_str(), proxy.generation()),
        ("now", 1),
        "the same connection goes on"
    );
}

#[tokio::test]
async fn a_backend_that_is_known_to_be_dead_is_not_asked() {
    let (a, b) = (Server::saying("a").await, Server::saying("b").await);
    let (proxy, a, b) = (proxy().await, a.backend("a"), b.backend("b"));
    proxy.switch(all_to(&[&a, &b]));
    let mut session = Session::open(&proxy).await;
    a.mark(Standing::Dead);
    assert_eq!([session.says().await, session.says().await].join(""), "bb");
    b.mark(Standing::Dead);
    assert_eq!(session.get("/").await.status, 503);
}
