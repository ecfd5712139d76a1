//! Affected: the graph of the members, and which of them a lockfile resolves otherwise than the base's.
//!
//! An edge is drawn wherever a member names another as a dependency of any kind, for any platform, optional or not: by
//! its path, or by its name, which a `[patch]` may lead to it. Features are not resolved: a member's own manifest marks that
//! member and whoever needs it, not others whose dependencies it widens.

use super::git;
use super::paths::normalised;
use crate::workspace::Change;
use crate::workspace::graph::{Graph, Node, Relocked};
use crate::world::World;
use cargo_metadata::Package;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// A longer lockfile is none.
const LOCKFILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The graph of these members.
pub fn graph(root: &Path, members: &[Package]) -> Graph {
    let folder_of = |package: &Package| {
        package.manifest_path.parent().map(|folder| folder.as_std_path().to_owned()).unwrap_or_default()
    };
    let by_folder: HashMap<PathBuf, &str> =
        members.iter().map(|package| (folder_of(package), package.name.as_str())).collect();
    let names: BTreeSet<&str> = members.iter().map(|package| package.name.as_str()).collect();
    let node = |package: &Package| {
        let own = folder_of(package);
        let needs = package.dependencies.iter().filter_map(|dependency| match &dependency.path {
            Some(path) => by_folder.get(path.as_std_path()).copied(),
            None => names.get(dependency.name.as_str()).copied(),
        });
        let needs = needs.filter(|name| *name != package.name.as_str()).map(str::to_owned).collect();
        let sources = package.targets.iter().filter_map(|target| target.src_path.parent());
        let sources = sources.map(|folder| normalised(folder.as_std_path()));
        let folders = sources.filter(|folder| !folder.starts_with(&own));
        let folders = folders.map(|folder| relative(root, &folder)).collect();
        (package.name.to_string(), Node { directory: relative(root, &own), folders, needs })
    };
    Graph { packages: members.iter().map(node).collect() }
}

/// A path from the workspace's root, with `..` where it lies outside.
fn relative(root: &Path, path: &Path) -> String {
    let (root, path) = (normalised(root), normalised(path));
    let common = root.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = root.components().skip(common).map(|_| "..".to_owned());
    let down = path.components().skip(common).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// What the lockfile resolves otherwise than the base's, where it is among the changed files.
///
/// # Errors
/// Where git does not know the base.
pub async fn relocked(
    world: &World,
    root: &Path,
    members: &[Package],
    change: &Change,
) -> anyhow::Result<Relocked> {
    if change.file("Cargo.lock").is_none() {
        return Ok(Relocked::default());
    }
    let before = git::show(world, root, &change.base.commit, "Cargo.lock").await?;
    let after = std::fs::read_to_string(root.join("Cargo.lock")).ok();
    let names: Vec<&str> = members.iter().map(|package| package.name.as_str()).collect();
    Ok(between(before.as_deref(), after.as_deref(), &names))
}

/// What two lockfiles, of which one may be missing, resolve otherwise for these members.
pub(super) fn between(before: Option<&str>, after: Option<&str>, names: &[&str]) -> Relocked {
    match (before, after) {
        (before, after) if before == after => Relocked::default(),
        (Some(before), Some(after)) => compare(before, after, names).unwrap_or_else(Relocked::Unknown),
        _ => Relocked::Unknown("there is one side only".to_owned()),
    }
}

/// Members whose set of packages, reached through dependencies, is not the same in two lockfiles.
fn compare(before: &str, after: &str, members: &[&str]) -> Result<Relocked, String> {
    let (before, after) = (Lockfile::read(before)?, Lockfile::read(after)?);
    let mut found = BTreeMap::new();
    for member in members {
        let (old, new) = (before.reached_from(member), after.reached_from(member));
        if let Some(differing) = new.symmetric_difference(&old).next() {
            found.insert((*member).to_owned(), format!("{} {}", differing.name, differing.version));
        }
    }
    Ok(Relocked::Members(found))
}

#[derive(Deserialize)]
struct Lockfile {
    #[serde(default)]
    package: Vec<Locked>,
}

/// One `[[package]]`.
#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// What makes a package the same.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity<'a> {
    name: &'a str,
    version: &'a str,
    source: Option<&'a str>,
    checksum: Option<&'a str>,
}

