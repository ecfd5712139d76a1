//! The judge as a whole: its three answers, what is missing, odd samples, and the bytes of a record.

use super::record::{Replay, record, replay};
use super::rules::{Kind, Worse};
use super::*;
use crate::policy::Percent;

fn count(errors: u64, replies: u64) -> Count {
    Count { errors, replies }
}

/// `values` around `middle`, spread by 40.
fn around(middle: u64, values: u64) -> Vec<u64> {
    (0..values).map(|i| middle - 20 + i * 17 % 41).collect()
}

fn latency(canary: Vec<u64>, baseline: Vec<u64>) -> Measured {
    Measured { metric: "latency".to_owned(), samples: Samples::Values { canary, baseline } }
}

fn errors(canary: Count, baseline: Count) -> Measured {
    Measured { metric: "errors".to_owned(), samples: Samples::Errors { canary, baseline } }
}

fn good() -> Input {
    let measured = vec![latency(around(100, 60), around(100, 60)), errors(count(0, 60), count(0, 60))];
    Input { rules: Rules::default(), look: 3, measured }
}

fn check(input: &Input, answer: Answer, reason: &str) {
    let verdict = judge(input);
    assert_eq!((verdict.answer, verdict.reason.as_str()), (answer, reason), "{verdict:#?}");
}

#[test]
fn a_good_canary_passes_at_the_last_look_only() {
    check(&good(), Answer::Pass, "all metrics are within what is tolerated after 3 looks");
    check(
        &Input { look: 2, ..good() },
        Answer::Inconclusive,
        "latency: not shown to be worse at look 2 of 3 (+0.00 %)",
    );
}

#[test]
fn a_bad_canary_fails_at_the_first_look() {
    let mut input = Input { look: 1, ..good() };
    input.measured[0] = latency(around(200, 60), around(100, 60));
    assert_eq!(judge(&input).answer, Answer::Fail);
    let mut input = Input { look: 1, ..good() };
    input.measured[1] = errors(count(20, 60), count(0, 60));
    assert_eq!(judge(&input).answer, Answer::Fail);
}

#[test]
fn what_is_tolerated_is_no_fail() {
    let mut input = good();
    input.measured[0] = latency(around(105, 60), around(100, 60));
    check(&input, Answer::Pass, "all metrics are within what is tolerated after 3 looks");
    // One error in 60 is more than one in a hundred, and may be chance: neither answer.
    input.measured[1] = errors(count(1, 60), count(0, 60));
    let verdict = judge(&input);
    assert_eq!(verdict.answer, Answer::Inconclusive);
    assert!(verdict.reason.contains("this may be chance"), "{}", verdict.reason);
}

#[test]
fn where_lower_is_worse_a_lower_canary_fails_and_a_higher_one_does_not() {
    let mut input = good();
    input.rules.metrics[0].worse = Worse::Lower;
    input.measured[0] = latency(around(50, 60), around(100, 60));
    let verdict = judge(&input);
    assert_eq!(verdict.answer, Answer::Fail);
    assert!(verdict.metrics[0].effect.is_some_and(|effect| effect > 0.4), "{verdict:?}");
    input.measured[0] = latency(around(200, 60), around(100, 60));
    assert_eq!(judge(&input).answer, Answer::Pass);
}

/// Whatever is missing, and however it is missing: never a pass, and no fail either.
#[test]
fn missing_data_is_inconclusive() {
    let few = around(100, 49);
    let enough = around(100, 60);
    for (measured, why) in [
        (vec![], "latency: nothing was measured"),
        (
            vec![latency(vec![], vec![])],
            "latency: 0 samples of the canary and 0 of the baseline; 50 of each are needed",
        ),
        (
            vec![latency(vec![], enough.clone())],
            "latency: 0 samples of the canary and 60 of the baseline; 50 of each are needed",
        ),
        (
            vec![latency(enough.clone(), few)],
            "latency: 60 samples of the canary and 49 of the baseline; 50 of each are needed",
        ),
        (vec![latency(enough.clone(), enough.clone())], "errors: nothing was measured"),
        (vec![latency(enough.clone(), enough.clone()); 2], "latency: it was measured twice"),
        (
            vec![latency(enough.clone(), enough.clone()), errors(count(61, 60), count(0, 60))],
            "errors: the counts cannot be: more errors than replies",
        ),
        (
            vec![Measured { metric: "latency".to_owned(), ..errors(count(0, 60), count(0, 60)) }],
            "latency: what was measured is of another kind than the rules say",
        ),
    ] {
        check(&Input { measured, ..good() }, Answer::Inconclusive, why);
    }
}

#[test]
fn rules_that_cannot_be_followed_decide_nothing() {
    let mut input = good();
    input.rules.metrics.clear();
    check(&input, Answer::Inconclusive, "no metric is named: there is nothing to judge");
    check(&Input { look: 0, ..good() }, Answer::Inconclusive, "look 0 was not planned: there are 3");
    check(&Input { look: 4, ..good() }, Answer::Inconclusive, "look 4 was not planned: there are 3");
}

