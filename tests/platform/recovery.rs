//! What follows a crash, of the supervisor, of the deployer, or of the whole machine.

use crate::bed::{Bed, Deployer, code, grant, instance, kill, share, status, target, weights};
use gateline::platform::local::client::{down, ensure_up};
use gateline::platform::protocol::*;

#[tokio::test]
async fn a_killed_supervisor_is_replaced_and_the_instance_serves_on() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let before = deployer.settle("r1-0", "one").await;
    let (port, epoch, old) = (deployer.port, deployer.epoch, deployer.client.supervisor());
    kill(old);
    bed.until("the connection is lost", async || {
        deployer.client.call(Request::Status { service: None }).await.err()
    })
    .await;
    let client = bed.client().await;
    assert_ne!(client.supervisor(), old);
    let now = status(&client).await;
    assert_eq!((now.instances[0].pid, now.instances[0].port), (before.pid, before.port), "the same process");
    assert_eq!((now.port, now.generation, now.restored), (port, 1, false));
    let reply = bed.get(port, "/").await.unwrap();
    assert_eq!(reply.body, b"r1-0", "served at once, for its identity was proved before the port was opened");
    assert_eq!(grant(&client, GrantKind::Forward).await.unwrap(), epoch + 1, "epochs go on");
    down(&bed.world, &bed.state(), Request::Down { instances: true }).await.unwrap();
    bed.until("there is no orphan", async || bed.processes().is_empty().then_some(())).await;
}

#[tokio::test]
async fn weights_that_lapse_while_there_is_no_supervisor_are_restored() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    deployer.settle("r1-0", "one").await;
    deployer.ready("r2-0", "two").await;
    let shares = vec![share(Role::Stable, "r1-0", "one", 50), share(Role::Canary, "r2-0", "two", 50)];
    deployer.set(weights(shares, Some(600))).await.unwrap();
    let lapses = status(&deployer.client).await.expires_at;
    kill(deployer.client.supervisor());
    bed.until("the weights have lapsed", async || lapses.is_none_or(|at| bed.world.now() > at).then_some(()))
        .await;
    let client = bed.client().await;
    let now = status(&client).await;
    assert!(now.restored);
    assert_eq!(now.weights.shares.iter().map(|share| share.weight).collect::<Vec<_>>(), [100, 0]);
    assert_eq!(bed.get(deployer.port, "/").await.unwrap().body, b"r1-0");
    assert!(instance(&client, "r2-0").await.is_some(), "the canary stays visible, and can be stopped");
}

#[tokio::test]
async fn a_dead_deployers_weights_go_back_to_stable_and_the_journal_says_so() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    deployer.settle("r1-0", "one").await;
    deployer.ready("r2-0", "two").await;
    let body = serde_json::json!({ "at": "canary" });
    let entry =
        Entry { rollout: "r2".to_owned(), phase: Phase::State, what: "state".to_owned(), body: body.clone() };
    let append = Request::Append { target: target(), epoch: Some(deployer.epoch), entry };
    assert_eq!(deployer.client.call(append).await.unwrap(), Reply::Appended { seq: 1 });
    let shares = vec![share(Role::Stable, "r1-0", "one", 50), share(Role::Canary, "r2-0", "two", 50)];
    deployer.set(weights(shares, Some(300))).await.unwrap();
    let port = deployer.port;
    drop(deployer);
    let client = bed.client().await;
    bed.until("the stable share is restored", async || status(&client).await.restored.then_some(())).await;
    let now = status(&client).await;
    assert_eq!((now.grant, now.rollout), (None, Some(body)));
    for _ in 0..4 {
        assert_eq!(bed.get(port, "/").await.unwrap().body, b"r1-0");
    }
    let journal = Request::Journal { service: "desk".to_owned(), after: 1, limit: 10 };
    let records = bed
        .until("the restore is recorded", async || match client.call(journal.clone()).await.unwrap() {
            Reply::Journal { records } => Some(records).filter(|records| !records.is_empty()),
            other => panic!("{other:?}"),
        })
        .await;
    assert_eq!(records[0].actor, "supervisor");
    assert_eq!((records[0].entry.what.as_str(), records[0].entry.rollout.as_str()), ("restored", "r2"));
}

