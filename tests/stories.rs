//! Stories of a release on its way: real images, real processes, real requests.

#[path = "stories/evidence.rs"]
mod evidence;
#[path = "stories/judged.rs"]
mod judged;
#[path = "stories/orders.rs"]
mod orders;
mod support;
#[path = "stories/trouble.rs"]
mod trouble;

#[path = "stories/notifications.rs"]
mod notifications;
#[path = "stories/windows.rs"]
mod windows;

use support::client::Load;
use support::releases::{Image, prepared};
use support::site::{ENVIRONMENTS, Pace, Site};
use support::{GATELINE, eventually};

/// Clients on each proxy.
const CLIENTS: usize = 4;
/// So many requests must have been answered before something happens.
const WARM_UP: u64 = 50;

#[test]
fn prepare_releases() {
    for name in ["one", "two", "bad", "slow"] {
        assert!(prepared().join(name).join("index.json").is_file(), "{name}");
    }
}

fn under_load(ports: &[u16]) -> Load {
    let load = Load::on(ports, CLIENTS);
    eventually(
        "the clients ask",
        || if load.sent() > WARM_UP { Ok(()) } else { Err(load.sent().to_string()) },
    );
    load
}

#[track_caller]
fn none_lost(load: Load) {
    let (sent, lost) = load.end();
    assert!(sent > WARM_UP, "only {sent} requests were sent");
    assert!(lost.is_empty(), "{} of {sent} requests were lost: {:?}", lost.len(), &lost[..lost.len().min(5)]);
}

/// A rollout at its first weight whose deployer is killed, once `before` has happened.
fn left_alone(site: &Site, environment: &str, before: impl FnOnce()) {
    let mut deployer = site.start(&["deploy", environment, "--yes"]);
    site.wait_for_weight(environment, "canary", 10);
    before();
    deployer.kill().expect("the deployer runs");
    deployer.wait().expect("the deployer ends");
}

#[test]
fn three_environments_up_and_no_request_is_lost() {
    let site = Site::new(Pace::Quick);
    let one = site.release(Image::One);
    site.run(&["deploy", "development"]).exits(0);
    site.run(&["promote", "development", "staging"]).exits(0);
    site.run(&["promote", "staging", "production", "--yes"]).exits(0);
    assert_eq!(
        ENVIRONMENTS.map(|name| site.answering(name)),
        [one.to_string(), one.to_string(), one.to_string()]
    );

    let health = site.get("production", "/health");
    assert_eq!(health.header("x-gateline-nonce"), None, "a client learns the nonce");

    let load = under_load(&site.ports);
    let two = site.release(Image::Two);
    site.run(&["deploy", "development"]).exits(0).says(&["serves 100 %"]);
    site.run(&["promote", "development", "staging"]).exits(0);
    site.run(&["promote", "staging", "production", "--yes"]).exits(0);
    none_lost(load);
    assert_eq!(
        ENVIRONMENTS.map(|name| site.answering(name)),
        [two.to_string(), two.to_string(), two.to_string()]
    );

    // The same again changes nothing; the way back is one command.
    site.run(&["deploy", "development"]).exits(0).says(&["nothing to do"]);
    let load = under_load(&[site.port("production")]);
    site.run(&["rollback", "production"]).exits(0).says(&["serves 100 % again"]);
    none_lost(load);
    assert_eq!(site.answering("production"), one.to_string());
    site.run(&["audit", "verify"]).exits(0).says(&["chain and checksums are whole"]);
    site.run(&["history", "production"]).exits(0).says(&[one.short(), two.short(), "serves 100 % again"]);
}

#[test]
fn a_release_that_answers_errors_goes_back_by_itself() {
    let site = Site::new(Pace::Quick);
    let good = site.deployed(Image::One, "production");
    let bad = site.release(Image::Bad);
    site.run(&["deploy", "production", "--yes"]).exits(11).says(&[
        "rolled back",
        "were errors",
        &format!("next: {GATELINE} history"),
    ]);
    assert_eq!(site.answering("production"), good.to_string());
    let told = site.run(&["audit", "log", "--format", "json"]).exits(0).json();
    let last = told.as_array().and_then(|records| records.last()).cloned().expect("there are records");
    assert_eq!(last["entry"]["body"]["state"]["terminal"], "rolled-back", "{last}");
    assert!(
        last["entry"]["body"]["reason"].as_str().is_some_and(|reason| reason.contains("errors")),
        "{last}"
    );
    assert_eq!(last["entry"]["body"]["digest"], bad.to_string());
    let status = site.status("production");
    assert_eq!(status["instances"].as_array().map(Vec::len), Some(1), "{status}");
    site.run(&["deploy", "production", "--yes"]).exits(13).says(&["is held", "were errors"]);
}

