//! What is granted, and what is refused.

use crate::bed::{Bed, Deployer, code, grant, status, target, weights};
use gateline::platform::local::client::{Client, ensure_up};
use gateline::platform::protocol::*;
use gateline::world::CommandLine;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_grant_is_held_revoked_and_freed() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let other = bed.client().await;
    assert_eq!(code(grant(&other, GrantKind::Forward).await), RefusalCode::Held);
    let epoch = grant(&other, GrantKind::Rollback).await.unwrap();
    assert_eq!(epoch, deployer.epoch + 1);
    assert_eq!(code(deployer.start(&bed.spec("r1-0", "one", "good")).await), RefusalCode::Stale);
    assert_eq!(code(deployer.set(weights(Vec::new(), None)).await), RefusalCode::Stale);
    assert_eq!(code(deployer.client.call(deployer.stop("r1-0", 0)).await), RefusalCode::Stale);
    assert_eq!(code(grant(&deployer.client, GrantKind::Rollback).await), RefusalCode::Held);
    drop(other);
    let freed = async || grant(&deployer.client, GrantKind::Forward).await.ok();
    assert_eq!(bed.until("the closed connection's grant is free", freed).await, epoch + 1);
    deployer.client.call(Request::Release { target: target() }).await.unwrap();
    assert_eq!(status(&deployer.client).await.grant, None);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_and_nothing_is_made() {
    let bed = Bed::new();
    let client = bed.client().await;
    let taken = bed.world.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let ensure = |port| Request::Ensure { target: target(), port };
    assert_eq!(code(client.call(ensure(port)).await), RefusalCode::PortTaken);
    assert!(!bed.state().join("services").exists());
    drop(taken);
    // Freed at once, but a child that some other story forks may hold a copy for a moment.
    let ensured = bed.until("the port is free", async || client.call(ensure(port)).await.ok()).await;
    assert_eq!(ensured, Reply::Ensured { port });
    assert_eq!(client.call(ensure(0)).await.unwrap(), Reply::Ensured { port }, "it keeps its port");
    let odd = Target { service: "..".to_owned(), environment: "staging".to_owned() };
    assert_eq!(code(client.call(Request::Ensure { target: odd, port: 0 }).await), RefusalCode::Malformed);
    let unknown = Request::Journal { service: "none".to_owned(), after: 0, limit: 1 };
    assert_eq!(code(client.call(unknown).await), RefusalCode::Unknown);
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_written_is_an_error_with_help() {
    let bed = Bed::new();
    std::fs::write(bed.state(), "a file in its place").unwrap();
    let error = ensure_up(&bed.world, &bed.state()).await.unwrap_err();
    assert!(error.to_string().contains("failed to write in the state directory"), "{error}");
    assert!(Client::connect(&bed.world, &bed.state()).await.is_err());
    assert_eq!(bed.processes(), [0; 0]);
}

#[tokio::test]
async fn a_second_supervisor_says_who_has_the_directory() {
    let bed = Bed::new();
    let client = bed.client().await;
    let second = CommandLine::new(env!("CARGO_BIN_EXE_gateline"), ["supervise".to_owned()])
        .arg(bed.state().display().to_string());
    let finished = bed.world.run(&second).await.unwrap();
    let words = String::from_utf8(finished.stderr).unwrap();
    assert_eq!(finished.status.code(), Some(1));
    assert!(words.contains(&format!("another supervisor (process {})", client.supervisor())), "{words}");
}

#[tokio::test]
async fn whoever_speaks_nonsense_is_told_so() {
    let bed = Bed::new();
    drop(bed.client().await);
    let beacon = std::fs::read_to_string(bed.state().join("supervisor.json")).unwrap();
    let beacon: serde_json::Value = serde_json::from_str(&beacon).unwrap();
    for (line, expected) in [
        ("nonsense\n", RefusalCode::Malformed),
        ("{\"id\":1,\"request\":{\"ask\":\"status\",\"service\":null}}\n", RefusalCode::Protocol),
        ("{\"id\":1,\"request\":{\"ask\":\"hello\",\"protocol\":0}}\n", RefusalCode::Protocol),
    ] {
        let socket = std::path::Path::new(beacon["socket"].as_str().unwrap());
        let mut stream = bed.world.connect_unix(socket).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let answer: Answer = serde_json::from_str(reply.lines().next().unwrap()).unwrap();
        assert_eq!(answer.result.unwrap_err().code, expected, "{line}");
    }
}

#[tokio::test]
async fn an_environment_moves_to_another_port() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    deployer.settle("r1-0", "one").await;
    let free = bed.world.listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let request = Request::Ensure { target: target(), port };
    let move_there = async || deployer.client.call(request.clone()).await.ok();
    let ensured = bed.until("the port is free", move_there).await;
    assert_eq!(ensured, Reply::Ensured { port });
    assert_eq!(bed.get(port, "/").await.unwrap().body, b"r1-0");
    let is_closed = async || bed.world.connect(([127, 0, 0, 1], deployer.port).into()).await.err();
    bed.until("the old port is closed", is_closed).await;
}
