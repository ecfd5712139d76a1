//! What changes the answer of `cargo metadata` changes the digest.

use super::*;
use crate::world::Clock;

/// A workspace with a member by glob, in a folder of its own with a cargo of its own.
struct Place {
    folder: tempfile::TempDir,
    world: World,
    watched: Watched,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        let files = [
            ("bin/cargo", "\x7fELF"),
            ("w/Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n"),
            ("w/Cargo.lock", "version = 4\n"),
            ("w/crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("w/crates/a/src/lib.rs", ""),
            ("w/crates/a/tests/one.rs", ""),
            ("home/config.toml", ""),
        ];
        for (path, text) in files {
            std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            std::fs::write(at(path), text).unwrap();
        }
        let environment = [("PATH", at("bin")), ("CARGO_HOME", at("home"))];
        let environment =
            environment.map(|(name, path)| (name.to_owned(), path.to_string_lossy().into_owned()));
        let world = World::with(environment.into(), at("w"), Clock::system());
        let watched = Watched {
            manifests: vec![at("w/Cargo.toml"), at("w/crates/a/Cargo.toml")],
            sources: vec![at("w/crates/a/src/lib.rs"), at("w/crates/a/tests/one.rs")],
            globs: globs(&at("w")),
        };
        Place { folder, world, watched }
    }

    fn digest(&self) -> Option<Digest> {
        self.watched.digest(&self.world, &self.folder.path().join("w"))
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn what_cargo_reads_changes_the_digest() {
    let changes = [
        ("w/Cargo.toml", "[workspace]\nmembers = [\"crates/*\", \"more\"]\n"),
        ("w/Cargo.lock", "version = 3\n"),
        ("w/crates/a/Cargo.toml", "[package]\nname = \"b\"\n"),
        ("w/crates/b/Cargo.toml", ""),
        ("w/crates/a/src/main.rs", ""),
        ("w/crates/a/src/bin/tool.rs", ""),
        ("w/crates/a/tests/two.rs", ""),
        ("w/crates/a/tests/three/main.rs", ""),
        ("w/crates/a/examples/x.rs", ""),
        ("w/crates/a/benches/x.rs", ""),
        ("w/crates/a/build.rs", ""),
        ("w/.cargo/config.toml", "[build]\ntarget-dir = \"elsewhere\"\n"),
        (".cargo/config", "[env]\nA = \"1\"\n"),
        ("home/config.toml", "[net]\noffline = true\n"),
        ("Cargo.toml", "[workspace]\n"),
        ("bin/cargo", "\x7fELF of another version"),
    ];
    for (path, text) in changes {
        let place = Place::new();
        let before = place.digest();
        assert!(before.is_some() && before == place.digest());
        place.write(path, text);
        assert!(place.digest().is_some_and(|after| Some(after) != before), "{path}");
    }
}

#[test]
fn a_target_that_is_gone_and_a_variable_change_it_too() {
    let place = Place::new();
    let before = place.digest();
    let other = place.world.clone().with_variable("CARGO_BUILD_TARGET", "wasm32-unknown-unknown");
    assert_ne!(place.watched.digest(&other, &place.folder.path().join("w")), before);
    let same = place.world.clone().with_variable("CARGO_PKG_NAME", "gateline");
    assert_eq!(place.watched.digest(&same, &place.folder.path().join("w")), before);
    std::fs::remove_file(place.folder.path().join("w/crates/a/src/lib.rs")).unwrap();
    assert_ne!(place.digest(), before);
}

#[test]
fn what_files_do_not_tell_has_no_digest() {
    let place = Place::new();
    place.write("w/.cargo/config.toml", "include = \"other.toml\"\n");
    assert_eq!(place.digest(), None);
    let mut place = Place::new();
    place.write("w/Cargo.toml", "[workspace]\nmembers = [\"crates/**\"]\n");
    place.watched.globs = globs(&place.folder.path().join("w"));
    assert_eq!(place.digest(), None);
    let place = Place::new();
    place.write("bin/cargo", "#!/bin/sh\n");
    assert_eq!(place.digest(), None);
}
