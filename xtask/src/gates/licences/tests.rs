//! Expressions, exceptions and clarifications.

use super::*;
use crate::verdict::Outcome;
use proptest::prelude::*;

fn package(expression: Option<&str>) -> Licenced {
    Licenced {
        name: "ring".into(),
        version: "0.17.8".into(),
        line: 9,
        path: vec!["app@1.0.0".into(), "ring@0.17.8".into()],
        expression: expression.map(str::to_owned),
        ..Licenced::default()
    }
}

fn policy(text: &str) -> LicencesPolicy {
    serde_yaml::from_str(text).unwrap()
}

fn judged(policy_text: &str, package: Licenced) -> GateVerdict {
    let evidence = LicencesEvidence { packages: vec![package], not_read: 0 };
    judge(&policy(policy_text), &evidence, 0)
}

#[track_caller]
fn check(policy: &str, package: Licenced, outcome: Outcome, codes: &[&str]) {
    let verdict = judged(policy, package);
    let found: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!((verdict.outcome, found), (outcome, codes.to_vec()), "{policy}");
}

const MIT: &str = "allow: [MIT, Apache-2.0 WITH LLVM-exception, GPL-2.0-or-later]";
const NOT_ALLOWED: &[&str] = &["licences/not-allowed"];
const UNCLEAR: &[&str] = &["licences/unclear"];

