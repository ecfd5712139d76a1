//! Digests of the files that say a licence in words.

use super::*;
use crate::workspace::dependencies::Dependencies;

#[test]
fn a_file_of_the_package_has_its_digest_and_nothing_else_has() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("p")).unwrap();
    std::fs::write(folder.path().join("LICENSE"), "text").unwrap();
    std::fs::write(folder.path().join("p/COPYING"), "").unwrap();
    let package = folder.path().join("p");
    // Of nothing: the well-known digest.
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(digest(&package, "COPYING").as_deref(), Some(empty));
    assert!(digest(&package, "../LICENSE").is_some_and(|hash| hash.len() == 64));
    for none in ["missing", "/etc/hostname", "..", ""] {
        assert_eq!(digest(&package, none), None, "{none}");
    }
}

#[test]
fn without_cargos_word_nothing_is_known() {
    let all = Dependencies { unresolved: Some("no network".into()), ..Dependencies::default() };
    let packages = Packages { all: all.into(), ..Packages::default() };
    let error = of(&packages, &LicencesPolicy::default()).unwrap_err();
    assert!(error.message.ends_with("cargo did not resolve: no network"), "{}", error.message);
}
