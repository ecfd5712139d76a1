//! Into which text the keys go, and what stays.

use super::*;

fn imported(text: &str) -> Imported {
    deny_toml::read(text).unwrap()
}

#[track_caller]
fn check(before: &str, deny: &str, after: &str) -> Vec<String> {
    let mut imported = imported(deny);
    imported.left_out.clear();
    assert_eq!(with(before, &mut imported).unwrap(), after);
    let texts: Texts = [(FILE.to_owned(), after.to_owned())].into();
    PolicySet::parse(&texts, jiff::civil::date(2026, 11, 24)).unwrap();
    imported.left_out.into_iter().map(|(key, _)| key).collect()
}

const SOURCES: &str = "[sources]\nunknown-git = \"deny\"\n";

#[test]
fn a_new_section_stands_at_the_end() {
    let head = "# yaml-language-server: $schema=schema/security.schema.json\n";
    let section = "sources:\n  unknown_git: refuse\n  unknown_registry: warn\n";
    check("", SOURCES, &format!("{head}{section}"));
    let before = "# ours\nsecrets:\n  level: refuse # always";
    check(before, SOURCES, &format!("{before}\n{section}"));
}

#[test]
fn keys_that_are_there_stay_with_their_comments() {
    let before = "sources:\n    # nobody\n    unknown_git: warn\nsecrets:\n  level: refuse\n";
    let after = "sources:\n    unknown_registry: warn\n    # nobody\n    unknown_git: warn\nsecrets:\n  level: refuse\n";
    assert_eq!(check(before, SOURCES, after), ["sources.unknown_git"]);
    assert_eq!(check(after, SOURCES, after), ["sources.unknown_git", "sources.unknown_registry"]);
}