#[test]
fn a_killed_deployer_loses_nothing_and_the_weights_lapse() {
    let site = Site::new(Pace::Slow);
    let good = site.deployed(Image::One, "production");
    site.release(Image::Two);
    let load = under_load(&[site.port("production")]);
    left_alone(&site, "production", || ());
    // Nobody resumes: the supervisor carries out what was authorised before.
    site.wait_for_weight("production", "stable", 100);
    site.run(&["deploy", "production", "--yes"])
        .exits(13)
        .says(&["did not end", &format!("{GATELINE} resume")]);
    site.run(&["resume"]).exits(11).says(&["lapsed"]);
    none_lost(load);
    assert_eq!(site.answering("production"), good.to_string());
    let status = site.status("production");
    assert_eq!(status["instances"].as_array().map(Vec::len), Some(1), "{status}");
    site.run(&["resume"]).exits(0).says(&["nothing to resume"]);
}

#[test]
fn a_rollback_takes_over_from_a_deployer_that_hangs() {
    let site = Site::new(Pace::Slow);
    let good = site.deployed(Image::One, "production");
    site.release(Image::Two);
    let deployer = site.start(&["deploy", "production", "--yes"]);
    site.wait_for_weight("production", "canary", 10);
    site.run(&["rollback", "production"]).exits(0);
    assert_eq!(site.answering("production"), good.to_string());
    let ended = deployer.wait_with_output().expect("the deployer ends");
    assert_eq!(ended.status.code(), Some(11), "the deployer steps back");
}

#[test]
fn a_killed_supervisor_is_replaced_and_adopts_its_instances() {
    let site = Site::new(Pace::Quick);
    let digest = site.deployed(Image::One, "development");
    let (supervisor, shim, instance) =
        (site.process("supervise"), site.process("shim"), site.status("development"));
    let pid = instance["instances"][0]["pid"].clone();
    support::kill(supervisor);
    site.run(&["local", "up"]).exits(0);
    eventually("the adopted instance serves", || {
        let status = site.status("development");
        if status["instances"][0]["health"]["is"] == "ready" { Ok(()) } else { Err(status.to_string()) }
    });
    assert_ne!(site.process("supervise"), supervisor);
    assert_eq!(
        (site.process("shim"), site.status("development")["instances"][0]["pid"].clone()),
        (shim, pid)
    );
    assert_eq!(site.answering("development"), digest.to_string());
    let all = site.processes();
    assert_eq!(all.len(), 3, "supervisor, shim, instance: {all:?}");
    site.run(&["local", "down"]).exits(0);
    eventually("nothing is left", || {
        let left = site.processes();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

#[test]
fn an_approval_for_what_has_changed_since_is_superseded() {
    let site = Site::new(Pace::Quick);
    let one = site.deployed(Image::One, "production");
    site.deployed(Image::Two, "production");
    site.run(&["rollback", "production"]).exits(0);
    let two = site.release(Image::Two);
    site.run(&["release", two.short()]).exits(0);
    let held = site.run(&["deploy", "production"]).exits(13);
    site.run(&["rollback", "production", "--to", &two.to_string()]).exits(0);
    site.run(&["approve", &id_of(&held), "--resume"])
        .exits(10)
        .says(&["superseded", "became the stable one"]);
    site.run(&["deploy", "production"]).exits(0).says(&["nothing to do"]);
    assert_eq!(site.answering("production"), two.to_string());
    site.run(&["rollback", "production", "--to", one.short()]).exits(0);
    assert_eq!(site.answering("production"), one.to_string());
}

/// The rollout that a held deployment asks to approve.
fn id_of(held: &support::Ran) -> String {
    let id = held.err.split("approve ").nth(1).and_then(|rest| rest.split_whitespace().next());
    id.expect("an id").to_owned()
}

#[test]
fn an_approval_is_asked_for_held_and_given() {
    let site = Site::new(Pace::Quick);
    let digest = site.release(Image::One);
    let held = site.run(&["deploy", "production"]).exits(13).says(&[&format!("{GATELINE} approve")]);
    let id = id_of(&held);
    site.run(&["status"]).exits(0).says(&["awaiting approval", &id]);
    site.run(&["approve", "production-none"]).exits(2).says(&["there is no rollout", &id]);
    site.run(&["approve", &id, "--resume"]).exits(0).says(&["approved"]);
    assert_eq!(site.answering("production"), digest.to_string());

    site.release(Image::Two);
    let held = site.run(&["deploy", "production"]).exits(13);
    let id = id_of(&held);
    // The same command again is about the same rollout; another release must wait for it.
    site.run(&["deploy", "production"]).exits(13).says(&[&id]);
    site.release(Image::Bad);
    site.run(&["deploy", "production", "--yes"]).exits(13).says(&["did not end", &id]);
    site.run(&["reject", &id]).exits(0);
    assert_eq!(site.answering("production"), digest.to_string());
    site.run(&["approve", &id]).exits(2).says(&["waits for nobody: it is rejected"]);
}
