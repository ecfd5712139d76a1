//! Stories: `gateline github report` against a GitHub of our own that judges every request and reply by GitHub's description.
//!
//! The verb runs in this process, with the real client over real HTTP and with a clock that moves when it sleeps: no story waits
//! for a pause. After any fault, the end is the same as without: nothing lost, nothing doubled.

#![expect(clippy::unwrap_used, reason = "a story fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "the other side of the door: a server, and the real program")]

#[path = "github/contract.rs"]
mod contract;
#[path = "github/fake.rs"]
mod fake;
mod support;

use clap::Parser as _;
use contract::Contract;
use fake::{Fake, Fault, What};
use gateline::cli::Cli;
use gateline::exit::Exit;
use gateline::world::{Clock, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use support::fixture::Fixture;
use support::{Ran, git};

const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const MERGE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const NEWER: &str = "cccccccccccccccccccccccccccccccccccccccc";
/// 2027-01-15T08:00:00Z.
const START: i64 = 1_800_000_000;

/// A run of GitHub Actions, with its report folder.
struct Story {
    fake: Fake,
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
    clock: Clock,
}

/// The story, or nothing where the description is not here.
macro_rules! story {
    () => {
        match Contract::get() {
            Some(contract) => Story::new(contract),
            None => {
                println!("gateline-skip: github-openapi");
                return;
            }
        }
    };
}

impl Story {
    fn new(contract: &'static Contract) -> Story {
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

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    fn event(&mut self, name: &str, payload: &Value) {
        std::fs::write(self.file("event.json"), payload.to_string()).unwrap();
        self.set("GITHUB_EVENT_NAME", name);
        self.set("GITHUB_EVENT_PATH", self.file("event.json").to_str().unwrap());
    }

    fn verdict(&self, verdict: &Value) {
        std::fs::write(self.file("verdict.json"), verdict.to_string()).unwrap();
    }

    fn report(&self, more: &[&str]) -> Exit {
        self.run("report", more)
    }

    fn run(&self, verb: &str, more: &[&str]) -> Exit {
        let folder = self.folder.path().to_str().unwrap();
        let words = ["gateline", "github", verb, "--report-dir", folder];
        let cli = Cli::parse_from(words.iter().chain(more));
        let world = World::with(self.variables.clone(), self.folder.path().to_owned(), self.clock.clone());
        std::thread::spawn(move || gateline::commands::main(&world, cli)).join().unwrap()
    }

    /// One check with these many annotations, none twice, and one comment.
    #[track_caller]
    fn is_told_once(&self, annotations: usize) {
        self.fake.is_content();
        let state = self.fake.state();
        assert_eq!((state.checks.len(), state.comments.len()), (1, 1), "{:#?}", state.log);
        let all = &state.annotations[&state.checks[0]["id"].as_u64().unwrap()];
        let lines: std::collections::BTreeSet<u64> =
            all.iter().map(|one| one["start_line"].as_u64().unwrap()).collect();
        assert_eq!((all.len(), lines.len()), (annotations, annotations), "{:#?}", state.log);
    }
}

fn request(from: &str) -> Value {
    json!({"action": "synchronize", "number": 7, "repository": {"full_name": "o/r", "default_branch": "main"},
        "pull_request": {"number": 7, "head": {"sha": HEAD, "repo": {"full_name": from}}, "base": {"ref": "main"}}})
}

/// A refusal with so many findings, each on a line of its own.
fn verdict(findings: usize) -> Value {
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

#[test]
fn five_hundred_findings_are_told_within_the_bar_and_the_same_again_writes_nothing() {
    let story = story!();
    assert_eq!(story.report(&[]), Exit::Refused);
    story.is_told_once(100);
    let (requests, writes) = story.fake.requests();
    assert!(requests <= 9, "8 besides SARIF, not {requests}");
    assert_eq!((writes, story.fake.state().sarifs.len()), (4, 1));
    {
        let state = story.fake.state();
        assert_eq!(
            (&state.checks[0]["head_sha"], &state.checks[0]["conclusion"]),
            (&json!(HEAD), &json!("failure"))
        );
        let body = state.comments[0]["body"].as_str().unwrap();
        assert!(body.contains("Gateline: refused") && body.contains("finding 1"), "{body}");
    }
    // Writes are a second apart.
    assert!(story.clock.now().as_second() - START >= 3);

    story.fake.forget_log();
    assert_eq!(story.report(&[]), Exit::Refused);
    let (requests, writes) = story.fake.requests();
    assert!(requests <= 3 && writes == 0, "{:#?}", story.fake.state().log);
    story.is_told_once(100);
}

#[test]
fn no_fault_loses_or_doubles_anything() {
    let limited =
        |status| What::Answer(status, vec![("retry-after", "7".to_owned())], "secondary rate limit");
    let spent = What::Answer(
        403,
        vec![("x-ratelimit-remaining", "0".into()), ("x-ratelimit-reset", (START + 90).to_string())],
        "API rate limit exceeded",
    );
    let faults = [
        What::Answer(500, vec![], "Server Error"),
        What::DoneAnd(502),
        What::Reset,
        What::DoneAndBroken,
        limited(403),
        limited(429),
        What::Answer(403, vec![], "You have exceeded a secondary rate limit. Please wait."),
        spent,
    ];
    let places = [
        ("GET", "/pulls/{pull_number}"),
        ("GET", "/check-runs"),
        ("GET", "/comments"),
        ("POST", "/check-runs"),
        ("PATCH", "/{check_run_id}"),
        ("POST", "/comments"),
        ("POST", "/sarifs"),
    ];
    for what in &faults {
        for (method, at) in places {
            let story = story!();
            let fault = Fault { method, at, what: what.clone() };
            story.fake.state().faults = vec![fault.clone(), fault.clone()];
            assert_eq!(story.report(&[]), Exit::Refused, "{fault:?}");
            assert!(story.fake.state().faults.len() < 2, "{fault:?} did not happen");
            story.is_told_once(100);
            story.verdict(&verdict(499));
            story.fake.state().faults =
                vec![Fault { method: "PATCH", at: "/{comment_id}", what: what.clone() }];
            assert_eq!(story.report(&[]), Exit::Refused, "{fault:?}");
            let state = story.fake.state();
            assert_eq!(
                (state.comments.len(), state.checks.len()),
                (1, 2),
                "another verdict is another check: {fault:?}"
            );
        }
    }
}

#[test]
fn what_never_ends_is_given_up_and_a_refusal_stays_one() {
    let story = story!();
    let down =
        || Fault { method: "POST", at: "/check-runs", what: What::Answer(500, vec![], "Server Error") };
    story.fake.state().faults = std::iter::repeat_with(down).take(20).collect();
    assert_eq!(story.report(&[]), Exit::Refused);
    assert!(story.fake.state().faults.len() >= 15, "five attempts at most");
    story.verdict(&verdict(0));
    story.fake.state().faults = std::iter::repeat_with(down).take(20).collect();
    assert_eq!(story.report(&[]), Exit::Infrastructure);
    // A limit that lasts an hour is not waited for.
    let until = (story.clock.now().as_second() + 3600).to_string();
    let headers = vec![("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", until)];
    let limit = What::Answer(403, headers, "API rate limit exceeded");
    story.fake.state().faults = vec![Fault { method: "GET", at: "/pulls/{pull_number}", what: limit }];
    assert_eq!(story.report(&[]), Exit::Infrastructure);
    // Nor is anybody there.
    let mut story = story;
    story.set("GITHUB_API_URL", "http://127.0.0.1:1");
    assert_eq!(story.report(&[]), Exit::Infrastructure);
}

#[test]
fn an_answer_that_is_no_limit_is_not_asked_again() {
    for status in [400, 401, 409, 422] {
        let story = story!();
        story.verdict(&verdict(0));
        let what = What::Answer(status, vec![], "No");
        story.fake.state().faults = vec![Fault { method: "POST", at: "/check-runs", what }];
        assert_eq!(story.report(&[]), Exit::Infrastructure, "{status}");
        let posts = story
            .fake
            .state()
            .log
            .iter()
            .filter(|line| line.ends_with("/check-runs?") && line.starts_with("POST"))
            .count();
        assert_eq!(posts, 1, "{status}");
    }
}

#[test]
fn what_the_token_may_not_falls_back() {
    let check = |rights: &[&'static str], expected: (usize, usize, usize, usize)| {
        let story = story!();
        story.fake.state().rights = rights.to_vec();
        assert_eq!(story.report(&[]), Exit::Refused, "{rights:?}");
        story.fake.is_content();
        {
            let state = story.fake.state();
            let told = (state.checks.len(), state.statuses.len(), state.comments.len(), state.sarifs.len());
            assert_eq!(told, expected, "{rights:?}");
        }
        // Once more: a status that says the same is not written again.
        assert_eq!(story.report(&[]), Exit::Refused);
        assert_eq!(story.fake.state().statuses.len(), expected.1, "{rights:?}");
    };
    check(&["check-runs", "statuses", "comments", "sarifs"], (1, 0, 1, 1));
    check(&["statuses", "comments"], (0, 1, 1, 0));
    check(&["comments"], (0, 0, 1, 0));
    check(&["check-runs"], (1, 0, 0, 0));
    check(&[], (0, 0, 0, 0));
}

#[test]
fn a_pass_is_silent_until_there_is_a_comment() {
    let story = story!();
    story.verdict(&verdict(0));
    assert_eq!(story.report(&[]), Exit::Done);
    {
        let state = story.fake.state();
        assert_eq!((state.comments.len(), state.checks.len()), (0, 1));
        assert_eq!(state.checks[0]["conclusion"], "success");
    }
    story.verdict(&verdict(2));
    assert_eq!(story.report(&[]), Exit::Refused);
    story.verdict(&verdict(0));
    assert_eq!(story.report(&[]), Exit::Done);
    let state = story.fake.state();
    assert_eq!(state.comments.len(), 1);
    assert!(state.comments[0]["body"].as_str().unwrap().contains("Gateline: passed"));
}

#[test]
fn a_comment_that_is_deleted_in_between_is_made_again() {
    let story = story!();
    assert_eq!(story.report(&[]), Exit::Refused);
    story.verdict(&verdict(2));
    story.fake.state().faults =
        vec![Fault { method: "PATCH", at: "/{comment_id}", what: What::CommentDeleted }];
    assert_eq!(story.report(&[]), Exit::Refused);
    let state = story.fake.state();
    assert_eq!(state.comments.len(), 1);
    assert!(state.comments[0]["body"].as_str().unwrap().contains("finding 2"));
}

#[test]
fn a_pull_request_that_is_closed_or_has_moved_on_gets_no_comment() {
    let changes: [fn(&mut fake::Pull); 2] = [|pull| pull.1 = "closed".into(), |pull| pull.2 = NEWER.into()];
    for change in changes {
        let story = story!();
        change(&mut story.fake.state().pull);
        assert_eq!(story.report(&[]), Exit::Refused);
        let state = story.fake.state();
        assert_eq!((state.comments.len(), state.checks.len()), (0, 1), "the check belongs to its commit");
    }
}

#[test]
fn an_older_run_of_the_same_commit_does_not_overwrite_a_newer_one() {
    let mut story = story!();
    assert_eq!(story.report(&[]), Exit::Refused);
    story.set("GITHUB_RUN_ID", "10");
    story.verdict(&verdict(2));
    assert_eq!(story.report(&[]), Exit::Refused);
    let body = story.fake.state().comments[0]["body"].as_str().unwrap().to_owned();
    assert!(body.contains("actions/runs/11"), "{body}");
}

#[test]
fn all_pages_are_searched_and_a_stranger_s_copy_is_not_ours() {
    let story = story!();
    assert_eq!(story.report(&[]), Exit::Refused);
    {
        let mut state = story.fake.state();
        let ours = state.comments.remove(0);
        let copy = fake::comment(ours.clone(), 1, ours["body"].as_str().unwrap(), "User", "NONE");
        let other = |id: u64| fake::comment(ours.clone(), id, "hello", "User", "MEMBER");
        state.comments = (1000..1248).map(other).collect();
        state.comments.insert(0, copy);
        state.comments.push(ours);
    }
    story.verdict(&verdict(2));
    assert_eq!(story.report(&[]), Exit::Refused);
    let state = story.fake.state();
    assert_eq!(state.comments.len(), 250);
    let told = |comment: &Value| !comment["body"].as_str().unwrap().contains("finding 3");
    assert!(told(state.comments.last().unwrap()), "ours was on the third page");
    assert!(!told(&state.comments[0]));
    assert_eq!(state.comments[0]["user"]["type"], "User", "the copy is untouched");
}

#[test]
fn a_renamed_repository_is_followed() {
    let story = story!();
    let location = format!("{}/repositories/1", story.fake.url);
    story.fake.state().moved = Some(Box::leak(location.into_boxed_str()));
    assert_eq!(story.report(&[]), Exit::Refused);
    story.is_told_once(100);
    assert!(
        story.fake.requests().0 <= 10,
        "one request more, not twice as many: {:#?}",
        story.fake.state().log
    );
}

#[test]
fn a_token_goes_nowhere_else() {
    let story = story!();
    story.verdict(&verdict(0));
    let headers = vec![("location", "http://127.0.0.1:9/repos/o/r/pulls/7".to_owned())];
    let what = What::Answer(301, headers, "Moved Permanently");
    story.fake.state().faults = vec![Fault { method: "GET", at: "/pulls/{pull_number}", what }];
    assert_eq!(story.report(&[]), Exit::Infrastructure);
    assert_eq!(story.fake.requests().0, 1);
}

#[test]
fn a_fork_is_told_by_exit_code_alone() {
    for name in ["pull_request", "pull_request_review"] {
        let mut story = story!();
        story.event(name, &request("someone/r"));
        assert_eq!(story.report(&[]), Exit::Refused);
        story.verdict(&verdict(0));
        assert_eq!(story.report(&["--here-too"]), Exit::Done);
        assert_eq!(story.fake.requests(), (0, 0), "{name}");
    }
}

fn ended(from: &str, head: &str, conclusion: &str) -> Value {
    json!({"action": "completed", "repository": {"full_name": "o/r"}, "workflow_run": {
        "id": 9, "run_attempt": 1, "event": "pull_request", "head_sha": head, "head_branch": "topic", "conclusion": conclusion,
        "head_repository": {"full_name": from}, "pull_requests": []}})
}

#[test]
fn the_second_stage_finds_the_pull_request_of_a_fork_by_its_commit() {
    let mut story = story!();
    story.fake.state().pull.3 = Some("someone/r".to_owned());
    story.event("workflow_run", &ended("someone/r", HEAD, "failure"));
    story.set("GITHUB_SHA", NEWER);
    // What the report says of its commit is a claim; the event knows it.
    let mut claimed = verdict(500);
    claimed["commit"] = json!(NEWER);
    story.verdict(&claimed);
    assert_eq!(story.report(&[]), Exit::Done, "it was told: that is what a second stage is asked for");
    story.is_told_once(100);
    let state = story.fake.state();
    assert_eq!(state.checks[0]["head_sha"], HEAD);
    assert_eq!(state.sarifs.len(), 0, "no reference of a fork is known here");
}

#[test]
fn the_second_stage_tells_no_other_pull_request() {
    for (from, head) in [("someone/r", NEWER), ("other/r", HEAD)] {
        let mut story = story!();
        story.fake.state().pull.3 = Some("someone/r".to_owned());
        story.event("workflow_run", &ended(from, head, "failure"));
        assert_eq!(story.report(&[]), Exit::Done);
        assert_eq!(story.fake.state().comments.len(), 0);
        assert_eq!(story.report(&["--pull-request", "7"]), Exit::Usage, "nobody names it");
    }
}

#[test]
fn a_claim_to_have_passed_is_worth_what_the_run_was() {
    let mut story = story!();
    story.verdict(&verdict(0));
    story.event("workflow_run", &ended("o/r", HEAD, "failure"));
    assert_eq!(story.report(&[]), Exit::Done);
    assert_eq!(story.fake.state().checks[0]["conclusion"], "failure");
}

#[test]
fn what_is_hostile_is_refused_as_a_whole() {
    let mut story = story!();
    story.event("workflow_run", &ended("someone/r", HEAD, "success"));
    let mut wrong = vec![json!([]), json!({"schema": "x"})];
    let mut lie = verdict(5);
    lie["outcome"] = json!("passed");
    wrong.push(lie);
    for verdict in wrong {
        story.verdict(&verdict);
        assert_eq!(story.report(&[]), Exit::Usage);
    }
    std::fs::write(story.file("verdict.json"), verdict(5).to_string().split_at(300).0).unwrap();
    assert_eq!(story.report(&[]), Exit::Usage, "cut off");
    std::fs::remove_file(story.file("verdict.json")).unwrap();
    assert_eq!(story.report(&[]), Exit::Usage, "missing");
    assert_eq!(story.fake.requests(), (0, 0));
}

#[test]
fn a_verdict_of_another_commit_is_not_told() {
    let story = story!();
    let mut other = verdict(0);
    other["commit"] = json!(NEWER);
    story.verdict(&other);
    assert_eq!(story.report(&[]), Exit::Usage);
    assert_eq!(story.fake.requests(), (0, 0));
}

#[test]
fn other_events_are_told_at_their_commit_without_a_comment() {
    let mut story = story!();
    story.verdict(&verdict(2));
    for (name, payload) in [
        ("push", json!({"after": MERGE, "before": HEAD})),
        ("merge_group", json!({"merge_group": {"base_sha": HEAD, "head_sha": MERGE}})),
        ("schedule", json!({})),
        ("workflow_dispatch", json!({})),
        ("something_new", json!({"pull_request": 3})),
    ] {
        story.event(name, &payload);
        assert_eq!(story.report(&[]), Exit::Refused, "{name}");
    }
    story.fake.is_content();
    let state = story.fake.state();
    assert_eq!((state.checks.len(), state.comments.len()), (1, 0), "the same commit, the same verdict");
    assert_eq!(state.checks[0]["head_sha"], MERGE);
}

#[test]
fn without_token_or_network_nothing_is_asked() {
    let mut story = story!();
    assert_eq!(story.report(&["--offline"]), Exit::Refused);
    assert_eq!(story.report(&["--dry-run"]), Exit::Refused);
    assert_eq!(story.report(&["--dry-run", "--format", "json"]), Exit::Refused);
    story.variables.remove("GITHUB_TOKEN");
    assert_eq!(story.report(&[]), Exit::Refused);
    assert_eq!(story.fake.requests(), (0, 0));
}

#[test]
fn an_app_makes_a_token_once_and_another_when_it_ends() {
    let mut story = story!();
    let Ok(made) = std::process::Command::new("openssl").args(["genrsa", "2048"]).output() else {
        println!("gateline-skip: openssl");
        return;
    };
    story.set("GATELINE_GITHUB_APP_ID", "Iv1.app");
    story.set("GATELINE_GITHUB_APP_KEY", &String::from_utf8(made.stdout).unwrap());
    story.variables.remove("GITHUB_TOKEN");
    assert_eq!(story.report(&[]), Exit::Refused);
    story.is_told_once(100);
    assert_eq!(story.fake.state().given, 1);
    // It ends in four minutes: that is too soon to begin with, each time.
    story.fake.state().ends = "2027-01-15T08:04:00Z".to_owned();
    story.verdict(&verdict(2));
    assert_eq!(story.report(&[]), Exit::Refused);
    assert!(story.fake.state().given > 2);
    // One that is taken back before it ends is made again.
    story.fake.state().ends = "2099-01-01T00:00:00Z".to_owned();
    story.verdict(&verdict(3));
    let what = What::Answer(401, vec![], "Bad credentials");
    story.fake.state().faults = vec![Fault { method: "POST", at: "/check-runs", what }];
    assert_eq!(story.report(&[]), Exit::Refused);
    story.fake.is_content();
}

#[test]
fn the_token_is_in_no_output() {
    let story = story!();
    let what = What::Answer(401, vec![], "Bad credentials: ghs_1_secret");
    story.fake.state().faults = vec![Fault { method: "GET", at: "/pulls/{pull_number}", what }];
    for more in [&["--verbose"][..], &["--dry-run", "--format", "json"], &["--offline"]] {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_gateline"))
            .args(["github", "report", "--report-dir", story.folder.path().to_str().unwrap()])
            .args(more)
            .env_clear()
            .envs(&story.variables)
            .current_dir(story.folder.path())
            .output()
            .unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(!said.contains("ghs_1_secret") && !said.is_empty(), "{said}");
    }
}

/// What the gate `advisories` says.
fn advisories(outcome: &str, known: &[&str]) -> Value {
    let finding = |name: &&str| {
        json!({"code": "advisories/vulnerability", "severity": "error", "message": format!("{name} in x 1.0.0"),
        "subject": name, "help": "cargo update -p x", "waiver": null})
    };
    let mut verdict = verdict(0);
    verdict["outcome"] = json!(outcome);
    verdict["gates"] = json!([{"gate": "advisories", "outcome": outcome, "duration_ms": 1, "facts": {},
        "findings": known.iter().map(finding).collect::<Vec<_>>()}]);
    verdict
}

#[test]
fn one_issue_is_opened_kept_up_to_date_and_closed() {
    let mut story = story!();
    story.event("schedule", &json!({}));
    let issues = |story: &Story| -> Vec<(String, bool)> {
        let state = story.fake.state();
        let one = |issue: &Value| {
            let body = issue["body"].as_str().unwrap();
            (issue["state"].as_str().unwrap().to_owned(), body.contains("RUSTSEC-2"))
        };
        state.issues.iter().map(one).collect()
    };
    let open = |more| vec![("open".to_owned(), more)];
    story.verdict(&advisories("passed", &[]));
    assert_eq!(story.run("issue", &[]), Exit::Done);
    assert_eq!(issues(&story), []);
    // The reply is lost, and it is not opened twice.
    story.verdict(&advisories("refused", &["RUSTSEC-1"]));
    story.fake.state().faults = vec![Fault { method: "POST", at: "/issues", what: What::DoneAndBroken }];
    assert_eq!(story.run("issue", &[]), Exit::Done);
    assert_eq!(issues(&story), open(false));
    story.fake.forget_log();
    assert_eq!(story.run("issue", &[]), Exit::Done);
    assert_eq!(story.fake.requests(), (1, 0), "nothing new, nothing written");
    story.verdict(&advisories("refused", &["RUSTSEC-1", "RUSTSEC-2"]));
    assert_eq!(story.run("issue", &["--dry-run"]), Exit::Done);
    assert_eq!(issues(&story), open(false));
    assert_eq!(story.run("issue", &[]), Exit::Done);
    assert_eq!(issues(&story), open(true));
    // What could not be looked at is not mended.
    story.verdict(&advisories("error", &[]));
    assert_eq!(story.run("issue", &[]), Exit::Done);
    assert_eq!(issues(&story), open(true));
    story.verdict(&advisories("passed", &[]));
    assert_eq!(story.run("issue", &[]), Exit::Done);
    assert_eq!(issues(&story), [("closed".to_owned(), true)]);
    story.verdict(&advisories("refused", &["RUSTSEC-3"]));
    assert_eq!(story.run("issue", &[]), Exit::Done);
    assert_eq!(issues(&story).len(), 2, "what was closed stays so");
    story.fake.is_content();
    // A pull request's advisories are not those of the default branch.
    story.event("pull_request", &request("o/r"));
    assert_eq!(story.run("issue", &[]), Exit::Usage);
}

#[test]
fn a_review_by_an_approver_of_the_base_lifts_a_loosening_of_the_reviewed_commit() {
    let story = story!();
    let fixture = Fixture::of(
        "a repository",
        &[
            ("Cargo.toml", "[package]\nname = \"fixture\"\nversion = \"1.0.0\"\nedition = \"2024\"\n"),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"1.0.0\"\n"),
            ("src/lib.rs", "//! A fixture.\n"),
            (".gitignore", "target\n"),
            ("policies/approvers.yaml", "approvers: [{name: Ada, github: ada}]\n"),
        ],
    );
    git(&fixture.workspace, &["checkout", "--quiet", "-b", "change"]);
    fixture.write("policies/coverage.yaml", "minimum: 10\n");
    git(&fixture.workspace, &["add", "--all"]);
    git(&fixture.workspace, &["commit", "--quiet", "--message", "change"]);
    let head: &'static str = git(&fixture.workspace, &["rev-parse", "HEAD"]).leak();
    let mut payload = request("o/r");
    payload["pull_request"]["head"]["sha"] = json!(head);
    std::fs::write(story.file("event.json"), payload.to_string()).unwrap();
    let judged = |name: &str, more: &[&str]| -> Ran {
        let mut command = fixture.command(&[&["ci", "--gate", "policy"], more].concat());
        command.envs(&story.variables).env("GITHUB_EVENT_NAME", name).env("GITHUB_SHA", head);
        command.output().unwrap().into()
    };
    judged("pull_request", &[]).exits(10).says(&["policy/loosened"]);
    for (review, code) in [
        (("ada", "COMMENTED", head), 10),
        (("mallory", "APPROVED", head), 10),
        (("ada", "APPROVED", HEAD), 10),
        (("Ada", "APPROVED", head), 0),
    ] {
        story.fake.state().reviews = vec![review];
        judged("pull_request_review", &[]).exits(code);
    }
    judged("pull_request_review", &["--offline"]).exits(10).says(&["--offline was given"]);
    story.fake.state().reviews = vec![("ada", "APPROVED", head), ("ada", "DISMISSED", head)];
    judged("pull_request_review", &[]).exits(10);
    story.fake.is_content();
}

#[test]
fn every_public_event_is_read() {
    let Some(package) = contract::package("@octokit/webhooks-examples") else {
        println!("gateline-skip: github-events");
        return;
    };
    let text = std::fs::read_to_string(package.join("api.github.com/index.json")).unwrap();
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    let (mut events, mut targets) = (0, 0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("event.json");
    for kind in &all {
        let name = kind["name"].as_str().unwrap();
        for example in kind["examples"].as_array().unwrap() {
            std::fs::write(&file, example.to_string()).unwrap();
            let set = [("GITHUB_EVENT_NAME", name), ("GITHUB_EVENT_PATH", file.to_str().unwrap())];
            let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let world = World::with(set, folder.path().to_owned(), Clock::system());
            let run = gateline::tools::github::context::Run::read(&world);
            let run = run.unwrap_or_else(|why| panic!("{name}: {}", why.message));
            events += 1;
            targets += usize::from(run.target().is_some());
            let known =
                name.starts_with("pull_request") || matches!(name, "merge_group" | "push" | "workflow_run");
            assert_eq!(run.target().is_some(), known, "{name}");
            gateline::tools::ci_event::read(&world).unwrap();
        }
    }
    assert!(events >= 300 && targets >= 40, "{events} events, {targets} with a commit");
}
