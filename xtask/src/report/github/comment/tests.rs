//! The comment: what people read, what GitHub takes, and nothing of it commands anybody.

use super::*;
use crate::report::sample;
use crate::verdict::GateVerdict;
use proptest::prelude::*;

fn links() -> Links {
    let files = Some("https://github.com/o/r/blob/0123456789abcdef0123456789abcdef01234567".to_owned());
    Links { files, run: Some("https://github.com/o/r/actions/runs/11".to_owned()) }
}

fn state(commit: &str, run: (u64, u64)) -> State {
    State { commit: commit.to_owned(), run: Some(run), digest: "d".to_owned() }
}

#[test]
fn the_sample() {
    insta::assert_snapshot!(comment("gateline", &state("abc", (11, 1)), &sample::verdict(), &links()));
}

#[test]
fn a_pass_is_short() {
    let text = body(&sample::quiet(), &links(), 0, limits::COMMENT_BYTES_MAX);
    insta::assert_snapshot!(text);
    assert!(!is_worth_it(&sample::quiet()) && is_worth_it(&sample::verdict()));
}

#[test]
fn the_trend_is_told() {
    let mut verdict = sample::quiet();
    verdict.gates[2].facts["drop"] =
        serde_json::json!({"basis_points": 150, "before": {"covered": 915, "total": 1000}, "now": {}});
    let text = body(&verdict, &links(), 0, limits::COMMENT_BYTES_MAX);
    assert!(text.contains("Coverage 90 % ↘ (before 91.50 %)"), "{text}");
}

#[test]
fn an_older_run_does_not_replace_a_newer_one() {
    let there = state("a", (11, 2));
    assert!(there.gives_way_to(&state("a", (11, 2))) && there.gives_way_to(&state("a", (12, 1))));
    assert!(!there.gives_way_to(&state("a", (11, 1))));
    assert!(there.gives_way_to(&state("b", (3, 1))), "another commit: freshness was asked before");
}

#[test]
fn only_our_own_mark_is_read() {
    let there = state("a", (11, 2));
    let text = comment("gateline", &there, &sample::verdict(), &links());
    assert_eq!(read("gateline", &text), Some(Some(there)));
    assert_eq!(read("other", &text), None);
    assert_eq!(read("gateline", &format!("> {text}")), None, "a quotation is not ours");
    assert_eq!(read("gateline", &format!("{}\n<!-- gateline/state {{x -->", owner("gateline"))), Some(None));
}

/// Every link and every piece of HTML of a text, as a reader of Markdown sees it.
fn commands(text: &str) -> Vec<String> {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let read = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
    let found = read.filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        Event::Html(html) | Event::InlineHtml(html) => Some(html.to_string()),
        _ => None,
    });
    found.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_from_outside_is_markup(
        message in "(<img src=x>|\\[a\\]\\(http://evil\\)|@everyone|-->|<!--|`|\\n|#|x|\\|| ){0,12}",
        file in "(a|\\)|\\]|`|<b>|/| |\\.\\.){1,8}", help in "(`|``|a|<i>|\\n){0,8}",
    ) {
        let mut verdict = sample::quiet();
        let mut finding = Finding::new(Gate::Lint, "clippy", Severity::Error, message, help).at(file, 3);
        finding.changed = true;
        verdict.gates[0] = GateVerdict::of(Gate::Lint, 1, serde_json::json!({}), vec![finding]);
        verdict.outcome = Outcome::Refused;
        let text = comment("gateline", &state("abc", (11, 1)), &verdict, &links());
        for command in commands(&text) {
            let ours = command.starts_with("https://github.com/o/r/") || command.starts_with("<!-- gateline/")
                || matches!(command.trim(), "<sub>" | "</sub>");
            prop_assert!(ours, "{command:?} in {text}");
        }
        let mention = text.split('@').skip(1).any(|rest| rest.starts_with(char::is_alphanumeric));
        prop_assert!(!mention, "{text}");
    }

    #[test]
    fn it_is_never_longer_than_github_takes(count in 0usize..300, length in 0usize..700, name in "[a-z]{1,50}") {
        let mut verdict = sample::quiet();
        let finding = |number: usize| {
            let severity = [Severity::Error, Severity::Warning, Severity::Note][number % 3];
            let mut finding = Finding::new(Gate::Lint, "x", severity, "ä<".repeat(length), "h").at("a.rs", 1);
            finding.changed = number.is_multiple_of(2);
            finding
        };
        verdict.gates[0] = GateVerdict::of(Gate::Lint, 1, serde_json::json!({}), (0..count).map(finding).collect());
        let text = comment(&name, &state("abc", (11, 1)), &verdict, &links());
        prop_assert!(text.len() <= limits::COMMENT_BYTES_MAX, "{}", text.len());
        prop_assert!(read(&name, &text).flatten().is_some());
    }
}
