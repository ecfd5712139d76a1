//! The pages of the sample, and that a hostile source stays text.

use super::*;
use crate::report::sample;
use proptest::prelude::*;

fn about(change: Option<&Change>) -> About<'_> {
    About { commit: "0123456789abcdef", change, patch: Some((1, 3)), minimum: Percent::whole(80) }
}

/// Without the style, which is a file of its own.
fn body(page: &str) -> &str {
    page.split_once("<body>").unwrap().1
}

#[test]
fn the_index() {
    let evidence = sample::evidence();
    insta::assert_snapshot!(body(&index(&sample::counts(), &about(evidence.change.as_ref()))));
}

#[test]
fn a_file() {
    let (evidence, counts, sources) = (sample::evidence(), sample::counts(), sample::sources());
    let file = &counts.files[1];
    let source = sources.get(&file.file).map(String::as_str);
    insta::assert_snapshot!(body(&page(file, source, &about(evidence.change.as_ref()))));
    let absent = page(&counts.files[0], None, &about(None));
    assert!(absent.contains("The source could not be read.") && absent.contains("a&amp;b &lt;i&gt;.rs"));
}

#[test]
fn a_huge_file_is_bounded() {
    let source = "x".repeat(5_000) + &"\ny".repeat(LINES_MAX + 9);
    let page = page(&sample::counts().files[1], Some(&source), &about(None));
    assert_eq!(page.matches("<tr ").count(), LINES_MAX);
    assert!(page.contains("10 more lines are not shown") && !page.contains(&"x".repeat(2_001)));
}

#[test]
fn names_of_pages_are_tame_and_their_own() {
    let name = page_name("../a b/ü<x>.rs");
    assert!(
        name.ends_with(".html")
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-".contains(letter))
    );
    assert!(!name.starts_with('.'));
    assert_ne!(page_name("a/b.rs"), page_name("a-b.rs"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_source_is_text(source in any::<String>(), name in any::<String>()) {
        let mut counts = sample::counts();
        counts.files[1].file = name;
        let hostile = format!("{source}</table><script>alert(1)</script><img src=x onerror=y>\"'");
        for page in [page(&counts.files[1], Some(&hostile), &about(None)), index(&counts, &about(None))] {
            prop_assert!(!page.contains("<script") && !page.contains("<img"));
            prop_assert_eq!(page.matches("</table>").count(), page.matches("<table>").count());
        }
    }
}
