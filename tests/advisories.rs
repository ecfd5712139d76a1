//! Stories of the gate *advisories*: an advisory lands tomorrow, a clone of the database that ages and fails, how near a package comes,
//! OSV files besides, and agreement with cargo-audit and cargo-deny. Crates come from a folder beside the workspace: no network.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "stories start git and the real partners")]

#[path = "advisories/age.rs"]
mod age;
#[path = "advisories/peers.rs"]
mod peers;
mod support;

use gateline::tools::security::snapshot::embedded;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::advisory::advisory;
use support::fixture::Fixture;
use support::{Ran, git};

/// The day before RUSTSEC-2020-0071 (time) was published, and a day on which everything was.
const BEFORE: &str = "2020-11-17";
const AFTER: &str = "9999-12-31";
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const POLICY: &str = "advisories:\n  database: ../database\n  yanked: off\n";

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The database as it was at the end of a day.
fn database(folder: &Path, day: &str) {
    for facts in embedded().unwrap().advisories.iter().filter(|facts| facts.date.as_str() <= day) {
        write(folder, &format!("crates/{}/{}.md", facts.package, facts.id), &advisory(facts));
    }
}

/// A workspace whose dependencies are `name version kind`; those of kind `locked` stand in Cargo.lock only.
fn files(needs: &[(&str, &str, &str)]) -> Vec<(String, String)> {
    let of = |kind: &str| {
        let these = needs.iter().filter(|need| need.2 == kind);
        these.map(|(name, version, _)| format!("{name} = \"={version}\"\n")).collect::<String>()
    };
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n{}[build-dependencies]\n{}\
         [dev-dependencies]\n{}[target.'cfg(windows)'.dependencies]\n{}",
        of("normal"),
        of("build"),
        of("dev"),
        of("locked")
    );
    let mut sorted = needs.to_vec();
    sorted.sort_unstable();
    let names: Vec<String> = sorted.iter().map(|(name, ..)| format!(" \"{name}\",\n")).collect();
    let app =
        format!("[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n{}]\n", names.concat());
    let package = |(name, version, _): &(&str, &str, &str)| {
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"{CRATES_IO}\"\nchecksum = \"{SUM}\"\n"
        )
    };
    let mut packages: Vec<(String, String)> =
        sorted.iter().map(|need| (need.0.to_owned(), package(need))).collect();
    packages.push(("app".to_owned(), app));
    packages.sort();
    let lockfile: Vec<String> = packages.into_iter().map(|(_, text)| text).collect();
    vec![
        ("Cargo.toml".to_owned(), manifest),
        ("Cargo.lock".to_owned(), format!("version = 4\n\n{}", lockfile.join("\n"))),
    ]
}

/// A crate in the folder that stands for crates.io.
fn publish(folder: &Path, name: &str, version: &str) {
    let place = format!("crates/{name}-{version}");
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\nlicense = \"MIT\"\n"
    );
    write(folder, &format!("{place}/Cargo.toml"), &manifest);
    write(folder, &format!("{place}/src/lib.rs"), "");
    write(
        folder,
        &format!("{place}/.cargo-checksum.json"),
        &format!("{{\"files\":{{}},\"package\":\"{SUM}\"}}"),
    );
}

struct Story(Fixture);

impl Story {
    /// A repository on `main` with these dependencies, and the database beside it as it was at the end of this day.
    fn new(needs: &[(&str, &str, &str)], policy: &str, day: &str) -> Story {
        let mut all = files(needs);
        all.push((".gitignore".into(), "target\n".into()));
        all.push(("src/lib.rs".into(), "//! An app.\n".into()));
        all.push(("policies/security.yaml".into(), policy.into()));
        let source = "[source.crates-io]\nreplace-with = \"here\"\n[source.here]\ndirectory = \"../registry/crates\"\n";
        all.push((".cargo/config.toml".into(), source.into()));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let fixture = Fixture::of("wörk space", &all);
        for (name, version, _) in needs {
            publish(&fixture.folder.path().join("registry"), name, version);
        }
        database(&fixture.folder.path().join("database"), day);
        Story(fixture)
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.0.folder.path().join(name)
    }

