//! What a changelog says of a version, and each way in which it does not say it clearly.

use super::*;
use proptest::prelude::*;

const CHANGELOG: &str = "# Changelog\n\nAll notable changes.\n\n## [Unreleased]\n\n- later\n\n## [1.1.0] - 2026-11-29\n\n### Added\n\n\
                         - A thing, see [#7].\n\n```md\n## [1.0.0] - not a heading\n```\n\n## [1.0.0](https://x/1) - 2026-01-02\n\n- first\n\n\
                         ## 0.9.0-rc.1 - 2025-12-31\n\n- early\n\n[Unreleased]: https://x/u\n[#7]: https://x/7\n[1.1.0]: https://x/1.1\n";

fn check(changelog: &str, version: &str, expected: Result<&str, Unclear>) {
    assert_eq!(notes(changelog, version).map(|notes| notes.text), expected.map(str::to_owned), "{changelog}");
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

#[test]
fn a_section_is_what_stands_below_its_heading() {
    let newest =
        "### Added\n\n- A thing, see [#7].\n\n```md\n## [1.0.0] - not a heading\n```\n\n[#7]: https://x/7";
    check(CHANGELOG, "1.1.0", Ok(newest));
    check(CHANGELOG, "1.0.0", Ok("- first"));
    check(CHANGELOG, "0.9.0-rc.1", Ok("- early"));
    check(&CHANGELOG.replace('\n', "\r\n"), "1.0.0", Ok("- first"));
    assert_eq!(notes(CHANGELOG, "1.0.0").unwrap().day, jiff::civil::date(2026, 1, 2));
}

#[test]
fn what_is_not_clear_is_an_error_of_its_own() {
    check(CHANGELOG, "v1.0.0", Err(Unclear::NoVersion("v1.0.0".into())));
    check(CHANGELOG, "1.0", Err(Unclear::NoVersion("1.0".into())));
    check(CHANGELOG, "2.0.0", Err(Unclear::Missing(version("2.0.0"))));
    check("", "1.0.0", Err(Unclear::Missing(version("1.0.0"))));
    let one = version("1.0.0");
    let doubled = "## 1.0.0 - 2026-01-01\n- a\n## [1.0.0] - 2026-01-02\n- b";
    check(doubled, "1.0.0", Err(Unclear::Doubled { version: one.clone(), first: 1, second: 3 }));
    let short = Unclear::WrongVersion { line: 3, text: "0.9".into() };
    check("## 1.0.0 - 2026-01-01\n- a\n## [0.9] - 2025-01-01", "1.0.0", Err(short));
    let prefixed = Unclear::WrongVersion { line: 1, text: "v1.0.0".into() };
    check("## v1.0.0 - 2026-01-01\n- a", "1.0.0", Err(prefixed));
    check("## [1.0.0]\n- a", "1.0.0", Err(Unclear::NoDay { version: one.clone(), line: 1 }));
    check("## [1.0.0] -\n- a", "1.0.0", Err(Unclear::NoDay { version: one.clone(), line: 1 }));
    for day in ["2026-02-30", "26-02-03", "20260203", "2026/02/03", "February 3", "2026-02-03T10:00"] {
        let wrong = Unclear::WrongDay { line: 1, text: day.into() };
        check(&format!("## [1.0.0] - {day}\n- a"), "1.0.0", Err(wrong));
    }
    let yanked = Unclear::Yanked { version: one.clone(), line: 1 };
    check("## [1.0.0] - 2026-01-01 [YANKED]\n- a", "1.0.0", Err(yanked));
    for empty in ["", "\n\n### Added\n\n### Fixed\n", "\n[x]: https://x\n", "\n## 0.9.0 - 2025-01-01\n- a"] {
        let text = format!("## [1.0.0] - 2026-01-01{empty}");
        check(&text, "1.0.0", Err(Unclear::Empty { version: one.clone(), line: 1 }));
    }
}

#[test]
fn what_github_would_not_take_is_told_before_it_is_asked() {
    let long = format!("## [1.0.0] - 2026-01-01\n{}", "a".repeat(NOTES_BYTES_MAX + 1));
    let bytes = NOTES_BYTES_MAX + 1;
    check(&long, "1.0.0", Err(Unclear::TooLong { version: version("1.0.0"), bytes }));
    check(&"a".repeat(CHANGELOG_BYTES_MAX + 1), "1.0.0", Err(Unclear::Huge));
}

#[test]
fn our_own_changelog_can_be_read() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../CHANGELOG.md")).unwrap();
    // Without a section of this version it is "missing", never a heading that cannot be read.
    let said = notes(&text, env!("CARGO_PKG_VERSION"));
    assert!(matches!(said, Ok(_) | Err(Unclear::Missing(_))), "{said:?}");
}

proptest! {
    #[test]
    fn each_version_has_its_own_text(texts in prop::collection::vec("[a-z][a-z .`#*-]{0,40}(\n[a-z ]{0,20}){0,3}", 1..8)) {
        let section = |(minor, text): (usize, &String)| format!("## [0.{minor}.0] - 2026-01-01\n\n{text}\n\n");
        let changelog: String = texts.iter().enumerate().rev().map(section).collect();
        let changelog = format!("# Changelog\n\n## Unreleased\n\n{changelog}");
        for (minor, text) in texts.iter().enumerate() {
            let notes = notes(&changelog, &format!("0.{minor}.0")).unwrap();
            prop_assert_eq!(notes.text.as_str(), text.trim_matches(['\n', ' ']));
        }
    }

    #[test]
    fn any_text_has_notes_or_an_error(text in "((## )?\\[?[0-9v.]{0,6}\\]?( - 2026-01-0[0-9])?(```)?[^\u{0}]{0,10}\n){0,12}") {
        if let Ok(notes) = notes(&text, "1.0.0") {
            prop_assert!(!notes.text.trim().is_empty());
        }
    }
}
