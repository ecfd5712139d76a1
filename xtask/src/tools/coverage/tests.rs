//! What is missing or damaged is an error that names it.

use super::*;

fn measurement(profiles: &Path) -> Measurement {
    let tree = SourceTree {
        root: profiles.into(),
        target: profiles.join("target"),
        packages: vec![PackageTree { name: "p".into(), directory: profiles.into() }],
        remapped: vec![],
    };
    Measurement {
        profiles: profiles.into(),
        objects: vec![],
        doctests: vec![],
        tree,
        test_code: TestCode::Exclude,
        writers: Default::default(),
        expected: vec![],
    }
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