#[test]
fn one_failing_metric_fails_though_another_is_missing() {
    let mut input = Input { look: 1, ..good() };
    input.measured = vec![latency(around(300, 60), around(100, 60))];
    assert_eq!(judge(&input).answer, Answer::Fail);
}

/// Constant values, zeros, and one reply that took forever.
#[test]
fn odd_samples_have_an_answer() {
    let mut input = good();
    for value in [0, 7, u64::MAX] {
        input.measured[0] = latency(vec![value; 60], vec![value; 60]);
        assert_eq!(judge(&input).answer, Answer::Pass, "all are {value}");
    }
    input.measured[0] = latency(vec![1; 60], vec![0; 60]);
    assert_eq!((judge(&input).answer, judge(&input).metrics[0].effect), (Answer::Fail, None));
    let mut burst = around(100, 60);
    burst[3] = 60_000_000;
    input.measured[0] = latency(burst, around(100, 60));
    assert_eq!(judge(&input).answer, Answer::Pass, "ranks are not moved by one reply");
}

/// Decision 0038: these bytes are the contract of `judge replay`. Another machine that finds others has another `libm`.
#[test]
fn the_record_is_these_bytes() {
    let mut input = Input { look: 2, ..good() };
    input.measured[0] = latency(around(118, 50), around(100, 50));
    input.measured[1] = errors(count(3, 500), count(1, 400));
    let text = record(&input);
    let verdict = text.split_once("\"verdict\":").expect("a verdict").1;
    let lines = [
        r#"{"answer":"fail","reason":"latency: +18.09 % against the baseline, 10 % are tolerated (p 1.32e-3)","spent":0.003333333333333333,"metrics":["#,
        r#"{"metric":"latency","answer":"fail","reason":"+18.09 % against the baseline, 10 % are tolerated (p 1.32e-3)","effect":0.18090452261306533,"superiority":0.8414,"p":0.0013217260789585965,"threshold":0.0016666666666666666,"method":"normal","canary":50,"baseline":50},"#,
        r#"{"metric":"errors","answer":"inconclusive","reason":"not shown to be worse at look 2 of 3 (+0.35 %)","effect":0.0035,"superiority":null,"p":0.3997857797102919,"threshold":0.003333333333333333,"method":"exact","canary":500,"baseline":400}]}}"#,
    ];
    assert_eq!(verdict.replace("{\"metric\"", "\n{\"metric\"").trim_end(), lines.join("\n"));
}

#[test]
fn a_replay_gives_the_same_bytes() {
    let text = record(&good());
    assert_eq!(replay(&text), Ok(Replay { verdict: judge(&good()), differences: Vec::new() }));
}

#[test]
fn a_replay_says_what_differs() {
    let text = record(&good());
    let differs = |text: &str, what: &str| {
        let replay = replay(text).expect("it is a record");
        assert_eq!(replay.differences, [what]);
    };
    differs(
        &text.replacen("\"verdict\":{\"answer\":\"pass\"", "\"verdict\":{\"answer\":\"fail\"", 1),
        "verdict.answer: the record says \"fail\", judging it again \"pass\"",
    );
    differs(&format!(" {text}"), "the values are the same, but not the bytes: spaces, order or notation");
    differs(
        &text
            .replacen("\"look\":3", "\"look\":4", 1)
            .replace(&text[text.find("\"verdict\"").expect("there")..], "\"verdict\":null}\n"),
        &format!(
            "verdict: the record says null, judging it again {}",
            serde_json::to_value(judge(&Input { look: 4, ..good() })).expect("json")
        ),
    );
}

#[test]
fn what_is_no_record_is_refused() {
    let refused = |text: &str, why: &str| {
        let said = replay(text).expect_err("it is no record");
        assert!(said.contains(why), "{said}");
    };
    refused("", "EOF");
    refused(&record(&good()).replace("judge/v1", "judge/v2"), "its schema is `gateline/judge/v2`");
    let nan = record(&good()).replacen("\"canary\":[80,", "\"canary\":[NaN,", 1);
    refused(&nan, "expected value");
    let fraction = record(&good()).replacen("\"canary\":[80,", "\"canary\":[80.5,", 1);
    refused(&fraction, "expected u64");
    let unknown = record(&good()).replacen("\"look\":3", "\"look\":3,\"looks\":3", 1);
    refused(&unknown, "unknown field `looks`");
}

#[test]
fn kinds_and_tolerances_are_written_as_people_write_them() {
    let rules = Rules { alpha: Percent::of(1, 200), ..Rules::default() };
    let text = serde_json::to_string(&rules).expect("json");
    assert!(text.contains("\"alpha\":0.5") && text.contains("\"kind\":\"values\""), "{text}");
    assert_eq!(serde_json::from_str::<Rules>(&text).expect("its own words"), rules);
    assert_eq!(rules.metrics[0].kind, Kind::Values);
}
