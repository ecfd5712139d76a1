//! What the supervisor asks of a proxy besides traffic: probes, health checks, limits, the end.

use super::*;

/// Says back the fields that it got, as JSON.
async fn mirror(request: Request<Incoming>) -> Response<AnyBody> {
    let fields: BTreeMap<_, _> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let mut reply = text(serde_json::to_vec(&fields).unwrap());
    reply.headers_mut().insert("connection", "x-hop".parse().unwrap());
    reply.headers_mut().insert("x-hop", "1".parse().unwrap());
    reply.headers_mut().insert("x-gateline-digest", "sha256:0".parse().unwrap());
    reply
}

#[tokio::test]
async fn clients_cannot_mark_probes_and_backends_learn_who_asked() {
    let server = Server::start(mirror).await;
    let proxy = proxy().await;
    proxy.switch(all_to(&[&server.backend("a")]));
    let mut request = get("/");
    for (name, value) in [(PROBE_HEADER, "1"), ("x-gateline-nonce", "n"), ("x-mine", "kept")] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let got = Session::open(&proxy).await.ask(request).await;
    let fields: BTreeMap<String, String> = serde_json::from_str(&got.body.unwrap()).unwrap();
    let expected = [
        ("host", "desk.test"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "desk.test"),
        ("x-forwarded-proto", "http"),
        ("x-mine", "kept"),
    ];
    assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(got.headers["x-gateline-digest"], "sha256:0");
    assert!(!got.headers.contains_key("x-hop"));
}

#[tokio::test]
async fn probes_are_marked_shared_out_and_counted_apart() {
    let marked = |request: Request<Incoming>| async move {
        let is_marked = request.headers().get(PROBE_HEADER).is_some_and(|value| value == "1");
        status(if request.uri().path() == "/bad" {
            500
        } else if is_marked {
            204
        } else {
            503
        })
    };
    let (server, other) = (Server::start(marked).await, Server::start(marked).await);
    let (proxy, backends) = (proxy().await, [server.backend("a"), other.backend("b")]);
    let good = proxy.probe(&backends, "/", 31).await.unwrap();
    assert_eq!(good, Probed { ok: 31, failed: 0, last_failure: None });
    let bad = proxy.probe(&backends[..1], "/bad", 3).await.unwrap();
    assert_eq!((bad.ok, bad.failed), (0, 3));
    assert_eq!(bad.last_failure.unwrap(), "a /bad: answered 500 Internal Server Error");
    let counters = backends.each_ref().map(|backend| backend.counters());
    assert_eq!(counters[0], Counters { probes: 19, probe_errors: 3, ..Counters::default() });
    assert_eq!(counters[1], Counters { probes: 15, ..Counters::default() });
    assert_eq!(backends[0].in_flight(), 0);
}

#[tokio::test]
async fn probes_that_get_no_whole_reply_fail_once_each() {
    let (_feed, body) = mpsc::channel(1);
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let half = Server::start(move |_| {
        let body = body.lock().unwrap().take();
        async move {
            match body {
                Some(body) => Response::new(Fed(body).boxed()),
                None => std::future::pending().await,
            }
        }
    })
    .await;
    let proxy = proxy_with(Limits { probe_timeout: SHORT, ..Limits::default() }).await;
    let backend = half.backend("a");
    let probed = proxy.probe(&[Arc::clone(&backend)], "/", 2).await.unwrap();
    assert_eq!((probed.ok, probed.failed), (0, 2));
    assert_eq!(probed.last_failure.unwrap(), "a /: no complete reply within 30 ms");
    assert_eq!(backend.counters(), Counters { probes: 2, probe_errors: 2, ..Counters::default() });
    let refusing = Backend::new("r", nowhere().await);
    let probed = proxy.probe(&[Arc::clone(&refusing)], "/", 1).await.unwrap();
    assert!(probed.last_failure.unwrap().starts_with("r /: failed to connect: "));
    assert_eq!(refusing.counters(), Counters { probes: 1, probe_errors: 1, ..Counters::default() });
}

