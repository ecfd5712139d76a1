//! The summary of the sample, its limit, and that nothing from outside becomes markup, as a Markdown reader sees it.

use super::*;
use crate::report::sample;
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

const REPORT: &str = "target/gateline/verdict.json";

#[test]
fn the_sample() {
    insta::assert_snapshot!(write(&sample::verdict(), &sample::evidence(), REPORT, BYTES_MAX));
}

#[test]
fn a_pass_is_short() {
    insta::assert_snapshot!(write(&sample::quiet(), &sample::evidence(), REPORT, BYTES_MAX));
}

#[test]
fn waivers_that_end_soon_have_a_list_of_their_own() {
    let soon = Finding::new(
        Gate::Policy,
        "waiver-expires-soon",
        Severity::Note,
        "it ends with 2026-11-30 (@ana)",
        "mend it",
    )
    .at("policies/waivers.yaml", 7);
    let text = write(&with(vec![soon]), &sample::evidence(), REPORT, BYTES_MAX);
    let expected = "### Waivers that end soon (1)\n\n- `policies/waivers.yaml:7` it ends with 2026-11-30 (@\u{200b}ana)\n";
    assert!(text.contains(expected) && !text.contains("### Notes"), "{text}");
    assert!(!write(&with(vec![]), &sample::evidence(), REPORT, BYTES_MAX).contains("end soon"));
}

#[test]
fn several_packages_have_a_table() {
    let mut verdict = sample::quiet();
    let share = serde_json::json!({"covered": 9, "total": 10, "functions": {"covered": 1, "total": 3}, "regions": {"covered": 0, "total": 0}});
    verdict.gates[2].facts["packages"] = serde_json::json!({"a|b": share, "c": {"covered": 1, "total": 1}});
    let text = write(&verdict, &sample::evidence(), REPORT, BYTES_MAX);
    assert!(
        text.contains("| a\\|b | 90 % (9 of 10) | 33.33 % (1 of 3) | – |\n| c | 100 % (1 of 1) | – | – |\n"),
        "{text}"
    );
}

fn with(findings: Vec<Finding>) -> Verdict {
    let mut verdict = sample::quiet();
    verdict.gates[0] = GateVerdict::of(Gate::Lint, 0, serde_json::json!({}), findings);
    verdict
}

#[test]
fn it_is_cut_between_items_and_the_rest_is_counted() {
    let finding = |number: u32| {
        Finding::new(Gate::Lint, "clippy", Severity::Error, "m|<b>@a".repeat(300), "h".repeat(900))
            .at("a.rs", number)
    };
    let verdict = with((0..20_000).map(finding).collect());
    for most in [0, 150, 1_000, 30_000, BYTES_MAX, usize::MAX] {
        let text = write(&verdict, &sample::evidence(), REPORT, most);
        assert!(text.len() <= most && text.len() <= BYTES_MAX, "{most}: {}", text.len());
        let told = text.ends_with("items more, see `target/gateline/verdict.json`\n");
        assert!(told || text.is_empty() && most < 200, "{most}");
        assert_eq!(text.matches("<sub>").count(), text.matches("</sub>").count());
    }
}

/// What a reader of Markdown makes of it, without what we write ourselves.
fn markup(text: &str) -> Vec<String> {
    let events =
        Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_MATH);
    let foreign = |event: &Event<'_>| match event {
        Event::Html(html) | Event::InlineHtml(html) => !matches!(html.as_ref(), "<sub>" | "</sub>"),
        Event::Start(
            Tag::Link { .. }
            | Tag::Image { .. }
            | Tag::BlockQuote(_)
            | Tag::CodeBlock(_)
            | Tag::Strikethrough,
        ) => true,
        Event::Start(Tag::Emphasis)
        | Event::InlineMath(_)
        | Event::DisplayMath(_)
        | Event::FootnoteReference(_) => true,
        _ => false,
    };
    events.filter(foreign).map(|event| format!("{event:?}")).collect()
}

proptest! {
    #[test]
    fn nothing_from_outside_is_markup(
        message in "([ -~]|\\PC|\n){0,40}",
        hostile in "(<b>|@all|\\[a\\]\\(http://x\\)|!\\[|`+|\\||\\*+|~~|\\$+|www\\.x\\.y|https://x|\n#|<!--|\\\\|_a_){0,8}",
        file in any::<String>(),
    ) {
        let message = format!("{message}{hostile}");
        let finding = Finding::new(Gate::Lint, "clippy", Severity::Error, &message, &hostile).at(file, 3);
        let mut changed = finding.clone();
        changed.code = "coverage/uncovered-changed".into();
        changed.changed = true;
        let text = write(&with(vec![finding, changed]), &sample::evidence(), REPORT, BYTES_MAX);
        prop_assert_eq!(markup(&text), Vec::<String>::new());
        // No mention and no bare link outside of code: GitHub finds those by itself.
        let prose = text::prose(&message);
        prop_assert!(!prose.contains("://") && !prose.to_lowercase().contains("www."), "{}", prose);
        let tame = prose.match_indices('@').all(|(at, _)| prose[at + 1..].starts_with('\u{200b}'));
        prop_assert!(tame, "{}", prose);
    }
}
