//! Orders of people: what stops, pauses, freezes and holds, with real rollouts.

use crate::support::releases::Image;
use crate::support::site::{Pace, Site};
use crate::support::{self, eventually};
use crate::{id_of, left_alone, none_lost, under_load};

#[test]
fn a_stop_is_obeyed_by_who_follows_and_the_release_is_not_held() {
    let site = Site::new(Pace::Slow);
    let good = site.deployed(Image::One, "production");
    site.run(&["abort", "production"]).exits(2).says(&["no rollout is under way"]);
    site.release(Image::Two);
    let deployer = site.start(&["deploy", "production", "--yes"]);
    site.wait_for_weight("production", "canary", 10);
    let load = under_load(&[site.port("production")]);
    site.run(&["abort", "production", "-m", "wrong night"]).exits(0).says(&["told", "to go back"]);
    let ended = deployer.wait_with_output().expect("the deployer ends");
    assert_eq!(ended.status.code(), Some(11));
    none_lost(load);
    assert_eq!(site.answering("production"), good.to_string());
    site.run(&["history", "production"]).exits(0).says(&["stopped by uid:", "wrong night"]);
    let status = site.run(&["status", "--format", "json"]).exits(0).json();
    assert_eq!(status["orders"], serde_json::json!([]), "a stopped release is not bad");
}