#[tokio::test]
async fn probes_that_make_no_sense_are_refused() {
    let (proxy, backend) = (proxy().await, Backend::new("r", nowhere().await));
    let check = async |backends: &[Arc<Backend>], path: &str, count, expected: &str| {
        assert_eq!(proxy.probe(backends, path, count).await.unwrap_err().to_string(), expected);
    };
    let one = [backend];
    check(&one, "/", 1001, "1001 probes are more than 1000").await;
    check(&[], "/", 1, "there is no instance to probe").await;
    check(&one, "x", 1, "`x` is not a path (it begins with `/`)").await;
    check(&one, "http://a/", 1, "`http://a/` is not a path (it begins with `/`)").await;
}

#[tokio::test]
async fn fetching_gives_a_whole_reply_or_a_reason() {
    let server = Server::start(|request: Request<Incoming>| async move {
        match request.uri().path() {
            "/long" => text(vec![b'x'; FETCH_BODY_BYTES_MAX + 1]),
            "/never" => std::future::pending().await,
            _ => mirror(request).await,
        }
    })
    .await;
    let world = world();
    let fetched = fetch(&world, server.address, "/ready?x", LONG).await.unwrap();
    assert_eq!(
        (fetched.status.as_u16(), fetched.headers["x-gateline-digest"].to_str().unwrap()),
        (200, "sha256:0")
    );
    assert!(String::from_utf8(fetched.body).unwrap().contains("\"user-agent\":\"gateline/"));
    let check = async |address: SocketAddr, path: &str, timeout, expected: &str| {
        let error = format!("{:#}", fetch(&world, address, path, timeout).await.unwrap_err());
        let begin = format!("failed to get http://{address}{path}: {expected}");
        assert!(error.starts_with(&begin), "{error}");
    };
    check(server.address, "/long", LONG, "the body cannot be read: ").await;
    check(server.address, "/never", SHORT, "no complete reply within 30 ms").await;
    check(server.address, "ready", LONG, "`ready` is not a path").await;
    check(nowhere().await, "/", LONG, "failed to connect: ").await;
}

#[tokio::test]
async fn a_shutdown_finishes_what_is_in_flight_and_frees_the_port() {
    let (server, arrived, go) = holding("whole").await;
    let proxy = proxy().await;
    proxy.switch(all_to(&[&server.backend("a")]));
    let address = proxy.address();
    let (mut session, idle) = (Session::open(&proxy).await, Session::open(&proxy).await);
    let asked = tokio::spawn(async move { session.says().await });
    arrived.notified().await;
    let closed = tokio::spawn(proxy.shutdown(LONG));
    go.notify_one();
    assert_eq!((asked.await.unwrap().as_str(), closed.await.unwrap()), ("whole", 0));
    drop(idle);
    world().listen(address).await.unwrap();
}

#[tokio::test]
async fn a_dropped_proxy_leaves_its_port() {
    let proxy = proxy().await;
    let address = proxy.address();
    let mut session = Session::open(&proxy).await;
    assert_eq!(session.get("/").await.status, 503);
    drop(proxy);
    while world().connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    while !session.0.is_closed() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let server = Server::saying("turn").await;
    let proxy = proxy_with(Limits { connections_max: 1, ..Limits::default() }).await;
    proxy.switch(all_to(&[&server.backend("a")]));
    let mut first = Session::open(&proxy).await;
    assert_eq!(first.says().await, "turn");
    let mut second = Session::open(&proxy).await;
    let mut waiting = tokio::spawn(async move { second.says().await });
    let world = world();
    let is_early = tokio::select! {
        _ = &mut waiting => true,
        () = world.sleep(SHORT) => false,
    };
    assert!(!is_early);
    drop(first);
    assert_eq!(waiting.await.unwrap(), "turn");
}
