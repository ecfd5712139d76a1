//! Windows and quorums, with real rollouts, real keys and the real clock.

use crate::id_of;
use crate::support::releases::Image;
use crate::support::site::{Demands, Pace, Site};
use crate::support::{Ran, ssh_key};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// A key pair in a folder: its private file, and its public line.
fn key(folder: &tempfile::TempDir, name: &str) -> Option<(String, String)> {
    ssh_key(folder.path(), name).map(|(file, public)| (file.display().to_string(), public))
}

/// A freeze around today.
fn frozen_now(more: &str) -> String {
    let day = |days: i64| {
        now()
            .saturating_add(SignedDuration::from_hours(24 * days))
            .expect("a day")
            .strftime("%Y-%m-%d")
            .to_string()
    };
    format!("{{zone: Europe/Berlin, freeze: [{{name: audit, dates: ['{}..{}']}}]{more}}}", day(-1), day(1))
}

#[expect(clippy::disallowed_methods, reason = "the story's windows are around the real now")]
fn now() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now()).expect("a time")
}

fn told(site: &Site) -> Ran {
    site.run(&["audit", "log", "--format", "json"]).exits(0)
}

#[test]
fn closed_windows_take_nothing_but_an_override_with_its_reason_and_the_way_back() {
    let windows = frozen_now("");
    let site = Site::demanding(Pace::Quick, &Demands { windows: &windows, ..Demands::default() });
    let one = site.deployed(Image::One, "development");
    let closed =
        ["frozen by its calendar (audit)", "opens ", "Europe/Berlin", "UTC", "--override-window --reason"];
    site.run(&["deploy", "production", "--yes"]).exits(13).says(&closed);
    site.run(&["promote", "development", "production", "--yes"]).exits(13).says(&closed);
    assert!(!told(&site).out.contains("production-"), "nothing of it is in the record");
    site.run(&["deploy", "production", "--yes", "--override-window"]).exits(2).says(&["--reason"]);
    let over = ["deploy", "production", "--yes", "--override-window", "--reason", "it burns"];
    site.run(&over).exits(0).says(&["begins outside of its windows", "it burns"]);
    assert_eq!(site.answering("production"), one.to_string());
    let record = told(&site).json();
    let record = record
        .as_array()
        .and_then(|all| all.iter().find(|one| one["entry"]["what"] == "window-overridden"))
        .cloned();
    assert_eq!(record.expect("the override is recorded")["entry"]["body"]["reason"], "it burns");
    site.release(Image::Two);
    site.run(&["deploy", "production", "--yes"]).exits(13).says(&closed);
    site.run(&over).exits(0);
    site.run(&["rollback", "production"]).exits(0).says(&["serves 100 % again"]);
    assert_eq!(site.answering("production"), one.to_string());
    site.run(&["status"])
        .exits(0)
        .says(&["production takes no release until", "never audit (Europe/Berlin)"]);
    site.run(&["audit", "verify"]).exits(0);
}

#[test]
fn an_override_of_two_people_waits_for_the_second_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(((ben, ben_key), (eve, _))) = key(&folder, "ben").zip(key(&folder, "eve")) else { return };
    let me = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder.path()).expect("it is there"));
    let approvers =
        format!("approvers:\n- {{name: Ana, uid: {me}}}\n- name: Ben\n  ssh_keys:\n  - key: {ben_key}\n");
    let windows = frozen_now(", override: two-people");
    let site = Site::demanding(
        Pace::Quick,
        &Demands { windows: &windows, approvers: &approvers, ..Demands::default() },
    );
    let one = site.release(Image::One);
    let over = ["--override-window", "--reason", "it burns"];
    let held = site
        .run(&[&["deploy", "production", "--yes"][..], &over].concat())
        .exits(13)
        .says(&["then somebody else"]);
    let id = id_of(&held);
    site.run(&[&["approve", &id][..], &over].concat()).exits(0);
    site.run(&["resume"]).exits(13).says(&["frozen by its calendar"]);
    site.run(&[&["approve", &id, "--key", &eve][..], &over].concat()).exits(10).says(&["nobody's"]);
    site.run(&[&["approve", &id, "--key", &ben][..], &over].concat()).exits(0);
    site.run(&["resume"]).exits(0).says(&["serves 100 %"]);
    assert_eq!(site.answering("production"), one.to_string());
    let forbidden = frozen_now(", override: forbidden");
    let site = Site::demanding(Pace::Quick, &Demands { windows: &forbidden, ..Demands::default() });
    site.release(Image::One);
    site.run(&[&["deploy", "production", "--yes"][..], &over].concat())
        .exits(2)
        .says(&["may not be overridden"]);
}

