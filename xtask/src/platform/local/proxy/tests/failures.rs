//! What a backend can do wrong, and what the client and the counters see of it.

use super::*;

/// A backend that answers every connection with these bytes and closes it.
async fn raw(bytes: &'static str) -> Server {
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            stream.write_all(bytes.as_bytes()).await.unwrap();
        }
    });
    Server { address, task: task.abort_handle() }
}

/// One GET to this backend alone: the status that the client saw, whether the reply was whole, and the counters.
async fn check(server: &Server, limits: Limits, expected: (u16, bool, Counters)) {
    let (proxy, backend) = (proxy_with(limits).await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let got = Session::open(&proxy).await.get("/").await;
    assert_eq!(backend.drained(&world(), LONG).await, 0);
    assert_eq!((got.status, got.body.is_ok(), backend.counters()), expected);
}

#[tokio::test]
async fn each_failure_has_its_status_and_its_counter() {
    let failed = Counters { requests: 1, connection_errors: 1, ..Counters::default() };
    let cut = raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly so far").await;
    check(&cut, Limits::default(), (200, false, failed)).await;
    let chunk = raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    check(&chunk, Limits::default(), (200, false, failed)).await;
    check(&raw("").await, Limits::default(), (502, true, failed)).await;
    check(&raw("nonsense\r\n\r\n").await, Limits::default(), (502, true, failed)).await;
    let unasked = raw("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n").await;
    check(&unasked, Limits::default(), (502, true, failed)).await;
    let silent = Server::start(|_| std::future::pending()).await;
    check(&silent, Limits { head_timeout: SHORT, ..Limits::default() }, (504, true, failed)).await;
    let bad = Server::start(|_| async { status(500) }).await;
    let error = Counters { requests: 1, server_errors: 1, ..Counters::default() };
    check(&bad, Limits::default(), (500, true, error)).await;
}

#[tokio::test]
async fn a_refused_connection_is_retried_in_the_same_group_and_counted() {
    let good = Server::saying("good").await;
    let (proxy, refusing, good) = (proxy().await, Backend::new("r", nowhere().await), good.backend("g"));
    proxy.switch(all_to(&[&refusing, &good]));
    let mut session = Session::open(&proxy).await;
    for _ in 0..4 {
        assert_eq!(session.says().await, "good");
    }
    let counters = refusing.counters();
    assert!(counters.retries > 0);
    assert_eq!((counters.connection_errors, counters.requests), (counters.retries, counters.retries));
    assert_eq!((good.counters().requests, good.counters().retries), (4, 0));
}

#[tokio::test]
async fn a_body_that_is_not_idempotent_is_not_sent_elsewhere() {
    let good = Server::saying("good").await;
    let (proxy, refusing, good) = (proxy().await, Backend::new("r", nowhere().await), good.backend("g"));
    let mut session = Session::open(&proxy).await;
    let mut check = async |request: Request<AnyBody>, expected| {
        // A fresh table begins with the first backend.
        proxy.switch(all_to(&[&refusing, &good]));
        let got = session.ask(request).await;
        assert_eq!(got.status, expected, "{:?}", got.body);
    };
    check(post(Full::from("x").boxed()), 502).await;
    check(post(Full::default().boxed()), 200).await;
    let mut put = post(Full::from("x").boxed());
    *put.method_mut() = Method::PUT;
    check(put, 200).await;
    assert_eq!((refusing.counters().connection_errors, refusing.counters().retries), (3, 2));
}

#[tokio::test]
async fn a_client_that_stops_sending_is_told_and_nobody_else_is_blamed() {
    let server = Server::start(|request| async {
        let _ = request.into_body().collect().await;
        text("all")
    })
    .await;
    let limits = Limits { head_timeout: SHORT, ..Limits::default() };
    let (proxy, backend) = (proxy_with(limits).await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let (feed, body) = mpsc::channel(1);
    feed.send(Bytes::from("begin")).await.unwrap();
    let got = Session::open(&proxy).await.send(post(Fed(body).boxed())).await;
    assert_eq!(got.status(), 408);
    assert_eq!(backend.counters(), Counters::default());
    drop(feed);
}

#[tokio::test]
async fn a_connection_that_the_backend_closed_meanwhile_is_not_used_again() {
    let backend_side = raw("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let (proxy, backend) = (proxy().await, backend_side.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let mut session = Session::open(&proxy).await;
    for _ in 0..20 {
        assert_eq!(session.ask(get("/")).await.body.unwrap(), "ok");
    }
    assert_eq!(backend.counters(), Counters { requests: 20, ..Counters::default() });
}

#[tokio::test]
async fn a_request_that_never_left_on_a_kept_connection_gets_a_fresh_one() {
    let server = Server::saying("fresh").await;
    let (proxy, backend) = (proxy().await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    // A kept connection whose driver is ours: it takes the request, and dies before it writes a byte of it.
    let (near, _far) = tokio::io::duplex(1024);
    let handshake = hyper::client::conn::http1::handshake::<_, body::Outbound>(TokioIo::new(near));
    let (sender, mut driver) = handshake.await.unwrap();
    tokio::select! {
        biased;
        _ = &mut driver => panic!("the connection ended"),
        () = std::future::ready(()) => {}
    }
    assert!(sender.is_ready());
    backend.pool.put(sender, proxy.core.client.world.monotonic());
    let mut session = Session::open(&proxy).await;
    let asked = tokio::spawn(async move { session.ask(post(Full::from("x").boxed())).await });
    while backend.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    drop(driver);
    assert_eq!(asked.await.unwrap().body.unwrap(), "fresh");
    assert_eq!(backend.counters(), Counters { requests: 1, retries: 1, ..Counters::default() });
}

#[tokio::test]
async fn kept_connections_are_used_again_until_they_are_too_old() {
    let connections = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let check = async |limits: Limits, expected: usize| {
        connections.lock().unwrap().clear();
        let (listener, seen) = (listener().await, Arc::clone(&connections));
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            loop {
                let (stream, peer) = listener.accept().await.unwrap();
                seen.lock().unwrap().insert(peer.port());
                let service = service_fn(|_| async { Ok::<_, Infallible>(text("ok")) });
                serving.spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        let (proxy, backend) = (proxy_with(limits).await, Backend::new("a", address));
        proxy.switch(all_to(&[&backend]));
        let mut session = Session::open(&proxy).await;
        for _ in 0..5 {
            session.says().await;
        }
        assert_eq!(connections.lock().unwrap().len(), expected);
        accepting.abort();
    };
    check(Limits::default(), 1).await;
    check(Limits { pool_idle_timeout: Duration::ZERO, ..Limits::default() }, 5).await;
}

/// What a client gets that writes these bytes itself.
async fn raw_client(proxy: &Proxy, bytes: &str) -> String {
    let mut stream: TcpStream = world().connect(proxy.address()).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut got = String::new();
    stream.read_to_string(&mut got).await.unwrap();
    got.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn requests_that_cannot_be_passed_on_are_answered_here() {
    let server = Server::saying("x").await;
    let limits = Limits { idle_timeout: SHORT, header_bytes_max: 1, ..Limits::default() };
    let proxy = proxy_with(limits).await;
    proxy.switch(all_to(&[&server.backend("a")]));
    let check = async |bytes: &str, expected: &str| assert_eq!(raw_client(&proxy, bytes).await, expected);
    check("CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n", "HTTP/1.1 501 Not Implemented").await;
    check("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request").await;
    check("GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK").await;
    check("nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request").await;
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(20_000));
    check(&long, "HTTP/1.1 431 Request Header Fields Too Large").await;
    check("GET / HTTP/1.1\r\nhos", "").await;
}