    /// Other dependencies, committed.
    fn need(&self, needs: &[(&str, &str, &str)]) {
        for (name, version, _) in needs {
            publish(&self.beside("registry"), name, version);
        }
        for (path, text) in files(needs) {
            write(&self.0.workspace, &path, &text);
        }
        self.commit();
    }

    fn commit(&self) {
        git(&self.0.workspace, &["add", "--all"]);
        git(&self.0.workspace, &["commit", "--quiet", "--message", "more"]);
    }

    fn branch(&self, name: &str) {
        git(&self.0.workspace, &["checkout", "--quiet", "-b", name, "main"]);
    }

    fn gate(&self) -> Ran {
        self.0.run(&["--offline", "security", "advisories"])
    }

    /// Severity and message of each finding.
    fn told(&self) -> Vec<(String, String)> {
        let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
        self.0.findings().iter().map(|one| (text(one, "severity"), text(one, "message"))).collect()
    }

    /// The severity of what is told about a package.
    fn severity(&self, package: &str) -> Option<String> {
        let of = |message: &String| {
            message.contains(&format!(" {package} ")) || message.starts_with(&format!("{package} "))
        };
        self.told().into_iter().find(|(_, message)| of(message)).map(|(severity, _)| severity)
    }

    fn facts(&self) -> Value {
        let verdict = self.0.json("verdict.json");
        let gates = verdict["gates"].as_array().unwrap().clone();
        gates.into_iter().find(|gate| gate["gate"] == "advisories").unwrap()["facts"].clone()
    }
}

