//! What is missing or damaged is an error that names it, and objects may come in any order.

use super::lines::{Kind, Place};
use super::mapping::Function;
use super::*;
use proptest::prelude::*;

fn measurement(profiles: &Path) -> Measurement {
    let tree = SourceTree {
        root: profiles.into(),
        target: profiles.join("target"),
        packages: vec![PackageTree { name: "p".into(), directory: profiles.into() }],
        remapped: vec![],
    };
    Measurement { profiles: profiles.into(), objects: vec![], tree }
}

fn check(files: &[(&str, &[u8])], expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    }
    let error = measure(&measurement(directory.path())).unwrap_err();
    assert!(error.message.contains(expected), "{}", error.message);
    assert!(!error.help.is_empty());
}

#[test]
fn no_raw_profile_is_an_error() {
    check(&[("note.txt", b"x")], "no raw profile in ");
    let absent = measure(&measurement(Path::new("/nonexistent/profiles"))).unwrap_err();
    assert!(absent.message.starts_with("failed to read /nonexistent/profiles"), "{}", absent.message);
}

#[test]
fn a_damaged_profile_is_named() {
    check(&[("a.profraw", b"")], "a.profraw cannot be used: it is empty");
    check(&[("b.profraw", b"\x81rforpl\xff1234")], "b.profraw cannot be used: it ends inside of its header");
}

#[test]
fn a_profile_that_is_a_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("c.profraw")).unwrap();
    let error = measure(&measurement(directory.path())).unwrap_err();
    assert!(error.message.contains("c.profraw cannot be used"), "{}", error.message);
}

#[test]
fn objects_without_a_mapping_are_nothing_to_count_by() {
    let directory = tempfile::tempdir().unwrap();
    let mut header = b"\x81rforpl\xff".to_vec();
    header.extend([10u64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1].into_iter().flat_map(u64::to_le_bytes));
    std::fs::write(directory.path().join("a.profraw"), header).unwrap();
    let error = measure(&measurement(directory.path())).unwrap_err();
    assert_eq!(error.message, "none of 0 object files has a coverage mapping");
    let objects = vec![directory.path().join("a.profraw")];
    let error = measure(&Measurement { objects, ..measurement(directory.path()) }).unwrap_err();
    assert!(
        error.message.contains("the object file") && error.message.contains("a.profraw"),
        "{}",
        error.message
    );
}

fn mapping(functions: &[(u64, u32, u64)]) -> Mapping {
    let regions = |line: u32, count| {
        vec![(
            0,
            Region { start: Place::new(line, 1), end: Place::new(line + 1, 2), count, kind: Kind::Code },
        )]
    };
    let source = Source { file: "src/a.rs".into(), package: "p".into() };
    let functions =
        functions.iter().map(|(name, line, count)| Function { name: *name, regions: regions(*line, *count) });
    Mapping { sources: vec![source], functions: functions.collect(), instrumented: true }
}

#[test]
fn a_function_of_two_objects_counts_once_and_two_instances_are_summed() {
    let files = merge(vec![mapping(&[(1, 1, 3), (2, 5, 1)]), mapping(&[(1, 1, 3), (3, 5, 4)])]);
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].lines, [(1, 3), (2, 3), (5, 5), (6, 5)]);
}

proptest! {
    #[test]
    fn the_order_of_objects_plays_no_role(
        functions in prop::collection::vec(prop::collection::vec((0u64..5, 0u64..3), 0..6), 1..5),
        seed in 0usize..24,
    ) {
        // The same name has the same counters everywhere, as they were summed over all processes before.
        let object = |names: &Vec<(u64, u64)>| {
            mapping(&names.iter().map(|(name, _)| (*name, 1 + *name as u32 % 3 * 2, name * 7 % 4)).collect::<Vec<_>>())
        };
        let straight = merge(functions.iter().map(object).collect());
        let mut turned: Vec<_> = functions.clone();
        turned.rotate_left(seed % functions.len());
        turned.reverse();
        prop_assert_eq!(straight, merge(turned.iter().map(object).collect()));
    }
}
