//! Bodies and upgraded connections: carried piece by piece, never gathered.

use super::*;

const PIECES: usize = 40;
const PIECE_BYTES: usize = 256 * 1024;

fn piece() -> Bytes {
    Bytes::from(vec![b'x'; PIECE_BYTES])
}

async fn read_piece(body: &mut Incoming) {
    let mut missing = PIECE_BYTES;
    while missing > 0 {
        let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
        missing = missing.checked_sub(data.len()).unwrap();
    }
}

/// A server whose one reply is what is fed to it.
async fn fed() -> (mpsc::Sender<Bytes>, Server) {
    let (feed, body) = mpsc::channel(1);
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let server = Server::start(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async move { Response::new(Fed(body).boxed()) }
    })
    .await;
    (feed, server)
}

#[tokio::test]
async fn a_large_request_arrives_piece_by_piece_before_the_next_is_sent() {
    let (arrived, mut arrivals) = mpsc::channel(1);
    let server = Server::start(move |request: Request<Incoming>| {
        let arrived = arrived.clone();
        async move {
            let mut body = request.into_body();
            for _ in 0..PIECES {
                read_piece(&mut body).await;
                arrived.send(()).await.unwrap();
            }
            assert!(body.frame().await.is_none());
            text("all")
        }
    })
    .await;
    let (proxy, backend) = (proxy().await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let mut session = Session::open(&proxy).await;
    let (feed, body) = mpsc::channel(1);
    let asked = tokio::spawn(async move { session.ask(post(Fed(body).boxed())).await });
    for _ in 0..PIECES {
        feed.send(piece()).await.unwrap();
        // The next one is not made before the backend has this one: a proxy that gathers would wait for ever.
        arrivals.recv().await.unwrap();
    }
    drop(feed);
    assert_eq!(asked.await.unwrap().body.unwrap(), "all");
}

#[tokio::test]
async fn a_large_reply_arrives_piece_by_piece_and_counts_as_in_flight_until_its_end() {
    let (feed, server) = fed().await;
    let (proxy, backend) = (proxy().await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let mut session = Session::open(&proxy).await;
    let mut reply = session.send(get("/")).await.into_body();
    for _ in 0..PIECES {
        feed.send(piece()).await.unwrap();
        read_piece(&mut reply).await;
    }
    assert_eq!((backend.in_flight(), backend.counters().requests), (1, 0));
    drop(feed);
    assert!(reply.frame().await.is_none());
    assert_eq!((backend.drained(&world(), LONG).await, backend.counters().requests), (0, 1));
}

#[tokio::test]
async fn a_reply_that_the_client_leaves_is_not_the_backends_error() {
    let (feed, server) = fed().await;
    let (proxy, backend) = (proxy().await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let mut session = Session::open(&proxy).await;
    let mut reply = session.send(get("/")).await.into_body();
    feed.send(piece()).await.unwrap();
    read_piece(&mut reply).await;
    drop((reply, session));
    assert_eq!(backend.drained(&world(), LONG).await, 0);
    assert_eq!(backend.counters(), Counters { requests: 1, ..Counters::default() });
}

/// Answers 101 and then says back what it hears.
async fn echo(mut request: Request<Incoming>) -> Response<AnyBody> {
    let upgrade = hyper::upgrade::on(&mut request);
    let protocol = request.headers()["upgrade"].clone();
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let (mut reader, mut writer) = tokio::io::split(stream);
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    });
    let mut reply = status(101);
    reply.headers_mut().insert("connection", "upgrade".parse().unwrap());
    reply.headers_mut().insert("upgrade", protocol);
    reply
}

async fn upgraded(proxy: &Proxy) -> TokioIo<hyper::upgrade::Upgraded> {
    let mut request = get("/socket");
    request.headers_mut().insert("connection", "Upgrade".parse().unwrap());
    request.headers_mut().insert("upgrade", "echo".parse().unwrap());
    let mut session = Session::open(proxy).await;
    let mut reply = session.send(request).await;
    assert_eq!((reply.status().as_u16(), reply.headers()["upgrade"].to_str().unwrap()), (101, "echo"));
    TokioIo::new(hyper::upgrade::on(&mut reply).await.unwrap())
}

async fn say(stream: &mut TokioIo<hyper::upgrade::Upgraded>, words: &str) {
    stream.write_all(words.as_bytes()).await.unwrap();
    let mut heard = vec![0; words.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, words.as_bytes());
}

#[tokio::test]
async fn an_upgraded_stream_outlives_a_switch_and_counts_as_in_flight() {
    let (server, other) = (Server::start(echo).await, Server::saying("other").await);
    let (proxy, backend) = (proxy().await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let mut stream = upgraded(&proxy).await;
    say(&mut stream, "before").await;
    proxy.switch(all_to(&[&other.backend("b")]));
    assert_eq!(backend.drained(&world(), SHORT).await, 1);
    say(&mut stream, "after").await;
    drop(stream);
    assert_eq!(backend.drained(&world(), LONG).await, 0);
    assert_eq!(backend.counters(), Counters { requests: 1, ..Counters::default() });
}

#[tokio::test]
async fn a_shutdown_cuts_streams_only_at_its_deadline() {
    let server = Server::start(echo).await;
    let (proxy, backend) = (proxy().await, server.backend("a"));
    proxy.switch(all_to(&[&backend]));
    let mut stream = upgraded(&proxy).await;
    say(&mut stream, "x").await;
    assert_eq!(proxy.shutdown(SHORT).await, 1);
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert_eq!(backend.drained(&world(), LONG).await, 0);
}