#[tokio::test]
async fn a_supervisor_that_cannot_start_shows_its_last_words() {
    let bed = Bed::new();
    let directory = bed.state().join("services/desk/staging");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("environment.json"), "{").unwrap();
    let error = ensure_up(&bed.world, &bed.state()).await.unwrap_err();
    assert!(error.to_string().contains("environment.json is damaged"), "{error}");
}

#[tokio::test]
async fn down_without_instances_leaves_them_to_the_next_supervisor() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let before = deployer.settle("r1-0", "one").await;
    down(&bed.world, &bed.state(), Request::Down { instances: false }).await.unwrap();
    let after = instance(&bed.client().await, "r1-0").await.unwrap();
    assert_eq!((after.pid, after.health), (before.pid, Health::Ready));
    down(&bed.world, &bed.state(), Request::Down { instances: true }).await.unwrap();
    bed.until("no process is left", async || bed.processes().is_empty().then_some(())).await;
    let kept = bed.state().join("services/desk/staging/dead/r1-0.log");
    assert!(std::fs::read_to_string(kept).unwrap().contains("service r1-0 begins"));
    down(&bed.world, &bed.state(), Request::Down { instances: true }).await.unwrap();
}

#[tokio::test]
async fn a_damaged_journal_lets_only_a_rollback_through() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let event = |epoch| {
        let (rollout, body) = ("r1".to_owned(), serde_json::Value::Null);
        let entry = Entry { rollout, phase: Phase::Event, what: "noted".to_owned(), body };
        Request::Append { target: target(), epoch, entry }
    };
    for _ in 0..3 {
        deployer.client.call(event(None)).await.unwrap();
    }
    kill(deployer.client.supervisor());
    let path = bed.state().join("services/desk/journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("noted", "forged", 1)).unwrap();
    let is_lost = async || deployer.client.call(Request::Status { service: None }).await.err();
    bed.until("the connection is lost", is_lost).await;
    let client = bed.client().await;
    assert_eq!(code(grant(&client, GrantKind::Forward).await), RefusalCode::Journal);
    assert_eq!(code(client.call(event(None)).await), RefusalCode::Journal);
    let epoch = grant(&client, GrantKind::Rollback).await.unwrap();
    assert_eq!(
        client.call(event(Some(epoch))).await.unwrap(),
        Reply::Appended { seq: 2 },
        "after the chain's first"
    );
    assert_eq!(code(grant(&client, GrantKind::Forward).await), RefusalCode::Journal, "damage stays");
}

#[tokio::test]
async fn after_a_reboot_the_stable_instance_is_started_again() {
    let bed = Bed::new();
    let deployer = Deployer::new(&bed).await;
    let before = deployer.settle("r1-0", "one").await;
    deployer.ready("r2-0", "two").await;
    let port = deployer.port;
    bed.processes().into_iter().for_each(kill);
    bed.until("everything is gone", async || bed.processes().is_empty().then_some(())).await;
    let client = bed.client().await;
    let serves = async || bed.get(port, "/").await.ok().filter(|reply| reply.status == 200);
    bed.until("the stable instance serves again", serves).await;
    assert_ne!(instance(&client, "r1-0").await.unwrap().pid, before.pid);
    assert_eq!(instance(&client, "r2-0").await, None, "a dead canary without traffic is cleaned away");
}

#[tokio::test]
async fn two_that_start_a_supervisor_at_once_get_the_same() {
    let bed = Bed::new();
    let (one, two) = tokio::join!(bed.client(), bed.client());
    assert_eq!(one.supervisor(), two.supervisor());
}
