//! The life of an instance: start, identity, traffic, drain, crash.

use crate::bed::{Bed, Deployer, arguments, code, instance, kill, share, status, target, weights};
use gateline::platform::protocol::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn an_instance_starts_proves_its_identity_and_takes_traffic() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let stable = deployer.settle("r1-0", "one").await;
    let again = deployer.start(&bed.spec("r1-0", "one", "good")).await.unwrap();
    assert_eq!(again.pid, stable.pid, "starting is idempotent");
    assert_eq!(code(deployer.start(&bed.spec("r1-0", "two", "good")).await), RefusalCode::Malformed);
    let reply = bed.get(deployer.port, "/").await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.body.as_slice()), (200, &b"r1-0"[..]));
    let now = status(&deployer.client).await;
    assert_eq!((now.instances[0].counters.requests, now.instances[0].role), (1, Role::Stable));
    let log = std::fs::read_to_string(&now.instances[0].log).unwrap();
    assert!(log.contains("service r1-0 begins"), "{log}");
    let probe = |role, count| Request::Probe {
        target: target(),
        epoch: deployer.epoch,
        role,
        path: "/".into(),
        count,
    };
    let probed = deployer.client.call(probe(Role::Stable, 7)).await.unwrap();
    assert_eq!(probed, Reply::Probed { ok: 7, failed: 0, last_failure: None });
    assert_eq!(code(deployer.client.call(probe(Role::Canary, 1)).await), RefusalCode::Failed);
    assert_eq!(code(deployer.client.call(probe(Role::Stable, 1001)).await), RefusalCode::Malformed);
    assert_eq!(code(deployer.client.call(deployer.stop("r1-0", 0)).await), RefusalCode::Malformed);
}

#[tokio::test]
async fn weights_divide_the_requests_exactly() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    deployer.settle("r1-0", "one").await;
    deployer.ready("r2-0", "two").await;
    let shares = vec![share(Role::Stable, "r1-0", "one", 90), share(Role::Canary, "r2-0", "two", 10)];
    deployer.set(weights(shares, Some(60_000))).await.unwrap();
    for _ in 0..100 {
        bed.get(deployer.port, "/").await.unwrap();
    }
    let counted = status(&deployer.client).await.instances;
    let counted: Vec<_> =
        counted.iter().map(|one| (one.counters.requests, one.counters.connection_errors)).collect();
    assert_eq!(counted, [(90, 0), (10, 0)]);
    let renew = Request::Renew { target: target(), epoch: deployer.epoch, expires_in_millis: 120_000 };
    let before = status(&deployer.client).await.expires_at.unwrap();
    assert_eq!(deployer.client.call(renew).await.unwrap(), Reply::Weights { generation: 2 });
    assert!(status(&deployer.client).await.expires_at.unwrap() > before);
}

#[tokio::test]
async fn a_squatter_that_replays_old_replies_is_foreign() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let honest = deployer.ready("r1-0", "one").await;
    let old = bed.get(honest.port, "/ready").await.unwrap();
    let header = |name: &str| old.headers[name].to_str().unwrap().to_owned();
    let reply = format!(
        "HTTP/1.1 200 OK\r\nx-gateline-digest: {}\r\nx-gateline-nonce: {}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        header("x-gateline-digest"),
        header("x-gateline-nonce")
    );
    for (id, echoes) in [("r2-0", true), ("r3-0", false)] {
        let spec = InstanceSpec { echoes_identity: echoes, ..bed.spec(id, "one", "deaf") };
        let deaf = deployer.start(&spec).await.unwrap();
        let squatter = bed.world.listen(([127, 0, 0, 1], deaf.port).into()).await.unwrap();
        let reply = reply.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = squatter.accept().await {
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(reply.as_bytes()).await;
            }
        });
        deployer.until_health(id, |health| matches!(health, Health::Foreign(_))).await;
        let shares = vec![share(Role::Stable, id, "one", 100)];
        assert_eq!(code(deployer.set(weights(shares, None)).await), RefusalCode::Failed);
    }
}

#[tokio::test]
async fn a_service_that_knows_nothing_of_us_is_known_by_its_socket() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    deployer.start(&bed.spec("r1-0", "one", "plain")).await.unwrap();
    deployer.until_health("r1-0", |health| *health == Health::Ready).await;
}

#[tokio::test]
async fn readiness_that_is_lost_is_seen_and_comes_back() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    deployer.ready("r1-0", "one").await;
    std::fs::write(bed.data().join("unready"), "").unwrap();
    deployer
        .until_health("r1-0", |health| matches!(health, Health::Unready(why) if why.contains("503")))
        .await;
    std::fs::remove_file(bed.data().join("unready")).unwrap();
    deployer.until_health("r1-0", |health| *health == Health::Ready).await;
}

