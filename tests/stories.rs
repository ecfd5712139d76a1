//! Stories of a release on its way: real images, real processes, real requests.

mod support;

use support::client::Load;
use support::eventually;
use support::releases::{Image, prepared};
use support::site::{ENVIRONMENTS, Pace, Site};

/// Clients on each proxy.
const CLIENTS: usize = 4;
/// So many requests must have been answered before something happens.
const WARM_UP: u64 = 50;

#[test]
fn prepare_releases() {
    for name in ["one", "two", "bad"] {
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
        "next: cargo xtask history",
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
    site.run(&["deploy", "production", "--yes"]).exits(11).says(&["was rolled back here before"]);
}

#[test]
fn a_killed_deployer_loses_nothing_and_the_weights_lapse() {
    let site = Site::new(Pace::Slow);
    let good = site.deployed(Image::One, "production");
    site.release(Image::Two);
    let load = under_load(&[site.port("production")]);
    let mut deployer = site.start(&["deploy", "production", "--yes"]);
    site.wait_for_weight("production", "canary", 10);
    deployer.kill().expect("the deployer runs");
    deployer.wait().expect("the deployer ends");
    // Nobody resumes: the supervisor carries out what was authorised before.
    site.wait_for_weight("production", "stable", 100);
    site.run(&["deploy", "production", "--yes"]).exits(13).says(&["did not end", "cargo xtask resume"]);
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
    let held = site.run(&["deploy", "production"]).exits(13).says(&["cargo xtask approve"]);
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

#[test]
fn a_tampered_journal_refuses_to_run_and_names_the_record() {
    let site = Site::new(Pace::Quick);
    let one = site.deployed(Image::One, "development");
    let two = site.deployed(Image::Two, "development");
    support::kill(site.process("supervise"));
    let text = std::fs::read_to_string(site.journal()).expect("there is a journal");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[2] = lines[2].replacen("development", "production!", 1);
    std::fs::write(site.journal(), lines.join("\n") + "\n").expect("it can be tampered with");
    site.run(&["audit", "verify"]).exits(1).says(&["record 3"]);
    site.run(&["deploy", "development", "--digest", &one.to_string()]).exits(1).says(&["record 3"]);
    site.run(&["status"]).exits(0).says(&[two.short(), "record 3", "cargo xtask rollback"]);
    assert_eq!(site.answering("development"), two.to_string());

    // The way back stays open; what the journal cannot tell must be named.
    site.run(&["rollback", "development"]).exits(2).says(&["--to DIGEST", one.short()]);
    let chain = "journal.jsonl.emergency-1";
    let load = under_load(&[site.port("development")]);
    site.run(&["rollback", "development", "--to", &one.to_string()]).exits(0).says(&["record 3", chain]);
    none_lost(load);
    assert_eq!(site.answering("development"), one.to_string());
    let told = std::fs::read_to_string(site.journal().with_file_name(chain)).expect("there is a chain");
    assert!(told.contains("serves") || told.contains("rolled-back"), "{told}");
    site.run(&["rollback", "development", "--to", &one.to_string()]).exits(0).says(&["nothing to do"]);
}

#[test]
fn a_journal_damaged_during_a_rollout_leaves_the_way_back_to_the_stable_release() {
    let site = Site::new(Pace::Slow);
    let good = site.deployed(Image::One, "production");
    site.release(Image::Two);
    let mut deployer = site.start(&["deploy", "production", "--yes"]);
    site.wait_for_weight("production", "canary", 10);
    deployer.kill().expect("the deployer runs");
    deployer.wait().expect("the deployer ends");
    // While the supervisor has it open.
    let text = std::fs::read_to_string(site.journal()).expect("there is a journal");
    std::fs::write(site.journal(), text.replacen("production", "production!", 1)).expect("it can be changed");
    site.run(&["rollback", "production"]).exits(0).says(&["record 1", "journal.jsonl.emergency-1"]);
    assert_eq!(site.answering("production"), good.to_string());
    assert_eq!(site.status("production")["instances"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_removed_journal_is_no_empty_one() {
    let site = Site::new(Pace::Quick);
    site.run(&["audit", "verify"]).exits(0).says(&["0 records"]);
    site.deployed(Image::One, "development");
    let (journal, reserve) = (site.journal(), site.journal().with_file_name("journal.jsonl.reserve"));
    assert!(reserve.exists());
    std::fs::remove_file(&journal).expect("it can be removed");
    let refused = site.run(&["audit", "verify"]).exits(1).says(&["is missing", "restore the file"]);
    assert_eq!(refused.err.matches("journal.jsonl ").count(), 1, "the path once: {}", refused.err);
    site.run(&["history"]).exits(1).says(&["is missing"]);
}

#[test]
fn a_supervisor_that_is_stopped_is_not_down() {
    let site = Site::new(Pace::Quick);
    site.run(&["status"]).exits(0).says(&["is down"]);
    site.run(&["local", "up"]).exits(0);
    let supervisor = site.process("supervise");
    support::signal(supervisor, rustix::process::Signal::STOP);
    let resume = format!("kill -CONT {supervisor}");
    for verb in [&["status"][..], &["local", "down"]] {
        site.run(verb).exits(1).says(&["does not answer", &resume]);
    }
    support::signal(supervisor, rustix::process::Signal::CONT);
    site.run(&["local", "down"]).exits(0);
    site.run(&["local", "down"]).exits(0).says(&["down already"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "somebody else's server is a real socket")]
fn a_port_that_somebody_took_meanwhile_is_shown() {
    let site = Site::new(Pace::Quick);
    site.run(&["local", "up"]).exits(0);
    site.run(&["local", "logs", "development"]).exits(0).says(&["no logs"]);
    support::kill(site.process("supervise"));
    let squatter = eventually("the port is free", || {
        std::net::TcpListener::bind(("127.0.0.1", site.port("development")))
            .map_err(|error| error.to_string())
    });
    let port = site.port("development").to_string();
    site.run(&["local", "up"]).exits(1).says(&["port", &port, "taken", "ss -ltnp"]);
    site.run(&["status"]).exits(0).says(&[&format!("port {port} taken")]);
    drop(squatter);
    site.run(&["local", "up"]).exits(0).says(&[&format!("http://127.0.0.1:{port}")]);
}

#[test]
fn the_logs_of_an_instance_that_is_gone_are_shown() {
    let site = Site::new(Pace::Quick);
    site.deployed(Image::One, "development");
    let first = site.status("development")["instances"][0]["id"].as_str().expect("an id").to_owned();
    site.deployed(Image::Two, "development");
    let second = site.status("development")["instances"][0]["id"].as_str().expect("an id").to_owned();
    let gone = format!("── {first}, which is gone");
    site.run(&["local", "logs", "development"]).exits(0).says(&[&gone, &format!("── {second} (")]);
}

/// A file system of a few hundred megabytes that the story may fill; it is unmounted with its story.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    #[expect(clippy::disallowed_methods, reason = "stories start real processes")]
    fn mount() -> Option<SmallDisk> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=400m", "tmpfs"]).arg(folder.path());
        mount.status().is_ok_and(|status| status.success()).then_some(SmallDisk(folder))
    }

    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.0.path().join("filler")).expect("a file");
        for size in [1 << 20, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.0.path().join("filler")).expect("the filler is there");
    }
}

impl Drop for SmallDisk {
    #[expect(clippy::disallowed_methods, reason = "stories start real processes")]
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_has_room_for_the_last_good_release() {
    let Some(disk) = SmallDisk::mount() else {
        println!("gateline-skip: mounting a small tmpfs needs root");
        return;
    };
    let site = Site::with_state(Pace::Quick, &disk.0.path().join("state"));
    let good = site.deployed(Image::One, "development");
    site.deployed(Image::Two, "development");
    disk.fill();
    let load = under_load(&[site.port("development")]);
    site.run(&["rollback", "development"]).exits(0).says(&["serves 100 % again"]);
    none_lost(load);
    assert_eq!(site.answering("development"), good.to_string());
    site.run(&["audit", "verify"]).exits(0);
}

#[test]
fn a_full_disk_stops_the_way_forth_and_not_the_way_back() {
    let Some(disk) = SmallDisk::mount() else {
        println!("gateline-skip: mounting a small tmpfs needs root");
        return;
    };
    let site = Site::with_state(Pace::Slow, &disk.0.path().join("state"));
    let good = site.deployed(Image::One, "development");
    site.release(Image::Two);
    let mut deployer = site.start(&["deploy", "development"]);
    site.wait_for_weight("development", "canary", 10);
    disk.fill();
    deployer.kill().expect("the deployer runs");
    deployer.wait().expect("the deployer ends");
    site.run(&["rollback", "development"]).exits(0).says(&["rolled back"]);
    assert_eq!(site.answering("development"), good.to_string());
    assert_eq!(site.status("development")["instances"].as_array().map(Vec::len), Some(1));
    // What the canary left made a little room.
    disk.fill();
    site.run(&["deploy", "development"]).exits(1).says(&["next:", "free some space"]);

    disk.free();
    site.run(&["audit", "verify"]).exits(0);
    let reserve = site.journal().with_file_name("journal.jsonl.reserve");
    assert!(!reserve.exists(), "the rollback used it");
    let held = site.run(&["deploy", "production"]).exits(13);
    let awaiting = id_of(&held);
    assert!(reserve.exists(), "it is made again");
    site.run(&["audit", "verify"]).exits(0);

    // The same when the supervisor is gone too.
    site.run(&["reject", &awaiting]).exits(0);
    let mut deployer = site.start(&["deploy", "development"]);
    site.wait_for_weight("development", "canary", 10);
    disk.fill();
    deployer.kill().expect("the deployer runs");
    deployer.wait().expect("the deployer ends");
    support::kill(site.process("supervise"));
    site.run(&["rollback", "development"]).exits(0).says(&["rolled back"]);
    assert_eq!(site.answering("development"), good.to_string());

    // Down and up again on a full disk; what it could not write does not stand in the way of the next release.
    disk.fill();
    site.run(&["local", "down"]).exits(0);
    disk.fill();
    assert!(site.processes().is_empty());
    site.run(&["local", "up"]).exits(0);
    disk.free();
    site.deployed(Image::One, "development");
    site.run(&["audit", "verify"]).exits(0);
}
