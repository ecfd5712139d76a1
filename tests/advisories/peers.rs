//! What cargo-audit and cargo-deny find in the same lockfile.

use super::support::git;
use super::support::partner;
use super::{AFTER, POLICY, Story, write};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// Old versions of packages of all kinds: many advisories, and some that do not apply.
const OLD: [(&str, &str, &str); 12] = [
    ("time", "0.1.42", "normal"),
    ("smallvec", "1.6.0", "normal"),
    ("openssl", "0.10.30", "normal"),
    ("hyper", "0.13.0", "normal"),
    ("tokio", "1.0.0", "normal"),
    ("atty", "0.2.14", "normal"),
    ("ansi_term", "0.12.1", "normal"),
    ("crossbeam-deque", "0.8.0", "normal"),
    ("regex", "1.5.4", "normal"),
    ("chrono", "0.4.19", "normal"),
    ("lexical-core", "0.7.6", "normal"),
    ("serde", "1.0.200", "normal"),
];

/// What gateline finds of [`OLD`]: id and package. What is withdrawn has no id, and depends on cargo's copy of the index.
fn ours(story: &Story) -> BTreeSet<(String, String)> {
    story.gate().exits(10);
    let evidence = story.0.json("evidence.json");
    let matches = evidence["gates"]["advisories"]["result"]["Ok"]["matches"].as_array().unwrap().clone();
    let text = |matched: &Value, name: &str| matched[name].as_str().unwrap().to_owned();
    let pairs = matches.iter().map(|one| (text(one, "id"), text(one, "package")));
    pairs.filter(|(id, _)| !id.is_empty()).collect()
}

fn committed(story: &Story) -> PathBuf {
    let database = story.beside("database");
    git(&database, &["init", "--quiet"]);
    git(&database, &["add", "--all"]);
    git(&database, &["commit", "--quiet", "--message", "all"]);
    // As cargo-deny wants it, whatever git calls the first branch.
    git(&database, &["branch", "--move", "main"]);
    database
}

#[test]
fn cargo_audit_finds_the_same() {
    let Some(program) = partner("cargo-audit") else { return };
    let story = Story::new(&OLD, POLICY, AFTER);
    let database = committed(&story);
    let output = Command::new(program)
        .args(["audit", "--json", "--no-fetch", "--stale", "--db"])
        .arg(&database)
        .arg("--file")
        .arg(story.0.workspace.join("Cargo.lock"))
        .current_dir(&story.0.workspace)
        .output()
        .unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let warnings = report["warnings"].as_object().unwrap().values().flat_map(|list| list.as_array().unwrap());
    let listed = report["vulnerabilities"]["list"].as_array().unwrap().iter().chain(warnings);
    let theirs: BTreeSet<(String, String)> = listed
        .filter(|one| one["advisory"]["id"].is_string())
        .map(|one| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&one["advisory"]["id"]), text(&one["package"]["name"]))
        })
        .collect();
    assert!(theirs.len() > 15, "{theirs:?}");
    assert_eq!(ours(&story), theirs);
}

#[test]
fn cargo_deny_finds_the_same() {
    let Some(program) = partner("cargo-deny") else { return };
    let story = Story::new(&OLD, POLICY, AFTER);
    let (database, home) = (committed(&story), story.beside("deny"));
    // It takes no address without a domain, so git is told where that domain is.
    let configuration = format!(
        "[advisories]\ndb-path = {:?}\ndb-urls = [\"https://example.invalid/db\"]\ngit-fetch-with-cli = true\n\
         unmaintained = \"all\"\nunsound = \"all\"\nyanked = \"allow\"\n",
        home.display().to_string()
    );
    write(&story.0.workspace, "deny.toml", &configuration);
    let output = Command::new(program)
        .args(["--format", "json", "check", "advisories"])
        .current_dir(&story.0.workspace)
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", format!("url.file://{}.insteadOf", database.display()))
        .env("GIT_CONFIG_VALUE_0", "https://example.invalid/db")
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let mut theirs = BTreeSet::new();
    for line in said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let advisory = &line["fields"]["advisory"];
        if let (Some(id), Some(package)) = (advisory["id"].as_str(), advisory["package"].as_str()) {
            theirs.insert((id.to_owned(), package.to_owned()));
        }
    }
    assert!(theirs.len() > 15, "{said}");
    assert_eq!(ours(&story), theirs);
}
