//! `judge simulate` and `judge replay` by the binary.

mod support;

use gateline::rollout::judge::proportions::Count;
use gateline::rollout::judge::record::record;
use gateline::rollout::judge::rules::Rules;
use gateline::rollout::judge::{Input, Measured, Samples};
use support::{Ran, gateline};

fn run(folder: &std::path::Path, arguments: &[&str]) -> Ran {
    gateline(folder, &folder.join("state"), arguments).output().expect("gateline starts").into()
}

#[test]
fn the_same_seed_gives_the_same_table_and_a_good_canary_is_not_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let asked = ["--format", "json", "judge", "simulate", "--runs", "20", "--seed", "7"];
    let one = run(folder.path(), &asked).exits(0);
    assert_eq!(one.out, run(folder.path(), &asked).exits(0).out);
    let rows = one.json()["rows"].clone();
    let stopped = |at: usize| rows[at]["stopped"][1].as_f64().unwrap_or(-1.0);
    assert!(stopped(0) <= 0.05, "a good canary: {rows:#}");
    assert!(stopped(4) >= 0.95, "twice as slow: {rows:#}");
    run(folder.path(), &["judge", "simulate", "--runs", "2", "--samples", "30"]).exits(0).says(&[
        "as good",
        "+100 % latency",
        "+20 pp errors",
        "95 % interval",
    ]);
}

#[test]
fn rules_that_can_never_decide_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    run(folder.path(), &["judge", "simulate", "--samples", "4"])
        .exits(2)
        .says(&["these rules can never decide"]);
    run(folder.path(), &["judge", "simulate", "--alpha", "200"]).exits(2).says(&["--alpha 200", "per cent"]);
}

#[test]
fn a_record_replays_to_the_byte_and_a_changed_one_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let values = |slower: u64| (0..60).map(|at| 1000 + at * 10 + slower).collect::<Vec<u64>>();
    let none = Count { errors: 0, replies: 60 };
    let measured = vec![
        Measured {
            metric: "latency".to_owned(),
            samples: Samples::Values { canary: values(900), baseline: values(0) },
        },
        Measured { metric: "errors".to_owned(), samples: Samples::Errors { canary: none, baseline: none } },
    ];
    let record = record(&Input { rules: Rules::default(), look: 1, measured });
    std::fs::write(folder.path().join("record.json"), &record).expect("written");
    let same = run(folder.path(), &["--format", "json", "judge", "replay", "record.json"]).exits(0).json();
    assert_eq!((&same["same"], &same["verdict"]["answer"]), (&true.into(), &"fail".into()), "{same:#}");

    let changed = record.replacen(r#""answer":"fail""#, r#""answer":"pass""#, 1);
    std::fs::write(folder.path().join("record.json"), changed).expect("written");
    run(folder.path(), &["judge", "replay", "record.json"])
        .exits(10)
        .says(&["verdict.answer: the record says \"pass\"", "gives something else"]);

    std::fs::write(folder.path().join("record.json"), "{}").expect("written");
    run(folder.path(), &["judge", "replay", "record.json"]).exits(2).says(&["is no record of a judgement"]);
    run(folder.path(), &["judge", "replay", "absent.json"]).exits(1).says(&["failed to read"]);
}
