//! What a changed file marks, and the laws of it.

use super::*;
use proptest::prelude::*;

/// `core` is used by `app`, which is used in `e2e`'s tests; `lone` stands alone; `e2e` has its tests in `stories/`.
fn graph() -> Graph {
    let node = |directory: &str, folders: &[&str], needs: &[&str]| Node {
        directory: directory.to_owned(),
        folders: folders.iter().map(|one| (*one).to_owned()).collect(),
        needs: needs.iter().map(|one| (*one).to_owned()).collect(),
    };
    let packages = [
        ("core", node("crates/core", &[], &[])),
        ("app", node("crates/app", &[], &["core"])),
        ("e2e", node("e2e", &["stories"], &["app"])),
        ("lone", node("crates/app/lone", &[], &[])),
        ("near", node("../near", &[], &[])),
    ];
    Graph { packages: packages.map(|(name, node)| (name.to_owned(), node)).into() }
}

fn check(paths: &[&str], expected: &[&str]) -> Affected {
    let differences = Differences {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        lockfile: Relocked::default(),
    };
    let (unaffected_by, inputs) = (["docs/**".to_owned()], ["docs/openapi.json".to_owned()]);
    let rules = Rules { unaffected_by: &unaffected_by, inputs: &inputs };
    let affected = affected(&graph(), &differences, rules);
    assert_eq!(affected.packages.keys().collect::<Vec<_>>(), expected, "{paths:?}");
    affected
}

const ALL: [&str; 5] = ["app", "core", "e2e", "lone", "near"];

#[test]
fn a_file_marks_its_package_and_what_needs_it() {
    let affected = check(&["crates/core/src/lib.rs"], &["app", "core", "e2e"]);
    assert_eq!(affected.packages["core"], "crates/core/src/lib.rs");
    assert_eq!(affected.packages["e2e"], "it needs app");
    check(&["crates/app/templates/a.html"], &["app", "e2e"]);
    check(&["stories/support/mod.rs"], &["e2e"]);
    check(&["../near/src/lib.rs"], &["near"]);
    check(&[], &[]);
}

#[test]
fn the_deepest_package_owns_a_file() {
    check(&["crates/app/lone/src/lib.rs"], &["lone"]);
    check(&["crates/app/lonely.rs"], &["app", "e2e"]);
}

#[test]
fn what_steers_all_and_what_nobody_owns_marks_everything_and_says_so() {
    for path in
        ["Cargo.toml", ".cargo/config.toml", "rust-toolchain.toml", "clippy.toml", "policies/tests.yaml"]
    {
        assert_eq!(check(&[path], &ALL).everything, Some(format!("{path}: it steers every package")));
    }
    for path in ["scripts/build.sh", "../elsewhere/x", "crates/x.txt"] {
        assert_eq!(check(&[path], &ALL).everything, Some(format!("{path}: no package owns it")));
    }
    let input = check(&["docs/openapi.json"], &ALL).everything;
    assert_eq!(input.as_deref(), Some("docs/openapi.json: the policy names it as an input of the tests"));
}

#[test]
fn what_the_policy_leaves_out_marks_nothing() {
    check(&["docs/a/b.md"], &[]);
    check(&["Cargo.lock"], &[]);
}

#[test]
fn a_lockfile_marks_who_resolves_otherwise() {
    let lockfile =
        |lockfile| affected(&graph(), &Differences { lockfile, ..Differences::default() }, Rules::default());
    let members = Relocked::Members([("lone".to_owned(), "serde 1.0.1".to_owned())].into());
    let found = lockfile(members);
    assert_eq!(found.packages, [("lone".to_owned(), "Cargo.lock: serde 1.0.1".to_owned())].into());
    let unknown = lockfile(Relocked::Unknown("it is new".to_owned()));
    assert_eq!((unknown.packages.len(), unknown.everything.as_deref()), (5, Some("Cargo.lock: it is new")));
}

#[test]
fn globs_are_what_people_expect() {
    let check = |glob: &str, path: &str, expected| assert_eq!(matches(glob, path), expected, "{glob} {path}");
    check("docs/**", "docs/a/b.md", true);
    check("docs/**", "docs", true);
    check("docs/**", "documents/a", false);
    check("**/*.md", "README.md", true);
    check("**/*.md", "a/b/c.md", true);
    check("*.md", "a/b.md", false);
    check("a/*/c", "a/b/c", true);
    check("a/*/c", "a/b/b/c", false);
    check("LICENSE-?IT", "LICENSE-MIT", true);
    check("**", "anything/at/all", true);
    check("", "a", false);
}

fn some_paths() -> impl Strategy<Value = BTreeSet<String>> {
    let path = prop_oneof![
        "(crates/core|crates/app|crates/app/lone|e2e|stories|\\.\\./near)/[a-c]\\.rs",
        "(docs|scripts)/[a-c]",
        Just("Cargo.toml".to_owned()),
    ];
    prop::collection::btree_set(path, 0..5)
}

proptest! {
    #[test]
    fn more_files_never_mark_less(some in some_paths(), more in some_paths()) {
        let of = |paths: &BTreeSet<String>| {
            let differences = Differences { paths: paths.clone(), lockfile: Relocked::default() };
            affected(&graph(), &differences, Rules::default()).packages.into_keys().collect::<BTreeSet<_>>()
        };
        prop_assert!(of(&some).is_subset(&of(&some.union(&more).cloned().collect())));
    }

    #[test]
    fn whatever_needs_a_marked_package_is_marked(needs in prop::collection::vec(prop::collection::btree_set(0usize..6, 0..3), 6), changed in 0usize..6) {
        let name = |index: usize| format!("p{index}");
        let node = |(index, needs): (usize, &BTreeSet<usize>)| {
            let node = Node { directory: name(index), needs: needs.iter().map(|one| name(*one)).collect(), ..Node::default() };
            (name(index), node)
        };
        let graph = Graph { packages: needs.iter().enumerate().map(node).collect() };
        let differences = Differences { paths: [format!("p{changed}/src/lib.rs")].into(), lockfile: Relocked::default() };
        let found = affected(&graph, &differences, Rules::default());
        prop_assert!(found.packages.contains_key(&name(changed)));
        for (index, needs) in needs.iter().enumerate() {
            let needs_marked = needs.iter().any(|one| found.packages.contains_key(&name(*one)));
            prop_assert_eq!(found.packages.contains_key(&name(index)), needs_marked || index == changed);
        }
    }

    #[test]
    fn any_glob_and_any_path_give_an_answer(glob in "[ab*?/]{0,12}", path in "[ab/]{0,12}") {
        let _ = matches(&glob, &path);
        prop_assert!(matches(&path, &path) && matches("**", &path));
    }
}
