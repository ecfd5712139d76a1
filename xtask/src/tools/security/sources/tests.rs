//! What manifests and configurations take from elsewhere.

use super::*;
use proptest::prelude::*;

#[test]
fn patches_and_replaced_sources_are_found() {
    let manifest = "[package]\nname = \"a\"\n\n[patch.crates-io]\nserde = { git = \"https://example.org/serde\", branch = \"fix\" }\nlocal = { path = \"../local\" }\n";
    let found: Vec<_> =
        in_text("Cargo.toml", manifest).into_iter().map(|one| (one.line, one.key, one.from)).collect();
    assert_eq!(
        found,
        [
            (6, "patch.crates-io.local".into(), "path ../local".into()),
            (5, "patch.crates-io.serde".into(), "git https://example.org/serde, branch fix".to_owned()),
        ]
    );
    let configuration = "paths = [\"/x\", \"y\"]\n[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n";
    let found: Vec<_> =
        in_text("c", configuration).into_iter().map(|one| (one.line, one.key, one.from)).collect();
    assert_eq!(
        found,
        [(2, "source.crates-io".into(), "directory vendor".into()), (1, "paths".into(), "/x, y".to_owned())]
    );
}

#[test]
fn a_repository_ends_where_git_does() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("r/w");
    std::fs::create_dir_all(workspace.join(".cargo")).unwrap();
    std::fs::create_dir_all(folder.path().join("r/.git")).unwrap();
    std::fs::create_dir_all(folder.path().join(".cargo")).unwrap();
    std::fs::write(folder.path().join(".cargo/config.toml"), "paths = [\"outside\"]").unwrap();
    std::fs::write(workspace.join(".cargo/config"), "paths = [\"inside\"]").unwrap();
    assert_eq!(repository(&workspace), folder.path().join("r"));
    let found = replaced(&workspace, &repository(&workspace));
    assert_eq!(found.iter().map(|one| one.from.as_str()).collect::<Vec<_>>(), ["inside"]);
}

proptest! {
    #[test]
    fn any_text_gives_lines_within_it(text in "(\\PC|\\n){0,120}|(\\[patch\\.a\\]\n|\\[source\\.b\\]\n|replace-with = \"b\"\n|paths = 1\n|x = \"\\u001b\"\n){0,8}") {
        let lines = u32::try_from(text.lines().count()).unwrap();
        for one in in_text("f", &text) {
            prop_assert!(one.line <= lines && !one.from.contains(char::is_control));
        }
    }
}
