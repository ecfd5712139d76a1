//! The change: which files and lines differ from the base, whatever attributes and configuration say.

use super::repository::{Place, Repository};
use gateline::workspace::Change;
use gateline::workspace::change::FileChange;
use proptest::prelude::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// Ranges of a file that must have changed.
fn lines(change: &Change, path: &str) -> Vec<(u32, u32)> {
    change.file(path).unwrap_or_else(|| panic!("{path} is not in {:#?}", change.files)).lines.clone()
}

fn what<'a>(change: &'a Change, path: &str) -> &'a FileChange {
    &change.file(path).unwrap_or_else(|| panic!("{path} is not in {:#?}", change.files)).what
}

async fn repository(place: &Place, files: &[(&str, &str)]) -> (Repository, String) {
    let repository = place.repository("r").await;
    files.iter().for_each(|(path, text)| repository.write(path, text));
    let commit = repository.commit("base").await;
    (repository, commit)
}

#[tokio::test]
async fn committed_staged_unstaged_and_untracked_work_counts() {
    let place = Place::new();
    let files = ["a.rs", "b.rs", "c.rs", "same.rs", "touched.rs", "gone.rs"];
    let files: Vec<_> = files.into_iter().map(|path| (path, "1\n2\n3\n")).collect();
    let (repository, base) = repository(&place, &files).await;
    repository.write("a.rs", "1\nx\n3\n");
    repository.commit("more").await;
    repository.write("b.rs", "1\n2\n3\n4\n");
    repository.git(&["add", "b.rs"]).await;
    repository.write("c.rs", "0\n1\n2\n3\n");
    repository.write("new/d.rs", "other\n2");
    repository.write("empty.rs", "");
    repository.write(".gitignore", "target\n");
    repository.write("target/x.rs", "1\n");
    repository.write("touched.rs", "1\n2\n3\n");
    std::fs::remove_file(repository.root.join("gone.rs")).unwrap();
    let change = repository.change("", &base).await;
    assert_eq!(lines(&change, "a.rs"), [(2, 2)]);
    assert_eq!(lines(&change, "b.rs"), [(4, 4)]);
    assert_eq!(lines(&change, "c.rs"), [(1, 1)]);
    assert_eq!((lines(&change, "new/d.rs"), what(&change, "new/d.rs")), (vec![(1, 2)], &FileChange::Added));
    assert_eq!((lines(&change, "empty.rs"), what(&change, "gone.rs")), (vec![], &FileChange::Removed));
    let paths: Vec<&str> = change.paths().collect();
    let expected = [".gitignore", "a.rs", "b.rs", "c.rs", "empty.rs", "gone.rs", "new/d.rs"];
    assert_eq!(paths, expected);
}

#[tokio::test]
async fn neither_attributes_nor_configuration_hide_a_line() {
    let place = Place::new();
    let (repository, base) = repository(&place, &[("src/a.rs", "1\n2\n"), ("crlf.rs", "1\n2\n")]).await;
    repository.write(".gitattributes", "*.rs -diff -text binary\nsrc/** diff=hidden linguist-generated\n");
    for (key, value) in [
        ("diff.hidden.textconv", "true"),
        ("diff.external", "true"),
        ("diff.noprefix", "true"),
        ("diff.renames", "copies"),
        ("diff.algorithm", "patience"),
        ("diff.ignoreSubmodules", "all"),
        ("core.quotePath", "true"),
        ("core.autocrlf", "true"),
        ("color.ui", "always"),
    ] {
        repository.git(&["config", key, value]).await;
    }
    repository.write("src/a.rs", "1\n2\n// \0\n4\n");
    repository.write("crlf.rs", "1\r\nx\r\n");
    let change = repository.change("", &base).await;
    assert_eq!(lines(&change, "src/a.rs"), [(3, 4)]);
    assert_eq!(lines(&change, "crlf.rs"), [(2, 2)]);
}

#[tokio::test]
async fn what_is_no_text_has_no_lines() {
    let place = Place::new();
    let (repository, base) =
        repository(&place, &[("a", "1\n"), ("link", "x\n"), ("run", "1\n"), ("was", "1\n")]).await;
    repository.write("a", b"\xff\0\n\n");
    for link in ["link", "new-link"] {
        let _ = std::fs::remove_file(repository.root.join(link));
        std::os::unix::fs::symlink("a", repository.root.join(link)).unwrap();
    }
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(repository.root.join("run"), executable).unwrap();
    std::fs::create_dir_all(repository.root.join("module")).unwrap();
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{base},module")]).await;
    std::fs::remove_file(repository.root.join("was")).unwrap();
    repository.write("was/inside", "1\n");
    let change = repository.change("", &base).await;
    for path in ["a", "link", "new-link", "run", "module"] {
        assert!(lines(&change, path).is_empty(), "{path}");
    }
    assert_eq!((what(&change, "run"), what(&change, "module")), (&FileChange::Modified, &FileChange::Added));
    assert_eq!(
        change.paths().filter(|path| path.starts_with("was")).collect::<Vec<_>>(),
        ["was", "was/inside"]
    );
}