#[test]
fn a_rollout_waits_until_its_window_opens_where_the_policy_says_so() {
    // The next full minute; for ten minutes.
    let opens = now().saturating_add(SignedDuration::from_secs(60)).expect("a time");
    let clock = |at: Timestamp| at.to_zoned(TimeZone::UTC).strftime("%H:%M").to_string();
    let until = clock(opens.saturating_add(SignedDuration::from_mins(10)).expect("a time"));
    let windows = format!(
        "{{allow: [{{from: '{}', until: '{until}'}}], outside: wait, must_finish: false}}",
        clock(opens)
    );
    let site = Site::demanding(Pace::Quick, &Demands { windows: &windows, ..Demands::default() });
    let one = site.release(Image::One);
    site.run(&["deploy", "production", "--yes"]).exits(0).says(&["serves 100 %"]);
    assert_eq!(site.answering("production"), one.to_string());
    let record = told(&site).json();
    let all = record.as_array().expect("records");
    let at = |state: &str| {
        let found = all.iter().find(|one| one["entry"]["phase"] == "state" && one["entry"]["what"] == state);
        found.and_then(|one| one["at"].as_str()?.parse::<Timestamp>().ok()).expect(state)
    };
    assert!(at("awaiting approval") < at("starting"));
    let minute = |at: Timestamp| at.as_second() / 60;
    assert!(minute(at("starting")) >= minute(opens), "it began before its window");
}

#[test]
fn a_quorum_is_met_by_people_whose_keys_signed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let keys = ["ana", "ben", "eve"].map(|name| key(&folder, name));
    let [Some((ana, ana_key)), Some((ben, ben_key)), Some((eve, _))] = keys else { return };
    let approvers = format!(
        "approvers:\n- name: Ana\n  ssh_keys:\n  - key: {ana_key}\n- name: Ben\n  ssh_keys:\n  - key: {ben_key}\n"
    );
    let approvals = "{quorum: 2, from: [Ana, Ben]}";
    let site =
        Site::demanding(Pace::Quick, &Demands { approvals, approvers: &approvers, ..Demands::default() });
    let one = site.release(Image::One);
    let held = site.run(&["deploy", "production", "--yes"]).exits(13).says(&["would not count", "0 of 2"]);
    let id = id_of(&held);
    site.run(&["approve", &id]).exits(10).says(&["nobody in policies/approvers.yaml", "Ana, Ben"]);
    site.run(&["approve", &id, "--key", &eve]).exits(10).says(&["nobody's"]);
    site.run(&["approve", &id, "--key", &ana]).exits(0);
    site.run(&["approve", &id, "--key", &ana]).exits(0);
    site.run(&["resume"]).exits(13).says(&["1 of 2"]);
    site.run(&["approve", &id, "--key", &ben]).exits(0);
    site.run(&["approve", &id, "--key", &ben, "--withdraw"]).exits(0).says(&["does not hold any more"]);
    site.run(&["resume"]).exits(13).says(&["1 of 2"]);
    site.run(&["approve", &id, "--key", &ben, "--resume"]).exits(0).says(&["serves 100 %"]);
    assert_eq!(site.answering("production"), one.to_string());
    site.run(&["approve", &id, "--key", &ben, "--withdraw"]).exits(2).says(&["waits for nobody"]);
    // What both signed for this rollout is worth nothing for the next.
    site.release(Image::Two);
    let id = id_of(&site.run(&["deploy", "production"]).exits(13).says(&["0 of 2"]));
    site.run(&["reject", &id, "--key", &ana]).exits(0);
}

#[test]
fn what_can_never_begin_is_refused_by_the_check() {
    let check = |approvals: &str, windows: &str, words: &[&str]| {
        let site = Site::demanding(Pace::Quick, &Demands::default());
        let file = site.workspace.join("policies/rollout.yaml");
        let text = std::fs::read_to_string(&file).expect("the policy");
        let text = text
            .replace("approvals: 1\n  windows: {}", &format!("approvals: {approvals}\n  windows: {windows}"));
        std::fs::write(&file, text).expect("the policy can be written");
        site.run(&["policy", "check"]).exits(2).says(words);
    };
    check("1", "{allow: [{dates: [2020-01-01]}]}", &["rollout.yaml:", "production: its windows never open"]);
    check("1", "{allow: [{from: '09:00', until: '09:01'}]}", &["never open for the", "must_finish: false"]);
    check("1", "{zone: Mars/Base}", &["`Mars/Base` is no time zone"]);
    check("2", "{}", &["2 people must approve", "can authenticate 1"]);
    check("{from: [Nobody]}", "{}", &["`Nobody` is nobody"]);
}
