//! Each direction both ways; every key of every schema has one.

use super::*;
use crate::policy::schema;
use jiff::civil::date;
use serde_json::json;

fn texts(files: &[(&str, &str)]) -> Texts {
    files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn compared(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<Loosened> {
    let set = |files| PolicySet::parse(&texts(files), date(2026, 11, 24)).unwrap();
    loosened(&set(old), &set(new), &texts(new))
}

/// What is loosened from one text of a file to another; nothing on the way back, where that is wanted.
#[track_caller]
fn check(file: &str, strict: &str, loose: &str, key: &str) {
    let found = compared(&[(file, strict)], &[(file, loose)]);
    let keys: Vec<&str> = found.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, [key], "{strict} → {loose}");
    assert_eq!(compared(&[(file, loose)], &[(file, strict)]), [], "{loose} → {strict}");
}

#[test]
fn each_way_to_loosen_is_found_and_its_reverse_is_not() {
    check("coverage.yaml", "minimum: 80", "minimum: 79.99", "minimum");
    check("coverage.yaml", "# default is 80", "minimum: 10", "minimum");
    check("tests.yaml", "timeout_secs: 10", "timeout_secs: 11", "timeout_secs");
    check("tests.yaml", "doctests: true", "doctests: false", "doctests");
    check("tests.yaml", "environment: [A]", "environment: [B, A]", "environment");
    check("tests.yaml", "{}", "leave_out: {p::bench/b: nightly}", "leave_out");
    check("tests.yaml", "leave_out: {p::a: b}", "leave_out: {p::a: c, p::b: d}", "leave_out");
    check("lint.yaml", "clippy: refuse", "clippy: warn", "clippy");
    check("lint.yaml", "clippy: warn", "clippy: off", "clippy");
    check("security.yaml", "secrets: {skip: [a]}", "secrets: {skip: [a, b]}", "secrets.skip");
    check("security.yaml", "advisories: {unsound: warn}", "advisories: {unsound: off}", "advisories.unsound");
    let security = |strict: &str, loose: &str, key| check("security.yaml", strict, loose, key);
    security("licences: {allow: [MIT]}", "licences: {allow: [MIT, ISC]}", "licences.allow");
    let exception =
        |allow: &str| format!("licences: {{exceptions: [{{package: ring, allow: [{allow}], reason: r}}]}}");
    security("{}", &exception("ISC"), "licences.exceptions");
    assert_eq!(
        compared(&[("security.yaml", &exception("ISC"))], &[("security.yaml", &exception("MIT"))]).len(),
        1
    );
    security("bans: {deny: [{package: openssl, reason: r}]}", "{}", "bans.deny");
    security("bans: {features: [{package: a, deny: [b], reason: r}]}", "{}", "bans.features");
    security("bans: {wildcard_paths: false}", "bans: {wildcard_paths: true}", "bans.wildcard_paths");
    security("sources: {git_pin: rev}", "sources: {git_pin: branch}", "sources.git_pin");
    security("scanners: {inputs: [{file: a.sarif}]}", "{}", "scanners.inputs");
    let age = "advisories.snapshot_age_days_max";
    check(
        "security.yaml",
        "advisories: {snapshot_age_days_max: 3}",
        "advisories: {snapshot_age_days_max: 4}",
        age,
    );
    check("image.yaml", "size_bytes_max: 10", "size_bytes_max: 11", "size_bytes_max");
    let environments = |what: &str| format!("environments: [{{name: a}}, {{name: b{what}}}]");
    for (strict, loose, key) in [
        (", approvals: 1", "", "environments[b].approvals.quorum"),
        (", approvals: {self_approval: false}", ", approvals: {}", "environments[b].approvals.self_approval"),
        (", windows: {freeze: [{days: [fri]}]}", "", "environments[b].windows.freeze"),
        (", windows: {override: two-people}", "", "environments[b].windows.override"),
        (
            ", windows: {must_finish: true}",
            ", windows: {must_finish: false}",
            "environments[b].windows.must_finish",
        ),
        (", soak_millis: 2", ", soak_millis: 1", "environments[b].soak_millis"),
        (", guards: {errors_max: 1}", ", guards: {errors_max: 2}", "environments[b].guards.errors_max"),
        (
            ", steps: [{weight: 10, hold_millis: 5}]",
            ", steps: [{weight: 20, hold_millis: 5}]",
            "environments[b].steps[0].weight",
        ),
    ] {
        check("rollout.yaml", &environments(strict), &environments(loose), key);
    }
}

#[test]
fn what_github_must_enforce_loosens_by_key() {
    let check = |strict: &str, loose: &str, key: &str| check("github.yaml", strict, loose, key);
    check("{}", "required_checks: []", "required_checks[required]");
    check("required_checks: [{name: a}, {name: b}]", "required_checks: [{name: a}]", "required_checks[b]");
    check("reviews: {approvals: 2}", "reviews: {approvals: 1}", "reviews.approvals");
    check("{}", "reviews: {last_push: false}", "reviews.last_push");
    check("merge_queue: {enabled: true}", "{}", "merge_queue.enabled");
    check("{}", "merge_queue: {grouping: head-green}", "merge_queue.grouping");
    check("{}", "workflows: {token: write}", "workflows.token");
    check("{}", "workflows: {approve_pull_requests: true}", "workflows.approve_pull_requests");
    check("environments: [{name: a}]", "{}", "environments[a]");
    check("environments: [{name: a}]", "environments: [{name: a, any_ref: true}]", "environments[a].any_ref");
    let other = [("github.yaml", "required_checks: [{name: required, app: other}]")];
    assert_eq!((compared(&[], &other).len(), compared(&other, &[]).len()), (1, 1), "neither App is stricter");
}

#[test]
fn a_finding_says_what_was_and_is_and_where() {
    let found = compared(&[], &[("coverage.yaml", "# lower\nminimum: 70\n")]);
    let expected = Loosened {
        file: "coverage.yaml".into(),
        key: "minimum".into(),
        old: "80".into(),
        new: "70".into(),
        line: 2,
    };
    assert_eq!(found, [expected]);
    let old = "environments: [{name: a}, {name: b}]";
    let new = "environments:\n- name: b\n  deadlines:\n    rollback_secs: 61\n- name: a\n";
    let found = compared(&[("rollout.yaml", old)], &[("rollout.yaml", new)]);
    let found: Vec<_> = found.iter().map(|one| (one.key.as_str(), one.line)).collect();
    assert_eq!(found, [("environments", 1), ("environments[b].deadlines.rollback_secs", 4)]);
}

#[test]
fn what_cannot_be_told_counts_as_loosened_both_ways() {
    for (file, one, other) in [
        ("tests.yaml", "first: [a]", "first: [b]"),
        ("rollout.yaml", "service: {ready_path: /a}", "service: {ready_path: /b}"),
        (
            "rollout.yaml",
            "environments: [{name: a, steps: [{weight: 1, hold_millis: 1}]}]",
            "environments: [{name: a, steps: [{weight: 1, hold_millis: 1}, {weight: 2, hold_millis: 1}]}]",
        ),
        ("rollout.yaml", "environments: [{name: a}]", "environments: [{name: b}]"),
    ] {
        assert_eq!(compared(&[(file, one)], &[(file, other)]).len(), 1, "{one} → {other}");
        assert_eq!(compared(&[(file, other)], &[(file, one)]).len(), 1, "{other} → {one}");
    }
    // A key without a line in the table.
    let mut found = Vec::new();
    Walk { file: "tests", found: &mut found }.key("", "", "", (&json!({"new": 1}), &json!({"new": 2})));
    assert_eq!(found.len(), 1);
}

#[test]
fn what_demands_nothing_may_change() {
    assert_eq!(compared(&[], &[("image.yaml", "labels: {a: b}\nports: [80]\nprofile: image")]), []);
    assert_eq!(compared(&[("lint.yaml", "clippy: refuse")], &[]), [], "the default says the same");
    let left_out = |why| format!("leave_out: {{p::bench/b: {why}}}");
    let (before, now) = (left_out("nightly"), left_out("better words"));
    assert_eq!(compared(&[("tests.yaml", &before)], &[("tests.yaml", &now)]), []);
}

#[test]
fn no_value_is_the_loosest() {
    let looser = |stricter, old: Value, new: Value| is_looser(stricter, &old, &new);
    assert!(looser(Higher, json!(5), Value::Null) && !looser(Higher, Value::Null, json!(5)));
    assert!(looser(Lower, json!(5), Value::Null) && !looser(Lower, Value::Null, json!(5)));
    assert!(looser(Later(&["off", "warn", "refuse"]), json!("warn"), json!("none of these")));
}

const WAIVER: &str = "waivers: [{code: tests/failed, subject: a, reason: r, owner: o, expires: 2026-12-20}]";

#[test]
fn a_waiver_that_is_new_or_lasts_longer_loosens() {
    check("waivers.yaml", "waivers: []", WAIVER, "tests/failed a");
    check("waivers.yaml", WAIVER, &WAIVER.replace("12-20", "12-21"), "tests/failed a");
    let wider = compared(
        &[("waivers.yaml", WAIVER)],
        &[("waivers.yaml", &WAIVER.replace("subject: a", "subject: 'a*'"))],
    );
    assert_eq!(wider.len(), 1);
    let other_words = WAIVER.replace("reason: r", "reason: better words");
    assert_eq!(compared(&[("waivers.yaml", WAIVER)], &[("waivers.yaml", &other_words)]), []);
}

#[test]
fn whoever_may_approve_more_loosens() {
    let file = |text: &str| format!("approvers: [{text}]");
    let one = "{name: Ana, ssh_keys: [{key: ssh-ed25519 AAAA, expires: 2026-12-31}]}";
    let key = "approvers[Ana]";
    check("approvers.yaml", &file(""), &file(one), key);
    check("approvers.yaml", &file(one), &file(&one.replace("2026", "2027")), key);
    check("approvers.yaml", &file(one), &file(&one.replace(", expires: 2026-12-31", "")), key);
    check("approvers.yaml", &file(one), &file(&one.replace("Ana,", "Ana, github: ana,")), key);
    let same = one.replace("AAAA", "AAAA ana@home");
    assert_eq!(compared(&[("approvers.yaml", &file(one))], &[("approvers.yaml", &file(&same))]), []);
}

/// Every key of a schema, as the table names it: sections and lists of sections are gone into.
/// A list of sections that has a direction of its own is one key.
fn keys(root: &Value, object: &Value, prefix: &str, whole: &[&str], found: &mut Vec<String>) {
    let resolved = |value: &Value| match value["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => value.clone(),
    };
    for (key, value) in object["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{key}");
        let part = resolved(value);
        let item = resolved(&part["items"]);
        if part["properties"].is_object() {
            keys(root, &part, &format!("{path}."), whole, found);
        } else if item["properties"].is_object() && !whole.contains(&path.as_str()) {
            keys(root, &item, &format!("{path}[]."), whole, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_key_says_which_way_is_stricter() {
    let mut missing = Vec::new();
    for (file, schema) in schema::all() {
        if matches!(file, "verdict" | "waivers" | "approvers") {
            continue;
        }
        let mut found = Vec::new();
        let whole: Vec<&str> =
            STRICTER.iter().filter(|(of, _, _)| *of == file).map(|(_, name, _)| *name).collect();
        keys(&schema, &schema, "", &whole, &mut found);
        assert!(!found.is_empty(), "{file} has no keys");
        let known =
            |key: &&String| !STRICTER.iter().any(|(of, name, _)| (*of, *name) == (file, key.as_str()));
        missing.extend(found.iter().filter(known).map(|key| format!("(\"{file}\", \"{key}\", …)")));
    }
    assert_eq!(missing, Vec::<String>::new(), "add a line for each to STRICTER in policy/loosened.rs");
}
