//! What goes wrong beside a release: journals that were changed or removed, a supervisor that is stopped, a port that is
//! taken, a full disk.

use crate::support::releases::Image;
use crate::support::site::{Pace, Site};
use crate::support::{self, GATELINE, eventually};
use crate::{id_of, left_alone, none_lost, under_load};

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
    site.run(&["status"]).exits(0).says(&[two.short(), "record 3", &format!("{GATELINE} rollback")]);
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
    left_alone(&site, "production", || ());
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
    left_alone(&site, "development", || disk.fill());
    site.run(&["rollback", "development"]).exits(0).says(&["rolled back"]);
    assert_eq!(site.answering("development"), good.to_string());
    assert_eq!(site.status("development")["instances"].as_array().map(Vec::len), Some(1));
    // What the canary left made a little room.
    disk.fill();
    // The one that was gone back from is held; another does not even come into the store.
    site.release(Image::Bad);
    site.run(&["deploy", "development"]).exits(1).says(&["No space left", "next:", "owner and space"]);

    disk.free();
    site.run(&["audit", "verify"]).exits(0);
    let reserve = site.journal().with_file_name("journal.jsonl.reserve");
    assert!(!reserve.exists(), "the rollback used it");
    let two = site.release(Image::Two);
    site.run(&["release", two.short()]).exits(0);
    let held = site.run(&["deploy", "production"]).exits(13);
    let awaiting = id_of(&held);
    assert!(reserve.exists(), "it is made again");
    site.run(&["audit", "verify"]).exits(0);

    // The same when the supervisor is gone too.
    site.run(&["reject", &awaiting]).exits(0);
    left_alone(&site, "development", || disk.fill());
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
