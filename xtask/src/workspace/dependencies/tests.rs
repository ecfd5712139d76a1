//! How packages are reached, on small graphs.

use super::*;
use proptest::prelude::*;

const APP: usize = 0;

/// A graph of packages `a`, `b`, … with these edges; the first is the member.
fn graph(count: usize, edges: &[(usize, usize, NeedKind)], macros: &[usize]) -> Dependencies {
    let package = |index: usize| Dependency {
        name: char::from(b'a' + u8::try_from(index).unwrap()).to_string(),
        version: "1.0.0".into(),
        source: (index > 0).then(|| "registry".into()),
        member: index == APP,
        needs: edges
            .iter()
            .filter(|(from, ..)| *from == index)
            .map(|(_, package, kind)| Need { package: *package, kind: *kind, target: None })
            .collect(),
        manifest: Some(Manifest { proc_macro: macros.contains(&index), ..Manifest::default() }),
    };
    Dependencies { packages: (0..count).map(package).collect(), unresolved: None }
}

fn check(edges: &[(usize, usize, NeedKind)], macros: &[usize], expected: &[(Reach, &str)]) {
    let graph = graph(expected.len(), edges, macros);
    let reached = graph.reached();
    for (index, (reach, path)) in expected.iter().enumerate() {
        let found = graph.path(&reached, index).join(" ").replace("@1.0.0", "");
        assert_eq!((reached.of(index), found.as_str()), (*reach, *path), "{edges:?}");
    }
}

use NeedKind::{Build as B, Development as D, Locked as L, Normal as N};
use Reach::{Build, Development, Linked, Lockfile};

#[test]
fn the_nearest_reach_wins_and_has_the_shortest_path() {
    check(&[(0, 1, N), (1, 2, N), (0, 2, D)], &[], &[(Linked, "a"), (Linked, "a b"), (Linked, "a b c")]);
    check(&[(0, 1, N), (1, 2, N), (0, 2, N)], &[], &[(Linked, "a"), (Linked, "a b"), (Linked, "a c")]);
    check(
        &[(0, 1, B), (1, 2, N), (2, 3, B)],
        &[],
        &[(Linked, "a"), (Build, "a b"), (Build, "a b c"), (Build, "a b c d")],
    );
    check(
        &[(0, 1, D), (1, 2, N), (1, 3, B)],
        &[],
        &[(Linked, "a"), (Development, "a b"), (Development, "a b c"), (Development, "a b d")],
    );
    check(
        &[(0, 1, N), (1, 2, L), (2, 3, L)],
        &[],
        &[(Linked, "a"), (Linked, "a b"), (Lockfile, "a b c"), (Lockfile, "a b c d")],
    );
}

#[test]
fn a_macro_and_what_it_needs_run_in_the_compiler() {
    check(&[(0, 1, N), (1, 2, N)], &[1], &[(Linked, "a"), (Build, "a b"), (Build, "a b c")]);
    check(&[(0, 1, N), (1, 2, N), (0, 2, N)], &[1], &[(Linked, "a"), (Build, "a b"), (Linked, "a c")]);
}

#[test]
fn development_dependencies_of_others_are_of_no_build() {
    check(&[(0, 1, N), (1, 2, D)], &[], &[(Linked, "a"), (Linked, "a b"), (Lockfile, "a b c")]);
    check(&[], &[], &[(Linked, "a"), (Lockfile, "b")]);
}

#[test]
fn a_cycle_through_development_ends() {
    check(&[(0, 1, D), (1, 0, N)], &[], &[(Linked, "a"), (Development, "a b")]);
}

#[test]
fn without_cargos_word_everything_counts_as_linked_and_keeps_its_path() {
    let mut graph = graph(4, &[(0, 1, L), (1, 2, L)], &[]);
    graph.unresolved = Some("no cargo".into());
    let reached = graph.reached();
    assert!((0..4).all(|index| reached.of(index) == Linked));
    assert_eq!(graph.path(&reached, 2).len(), 3);
    assert_eq!(graph.path(&reached, 3), ["d@1.0.0"]);
}

#[test]
fn a_package_is_found_by_all_of_its_name() {
    let graph = graph(3, &[], &[]);
    assert_eq!(graph.find("b", "1.0.0", Some("registry")), Some(1));
    assert_eq!(graph.find("b", "1.0.0", None), None);
    assert_eq!(graph.find("a", "1.0.0", None), Some(0));
}

fn kinds() -> impl Strategy<Value = NeedKind> {
    prop_oneof![Just(N), Just(B), Just(D), Just(L)]
}

proptest! {
    #[test]
    fn every_path_starts_at_a_member_and_ends_at_the_package(edges in prop::collection::vec((0usize..8, 0usize..8, kinds()), 0..20)) {
        let graph = graph(8, &edges, &[]);
        let reached = graph.reached();
        for index in 0..8 {
            let path = graph.path(&reached, index);
            prop_assert_eq!(path.last(), Some(&graph.packages[index].name_at_version()));
            let led_to = edges.iter().any(|(_, to, _)| *to == index);
            prop_assert!(path.len() == 1 || led_to);
            prop_assert!(index != APP || reached.of(index) == Linked);
            let distinct: std::collections::BTreeSet<&String> = path.iter().collect();
            prop_assert_eq!(distinct.len(), path.len());
        }
    }

    #[test]
    fn one_edge_more_never_takes_a_package_further_away(edges in prop::collection::vec((0usize..6, 0usize..6, kinds()), 0..12), more in (0usize..6, 0usize..6, kinds())) {
        let before = graph(6, &edges, &[]).reached();
        let with: Vec<_> = edges.iter().copied().chain([more]).collect();
        let after = graph(6, &with, &[]).reached();
        prop_assert!((0..6).all(|index| after.of(index) <= before.of(index)));
    }
}
