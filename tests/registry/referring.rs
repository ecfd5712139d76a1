//! What refers to an image, through a registry without the referrers API.

use super::*;

#[test]
fn two_who_attest_at_once_lose_nothing() {
    let Some(home) = home() else { return };
    let image = home.image("a", b"one", &["first"]);
    assert_eq!(home.image("b", b"one", &["second", "third"]), image);
    home.image("bare", b"one", &[]);
    home.done(&["push", &home.oci("bare"), &home.at("svc:1")]);
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let home = &home;
            scope.spawn(move || home.done(&["push", &home.oci(name), &home.at("svc:1")]));
        }
    });
    home.done(&["pull", &home.at("svc:1"), &home.oci("back:1")]);
    assert_eq!(said(&home.path("back"), &image), ["first", "second", "third"]);
}

#[test]
fn a_digest_is_what_it_was_whatever_its_tag_leads_to_later() {
    let Some(home) = home() else { return };
    let image = home.image("a", b"one", &["of-one"]);
    let other = home.image("b", b"two", &[]);
    home.done(&["push", &home.oci("a"), &home.at("svc:1")]);
    home.done(&["push", &home.oci("b"), &home.at("svc:1")]);
    assert_eq!(home.tag("svc", "1"), Some(other.clone()));
    home.done(&["pull", &home.at(&format!("svc@{image}")), &home.oci("one:1")]);
    assert_eq!(said(&home.path("one"), &image), ["of-one"]);
    home.done(&["pull", &home.at("svc:1"), &home.oci("two:1")]);
    assert_eq!(
        said(&home.path("two"), &other),
        Vec::<String>::new(),
        "evidence of another image is not this one's"
    );
    let absent = Digest::of(b"never pushed");
    home.run(&["pull", &home.at(&format!("svc@{absent}")), &home.oci("none")]).exits(1).says(&["404"]);
    assert!(!home.path("none").exists());
}

#[test]
fn verify_judges_what_the_registry_holds() {
    let Some(home) = home() else { return };
    let manifest = "[package]\nname = \"svc\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let lock = "version = 4\n\n[[package]]\nname = \"svc\"\nversion = \"0.1.0\"\n";
    let files = [
        ("Cargo.toml", manifest),
        ("Cargo.lock", lock),
        ("src/main.rs", "fn main() {}\n"),
        (".gitignore", "/*\n!/src\n!/Cargo.*\n!/.gitignore\n"),
    ];
    support::repository_of(home.folder.path(), &files);
    let bare = home.image("bare", b"one", &[]);
    home.done(&["push", &home.oci("bare"), &home.at("svc:1")]);
    let stripped = home.run(&["verify", &home.at("svc:1")]).exits(10).says(&["evidence/missing"]).json();
    assert_eq!(stripped["digest"], bare.to_string());
    let other = home.image("a", b"two", &["nobody signed this"]);
    home.done(&["push", &home.oci("a"), &home.at("svc:1")]);
    let foreign = home.run(&["verify", &home.at("svc:1")]).exits(10).json();
    assert_eq!(foreign["digest"], other.to_string());
    assert_ne!(foreign["refused"], stripped["refused"]);
    // The digest that was meant is told apart from where the tag leads now.
    let swapped = home.run(&["verify", &home.at("svc:1"), "--digest", &bare.to_string()]);
    swapped.exits(10).says(&["evidence/other-image"]);
    let pinned = home.run(&["verify", &home.at(&format!("svc:1@{bare}"))]).exits(10).json();
    assert_eq!(pinned["digest"], bare.to_string());
}