#[test]
fn an_advisory_that_lands_tomorrow_refuses_main_and_no_unrelated_request() {
    let time = ("time", "0.1.42", "normal");
    let story = Story::new(&[time], POLICY, BEFORE);
    story.gate().exits(0);
    story.branch("unrelated");
    write(&story.0.workspace, "README.md", "words\n");
    story.commit();
    story.gate().exits(0);

    database(&story.beside("database"), AFTER);
    // The default branch, and a schedule on it, refuse from the day on.
    git(&story.0.workspace, &["checkout", "--quiet", "main"]);
    story.gate().exits(10).says(&[
        "RUSTSEC-2020-0071",
        "time 0.1.42 (linked)",
        "needed by app@0.1.0 > time@0.1.42",
    ]);
    assert_eq!(story.facts()["compared"]["with"], "nothing");
    let event = story.beside("event.json");
    std::fs::write(&event, r#"{"repository": {"default_branch": "main", "id": 1}}"#).unwrap();
    let mut scheduled = story.0.command(&["--offline", "security", "advisories"]);
    scheduled.env("CI", "true").env("GITHUB_ACTIONS", "true").env("GITHUB_EVENT_NAME", "schedule");
    Ran::from(scheduled.env("GITHUB_EVENT_PATH", &event).output().unwrap()).exits(10);
    // A request that has nothing to do with it is told and passes.
    git(&story.0.workspace, &["checkout", "--quiet", "unrelated"]);
    story.gate().exits(0).says(&["already on base"]);
    assert_eq!(
        (story.severity("time").as_deref(), &story.facts()["compared"]["with"]),
        (Some("warning"), &"base".into())
    );
    // One that brings another fault in is refused for that one alone.
    story.branch("brings");
    story.need(&[time, ("smallvec", "1.6.0", "normal")]);
    story.gate().exits(10);
    let severities = (story.severity("time"), story.severity("smallvec"));
    assert_eq!(severities, (Some("warning".into()), Some("error".into())));
    // An upgrade that does not go far enough is no worse than what it replaces.
    story.branch("upgrades");
    story.need(&[("time", "0.1.43", "normal")]);
    story.gate().exits(0).says(&["the upgrade does not go far enough"]);
    // Where the policy wants it, what is inherited refuses too.
    git(&story.0.workspace, &["checkout", "--quiet", "main"]);
    write(&story.0.workspace, "policies/security.yaml", &format!("{POLICY}  inherited: refuse\n"));
    story.commit();
    story.branch("strict");
    write(&story.0.workspace, "README.md", "words\n");
    story.commit();
    story.gate().exits(10).says(&["already on base"]);
}

#[test]
fn a_base_that_cannot_be_read_makes_everything_new() {
    let story = Story::new(&[("time", "0.1.42", "normal")], POLICY, AFTER);
    let lockfile = std::fs::read_to_string(story.0.workspace.join("Cargo.lock")).unwrap();
    write(&story.0.workspace, "Cargo.lock", &format!("<<<<<<< HEAD\n{lockfile}"));
    story.commit();
    story.gate().exits(1).says(&["line 1 is a conflict of a merge"]);
    story.branch("mends");
    write(&story.0.workspace, "Cargo.lock", &lockfile);
    story.commit();
    story.gate().exits(10).says(&["advisories/base-unreadable", "RUSTSEC-2020-0071"]);
}

#[test]
fn how_near_a_package_comes_decides_and_is_told() {
    let needs = [
        ("time", "0.1.42", "dev"),
        ("smallvec", "1.6.0", "build"),
        ("openssl-src", "111.10.0+1.1.1g", "locked"),
    ];
    let policy = format!("{POLICY}  build: warn\n");
    let story = Story::new(&needs, &policy, AFTER);
    // The lockfile's package is not there: it is for another system, and cargo needs none of it.
    std::fs::remove_dir_all(story.beside("registry/crates/openssl-src-111.10.0+1.1.1g")).unwrap();
    publish(&story.beside("registry"), "openssl-src", "111.10.0+1.1.1g");
    story.gate().exits(0).says(&[
        "time 0.1.42 (development only)",
        "smallvec 1.6.0 (build only",
        "openssl-src",
        "in the lockfile only",
    ]);
    write(&story.0.workspace, "policies/security.yaml", POLICY);
    story.gate().exits(10);
    assert_eq!(
        (story.severity("smallvec").as_deref(), story.severity("time").as_deref()),
        (Some("error"), Some("warning"))
    );
    write(
        &story.0.workspace,
        "policies/security.yaml",
        &format!("{policy}  platforms: [x86_64-pc-windows-msvc]\n"),
    );
    story.gate().exits(10).says(&["openssl-src 111.10.0+1.1.1g (linked"]);
    let page = story.0.report("security/advisories.md");
    assert!(page.starts_with("# advisories: refused\n") && page.contains("RUSTSEC-2021-0003"), "{page}");
}

#[test]
fn a_clone_is_fetched_ages_and_never_fails_in_silence() {
    let policy = "advisories:\n  database: clone\n  url: ../upstream\n  yanked: off\n";
    let story = Story::new(&[("time", "0.1.42", "normal")], policy, BEFORE);
    let upstream = story.beside("upstream");
    let url = format!("file://{}", upstream.display());
    let policy = policy.replace("../upstream", &format!("'{url}'"));
    write(&story.0.workspace, "policies/security.yaml", &policy);
    story.commit();
    database(&upstream, BEFORE);
    git(&upstream, &["init", "--quiet"]);
    let commit = |day: &str| {
        git(&upstream, &["add", "--all"]);
        let date = format!("{day}T12:00:00Z");
        let done = Command::new("git")
            .args([
                "-c",
                "user.name=S",
                "-c",
                "user.email=s@example.invalid",
                "commit",
                "--quiet",
                "--message",
                "more",
            ])
            .env("GIT_COMMITTER_DATE", &date)
            .env("GIT_AUTHOR_DATE", &date)
            .current_dir(&upstream)
            .status();
        assert!(done.unwrap().success());
        git(&upstream, &["rev-parse", "HEAD"])
    };
    let first = commit("2020-11-17");
    story.gate().exits(1).says(&["there is no clone", "gateline security update"]);
    story.0.run(&["--offline", "security", "update"]).exits(2);
    story.0.run(&["security", "update"]).exits(0).says(&[&first, "2020-11-17"]);
    story.gate().exits(0).says(&["advisories/stale-snapshot"]);
    assert_eq!(story.facts()["snapshot"]["commit"], first.as_str());
    // The advisory lands; the gate knows it once it was fetched.
    database(&upstream, AFTER);
    let second = commit("2020-11-18");
    story.gate().exits(0);
    story.0.run(&["security", "update"]).exits(0).says(&[&second]);
    story.gate().exits(10).says(&["RUSTSEC-2020-0071"]);
    // An advisory that cannot be read is no reason to know less: the old snapshot stays, and that is told.
    write(&upstream, "crates/time/RUSTSEC-2026-9999.md", "```toml\n[advisory]\nid = \n```\n");
    commit("2020-11-19");
    story.0.run(&["security", "update"]).exits(1).says(&["time/RUSTSEC-2026-9999.md", "line 3"]);
    story.gate().exits(10).says(&["advisories/refresh-failed", "RUSTSEC-2026-9999.md"]);
    assert_eq!(story.facts()["snapshot"]["commit"], second.as_str());
    // And so it is where the database is gone.
    std::fs::rename(&upstream, story.beside("gone")).unwrap();
    story.0.run(&["security", "update"]).exits(1).says(&["failed to refresh the advisory database"]);
    story.gate().exits(10).says(&["advisories/refresh-failed"]);
    // Another address is another database.
    write(
        &story.0.workspace,
        "policies/security.yaml",
        "advisories: {database: clone, url: 'file:///nowhere'}\n",
    );
    story.gate().exits(1).says(&["not of file:///nowhere"]);
    // What was damaged since is not used.
    write(&story.0.workspace, "policies/security.yaml", &policy);
    std::fs::write(story.0.workspace.join("target/gateline/advisory-db/advisories.json.gz"), "x").unwrap();
    story.gate().exits(1).says(&["advisories.json.gz is damaged"]);
}

#[test]
fn a_folder_with_a_broken_advisory_names_file_and_line() {
    let story = Story::new(&[("time", "0.1.42", "normal")], POLICY, AFTER);
    write(&story.beside("database"), "crates/time/RUSTSEC-2026-9999.md", "```toml\n[advisory]\nid = \n```\n");
    story.gate().exits(1).says(&["time/RUSTSEC-2026-9999.md", "line 3"]);
    std::fs::remove_dir_all(story.beside("database/crates")).unwrap();
    std::fs::create_dir(story.beside("database/crates")).unwrap();
    story.gate().exits(1).says(&["there is no advisory below"]);
}

#[test]
fn osv_files_bring_what_the_database_has_not() {
    let policy = format!("{POLICY}  osv: [osv]\n");
    let story = Story::new(&[("time", "0.1.42", "normal"), ("cmov", "0.3.0", "normal")], &policy, AFTER);
    let osv = |id: &str, package: &str, alias: &str| {
        format!(
            r#"{{"id":"{id}","modified":"2026-01-02T00:00:00Z","summary":"a fault","aliases":["{alias}"],"database_specific":{{"severity":"HIGH"}},
            "affected":[{{"package":{{"ecosystem":"crates.io","name":"{package}"}},"ranges":[{{"type":"SEMVER","events":[{{"introduced":"0"}},{{"fixed":"0.3.1"}}]}}]}}]}}"#
        )
    };
    write(&story.0.workspace, "osv/one.json", &osv("GHSA-9999-only-here", "cmov", "CVE-2026-9999"));
    write(&story.0.workspace, "osv/two.json", &osv("GHSA-wcg3-cvx6-7396", "time", "RUSTSEC-2020-0071"));
    story.gate().exits(10).says(&[
        "GHSA-9999-only-here: cmov 0.3.0 (linked, high)",
        "cargo update -p cmov@0.3.0 --precise 0.3.1",
    ]);
    let of_time = story.told().into_iter().filter(|(_, message)| message.contains("time 0.1.42"));
    assert_eq!(of_time.count(), 1);
    write(&story.0.workspace, "osv/bad.json", "{");
    story.gate().exits(1).says(&["osv/bad.json"]);
}

#[test]
fn a_waiver_names_the_advisory() {
    let story = Story::new(&[("time", "0.1.42", "normal")], POLICY, AFTER);
    let waive = [
        "waive",
        "advisories/vulnerability",
        "RUSTSEC-2020-0071",
        "--reason",
        "not reached",
        "--owner",
        "ana",
    ];
    story.0.run(&waive).exits(0);
    story.gate().exits(0).says(&["waived: ana"]);
}
