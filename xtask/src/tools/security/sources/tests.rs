//! What manifests and configurations take from elsewhere.

use super::*;
use proptest::prelude::*;

#[test]
fn patches_and_replaced_sources_are_found() {
    let manifest = "[package]\nname = \"a\"\n\n[patch.crates-io]\nserde = { git = \"https://example.org/serde\", branch = \"fix\" }\nlocal = { path = \"../local\" }\n";
    let found: Vec<_> = in_text("Cargo.toml", manifest)
        .unwrap()
        .into_iter()
        .map(|one| (one.line, one.key, one.from))
        .collect();
    assert_eq!(
        found,
        [
            (6, "patch.crates-io.local".into(), "path ../local".into()),
            (5, "patch.crates-io.serde".into(), "git https://example.org/serde, branch fix".to_owned()),
        ]
    );
    let configuration = "paths = [\"/x\", \"y\"]\ninclude = \"more.toml\"\n[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n";
    let found: Vec<_> =
        in_text("c", configuration).unwrap().into_iter().map(|one| (one.line, one.key, one.from)).collect();
    assert_eq!(
        found,
        [
            (3, "source.crates-io".into(), "directory vendor".into()),
            (1, "paths".into(), "/x, y".to_owned()),
            (2, "include".into(), "more.toml".to_owned()),
        ]
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
    let (found, unreadable) = replaced(&workspace, &repository(&workspace));
    assert!(unreadable.is_empty(), "{unreadable:?}");
    assert_eq!(found.iter().map(|one| one.from.as_str()).collect::<Vec<_>>(), ["inside"]);
}

#[test]
fn a_configuration_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let told = |text: &[u8]| {
        std::fs::create_dir_all(root.join(".cargo")).unwrap();
        std::fs::write(root.join(".cargo/config.toml"), text).unwrap();
        let (_, unreadable) = replaced(root, root);
        unreadable.into_iter().map(|one| (one.file, one.line, one.why)).collect::<Vec<_>>()
    };
    let file = ".cargo/config.toml".to_owned();
    assert!(told(b"[build]\n").is_empty());
    assert_eq!(told(b"[source.crates-io]\nreplace-with = \n")[0].1, 2);
    assert_eq!(told(b"a = '\xff'"), [(file.clone(), 0, "it is no UTF-8".to_owned())]);
    let long = vec![b'#'; (4 << 20) + 1];
    assert_eq!(told(&long), [(file, 0, "it has more than 4194304 bytes".to_owned())]);
    std::fs::remove_file(root.join(".cargo/config.toml")).unwrap();
    std::fs::create_dir(root.join(".cargo/config.toml")).unwrap();
    assert_eq!(replaced(root, root).1.len(), 1);
}

proptest! {
    #[test]
    fn any_text_gives_lines_within_it(text in "(\\PC|\\n){0,120}|(\\[patch\\.a\\]\n|\\[source\\.b\\]\n|replace-with = \"b\"\n|paths = 1\n|x = \"\\u001b\"\n){0,8}") {
        let lines = u32::try_from(text.lines().count()).unwrap();
        match in_text("f", &text) {
            Ok(found) => prop_assert!(
                found.iter().all(|one| one.line <= lines && !one.from.contains(char::is_control))
            ),
            Err(error) => prop_assert!(error.line <= lines + 1),
        }
    }
}
