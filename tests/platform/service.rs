//! The service of these stories: this very test binary, started again inside a root file system.
//!
//! It speaks just enough HTTP/1.1 and behaves as `MODE` says: `good`, `plain` (does not repeat its identity), `deaf` (never
//! listens), `crash` (ends at once). It answers `/ready` with 503 while `DATA_DIR/unready`
//! is there, and `/hold` only once `DATA_DIR/go` is.

use gateline::world::World;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LOOK: Duration = Duration::from_millis(5);

/// Serves until it is killed.
pub(crate) async fn run(world: World) {
    let value = |name: &str| world.env(name).unwrap_or_default().to_owned();
    println!("service {} begins", value("GATELINE_INSTANCE"));
    match value("MODE").as_str() {
        "crash" => std::process::abort(),
        "deaf" => world.sleep(Duration::from_secs(3600)).await,
        _ => {}
    }
    let port: u16 = value("PORT").parse().unwrap();
    let listener = world.listen(([127, 0, 0, 1], port).into()).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(answer(world.clone(), stream));
    }
}

async fn answer(world: World, mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    let data = Path::new(world.env("DATA_DIR").unwrap()).to_owned();
    if path == "/hold" {
        std::fs::write(data.join("held"), "").unwrap();
        while !data.join("go").exists() {
            world.sleep(LOOK).await;
        }
    }
    let is_unready = path == "/ready" && data.join("unready").exists();
    let status = if is_unready { "503 Service Unavailable" } else { "200 OK" };
    let identity = match world.env("MODE") {
        Some("plain") => String::new(),
        _ => format!(
            "x-gateline-digest: {}\r\nx-gateline-nonce: {}\r\n",
            world.env("GATELINE_DIGEST").unwrap(),
            world.env("GATELINE_NONCE").unwrap()
        ),
    };
    let body = world.env("GATELINE_INSTANCE").unwrap();
    let length = body.len();
    let reply =
        format!("HTTP/1.1 {status}\r\n{identity}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
    let _ = stream.write_all(reply.as_bytes()).await;
}