impl Lockfile {
    fn read(text: &str) -> Result<Lockfile, String> {
        if text.len() > LOCKFILE_BYTES_MAX {
            return Err(format!("{} bytes are more than a lockfile may have", text.len()));
        }
        toml::from_str(text).map_err(|error| format!("it cannot be read: {}", error.message()))
    }

    /// Everything that a member needs, itself left out: its own version is in its manifest.
    fn reached_from(&self, member: &str) -> BTreeSet<Identity<'_>> {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, package) in self.package.iter().enumerate() {
            by_name.entry(&package.name).or_default().push(index);
        }
        let own = |index: &&usize| self.package[**index].source.is_none();
        let start = by_name.get(member).and_then(|indices| indices.iter().find(own));
        let mut waiting: Vec<usize> = start.into_iter().copied().collect();
        let mut seen: BTreeSet<usize> = waiting.iter().copied().collect();
        while let Some(index) = waiting.pop() {
            for dependency in &self.package[index].dependencies {
                // `name`, `name version` or `name version (source)`: as much as tells it from others.
                let mut words = dependency.splitn(3, ' ');
                let (name, version) = (words.next().unwrap_or_default(), words.next());
                let meant = by_name.get(name).into_iter().flatten().copied();
                let meant =
                    meant.filter(|index| version.is_none_or(|one| self.package[*index].version == one));
                waiting.extend(meant.filter(|index| seen.insert(*index)));
            }
        }
        let others = seen.into_iter().map(|index| &self.package[index]);
        others
            .filter(|package| package.name != member || package.source.is_some())
            .map(|package| Identity {
                name: &package.name,
                version: &package.version,
                source: package.source.as_deref(),
                checksum: package.checksum.as_deref(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BEFORE: &str = r#"
version = 4
[[package]]
name = "app"
version = "0.1.0"
dependencies = ["serde", "rand 0.8.0"]
[[package]]
name = "lone"
version = "0.1.0"
dependencies = ["rand 0.9.0 (registry+x)"]
[[package]]
name = "serde"
version = "1.0.0"
source = "registry+x"
checksum = "aa"
dependencies = ["itoa"]
[[package]]
name = "itoa"
version = "1.0.0"
source = "registry+x"
[[package]]
name = "rand"
version = "0.8.0"
source = "registry+x"
[[package]]
name = "rand"
version = "0.9.0"
source = "registry+x"
"#;

    fn check(after: &str, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(member, other)| ((*member).to_owned(), (*other).to_owned()));
        let found = compare(BEFORE, after, &["app", "lone"]).unwrap();
        assert_eq!(found, Relocked::Members(expected.collect()));
    }

    #[test]
    fn only_members_that_resolve_otherwise_are_named() {
        check(BEFORE, &[]);
        check(
            &BEFORE.replace("name = \"itoa\"\nversion = \"1.0.0\"", "name = \"itoa\"\nversion = \"1.0.1\""),
            &[("app", "itoa 1.0.0")],
        );
        check(&BEFORE.replace("checksum = \"aa\"", "checksum = \"bb\""), &[("app", "serde 1.0.0")]);
        check(&BEFORE.replace("0.9.0", "0.9.1"), &[("lone", "rand 0.9.0")]);
        check(
            &BEFORE.replace("name = \"app\"\nversion = \"0.1.0\"", "name = \"app\"\nversion = \"0.2.0\""),
            &[],
        );
        assert!(compare(BEFORE, "not [ toml", &["app"]).is_err());
    }

    #[test]
    fn paths_are_from_the_root() {
        let from = |path: &str| relative(Path::new("/a/w"), Path::new(path));
        assert_eq!(from("/a/w"), "");
        assert_eq!(from("/a/w/crates/x"), "crates/x");
        assert_eq!(from("/a/near"), "../near");
        assert_eq!(from("/a/w/xtask/../tests"), "tests");
    }

    proptest! {
        #[test]
        fn any_text_is_a_lockfile_or_an_error(text in "(\\PC|\\n){0,200}") {
            let _ = compare(BEFORE, &text, &["app"]);
        }

        #[test]
        fn any_dependencies_are_walked_to_an_end(names in prop::collection::vec("[a-c]( [12])?", 0..6)) {
            let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
            let package = |name: &str| format!("[[package]]\nname=\"{name}\"\nversion=\"1\"\ndependencies=[{list}]\n");
            let text = ["a", "b", "c"].map(package).concat();
            prop_assert_eq!(compare(&text, &text, &["a", "b"]), Ok(Relocked::default()));
        }
    }
}
