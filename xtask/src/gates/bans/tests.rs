//! Banned packages, several versions, requirements, build scripts, and what is only told.

use super::*;
use crate::evidence::bans::{NewPackages, WildcardRequirement};
use crate::evidence::sources::Unreadable;
use crate::verdict::Outcome;

fn present(name: &str, version: &str) -> Present {
    Present {
        name: name.into(),
        version: version.into(),
        line: 5,
        needed_by: vec!["app".into()],
        ..Present::default()
    }
}

fn of(packages: Vec<Present>) -> BansEvidence {
    BansEvidence { packages, ..BansEvidence::default() }
}

fn judged(policy: &str, evidence: &BansEvidence) -> GateVerdict {
    judge(&serde_yaml::from_str(policy).unwrap(), evidence, 0)
}

#[track_caller]
fn check(policy: &str, evidence: &BansEvidence, outcome: Outcome, codes: &[&str]) {
    let verdict = judged(policy, evidence);
    let found: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!((verdict.outcome, found), (outcome, codes.to_vec()), "{policy}");
}

#[test]
fn a_banned_package_refuses_but_where_it_may_be_needed() {
    let there = of(vec![present("openssl", "0.10.5")]);
    let deny = |more: &str| format!("deny: [{{package: openssl, reason: r{more}}}]");
    let denied = &["bans/denied"];
    check(&deny(""), &there, Outcome::Refused, denied);
    check(&deny(", version: '<0.10'"), &there, Outcome::Passed, &[]);
    check(&deny(", version: '=0.10.5'"), &there, Outcome::Refused, denied);
    check(&deny(", needed_by: [app]"), &there, Outcome::Passed, &[]);
    check(&deny(", needed_by: [other]"), &there, Outcome::Refused, denied);
    check(&format!("level: warn\n{}", deny("")), &there, Outcome::Passed, denied);
    let unused = of(vec![Present { reach: Reach::Lockfile, ..present("openssl", "0.10.5") }]);
    check(&deny(""), &unused, Outcome::Passed, &[]);
    let finding = &judged(&deny(", instead: rustls"), &there).findings[0];
    assert_eq!(finding.message, "openssl@0.10.5 is banned: r");
    assert_eq!(finding.help, "use rustls instead; cargo tree -i openssl@0.10.5 shows who needs it");
    assert_eq!(finding.waived_as(), "openssl@0.10.5");
}

#[test]
fn several_versions_count_where_they_are_used() {
    let twice = of(vec![present("syn", "1.0.0"), present("syn", "2.0.0"), present("x", "1.0.0")]);
    check("{}", &twice, Outcome::Passed, &[]);
    assert_eq!(judged("{}", &twice).facts["duplicates"], 1);
    check("duplicates: warn", &twice, Outcome::Passed, &["bans/duplicate"]);
    check("duplicates: refuse", &twice, Outcome::Refused, &["bans/duplicate"]);
    check(
        "duplicates: refuse\nskip: [{package: syn, version: '<2', reason: r}]",
        &twice,
        Outcome::Passed,
        &[],
    );
    check("duplicates: refuse\nskip: [{package: syn, reason: r}]", &twice, Outcome::Passed, &[]);
    let tests = Present { reach: Reach::Development, ..present("syn", "1.0.0") };
    check("duplicates: refuse", &of(vec![tests, present("syn", "2.0.0")]), Outcome::Passed, &[]);
}

#[test]
fn a_requirement_that_any_version_meets_is_told() {
    let wild = |elsewhere| BansEvidence {
        wildcards: vec![WildcardRequirement {
            manifest: "a/Cargo.toml".into(),
            line: 4,
            package: "x".into(),
            elsewhere,
        }],
        ..BansEvidence::default()
    };
    check("{}", &wild(false), Outcome::Passed, &["bans/wildcard"]);
    check("wildcards: refuse", &wild(false), Outcome::Refused, &["bans/wildcard"]);
    check("wildcards: refuse", &wild(true), Outcome::Passed, &[]);
    check("wildcards: refuse\nwildcard_paths: false", &wild(true), Outcome::Refused, &["bans/wildcard"]);
}

#[test]
fn build_scripts_are_looked_at_where_the_policy_wants_it() {
    let ring = of(vec![Present { build_script: true, ..present("ring", "0.17.8") }]);
    check("{}", &ring, Outcome::Passed, &[]);
    check("build_scripts: {level: refuse}", &ring, Outcome::Refused, &["bans/build-script"]);
    check("build_scripts: {level: refuse, allow: [ring]}", &ring, Outcome::Passed, &[]);
    let own = of(vec![Present { build_script: true, member: true, ..present("app", "1.0.0") }]);
    check("build_scripts: {level: refuse}", &own, Outcome::Passed, &[]);
}

