//! A run of GitHub Actions for the stories: its report folder, its environment, and a GitHub of our own beside it.

use crate::contract::Contract;
use crate::fake::Fake;
use clap::Parser as _;
use gateline::cli::Cli;
use gateline::exit::Exit;
use gateline::world::{Clock, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const MERGE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub(crate) const NEWER: &str = "cccccccccccccccccccccccccccccccccccccccc";
/// 2027-01-15T08:00:00Z.
pub(crate) const START: i64 = 1_800_000_000;

/// A run of GitHub Actions, with its report folder.
pub(crate) struct Story {
    pub(crate) fake: Fake,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) clock: Clock,
}

/// The story, or nothing where the description is not here.
macro_rules! story {
    () => {
        match crate::contract::Contract::get() {
            Some(contract) => crate::story::Story::new(contract),
            None => {
                println!("gateline-skip: github-openapi");
                return;
            }
        }
    };
}

impl Story {
    pub(crate) fn new(contract: &'static Contract) -> Story {
        let fake = Fake::start(contract, HEAD);
        let folder = tempfile::tempdir().unwrap();
        let set = [
            ("GITHUB_API_URL", fake.url.as_str()),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_SHA", MERGE),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_RUN_ID", "11"),
            ("GITHUB_TOKEN", "ghs_1_secret"),
        ];
        let variables = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let clock = Clock::manual(jiff::Timestamp::from_second(START).unwrap());
        let mut story = Story { fake, folder, variables, clock };
        story.event("pull_request", &request("o/r"));
        story.verdict(&verdict(500));
        story
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn event(&mut self, name: &str, payload: &Value) {
        std::fs::write(self.file("event.json"), payload.to_string()).unwrap();
        self.set("GITHUB_EVENT_NAME", name);
        self.set("GITHUB_EVENT_PATH", self.file("event.json").to_str().unwrap());
    }

    pub(crate) fn verdict(&self, verdict: &Value) {
        std::fs::write(self.file("verdict.json"), verdict.to_string()).unwrap();
    }

    pub(crate) fn report(&self, more: &[&str]) -> Exit {
        self.run("report", more)
    }

    pub(crate) fn run(&self, verb: &str, more: &[&str]) -> Exit {
        let folder = self.folder.path().to_str().unwrap();
        let words = ["gateline", "github", verb, "--report-dir", folder];
        let cli = Cli::parse_from(words.iter().chain(more));
        let world = World::with(self.variables.clone(), self.folder.path().to_owned(), self.clock.clone());
        std::thread::spawn(move || gateline::commands::main(&world, cli)).join().unwrap()
    }

    /// One check with these many annotations, none twice, and one comment.
    #[track_caller]
    pub(crate) fn is_told_once(&self, annotations: usize) {
        self.fake.is_content();
        let state = self.fake.state();
        assert_eq!((state.checks.len(), state.comments.len()), (1, 1), "{:#?}", state.log);
        let all = &state.annotations[&state.checks[0]["id"].as_u64().unwrap()];
        let lines: std::collections::BTreeSet<u64> =
            all.iter().map(|one| one["start_line"].as_u64().unwrap()).collect();
        assert_eq!((all.len(), lines.len()), (annotations, annotations), "{:#?}", state.log);
    }
}

pub(crate) fn request(from: &str) -> Value {
    json!({"action": "synchronize", "number": 7, "repository": {"full_name": "o/r", "default_branch": "main"},
        "pull_request": {"number": 7, "head": {"sha": HEAD, "repo": {"full_name": from}}, "base": {"ref": "main"}}})
}

/// A refusal with so many findings, each on a line of its own.
pub(crate) fn verdict(findings: usize) -> Value {
    let finding = |line: usize| {
        json!({"code": "lint/clippy", "severity": if line == 1 { "error" } else { "warning" }, "message": format!("finding {line}"),
            "file": "src/lib.rs", "line": line, "changed": line <= 3, "help": "mend it", "waiver": null})
    };
    let outcome = if findings == 0 { "passed" } else { "refused" };
    json!({"schema": "gateline/verdict/v1", "outcome": outcome, "commit": MERGE, "dirty": false, "base": null,
        "policy": {"source": "origin/main", "hash": format!("sha256:{}", "0".repeat(64))},
        "gates": [{"gate": "lint", "outcome": outcome, "duration_ms": 5, "facts": {"files": 1, "packages": 1},
            "findings": (1..=findings).map(finding).collect::<Vec<_>>()}]})
}