#[tokio::test]
async fn a_stop_waits_for_the_request_in_flight() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let first = deployer.settle("r1-0", "one").await;
    for (drain_millis, cut) in [(60_000, 0), (1, 1)] {
        let id = format!("r2-{cut}");
        deployer.ready(&id, "two").await;
        let only = vec![share(Role::Canary, &id, "two", 100), share(Role::Stable, "r1-0", "one", 0)];
        deployer.set(weights(only, Some(60_000))).await.unwrap();
        let request = bed.get(deployer.port, "/hold");
        tokio::pin!(request);
        let in_flight = bed.until("the request is in flight", async || {
            let found = instance(&deployer.client, &id).await?;
            (found.in_flight == 1 && bed.data().join("held").exists()).then_some(())
        });
        tokio::select! {
            () = in_flight => {}
            early = &mut request => panic!("{early:?}"),
        }
        deployer.set(weights(vec![share(Role::Stable, "r1-0", "one", 100)], None)).await.unwrap();
        assert_eq!(bed.get(deployer.port, "/").await.unwrap().body, b"r1-0", "nobody else goes there");
        let (stop, again) = (deployer.client.call(deployer.stop(&id, drain_millis)), async {
            if cut == 0 {
                // Let go only when the drain has begun: an instance that is leaving gets no weight.
                bed.until("the drain has begun", async || {
                    let back = vec![share(Role::Canary, &id, "two", 100)];
                    deployer.set(weights(back, Some(1000))).await.err()
                })
                .await;
                std::fs::write(bed.data().join("go"), "").unwrap();
            }
        });
        let (stopped, reply, ()) = tokio::join!(stop, request, again);
        assert_eq!(stopped.unwrap(), Reply::Stopped { cut });
        assert_eq!(reply.is_ok_and(|reply| reply.status == 200), cut == 0);
        for file in ["held", "go"] {
            let _ = std::fs::remove_file(bed.data().join(file));
        }
    }
    let left = status(&deployer.client).await.instances;
    assert_eq!(left.iter().map(|one| one.pid).collect::<Vec<_>>(), [first.pid]);
    let absent = deployer.client.call(deployer.stop("r9-0", 0)).await.unwrap();
    assert_eq!(absent, Reply::Stopped { cut: 0 }, "stopping is `make it gone`");
}

#[tokio::test]
async fn a_stable_instance_is_started_again_and_a_canary_is_not() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let stable = deployer.settle("r1-0", "one").await;
    let canary = deployer.ready("r2-0", "two").await;
    kill(canary.pid.unwrap());
    let ended = deployer.until_health("r2-0", |health| matches!(health, Health::Exited(_))).await;
    assert_eq!((ended.pid, ended.health), (None, Health::Exited("signal 9".to_owned())));
    kill(stable.pid.unwrap());
    bed.until("the stable instance serves again", async || {
        bed.get(deployer.port, "/").await.ok().filter(|reply| reply.status == 200)
    })
    .await;
    let again = instance(&deployer.client, "r1-0").await.unwrap();
    assert_ne!(again.pid, stable.pid);
    deployer.start(&bed.spec("r3-0", "two", "crash")).await.unwrap();
    deployer.until_health("r3-0", |health| *health == Health::Exited("signal 6".to_owned())).await;
}

#[tokio::test]
async fn an_instance_whose_shim_was_killed_does_not_run_on_unwatched() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let canary = deployer.ready("r1-0", "one").await;
    let shim = bed.processes().into_iter().find(|pid| arguments(*pid).contains("\0shim\0"));
    kill(shim.unwrap());
    deployer.until_health("r1-0", |health| matches!(health, Health::Exited(_))).await;
    let is_gone = async || (!bed.processes().contains(&canary.pid.unwrap())).then_some(());
    bed.until("the instance is gone", is_gone).await;
}

#[tokio::test]
async fn what_cannot_start_leaves_nothing_behind() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let mut spec = bed.spec("r1-0", "one", "good");
    spec.command[0] = "../../bin/sh".to_owned();
    assert_eq!(code(deployer.start(&spec).await), RefusalCode::Failed);
    assert_eq!(status(&deployer.client).await.instances, []);
    assert!(!bed.state().join("services/desk/staging/instances/r1-0").exists());
    let odd = InstanceSpec { id: "../x".to_owned(), ..spec };
    assert_eq!(code(deployer.start(&odd).await), RefusalCode::Malformed);
}

/// The bar for what an idle supervisor with one environment holds itself: memory that nobody else can have while it lives.
const OWN_KIB_MAX: u64 = 6 * 1024;
/// What counting its own lines adds to that where the suite measures itself: the counters are written to.
const INSTRUMENTED_KIB_MAX: u64 = 4 * 1024;
/// The bar for all that is resident: nearly all the rest are pages of the program, which the kernel maps around those that are
/// needed, shares with every other process of it, and takes back when it wants to; see docs/decisions/0028.
const RESIDENT_KIB_MAX: u64 = 48 * 1024;

#[tokio::test]
async fn a_supervisor_with_one_environment_is_small() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    deployer.settle("r1-0", "one").await;
    let text = std::fs::read_to_string(format!("/proc/{}/status", deployer.client.supervisor())).unwrap();
    let of = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        println!("{line}");
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let (own, resident) = (of("RssAnon:"), of("VmRSS:"));
    // Tests of an instrumented build always have this variable.
    let instrumented = bed.world.env("LLVM_PROFILE_FILE").is_some();
    let more = if instrumented { INSTRUMENTED_KIB_MAX } else { 0 };
    assert!(own <= OWN_KIB_MAX + more, "{own} KiB of its own");
    assert!(resident <= RESIDENT_KIB_MAX, "{resident} KiB are resident");
}
