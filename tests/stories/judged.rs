//! The judge in rollouts: a canary that no guard sees is found by its latencies, and a good one passes under the same load.

use crate::support::releases::Image;
use crate::support::site::{Pace, Site};
use crate::{none_lost, under_load};

#[test]
fn a_slow_canary_is_found_goes_back_and_stays_back() {
    let site = Site::new(Pace::Judged);
    let good = site.deployed(Image::One, "production");
    site.release(Image::Slow);
    let load = under_load(&[site.port("production")]);
    site.run(&["deploy", "production", "--yes"]).exits(11).says(&[
        "rolled back: the judge at 10 %, look 1 of 2: worse",
        "replies against",
        "errors 0 of",
    ]);
    none_lost(load);
    assert_eq!(site.answering("production"), good.to_string());
    site.run(&["deploy", "production", "--yes"]).exits(13).says(&["is held", "the judge at 10 %"]);

    // Anybody can judge it again, from the journal or from a file.
    let told = site.run(&["history", "production", "--judge", "--format", "json"]).exits(0).json();
    let record = told[0]["record"].as_str().unwrap_or_else(|| panic!("no record in {told}"));
    assert_eq!((&told[0]["environment"], &told[0]["look"]), (&"production".into(), &1.into()), "{told}");
    std::fs::write(site.workspace.join("record.json"), record).expect("it can be written");
    site.run(&["judge", "replay", "record.json"]).exits(0).says(&["fail", "the same bytes"]);
    let again = site.run(&["judge", "replay", "--environment", "production"]).exits(0);
    again.says(&["1 record", "the same bytes"]);
    let history = site.run(&["history", "production", "--format", "json"]).exits(0).json();
    let last = history.as_array().and_then(|rollouts| rollouts.last()).cloned().expect("rollouts");
    assert_eq!(last["judged"][0]["metrics"][0]["answer"], "fail", "{last}");
}

#[test]
fn a_good_canary_passes_under_the_same_load() {
    let site = Site::new(Pace::Judged);
    let load = {
        site.deployed(Image::One, "production");
        under_load(&[site.port("production")])
    };
    let two = site.deployed(Image::Two, "production");
    none_lost(load);
    assert_eq!(site.answering("production"), two.to_string());
    site.run(&["history", "production"])
        .exits(0)
        .says(&["at 10 %, look 2 of 2: no worse", "at 50 %, look 2 of 2: no worse"]);
    site.run(&["judge", "replay", "--environment", "production"]).exits(0).says(&["4 records"]);
}
