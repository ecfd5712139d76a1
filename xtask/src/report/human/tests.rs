//! The report of the sample on every paper: wide, a terminal, a narrow one, with colours.

use super::*;
use crate::digest::Digest;
use crate::policy::PolicySource;
use crate::report::sample;
use crate::verdict::About;

#[test]
fn one_is_one() {
    assert_eq!((counted(1, "file"), counted(0, "file")), ("1 file".to_owned(), "0 files".to_owned()));
}

#[test]
fn the_failing_thing_comes_last_with_its_command() {
    let failed =
        Finding::new(Gate::Tests, "failed", Severity::Error, "a::b failed", "cargo xtask test 'a::b'")
            .at("a.rs", 3);
    let noted =
        Finding::new(Gate::Secrets, "skipped", Severity::Warning, "one file was not read", "look at it");
    let tests = serde_json::json!({"passed": 4, "failed": 1});
    let gates = vec![
        GateVerdict::of(Gate::Tests, 1500, tests, vec![failed]),
        GateVerdict::of(Gate::Secrets, 20, serde_json::json!({"files": 7}), vec![noted]),
    ];
    let policy = PolicySource { source: "worktree".into(), hash: Digest::of(b"") };
    let about = About { commit: "0123456789abcdef".into(), dirty: true, base: None, policy };
    let text = verdict(Paper::PLAIN, &Verdict::fold(about, gates), None, "target/gateline/verdict.json");
    let expected = "\
tests    REFUSED  4 passed, 1 failed  1.5 s
secrets  passed   7 files read        0.0 s

warning[secrets/skipped] one file was not read
  next: look at it

error[tests/failed] a::b failed
  --> a.rs:3
  next: cargo xtask test 'a::b'

REFUSED  commit 0123456789ab, with uncommitted changes, policy e3b0c44298fc (worktree)
report: target/gateline/verdict.json
";
    assert_eq!(text, expected);
}

fn sampled(style: Style, columns: Option<u16>) -> String {
    verdict(
        Paper::new(style, columns),
        &sample::verdict(),
        Some(&sample::evidence()),
        "target/gateline/verdict.json",
    )
}

#[test]
fn the_sample_in_a_file() {
    insta::assert_snapshot!(sampled(Style::Plain, None));
}

#[test]
fn the_sample_at_80_columns() {
    insta::assert_snapshot!(sampled(Style::Plain, Some(80)));
}

#[test]
fn the_sample_at_40_columns() {
    insta::assert_snapshot!(sampled(Style::Plain, Some(40)));
}

#[test]
fn colours_change_no_letter() {
    let coloured = sampled(Style::Coloured, Some(80));
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31merror[tests/failed]"), "{coloured:?}");
    assert_eq!(crate::report::text::plain(&coloured), sampled(Style::Plain, Some(80)));
}

#[test]
fn a_pass_is_a_line_per_gate() {
    insta::assert_snapshot!(verdict(
        Paper::new(Style::Plain, Some(80)),
        &sample::quiet(),
        None,
        "target/gateline/verdict.json"
    ));
}

#[test]
fn waivers_that_end_soon_are_one_list() {
    let soon = |name: &str, line| {
        Finding::new(
            Gate::Policy,
            "waiver-expires-soon",
            Severity::Note,
            format!("the waiver of {name} ends"),
            "mend it",
        )
        .at("policies/waivers.yaml", line)
    };
    let gate =
        GateVerdict::of(Gate::Policy, 0, serde_json::json!({"waivers": 2}), vec![soon("a", 2), soon("b", 9)]);
    let mut verdict_of = sample::quiet();
    verdict_of.gates = vec![gate];
    let text = verdict(Paper::PLAIN, &verdict_of, None, "r");
    let expected = "note[policy/waiver-expires-soon] mend it\n  policies/waivers.yaml:2: the waiver of a ends\n  \
                    policies/waivers.yaml:9: the waiver of b ends\n";
    assert!(text.contains(expected), "{text}");
}
