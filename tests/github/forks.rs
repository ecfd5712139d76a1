//! Changes from forks, over every kind of event: outside of its own report, the suite writes nothing; where the token can only
//! read, it asks nothing at all.

use crate::story::{HEAD, MERGE, Story, request, verdict};
use gateline::exit::Exit;
use serde_json::{Value, json};

/// Every kind of event that there is a workflow for, as a fork's change causes it.
fn events() -> Vec<(&'static str, Value)> {
    let from = request("someone/r");
    let ended = |event: &str| {
        json!({"action": "completed", "repository": {"full_name": "o/r"}, "workflow_run": {
            "id": 9, "run_attempt": 1, "event": event, "head_sha": HEAD, "head_branch": "topic", "conclusion": "failure",
            "head_repository": {"full_name": "someone/r"}, "pull_requests": []}})
    };
    vec![
        ("pull_request", from.clone()),
        ("pull_request_review", from.clone()),
        ("pull_request_review_comment", from.clone()),
        ("pull_request_target", from),
        ("workflow_run", ended("pull_request")),
        ("workflow_run", ended("push")),
        ("merge_group", json!({"merge_group": {"base_sha": HEAD, "head_sha": MERGE}})),
        ("push", json!({"after": MERGE, "before": HEAD})),
        ("workflow_dispatch", json!({})),
        ("schedule", json!({})),
        ("release", json!({"release": {"tag_name": "v1.0.0"}})),
        ("issue_comment", json!({"issue": {"number": 7, "pull_request": {}}, "comment": {"body": "/merge"}})),
        ("deployment_protection_rule", json!({"environment": "production"})),
        ("check_suite", json!({"check_suite": {"pull_requests": []}})),
        ("something_new", json!({"pull_request": 3})),
    ]
}

/// What a report may write.
const OF_A_REPORT: [&str; 5] =
    ["/check-runs", "/comments", "/issues/comments/", "/statuses/", "/code-scanning/sarifs"];

fn writes(story: &Story) -> Vec<String> {
    let state = story.fake.state();
    state.log.iter().filter(|line| !line.starts_with("GET ")).cloned().collect()
}

#[test]
fn a_fork_is_told_by_exit_code_alone_where_its_token_can_only_read() {
    for (name, payload) in events() {
        let by_fork = name.starts_with("pull_request") && name != "pull_request_target";
        if !by_fork {
            continue;
        }
        let mut story = story!();
        // Even with a token that could: nobody tries.
        story.event(name, &payload);
        assert_eq!(story.report(&[]), Exit::Refused, "{name}");
        story.verdict(&verdict(0));
        assert_eq!(story.report(&["--here-too"]), Exit::Done, "{name}");
        assert_eq!(story.fake.requests(), (0, 0), "{name}");
    }
}

#[test]
fn outside_of_its_report_nothing_is_written_for_any_event() {
    for (name, payload) in events() {
        let mut story = story!();
        story.fake.state().pull.3 = Some("someone/r".to_owned());
        story.event(name, &payload);
        // What a fork's run left claims another pull request and another commit.
        let mut claimed = verdict(3);
        if name == "workflow_run" {
            claimed["commit"] = json!("d".repeat(40));
        }
        story.verdict(&claimed);
        let exit = story.report(&[]);
        assert!(matches!(exit, Exit::Refused | Exit::Done), "{name}: {exit:?}");
        story.fake.is_content();
        for line in writes(&story) {
            assert!(OF_A_REPORT.iter().any(|path| line.contains(path)), "{name}: {line}");
            let of_another = line.contains("/issues/")
                && !line.contains("/issues/7/")
                && !line.contains("/issues/comments/");
            assert!(!of_another, "{name}: {line}");
        }
        {
            let state = story.fake.state();
            assert!(
                state.checks.iter().all(|check| check["head_sha"] == HEAD || check["head_sha"] == MERGE),
                "{name}"
            );
            assert!(state.sarifs.len() <= 1 && state.issues.is_empty(), "{name}");
        }
    }
}

#[test]
fn the_issue_of_the_default_branch_is_not_for_changes() {
    for (name, payload) in events() {
        let of_a_change = name.starts_with("pull_request") || matches!(name, "workflow_run" | "merge_group");
        let mut story = story!();
        story.event(name, &payload);
        let exit = story.run("issue", &[]);
        if of_a_change {
            assert_eq!(exit, Exit::Usage, "{name}");
        }
        assert_eq!(
            writes(&story),
            Vec::<String>::new(),
            "{name}: there is no gate `advisories` in this verdict"
        );
    }
}

#[test]
fn a_payload_of_another_event_is_no_event() {
    let all = events();
    let mut story = story!();
    story.verdict(&verdict(2));
    for (name, _) in &all {
        for (of, payload) in &all {
            story.event(name, payload);
            let exit = story.report(&["--dry-run"]);
            let needs = ["pull_request", "workflow_run", "merge_group", "push"]
                .iter()
                .any(|one| name.starts_with(one));
            let has =
                |key: &str| payload.get(key).is_some_and(|value| value.is_object() || value.is_string());
            let fits = match *name {
                "workflow_run" => has("workflow_run"),
                "merge_group" => has("merge_group"),
                "push" => has("after"),
                _ => has("pull_request"),
            };
            let expected = if needs && !fits {
                Exit::Usage
            } else if *name == "workflow_run" {
                Exit::Done
            } else {
                Exit::Refused
            };
            assert_eq!(exit, expected, "{name} with the payload of {of}");
            assert_eq!(story.fake.requests(), (0, 0));
        }
    }
}
