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
#[path = "github/fake_releases.rs"]
mod fake_releases;
#[macro_use]
#[path = "github/story.rs"]
mod story;
#[path = "github/around.rs"]
mod around;
#[path = "github/faults.rs"]
mod faults;
#[path = "github/forks.rs"]
mod forks;
#[path = "github/releases.rs"]
mod releases;
#[path = "github/rulesets.rs"]
mod rulesets;
mod support;

use fake::{Fault, What};
use gateline::exit::Exit;
use serde_json::{Value, json};
use story::{HEAD, NEWER, START, request, verdict};

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
