//! Around the report: other events, who we are, the one issue, reviews, and every public example of an event.

use crate::contract;
use crate::fake::{Fault, What};
use crate::story::{HEAD, MERGE, Story, request, verdict};
use crate::support::fixture::Fixture;
use crate::support::{Ran, git};
use gateline::exit::Exit;
use gateline::world::{Clock, World};
use serde_json::{Value, json};

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

#[test]
fn an_enterprise_s_own_addresses_are_used_in_every_link() {
    let mut story = story!();
    story.set("GITHUB_SERVER_URL", "https://ghe.example:8443");
    assert_eq!(story.report(&[]), Exit::Refused);
    story.is_told_once(100);
    let state = story.fake.state();
    let page = "https://ghe.example:8443/o/r";
    assert_eq!(state.checks[0]["details_url"], format!("{page}/actions/runs/11"));
    let body = state.comments[0]["body"].as_str().unwrap();
    assert!(body.contains(&format!("]({page}/blob/{HEAD}/src/lib.rs#L1)")), "{body}");
    assert!(!body.contains("github.com"), "{body}");
    drop(state);
    // An address that would carry the token in the clear is refused before anything is sent.
    story.fake.forget_log();
    for bad in ["http://ghe.example", "https://user@ghe.example", "ftp://x"] {
        story.set("GITHUB_API_URL", bad);
        assert_eq!(story.report(&[]), Exit::Usage, "{bad}");
    }
    assert_eq!(story.fake.requests(), (0, 0));
}

#[test]
fn other_systems_get_the_text_and_the_exit_code() {
    let story = story!();
    let own = [("CI", "true")];
    let gitlab =
        [("GITLAB_CI", "true"), ("CI_COMMIT_SHA", MERGE), ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main")];
    let jenkins = [("JENKINS_URL", "https://ci.example/"), ("GIT_COMMIT", MERGE), ("CHANGE_ID", "7")];
    for (name, variables) in [("none", &[][..]), ("CI", &own), ("GitLab", &gitlab), ("Jenkins", &jenkins)] {
        for (findings, code) in [(2, 10), (0, 0)] {
            story.verdict(&verdict(findings));
            let ran = |token: &str| -> Ran {
                let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gateline"));
                command.args(["github", "report", "--report-dir", story.folder.path().to_str().unwrap()]);
                command.env_clear().envs(variables.iter().copied()).current_dir(story.folder.path());
                // A token that lies about must not be used where nobody said for which repository.
                command.env(token, "ghs_1_secret").output().unwrap().into()
            };
            for token in ["GITHUB_TOKEN", "NOTHING"] {
                let ran = ran(token).exits(code).says(&["Gateline: ", "GitHub is told nothing more"]);
                assert!(!ran.out.contains("::"), "{name}: no workflow commands: {}", ran.out);
            }
        }
    }
    assert_eq!(story.fake.requests(), (0, 0));
}

#[test]
fn anywhere_a_repository_can_be_named() {
    let mut story = story!();
    for name in [
        "GITHUB_REPOSITORY",
        "GITHUB_SHA",
        "GITHUB_REF",
        "GITHUB_RUN_ID",
        "GITHUB_EVENT_NAME",
        "GITHUB_EVENT_PATH",
    ] {
        story.variables.remove(name);
    }
    story.set("GITLAB_CI", "true");
    let mut of_head = verdict(3);
    of_head["commit"] = json!(HEAD);
    story.verdict(&of_head);
    assert_eq!(story.report(&["--repository", "o/r", "--pull-request", "7"]), Exit::Refused);
    story.is_told_once(3);
    assert_eq!(story.report(&["--repository", "not a repository"]), Exit::Usage);
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