#[test]
fn a_stop_is_carried_out_where_nobody_follows() {
    let site = Site::new(Pace::Slow);
    let good = site.deployed(Image::One, "production");
    site.release(Image::Two);
    left_alone(&site, "production", || ());
    site.run(&["abort", "production"]).exits(0).says(&["rolled back"]);
    assert_eq!(site.answering("production"), good.to_string());
    assert_eq!(site.status("production")["instances"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_pause_keeps_the_weight_until_it_is_taken_back() {
    let site = Site::new(Pace::Quick);
    // While it waits for an approval nothing is lost by pausing it.
    site.deployed(Image::One, "production");
    let two = site.release(Image::Two);
    let id = id_of(&site.run(&["deploy", "production"]).exits(13));
    site.run(&["pause", "production", "-m", "lunch"]).exits(0).says(&["at most", "continue production"]);
    site.run(&["pause", "production"]).exits(0).says(&["paused already"]);
    let deployer = site.start(&["approve", &id, "--resume"]);
    eventually("it is paused", || {
        let said = site.run(&["status"]).exits(0).out;
        if said.contains(": paused") { Ok(()) } else { Err(said) }
    });
    assert_eq!(site.weight("production", "canary"), None, "nothing is exposed before the first step");
    site.run(&["continue", "production"]).exits(0).says(&["goes on"]);
    let ended = deployer.wait_with_output().expect("the deployer ends");
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(site.answering("production"), two.to_string());
    site.run(&["continue", "production"]).exits(2).says(&["no rollout is under way"]);
}

#[test]
fn a_frozen_environment_takes_no_release_and_lets_the_way_back_open() {
    let site = Site::new(Pace::Quick);
    let one = site.deployed(Image::One, "production");
    let two = site.deployed(Image::Two, "production");
    site.run(&["freeze", "production", "-m", "the weekend"]).exits(0).says(&["no new release"]);
    site.run(&["freeze", "production"]).exits(0).says(&["frozen already"]);
    site.run(&["status"]).exits(0).says(&["production is frozen by uid:", "the weekend", "thaw production"]);
    site.run(&["rollback", "production"]).exits(0).says(&["serves 100 % again"]);
    assert_eq!(site.answering("production"), one.to_string());
    site.run(&["release", two.short()]).exits(0).says(&["may go on"]);
    let deploy = ["deploy", "production", "--yes", "--digest", &two.to_string()];
    site.run(&deploy).exits(13).says(&["is frozen", "thaw production"]);
    site.run(&["thaw", "production"]).exits(0).says(&["takes releases again"]);
    site.run(&["thaw", "production"]).exits(0).says(&["not frozen"]);
    site.run(&deploy).exits(0);
    assert_eq!(site.answering("production"), two.to_string());
}

#[test]
fn what_froze_meanwhile_is_not_begun_by_an_approval() {
    let site = Site::new(Pace::Quick);
    site.release(Image::One);
    let id = id_of(&site.run(&["deploy", "production"]).exits(13));
    site.run(&["freeze", "production"]).exits(0);
    site.run(&["approve", &id, "--resume"]).exits(13).says(&["is frozen"]);
    site.run(&["thaw", "production"]).exits(0);
    site.run(&["resume"]).exits(0).says(&["serves 100 %"]);
}

#[test]
fn a_watched_status_tells_each_change_once_and_ends_when_it_is_told() {
    let site = Site::new(Pace::Quick);
    site.deployed(Image::One, "development");
    let told = site.workspace.join("target-watch.txt");
    let mut watching = site.start_into(&["status", "--watch"], &told);
    let said = || std::fs::read_to_string(&told).unwrap_or_default();
    let waits = |words: &'static str| {
        eventually(words, || if said().contains(words) { Ok(()) } else { Err(said()) });
    };
    waits("development");
    let first = said();
    site.run(&["freeze", "development", "-m", "the weekend"]).exits(0);
    waits("development is frozen");
    let second = said();
    assert!(second.starts_with(&first) && second.len() > first.len(), "{second}");
    support::interrupt(watching.id());
    let ended = watching.wait().expect("it ends");
    assert_eq!(ended.code(), Some(0));
    assert_eq!(said().matches("development is frozen").count(), 1, "{}", said());
    assert!(!said().contains('\u{1b}'), "no terminal, nothing that moves on one");
}

#[test]
fn a_restart_loses_no_request_and_a_freeze_does_not_hinder_it() {
    let site = Site::new(Pace::Quick);
    site.run(&["restart", "production"]).exits(2).says(&["nothing serves", "deploy production"]);
    let one = site.deployed(Image::One, "production");
    let instance = || site.status("production")["instances"].clone();
    let before = instance();
    site.run(&["freeze", "production"]).exits(0);
    let load = under_load(&[site.port("production")]);
    site.run(&["restart", "production"]).exits(0).says(&["restarted, serves 100 %"]);
    none_lost(load);
    let after = instance();
    assert_eq!(after.as_array().map(Vec::len), Some(1), "{after}");
    assert_ne!((&before[0]["id"], &before[0]["pid"]), (&after[0]["id"], &after[0]["pid"]));
    assert_eq!((site.answering("production"), after[0]["role"].as_str()), (one.to_string(), Some("stable")));
    // One that is killed in the middle is taken up by `resume`; the old instance serves meanwhile.
    let mut deployer = site.start(&["restart", "production"]);
    eventually("it has begun", || {
        let said = site.run(&["history", "production"]).exits(0).out;
        if said.matches("starting").count() + said.matches("full").count() > 0 { Ok(()) } else { Err(said) }
    });
    deployer.kill().expect("the deployer runs");
    deployer.wait().expect("the deployer ends");
    let load = under_load(&[site.port("production")]);
    let resumed = site.run(&["resume"]);
    assert!([0, 11].contains(&resumed.code), "{}", resumed.all());
    none_lost(load);
    assert_eq!(site.answering("production"), one.to_string());
    assert_eq!(site.status("production")["instances"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_bad_release_is_held_until_somebody_releases_it() {
    let site = Site::new(Pace::Quick);
    let good = site.deployed(Image::One, "production");
    let bad = site.release(Image::Bad);
    site.run(&["deploy", "production", "--yes"]).exits(11).says(&["were errors"]);
    for environment in ["production", "development"] {
        let refused = ["deploy", environment, "--yes"];
        let next = format!("release {}", bad.short());
        site.run(&refused).exits(13).says(&["is held by", "were errors", &next]);
    }
    site.run(&["status"]).exits(0).says(&[bad.short(), "is held"]);
    site.run(&["release", bad.short(), "-m", "looked at it"]).exits(0);
    site.run(&["deploy", "production", "--yes"]).exits(11).says(&["was rolled back here before"]);
    site.run(&["hold", good.short()]).exits(0).says(&["goes nowhere"]);
    site.run(&["hold", good.short()]).exits(0).says(&["held already"]);
    site.run(&["promote", "production", "development"]).exits(13).says(&["is held"]);
    // Orders are the journal's: another supervisor knows them.
    support::kill(site.process("supervise"));
    site.run(&["local", "up"]).exits(0);
    site.run(&["status"]).exits(0).says(&[good.short(), bad.short()]);
}

#[test]
fn a_secret_in_a_reason_is_in_no_journal_and_no_log() {
    let site = Site::new(Pace::Quick);
    let one = site.deployed(Image::One, "production");
    let secret = ["ghp_", "q7Rz9Kd2Vw8Lm4Xt6Bn1", "Hs3Yc5Jf0Gp7Qa8Z"].concat();
    let reason = format!("rotated: {secret} was in a chat");
    let told =
        site.run(&["freeze", "production", "-m", &reason]).exits(0).says(&["the reason held a secret"]);
    assert!(!told.all().contains(&secret), "{}", told.all());
    site.run(&["hold", one.short(), "-m", &reason]).exits(0).says(&["the reason held a secret"]);
    site.run(&["audit", "log"]).exits(0);
    site.run(&["status"]).exits(0).says(&["rotated: ", "was in a chat"]);
    assert_eq!(support::files_with(&site.state, &secret), [""; 0].map(std::path::PathBuf::from));
}
