//! What goes wrong in the middle of a report besides a lost reply: things that move, end, or are refused. Nothing is written to what
//! is not the run's own any more, and nothing that was told is lost.

use crate::fake::{Fault, State, What};
use crate::story::{HEAD, NEWER, request, verdict};
use gateline::exit::Exit;
use serde_json::json;

fn fault(method: &'static str, at: &'static str, what: What) -> Fault {
    Fault { method, at, what }
}

#[test]
fn a_pull_request_that_moves_on_in_the_middle_keeps_the_comment_of_whoever_is_newest() {
    // It was looked at first, and moves on before the check is written.
    let moves: fn(&mut State) = |state| state.pull.2 = NEWER.to_owned();
    for at in ["/check-runs", "/comments"] {
        let story = story!();
        story.fake.state().faults = vec![fault("POST", at, What::After(moves))];
        assert_eq!(story.report(&[]), Exit::Refused);
        story.is_told_once(100);
        // The run of the newer commit speaks after it, in the same comment.
        let mut story = story;
        let mut event = request("o/r");
        event["pull_request"]["head"]["sha"] = json!(NEWER);
        story.event("pull_request", &event);
        story.set("GITHUB_RUN_ID", "12");
        story.verdict(&verdict(2));
        assert_eq!(story.report(&[]), Exit::Refused);
        {
            let state = story.fake.state();
            assert_eq!((state.comments.len(), state.checks.len()), (1, 2));
            assert!(state.comments[0]["body"].as_str().unwrap().contains(&NEWER[..12]));
            assert_eq!(state.checks[1]["head_sha"], NEWER);
        }
        // The older one, run again, has nothing to say there any more.
        story.event("pull_request", &request("o/r"));
        story.set("GITHUB_RUN_ID", "11");
        story.verdict(&verdict(3));
        assert_eq!(story.report(&[]), Exit::Refused);
        let state = story.fake.state();
        assert_eq!(state.checks.last().unwrap()["head_sha"], HEAD, "the check belongs to its commit");
        assert!(state.comments[0]["body"].as_str().unwrap().contains(&NEWER[..12]));
    }
}

#[test]
fn a_repository_that_is_renamed_in_the_middle_is_followed_with_the_body() {
    for (method, at) in
        [("GET", "/check-runs"), ("POST", "/check-runs"), ("PATCH", "/{check_run_id}"), ("POST", "/comments")]
    {
        let story = story!();
        // From now on its old name answers 301 to what reads and 307 to what writes.
        let there: &'static str = Box::leak(format!("{}/repositories/1", story.fake.url).into_boxed_str());
        story.fake.state().faults = vec![fault(method, at, What::Renamed(there))];
        assert_eq!(story.report(&[]), Exit::Refused, "{method} {at}");
        story.is_told_once(100);
        assert!(story.fake.state().faults.is_empty(), "{method} {at}");
    }
}

#[test]
fn what_leads_in_circles_ends() {
    let story = story!();
    story.verdict(&verdict(0));
    let back = || {
        let there = format!("{}/repos/o/r/pulls/7", story.fake.url);
        fault("GET", "/pulls/{pull_number}", What::Answer(301, vec![("location", there)], "Moved"))
    };
    story.fake.state().faults = std::iter::repeat_with(back).take(20).collect();
    assert_eq!(story.report(&[]), Exit::Infrastructure);
    assert!(story.fake.state().faults.len() >= 16, "three redirects are followed");
}

/// We send no ETags, so none can be stale; an answer that is about one is no answer.
#[test]
fn an_answer_about_an_etag_that_nobody_sent_is_no_list_without_entries() {
    for status in [304, 412] {
        let story = story!();
        assert_eq!(story.report(&[]), Exit::Refused);
        story.verdict(&verdict(0));
        story.fake.forget_log();
        story.fake.state().faults =
            vec![fault("GET", "/comments", What::Answer(status, vec![], "Not Modified"))];
        assert_eq!(story.report(&[]), Exit::Infrastructure, "{status}");
        {
            let state = story.fake.state();
            assert_eq!(state.comments.len(), 1, "{status}: no second comment");
            assert!(state.etags.is_empty(), "{:?}", state.etags);
        }
        // The next run finds what is missing.
        assert_eq!(story.report(&[]), Exit::Done);
        let state = story.fake.state();
        assert!(state.comments[0]["body"].as_str().unwrap().contains("Gateline: passed"));
    }
}

#[test]
fn what_is_gone_for_good_is_left_out_and_the_rest_is_told() {
    // Issues can be switched off (410), and with them comments.
    let story = story!();
    story.fake.state().faults =
        vec![fault("GET", "/comments", What::Answer(410, vec![], "Issues are disabled for this repo"))];
    assert_eq!(story.report(&[]), Exit::Refused);
    {
        let state = story.fake.state();
        assert_eq!((state.checks.len(), state.comments.len(), state.sarifs.len()), (1, 0, 1));
    }
    // A comment that is gone between looking and writing, for good.
    let story = story!();
    assert_eq!(story.report(&[]), Exit::Refused);
    story.verdict(&verdict(2));
    let gone: fn(&mut State) = |state| state.comments.clear();
    story.fake.state().faults = vec![
        fault("PATCH", "/{comment_id}", What::Answer(410, vec![], "Gone")),
        fault("POST", "/comments", What::After(gone)),
    ];
    assert_eq!(story.report(&[]), Exit::Refused);
    let state = story.fake.state();
    assert_eq!(state.comments.len(), 1);
    assert!(state.comments[0]["body"].as_str().unwrap().contains("finding 2"));
}

#[test]
fn a_body_that_is_refused_for_its_length_is_told_and_not_sent_again() {
    let long = "Validation Failed";
    for at in ["/check-runs", "/comments", "/sarifs"] {
        let story = story!();
        story.verdict(&verdict(0));
        // A comment is written over an older one or where it is worth one.
        if at == "/comments" {
            story.verdict(&verdict(9));
        }
        story.fake.state().faults = vec![fault("POST", at, What::Answer(422, vec![], long))];
        let expected = if at == "/comments" { Exit::Refused } else { Exit::Infrastructure };
        assert_eq!(story.report(&[]), expected, "{at}");
        let state = story.fake.state();
        let posts =
            state.log.iter().filter(|line| line.starts_with("POST") && line.ends_with(&format!("{at}?")));
        assert_eq!(posts.count(), 1, "{at}");
    }
}

#[test]
fn what_is_as_long_as_can_be_is_taken() {
    // Messages of a megabyte each, in every place where one is shown.
    let story = story!();
    let mut long = verdict(300);
    for finding in long["gates"][0]["findings"].as_array_mut().unwrap() {
        finding["message"] = json!("ä%<b>`|".repeat(4_000));
        finding["help"] = json!("x".repeat(20_000));
        finding["changed"] = json!(true);
    }
    story.verdict(&long);
    assert_eq!(story.report(&[]), Exit::Refused);
    story.is_told_once(100);
}

#[test]
fn a_check_that_vanishes_while_annotations_are_added_is_no_success() {
    let story = story!();
    story.verdict(&verdict(99));
    let vanishes: fn(&mut State) = |state| state.checks.clear();
    story.fake.state().faults = vec![fault("PATCH", "/{check_run_id}", What::After(vanishes))];
    assert_eq!(story.report(&[]), Exit::Refused, "a refusal stays one");
    // The next run makes it again, whole.
    assert_eq!(story.report(&[]), Exit::Refused);
    story.is_told_once(99);
}