#[test]
fn what_cargo_did_not_say_is_no_pass() {
    let unknown = BansEvidence { unresolved: Some("offline".into()), ..BansEvidence::default() };
    check("{}", &unknown, Outcome::Error, &["bans/could-not-run"]);
    check("wildcards: off", &unknown, Outcome::Passed, &[]);
}

#[test]
fn a_manifest_that_cannot_be_read_is_no_pass() {
    let unreadable = vec![Unreadable { file: "Cargo.toml".into(), line: 2, why: "x".into() }];
    let unread = BansEvidence { unreadable, ..BansEvidence::default() };
    check("{}", &unread, Outcome::Error, &["bans/unreadable"]);
    check("wildcards: off", &unread, Outcome::Passed, &[]);
}

#[test]
fn a_banned_feature_refuses_where_it_is_on() {
    let on = |names: &[&str]| {
        let features = names.iter().map(|name| (*name).to_owned()).collect();
        of(vec![Present { features, ..present("reqwest", "0.12.1") }])
    };
    let ban = |what: &str| format!("features: [{{package: reqwest, {what}, reason: r}}]");
    let refused = &["bans/feature"];
    let deny = ban("deny: [native-tls, json]");
    check(&deny, &on(&["default", "native-tls"]), Outcome::Refused, refused);
    check(&deny, &on(&["default"]), Outcome::Passed, &[]);
    check(&format!("level: warn\n{deny}"), &on(&["json"]), Outcome::Passed, refused);
    check(&format!("level: off\n{deny}"), &on(&["json"]), Outcome::Passed, &[]);
    check(&ban("version: '<0.12', deny: [json]"), &on(&["json"]), Outcome::Passed, &[]);
    // Where some are allowed, no other may be on.
    let allow = ban("allow: [rustls-tls]");
    check(&allow, &on(&["default", "rustls-tls"]), Outcome::Passed, &[]);
    check(&allow, &on(&["default", "gzip"]), Outcome::Refused, refused);
    let told = &judged(&deny, &on(&["native-tls", "json"])).findings[0];
    assert_eq!(told.message, "the features `native-tls`, `json` of reqwest@0.12.1 are banned: r");
    // What cargo did not say is no pass.
    let unknown = BansEvidence { unresolved: Some("offline".into()), ..BansEvidence::default() };
    check(&format!("wildcards: off\n{deny}"), &unknown, Outcome::Error, &["bans/could-not-run"]);
}

#[test]
fn what_a_change_brings_is_told_and_refuses_nothing() {
    let new = |new, before_known| NewPackage {
        name: "x".into(),
        version: "1.0.0".into(),
        line: 7,
        new,
        build_script: true,
        proc_macro: true,
        before_known,
    };
    let brings = |package| BansEvidence {
        new: Some(NewPackages { packages: vec![package] }),
        ..BansEvidence::default()
    };
    let codes = &["bans/new-package", "bans/new-build-script", "bans/new-proc-macro"];
    check("{}", &brings(new(true, false)), Outcome::Passed, codes);
    let verdict = judged("{}", &brings(new(false, false)));
    assert_eq!(
        verdict.findings[0].message,
        "x@1.0.0 runs a script before it is compiled; whether the version before does is unknown offline"
            .replace("does is", "did is")
    );
    assert!(
        judged("{}", &brings(new(false, true))).findings[0]
            .message
            .ends_with(", and the version before did not")
    );
    assert_eq!(verdict.facts["new"]["build_scripts"], 1);
}

#[test]
fn unsafe_code_is_counted() {
    let unsafe_code =
        UnsafeCode { blocks: 2, functions: 1, files: vec!["src/a.rs".into()], ..UnsafeCode::default() };
    let evidence = BansEvidence { unsafe_code, ..BansEvidence::default() };
    check("{}", &evidence, Outcome::Passed, &["bans/unsafe-code"]);
    assert_eq!(judged("{}", &evidence).facts["unsafe"]["places"], 3);
}

#[test]
fn unsafe_code_is_told_in_words_that_count_and_with_what_the_change_does() {
    let check = |[blocks, functions, impls]: [u64; 3], files: usize, change: Option<(u64, u64)>, expected| {
        let change = change.map(|(added, removed)| UnsafeChange { base: "b".into(), added, removed });
        let files = vec!["src/a.rs".to_owned(); files];
        let unsafe_code = UnsafeCode { blocks, functions, impls, files, change, ..UnsafeCode::default() };
        let evidence = BansEvidence { unsafe_code, ..BansEvidence::default() };
        let message = judged("{}", &evidence).findings[0].message.clone();
        assert_eq!(message, format!("the workspace's own code has {expected}"));
    };
    check([1, 0, 0], 1, None, "1 unsafe block, in 1 file");
    check([2, 1, 0], 2, Some((0, 0)), "2 unsafe blocks and 1 unsafe function, in 2 files");
    let all =
        "1 unsafe block, 2 unsafe functions and 1 unsafe implementation, in 1 file (+2 / −1 against base)";
    check([1, 2, 1], 1, Some((2, 1)), all);
}