#[tokio::test]
async fn what_moved_is_followed_even_if_git_does_not_know_it() {
    let place = Place::new();
    let text: String = (0..20).map(|line| format!("line {line}\n")).collect();
    let (repository, base) =
        repository(&place, &[("old/a.rs", &text), ("old/b.rs", &text.replace("line", "x"))]).await;
    std::fs::create_dir_all(repository.root.join("new")).unwrap();
    repository.git(&["mv", "old/a.rs", "new/a.rs"]).await;
    std::fs::rename(repository.root.join("old/b.rs"), repository.root.join("new/c.rs")).unwrap();
    let moved = text.replace("line", "x").replace("x 7\n", "x 7\nbetween\n");
    repository.write("new/c.rs", moved);
    let change = repository.change("", &base).await;
    let from = |path: &str| FileChange::Renamed { from: path.to_owned() };
    assert_eq!((what(&change, "new/a.rs"), lines(&change, "new/a.rs")), (&from("old/a.rs"), vec![]));
    assert_eq!((what(&change, "new/c.rs"), lines(&change, "new/c.rs")), (&from("old/b.rs"), vec![(9, 9)]));
    assert!(change.paths().any(|path| path == "old/a.rs") && change.file("old/a.rs").is_none());
}

#[tokio::test]
async fn a_workspace_below_the_repository_has_paths_of_its_own() {
    let place = Place::new();
    let (repository, base) = repository(&place, &[("deep/ws/src/a.rs", "1\n"), ("shared/b.rs", "1\n")]).await;
    repository.write("deep/ws/src/a.rs", "1\n2\n");
    repository.write("deep/ws/new.rs", "1\n");
    repository.write("shared/b.rs", "2\n");
    let odd = OsStr::from_bytes(b"deep/ws/\xff.rs");
    repository.write(odd, "1\n");
    let change = repository.change("deep/ws", &base).await;
    assert_eq!((lines(&change, "src/a.rs"), lines(&change, "new.rs")), (vec![(2, 2)], vec![(1, 1)]));
    assert_eq!(lines(&change, "\\xff.rs"), [(1, 1)]);
    assert_eq!(change.outside, ["../../shared/b.rs"]);
}

/// One edit of a file of distinct lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    Keep,
    Replace,
    Insert,
    Delete,
}

/// How an edit comes into the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Committed,
    Staged,
    Unstaged,
    Moved,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![8 => Just(Edit::Keep), 1 => Just(Edit::Replace), 1 => Just(Edit::Insert), 1 => Just(Edit::Delete)];
    proptest::collection::vec(edit, 20..60)
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Committed), Just(Way::Staged), Just(Way::Unstaged), Just(Way::Moved)]
}

/// The text before, the text after, and the lines that were put in.
fn edited(name: usize, edits: &[Edit]) -> (String, String, Vec<u32>) {
    let (mut before, mut after, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for (number, edit) in edits.iter().enumerate() {
        let (old, new) = (format!("file {name} line {number}\n"), format!("file {name} new {number}\n"));
        match edit {
            Edit::Keep => after.push(old.clone()),
            Edit::Replace | Edit::Insert => {
                after.push(new);
                expected.push(u32::try_from(after.len()).unwrap());
            }
            Edit::Delete => {}
        }
        if *edit != Edit::Insert {
            before.push(old);
        }
    }
    (before.concat(), after.concat(), expected)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Whatever way an edit takes into the tree, the changed lines are those that were put in.
    #[test]
    fn changed_lines_are_the_lines_that_were_put_in(files in proptest::collection::vec((edits(), way()), 1..8)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let repository = place.repository("r").await;
            let texts: Vec<_> =
                files.iter().enumerate().map(|(name, (edits, way))| (edited(name, edits), *way)).collect();
            for (name, ((before, _, _), _)) in texts.iter().enumerate() {
                repository.write(format!("{name}.rs"), before);
            }
            let base = repository.commit("base").await;
            for wanted in [Way::Committed, Way::Staged, Way::Unstaged, Way::Moved] {
                for (name, ((_, after, _), _)) in texts.iter().enumerate().filter(|(_, (_, way))| *way == wanted) {
                    let path = format!("{name}.rs");
                    if wanted == Way::Moved {
                        std::fs::remove_file(repository.root.join(&path)).unwrap();
                    }
                    repository.write(if wanted == Way::Moved { format!("moved/{path}") } else { path }, after);
                }
                match wanted {
                    Way::Committed => drop(repository.commit("more").await),
                    Way::Staged => drop(repository.git(&["add", "--all"]).await),
                    Way::Unstaged | Way::Moved => {}
                }
            }
            let change = repository.change("", &base).await;
            for (name, ((before, after, expected), way)) in texts.iter().enumerate() {
                let path = if *way == Way::Moved { format!("moved/{name}.rs") } else { format!("{name}.rs") };
                let ranges = change.file(&path).map(|file| file.lines.clone()).unwrap_or_default();
                let found: Vec<u32> = ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
                // A file that moved and lost more than half of itself is a new one: all its lines are.
                let all: Vec<u32> = (1..=u32::try_from(after.lines().count()).unwrap()).collect();
                let is_new = change.file(&path).is_some_and(|file| file.what == FileChange::Added);
                assert!(found == *expected || (is_new && found == all), "{path} {way:?}: {found:?}, {expected:?}\n{before}\n{after}");
            }
        });
    }
}
