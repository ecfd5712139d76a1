//! Which versions were withdrawn from crates.io, as far as cargo's copy of its index says. Only read, never fetched: what is not in
//! the copy is not known, and what is may be older than the registry.

use crate::world::World;
use memchr::memmem;
use serde::Deserialize;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest entries of the index have some 5 MB.
const ENTRY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Registries that a cargo home knows.
const REGISTRIES_MAX: usize = 200;
/// The layout of a cached entry, its first byte (cargo's `CURRENT_CACHE_VERSION`).
const CACHE_VERSION: u8 = 3;
/// The folders of crates.io: of the sparse protocol, and of git.
const OF_CRATES_IO: [&str; 2] = ["index.crates.io-", "github.com-"];

/// Cargo's copies of the index of crates.io.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index {
    folders: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Line {
    vers: String,
    #[serde(default)]
    yanked: bool,
}

impl Index {
    /// The copies in cargo's home.
    pub(super) fn of(world: &World) -> Index {
        let home = match (world.env("CARGO_HOME"), world.env("HOME")) {
            (Some(home), _) => world.directory().join(home),
            (None, Some(home)) => Path::new(home).join(".cargo"),
            (None, None) => return Index::default(),
        };
        let folders = std::fs::read_dir(home.join("registry/index")).into_iter().flatten();
        let folders = folders.take(REGISTRIES_MAX).flatten().map(|entry| entry.path());
        let ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            OF_CRATES_IO.iter().any(|start| name.starts_with(start))
        };
        let mut folders: Vec<PathBuf> = folders.filter(ours).map(|path| path.join(".cache")).collect();
        folders.sort();
        Index { folders }
    }

    /// Whether a version was withdrawn; `None` where it is not known.
    pub(super) fn yanked(&self, name: &str, version: &str) -> Option<bool> {
        let entry = place(name)?;
        let told = self.folders.iter().filter_map(|folder| {
            let file = std::fs::File::open(folder.join(&entry)).ok()?;
            let mut bytes = Vec::new();
            file.take(ENTRY_BYTES_MAX).read_to_end(&mut bytes).ok()?;
            find(&bytes, version)
        });
        told.max()
    }
}

/// Where the index keeps a name (The Cargo Reference, "Index files").
fn place(name: &str) -> Option<PathBuf> {
    let name = name.to_ascii_lowercase();
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    Some(match (plain, name.len()) {
        (false, _) | (_, 0) => return None,
        (_, 1) => Path::new("1").join(name),
        (_, 2) => Path::new("2").join(name),
        (_, 3) => Path::new("3").join(&name[..1]).join(name),
        _ => Path::new(&name[..2]).join(&name[2..4]).join(name),
    })
}

/// What a cached entry says of a version: a head, then pairs of version and JSON, each ended by a zero.
fn find(bytes: &[u8], version: &str) -> Option<bool> {
    if bytes.first() != Some(&CACHE_VERSION) {
        return None;
    }
    let wanted = [b"\0", version.as_bytes(), b"\0"].concat();
    let start = memmem::find(bytes, &wanted)? + wanted.len();
    let rest = &bytes[start..];
    let line: Line = serde_json::from_slice(&rest[..memchr::memchr(0, rest)?]).ok()?;
    (line.vers == version).then_some(line.yanked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;
    use proptest::prelude::*;

    fn entry(lines: &[(&str, bool)]) -> Vec<u8> {
        let mut bytes = vec![CACHE_VERSION, 2, 0, 0, 0];
        bytes.extend(b"etag: \"x\"\0");
        for (version, yanked) in lines {
            bytes.extend(
                format!("{version}\0{{\"name\":\"a\",\"vers\":\"{version}\",\"yanked\":{yanked}}}\0").bytes(),
            );
        }
        bytes
    }

    #[test]
    fn a_version_is_withdrawn_or_not_or_unknown() {
        let bytes = entry(&[("1.0.0", false), ("1.0.1", true)]);
        assert_eq!(find(&bytes, "1.0.0"), Some(false));
        assert_eq!(find(&bytes, "1.0.1"), Some(true));
        assert_eq!(find(&bytes, "1.0"), None);
        assert_eq!(find(&bytes[..bytes.len() - 3], "1.0.1"), None, "cut off");
        let other = [&[CACHE_VERSION + 1], &bytes[1..]].concat();
        assert_eq!(find(&other, "1.0.1"), None, "another layout");
    }

    #[test]
    fn names_have_the_places_that_cargo_gives_them() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(place(name), expected.map(PathBuf::from));
        check("a", Some("1/a"));
        check("ab", Some("2/ab"));
        check("abc", Some("3/a/abc"));
        check("Inflector", Some("in/fl/inflector"));
        check("../../etc/passwd", None);
        check("", None);
    }

    #[test]
    fn any_copy_that_knows_is_asked_and_withdrawn_wins() {
        let home = tempfile::tempdir().unwrap();
        for (index, yanked) in [("index.crates.io-1", false), ("github.com-2", true), ("example.org-3", true)]
        {
            let folder = home.path().join("registry/index").join(index).join(".cache/so/me");
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("some"), entry(&[("1.0.0", yanked)])).unwrap();
        }
        let environment = [("CARGO_HOME".to_owned(), home.path().display().to_string())];
        let index = Index::of(&World::with(environment.into(), "/".into(), Clock::system()));
        assert_eq!(index.folders.len(), 2);
        assert_eq!((index.yanked("some", "1.0.0"), index.yanked("none", "1.0.0")), (Some(true), None));
        assert_eq!(Index::of(&World::with([].into(), "/".into(), Clock::system())), Index::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_none(mut bytes in prop::collection::vec(any::<u8>(), 0..200), version in "[0-9.]{0,6}") {
            let _ = find(&bytes, &version);
            bytes.insert(0, CACHE_VERSION);
            let _ = find(&bytes, &version);
        }
    }
}
