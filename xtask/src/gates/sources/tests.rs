//! Registries, git, paths, and what is taken from elsewhere.

use super::*;
use crate::verdict::Outcome;
use proptest::prelude::*;

const INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[track_caller]
fn check(policy: &str, source: Option<&str>, code: &str) {
    let package = Sourced {
        name: "x".into(),
        version: "1.0.0".into(),
        source: source.map(str::to_owned),
        line: 3,
        ..Sourced::default()
    };
    let evidence = SourcesEvidence { packages: vec![package], ..SourcesEvidence::default() };
    let verdict = judge(&serde_yaml::from_str(policy).unwrap(), &evidence, 0);
    let found: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(found, if code.is_empty() { vec![] } else { vec![code] }, "{policy} {source:?}");
    let refused = verdict.outcome == Outcome::Refused;
    assert_eq!(refused, !code.is_empty(), "{policy} {source:?}");
}

#[test]
fn a_registry_must_be_named() {
    check("{}", Some(INDEX), "");
    check("{}", Some("sparse+https://index.crates.io/"), "");
    check("registries: []", Some(INDEX), "sources/unknown-registry");
    let own = Some("sparse+https://Crates.Example.org/api/v1/crates/");
    check("{}", own, "sources/unknown-registry");
    check("registries: [https://crates.example.org/api/v1/crates]", own, "");
    check("registries: ['sparse+https://crates.example.org/api/v1/crates/']", own, "");
    check("registries: [https://crates.example.org/api]", own, "sources/unknown-registry");
    check(
        "registries: [https://crates.example.org.evil.test/api/v1/crates]",
        own,
        "sources/unknown-registry",
    );
}

#[test]
fn a_git_repository_must_be_named_and_pinned_as_the_policy_wants() {
    let git = |query: &str| format!("git+https://github.com/org/x.git{query}#{}", "a".repeat(40));
    check("{}", Some(&git("")), "sources/unknown-git");
    for named in [
        "https://github.com/org/x",
        "https://github.com/org/x.git",
        "https://github.com/org/",
        "ssh://git@github.com/org/x",
    ] {
        check(&format!("git: ['{named}']"), Some(&git("")), "");
    }
    for named in ["https://github.com/org/y", "https://github.com/or/", "https://github.com/org"] {
        check(&format!("git: ['{named}']"), Some(&git("")), "sources/unknown-git");
    }
    for (pin, query, code) in [
        ("any", "", ""),
        ("branch", "", "sources/git-pin"),
        ("branch", "?branch=main", ""),
        ("tag", "?branch=main", "sources/git-pin"),
        ("tag", "?tag=v1", ""),
        ("rev", "?tag=v1", "sources/git-pin"),
        ("rev", "?rev=abc", ""),
    ] {
        check(&format!("git: [https://github.com/org/x]\ngit_pin: {pin}"), Some(&git(query)), code);
    }
}

#[test]
fn a_path_outside_refuses() {
    check("{}", None, "sources/outside-path");
    check("outside_paths: off", None, "");
}

#[test]
fn what_is_taken_from_elsewhere_is_told() {
    let replaced = vec![Replaced {
        file: "Cargo.toml".into(),
        line: 8,
        key: "patch.crates-io.x".into(),
        from: "git https://example.org/x".into(),
    }];
    let evidence = SourcesEvidence { replaced, ..SourcesEvidence::default() };
    let judged = |policy: &str| judge(&serde_yaml::from_str(policy).unwrap(), &evidence, 0);
    let verdict = judged("{}");
    assert_eq!((verdict.outcome, verdict.findings[0].line), (Outcome::Passed, Some(8)));
    assert_eq!(judged("replaced: refuse").outcome, Outcome::Refused);
    assert!(judged("replaced: off").findings.is_empty());
}

#[test]
fn a_configuration_that_cannot_be_read_is_no_pass() {
    let unreadable = vec![Unreadable { file: ".cargo/config.toml".into(), line: 2, why: "x".into() }];
    let evidence = SourcesEvidence { unreadable, ..SourcesEvidence::default() };
    let judged = |policy: &str| judge(&serde_yaml::from_str(policy).unwrap(), &evidence, 0);
    let verdict = judged("{}");
    assert_eq!((verdict.outcome, verdict.findings[0].code.as_str()), (Outcome::Error, "sources/unreadable"));
    assert_eq!(
        verdict.findings[0].message,
        ".cargo/config.toml cannot be read, so what it takes from elsewhere is not known: x"
    );
    assert_eq!(judged("replaced: off").outcome, Outcome::Passed);
}

proptest! {
    #[test]
    fn no_url_passes_that_is_not_named(host in "[a-z]{1,5}(\\.[a-z]{1,3}){0,2}", path in "(/[a-z.@:?#]{0,4}){0,3}") {
        let source = format!("git+https://{host}{path}");
        let plain = plain(&source);
        prop_assert!(plain.starts_with(host.as_str()) && !plain.contains(['?', '#']));
        let allowed = "example.org/one";
        let named = plain.trim_end_matches('/') == allowed;
        let package = Sourced { source: Some(source), ..Sourced::default() };
        let policy = SourcesPolicy { git: vec![format!("https://{allowed}")], ..SourcesPolicy::default() };
        prop_assert_eq!(super::package(&policy, &package).is_none(), named);
    }
}
