//! Requirements, what is new, and unsafe code, in texts and small folders.

use super::*;
use crate::tools::security::packages::Packages;
use crate::workspace::dependencies::{Dependencies, Dependency, Manifest};
use proptest::prelude::*;

#[test]
fn any_version_is_found_in_every_table() {
    let manifest = "[dependencies]\na = \"*\"\nb = \"1\"\nc = { version = \"*\", path = \"c\" }\nd = { git = \"u\" }\n\
                    e = { workspace = true }\nf = { path = \"f\", version = \"1\" }\n[dev-dependencies.g]\nversion = \" * \"\n\
                    [target.'cfg(unix)'.build-dependencies]\nh = \"*\"\n[workspace.dependencies]\ni = \"*\"\n";
    let found: Vec<(String, u32, bool)> = wildcards::in_text("m", manifest)
        .unwrap()
        .into_iter()
        .map(|one| (one.package, one.line, one.elsewhere))
        .collect();
    let mut names: Vec<&str> = found.iter().map(|(name, _, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "c", "d", "g", "h", "i"]);
    let of = |name: &str| {
        found.iter().find(|(one, _, _)| one == name).map(|(_, line, elsewhere)| (*line, *elsewhere))
    };
    assert_eq!(
        (of("a"), of("c"), of("d"), of("g")),
        (Some((2, false)), Some((4, true)), Some((5, true)), Some((8, false)))
    );
    let error = wildcards::in_text("m", "a = 1\n[dependencies").unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("m", 2));
}

#[test]
fn unsafe_code_is_counted_by_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "a.rs",
        "// unsafe { }\nfn f() { let s = \"unsafe {}\"; unsafe { g() } m!(unsafe { g() }) }\nunsafe fn g() {}\nunsafe impl A for B {}\nunsafe extern \"C\" fn h() {}\n",
    );
    write("b.rs", "#![forbid(unsafe_code)]\n");
    write("c.rs", "unsafe { \"\n");
    write("d.txt", "unsafe {}");
    let files: Vec<PathBuf> =
        ["a.rs", "b.rs", "c.rs", "d.txt", "gone.rs"].iter().map(PathBuf::from).collect();
    let found = unsafe_code::of(folder.path(), &files);
    assert_eq!((found.blocks, found.functions, found.impls, found.not_read), (2, 2, 1, 1));
    assert_eq!(found.files, ["a.rs"]);
}

#[test]
fn a_change_is_told_by_the_counts_of_each_file() {
    let check = |texts: &[(&str, &str)], expected: (u64, u64)| {
        let texts = texts.iter().map(|(before, now)| (before.as_bytes().to_vec(), now.as_bytes().to_vec()));
        assert_eq!(unsafe_code::compared(texts), expected);
    };
    let (one, two) = ("fn f() { unsafe { g() } }", "unsafe fn f() { unsafe { g() } }");
    check(&[("", two), (two, one), (one, one)], (2, 1));
    check(&[(one, ""), ("", ""), (one, "unsafe { \"")], (0, 1));
}

fn packages(list: &[(&str, &str, Manifest)]) -> Packages {
    let package = |(name, version, manifest): &(&str, &str, Manifest)| Dependency {
        name: (*name).to_owned(),
        version: (*version).to_owned(),
        source: Some("registry+x".into()),
        manifest: Some(manifest.clone()),
        ..Dependency::default()
    };
    let all = Dependencies { packages: list.iter().map(package).collect(), unresolved: None };
    Packages { reached: all.reached(), all: all.into(), ..Packages::default() }
}

#[test]
fn what_is_new_and_what_begins_to_run_is_found() {
    let registry = tempfile::tempdir().unwrap();
    let write = |folder: &str, text: &str| {
        let folder = registry.path().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("Cargo.toml"), text).unwrap();
    };
    write("plain-1.0.0", "[package]\nbuild = false\n");
    write("had-1.0.0", "[package]\nbuild = \"make.rs\"\n[lib]\nproc-macro = true\n");
    let manifest = |name: &str, version: &str| Manifest {
        folder: registry.path().join(format!("{name}-{version}")),
        build_script: true,
        proc_macro: true,
        ..Manifest::default()
    };
    let now = packages(&[
        ("fresh", "1.0.0", Manifest::default()),
        ("had", "1.1.0", manifest("had", "1.1.0")),
        ("plain", "1.1.0", manifest("plain", "1.1.0")),
        ("same", "1.0.0", manifest("same", "1.0.0")),
        ("unknown", "1.1.0", manifest("unknown", "1.1.0")),
    ]);
    let locked = |name: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\n");
    let base = format!("version = 4\n{}", ["had", "plain", "same", "unknown"].map(locked).join(""));
    let found = new::of(&now, &base).unwrap().packages;
    let shown: Vec<_> = found
        .iter()
        .map(|one| (one.name.as_str(), one.new, one.build_script, one.proc_macro, one.before_known))
        .collect();
    assert_eq!(
        shown,
        [
            ("fresh", true, false, false, false),
            ("plain", false, true, true, true),
            ("unknown", false, true, true, false)
        ]
    );
    assert_eq!(new::of(&now, "no lockfile"), None);
}

#[test]
fn a_manifest_that_cannot_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let manifests = |root: &Path| {
        let around = Around { root, tracked: &[], base: None };
        of(&packages(&[]), around).unreadable.into_iter().map(|one| one.file).collect::<Vec<_>>()
    };
    std::fs::write(folder.path().join("Cargo.toml"), b"[dependencies]\na = \"*\" # \xff\n").unwrap();
    assert_eq!(manifests(folder.path()), ["Cargo.toml"]);
    std::fs::write(folder.path().join("Cargo.toml"), "[dependencies]\n").unwrap();
    assert!(manifests(folder.path()).is_empty());
}

proptest! {
    #[test]
    fn any_text_is_a_manifest_or_nothing(text in "(\\PC|\\n){0,120}|(\\[dependencies\\]\n|\\[target\\.x\\]\n|a = \"\\*\"\n|b\\.path = \"x\"\n|workspace = true\n){0,8}") {
        let lines = u32::try_from(text.lines().count()).unwrap();
        match wildcards::in_text("m", &text) {
            Ok(found) => prop_assert!(found.iter().all(|one| one.line <= lines)),
            Err(error) => prop_assert!(error.line <= lines + 1),
        }
    }
}