#[test]
fn expressions_are_judged_as_spdx_means_them() {
    for (expression, passes) in [
        ("MIT", true),
        ("MIT OR GPL-3.0-only", true),
        ("MIT/Apache-2.0", true),
        ("MIT AND Apache-2.0", false),
        ("(MIT OR Zlib) AND (ISC OR MIT)", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("GPL-2.0-or-later", true),
        ("GPL-2.0-only", false),
        ("LicenseRef-own", false),
    ] {
        let (outcome, codes) =
            if passes { (Outcome::Passed, &[][..]) } else { (Outcome::Refused, NOT_ALLOWED) };
        check(MIT, package(Some(expression)), outcome, codes);
    }
}

#[test]
fn what_is_missing_or_no_expression_is_unclear() {
    for expression in
        [None, Some("see the file"), Some("MIT OR"), Some("mit license"), Some(&*"(".repeat(3000))]
    {
        check(MIT, package(expression), Outcome::Refused, UNCLEAR);
        check("unclear: warn", package(expression), Outcome::Passed, UNCLEAR);
        check("unclear: off", package(expression), Outcome::Passed, &[]);
    }
}

#[test]
fn the_defaults_let_the_usual_workspace_pass() {
    for expression in
        ["MIT OR Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "BSD-3-Clause", "Zlib", "MPL-2.0"]
    {
        check("{}", package(Some(expression)), Outcome::Passed, &[]);
    }
    for expression in ["GPL-3.0-only", "AGPL-3.0-or-later", "SSPL-1.0", "OpenSSL"] {
        check("{}", package(Some(expression)), Outcome::Refused, NOT_ALLOWED);
    }
}

#[test]
fn an_exception_holds_for_its_package_and_version_alone() {
    let with = |what: &str| format!("exceptions: [{{{what}, allow: [OpenSSL], reason: r}}]");
    let openssl = || package(Some("MIT AND OpenSSL"));
    check(&with("package: ring"), openssl(), Outcome::Passed, &[]);
    check(&with("package: ring, version: '<0.18'"), openssl(), Outcome::Passed, &[]);
    let unused = &["licences/not-allowed", "licences/unused"];
    check(&with("package: ring, version: '>=0.18'"), openssl(), Outcome::Refused, unused);
    check(&with("package: other"), openssl(), Outcome::Refused, unused);
    check(
        &with("package: ring"),
        package(Some("MIT AND OpenSSL AND ISC AND GPL-3.0-only")),
        Outcome::Refused,
        NOT_ALLOWED,
    );
}

#[test]
fn a_clarification_holds_for_the_text_that_was_read() {
    let hash = |digit: &str| digit.repeat(64);
    let clarified = |digit: &str| {
        let hash = hash(digit);
        format!(
            "clarifications: [{{package: ring, expression: MIT AND ISC, file: LICENSE, sha256: '{hash}'}}]"
        )
    };
    let with_file = || Licenced {
        file: Some("LICENSE".into()),
        hashes: [("LICENSE".to_owned(), hash("a"))].into(),
        ..package(None)
    };
    check(&clarified("a"), with_file(), Outcome::Passed, &[]);
    check(&clarified("A"), with_file(), Outcome::Passed, &[]);
    let both = &["licences/clarification", "licences/unclear"];
    check(&clarified("b"), with_file(), Outcome::Refused, both);
    check(&clarified("a"), package(None), Outcome::Refused, both);
    let help = &judged("{}", with_file()).findings[0].help;
    assert!(help.contains(&format!("file: LICENSE, sha256: {}", hash("a"))), "{help}");
}

#[test]
fn members_and_development_count_where_the_policy_wants_them() {
    let reached = |reach, member| Licenced { reach, member, ..package(Some("GPL-3.0-only")) };
    check("{}", reached(Reach::Linked, true), Outcome::Passed, &[]);
    check("members: true", reached(Reach::Linked, true), Outcome::Refused, NOT_ALLOWED);
    check("{}", reached(Reach::Development, false), Outcome::Passed, &[]);
    check("development: true", reached(Reach::Development, false), Outcome::Refused, NOT_ALLOWED);
    check("{}", reached(Reach::Build, false), Outcome::Refused, NOT_ALLOWED);
    check("{}", reached(Reach::Lockfile, false), Outcome::Passed, &[]);
}

#[test]
fn a_finding_says_what_where_through_whom_and_what_next() {
    let verdict = judged("{}", package(Some("MIT AND GPL-3.0-only")));
    let finding = &verdict.findings[0];
    assert_eq!(
        finding.message,
        "ring@0.17.8 is under `MIT AND GPL-3.0-only` (GPL-3.0-only), which is not allowed (app@1.0.0 → ring@0.17.8)"
    );
    assert_eq!((finding.file.as_deref(), finding.line), (Some("Cargo.lock"), Some(9)));
    assert_eq!(finding.waived_as(), "ring@0.17.8");
    assert!(finding.help.contains("cargo tree -i ring@0.17.8"), "{}", finding.help);
    assert_eq!((&verdict.facts["packages"], &verdict.facts["licences"]), (&1.into(), &1.into()));
}

#[test]
fn a_name_that_spdx_has_given_up_is_told_and_refuses_nothing() {
    let old = &["licences/old-name"];
    check("allow: [GPL-3.0]", package(Some("GPL-3.0")), Outcome::Passed, old);
    check("allow: [MIT]", package(Some("MIT OR GPL-3.0+")), Outcome::Passed, old);
    check(
        "allow: [MIT]",
        package(Some("GPL-3.0")),
        Outcome::Refused,
        &["licences/not-allowed", "licences/old-name"],
    );
    let told = judged("allow: [GPL-3.0]", package(Some("GPL-3.0"))).findings.remove(0);
    assert_eq!(
        told.message,
        "ring@0.17.8 is under `GPL-3.0`, a name that SPDX has given up; it is `GPL-3.0-only` now (app@1.0.0 → ring@0.17.8)"
    );
}

proptest! {
    #[test]
    fn any_text_is_judged(text in "\\PC{0,60}|((MIT|ISC|GPL-3.0|LicenseRef-a|\\(|\\)| OR | AND | WITH |/|\\+| ){0,12})") {
        let verdict = judged(MIT, package(Some(&text)));
        let clear = Expression::parse_mode(&text, LICENCES).is_ok();
        let unclear = verdict.findings.iter().any(|finding| finding.code == "licences/unclear");
        prop_assert_eq!(clear, !unclear);
        prop_assert!(verdict.findings.iter().filter(|finding| finding.code != "licences/old-name").count() <= 1);
    }

    #[test]
    fn a_wider_list_refuses_no_more(text in "(MIT|ISC|Zlib)(( OR | AND )(MIT|ISC|Zlib)){0,4}") {
        let narrow = judged("allow: [MIT]", package(Some(&text))).outcome;
        let wide = judged("allow: [MIT, ISC]", package(Some(&text))).outcome;
        prop_assert!(narrow == Outcome::Refused || wide == Outcome::Passed);
        prop_assert_eq!(judged("allow: [MIT, ISC, Zlib]", package(Some(&text))).outcome, Outcome::Passed);
    }
}
