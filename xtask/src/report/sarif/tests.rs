//! The log of the sample, its structure for any finding, its limits, and fingerprints that stay.

use super::*;
use crate::report::sample;
use crate::verdict::{Gate, GateVerdict};
use proptest::prelude::*;
use serde_json::Value;

fn of(findings: Vec<Finding>) -> Verdict {
    let mut verdict = sample::verdict();
    verdict.gates = vec![GateVerdict::of(Gate::Lint, 0, serde_json::json!({}), findings)];
    verdict
}

fn log(verdict: &Verdict) -> Value {
    let log: Value = serde_json::from_str(&write(verdict).unwrap()).unwrap();
    well_formed(&log);
    log
}

/// What GitHub and the schema ask of every result.
#[track_caller]
fn well_formed(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let mut ids: Vec<_> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), rules.len(), "each rule once");
    for rule in rules {
        assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 10);
        assert!(!rule["shortDescription"]["text"].as_str().unwrap().is_empty());
    }
    for result in run["results"].as_array().unwrap() {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[rule]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert_eq!(result["locations"].as_array().unwrap().len(), 1);
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].as_str().unwrap().is_ascii());
        let first = place["region"]["startLine"].as_u64().unwrap();
        assert!(first >= 1 && place["region"]["endLine"].as_u64().is_none_or(|last| last > first));
    }
}

#[test]
fn the_sample() {
    let log = log(&sample::verdict());
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}

#[test]
fn a_finding_that_moves_keeps_its_fingerprint_and_twins_are_told_apart() {
    let finding = |line, message: &str| {
        Finding::new(Gate::Lint, "clippy", Severity::Error, message, "h").at("a.rs", line)
    };
    let prints = |findings: Vec<Finding>| {
        let log = log(&of(findings));
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results
            .iter()
            .map(|one| one["partialFingerprints"]["primaryLocationLineHash"].clone())
            .collect::<Vec<_>>()
    };
    let before = prints(vec![finding(3, "unused in line 3"), finding(9, "other")]);
    assert_eq!(before, prints(vec![finding(13, "unused in line 13"), finding(19, "other")]));
    assert_ne!(before[0], before[1]);
    let twins = prints(vec![finding(1, "same"), finding(2, "same")]);
    assert!(twins[0] != twins[1] && twins[0].as_str().unwrap().ends_with(":1"), "{twins:?}");
}

#[test]
fn what_is_left_out_is_counted_and_matters_least() {
    let finding = |number: u32| {
        let severity = if number == 6_000 { Severity::Error } else { Severity::Note };
        Finding::new(Gate::Lint, "clippy", severity, "m", "h").at("a.rs", number)
    };
    let log = log(&of((1..=6_000).map(finding).collect()));
    let run = &log["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), RESULTS_MAX);
    assert_eq!(run["results"][0]["level"], "error");
    let told = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert!(told.as_str().unwrap().starts_with("1000 more findings"), "{told}");
    let long = |number: u32| finding(number).about("x".repeat(10)).at("a".repeat(4_000), number);
    let wide = write(&of((1..=4_000).map(long).collect())).unwrap();
    assert!(wide.len() < 10_000_000 && wide.contains("more findings are left out"), "{}", wide.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_finding_gives_a_result(what in "[a-z:-]{1,9}", message in any::<String>(), file in any::<String>(), line in any::<u32>()) {
        let finding = Finding::new(Gate::Lint, &what, Severity::Warning, message, "h").at(file, line).until(7);
        log(&of(vec![finding]));
    }
}

proptest! {
    // Few: each is some megabytes.
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn whatever_there_is_github_keeps_what_it_is_told(
        count in 1usize..1_200, codes in 1usize..1_200, message_bytes in 0usize..6_000, help_bytes in 0usize..6_000,
    ) {
        let finding = |number: usize| {
            let line = u32::try_from(number).unwrap();
            let help = "h".repeat(help_bytes);
            Finding::new(Gate::Lint, &format!("a{}", number % codes), Severity::Warning, "m".repeat(message_bytes), help).at("a.rs", line)
        };
        let text = write(&of((0..count).map(finding).collect())).unwrap();
        prop_assert!(text.len() < 10_000_000 + 1_000 * count, "{} bytes", text.len());
        let log: Value = serde_json::from_str(&text).unwrap();
        let run = &log["runs"][0];
        let (results, rules) = (run["results"].as_array().unwrap(), run["tool"]["driver"]["rules"].as_array().unwrap());
        prop_assert!(results.len() <= RESULTS_MAX && rules.len() <= results.len());
        for result in results {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            prop_assert_eq!(&rule["id"], &result["ruleId"]);
            prop_assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 10);
            prop_assert_eq!(result["locations"].as_array().unwrap().len(), 1);
        }
        let told = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap_or("0");
        let left_out: usize = told.split(' ').next().unwrap().parse().unwrap();
        prop_assert_eq!(results.len() + left_out, count, "told or counted");
    }
}
