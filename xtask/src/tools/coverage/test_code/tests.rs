//! Ranges of lines, and a workspace on disk.

use super::super::files::{PackageTree, SourceTree};
use super::*;

#[test]
fn ranges_are_joined_and_found() {
    let lines = TestLines::from_iter([(7, 9), (1, 2), (3, 3), (8, 12), (20, 19)]);
    assert_eq!(lines.0, [(1, 3), (7, 12)]);
    let known: Vec<u32> = (0..14).filter(|line| lines.contains(*line)).collect();
    assert_eq!(known, [1, 2, 3, 7, 8, 9, 10, 11, 12]);
    assert!(TestLines::from_iter([(1, u32::MAX)]).contains(u32::MAX));
}

#[test]
fn a_workspace_is_read_file_by_file_and_what_cannot_be_read_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let write = |path: &str, text: &[u8]| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("src/lib.rs", b"#[cfg(test)]\nmod testing;\nmod bad;\n/// Doc.\nfn f() {}\n");
    write("src/testing.rs", b"fn a() {}");
    write("src/bad.rs", b"fn a( {\n#[cfg(test)] mod b {}\n");
    write("src/latin.rs", b"// \xe9\n");
    write("target/debug/out.rs", b"#[cfg(test)] mod x {}");
    write("tests/it.rs", b"#[path = \"../src/testing.rs\"] mod testing;");
    write(".hidden/a.rs", b"#[cfg(test)] mod x {}");
    let tree = SourceTree {
        root: root.into(),
        target: root.join("target"),
        packages: vec![PackageTree { name: "p".into(), directory: root.into() }],
        remapped: vec![],
    };
    let scanned = scan(&Sources::of(&tree));
    let names: Vec<_> = scanned.test.keys().map(String::as_str).collect();
    assert_eq!(names, ["src/lib.rs", "src/testing.rs"]);
    assert!(scanned.of("src/testing.rs").contains(1), "only a test module declares it");
    assert!(scanned.of("src/lib.rs").contains(2) && !scanned.of("src/lib.rs").contains(3));
    assert!(scanned.comments_of("src/lib.rs").contains(4));
    assert_eq!(scanned.of("src/bad.rs"), TestLines::none());
    let doubt = scanned.doubt_of("src/bad.rs").unwrap();
    assert_eq!((doubt.kind, doubt.file.as_str()), (DoubtKind::UnreadableSource, "src/bad.rs"));
    assert!(scanned.doubt_of("src/latin.rs").is_some() && scanned.doubt_of("src/lib.rs").is_none());
}
