//! Everything that the answer of `cargo metadata --no-deps` depends on, in one digest.
//!
//! These are: the manifests of the members and of every folder above, cargo's configuration up the tree and at home,
//! Cargo.lock, the variables that cargo reads, the program, the folders that globs of members look into, and the files
//! from which cargo discovers targets. A new member or a new `tests/x.rs` changes one of them.
//! What cannot be told from files gives no digest, and then nothing is kept: configuration that includes other files,
//! `**` in a glob, an unusual program.

use crate::digest::{Digest, Hasher};
use crate::tools::identity;
use crate::world::World;
use cargo_metadata::Metadata;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Folders in which cargo discovers targets.
const TARGET_FOLDERS: [&str; 4] = ["src/bin", "tests", "examples", "benches"];
/// Files by which cargo discovers something in a package.
const DISCOVERED: [&str; 6] = ["src/lib.rs", "src/main.rs", "build.rs", "README.md", "README.txt", "README"];
/// Entries of one folder that are looked at; more is no folder of targets or members.
const ENTRIES_MAX: usize = 20_000;
/// File systems stamp changes by a clock that lags by a tick of the kernel.
const CLOCK_NANOS_MAX: i128 = 10_000_000;
/// Variables that cargo sets for `cargo run`: they say nothing about the workspace.
const SET_FOR_CHILDREN: [&str; 8] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_TERM_",
    "RUST_RECURSION_COUNT",
    "RUST_BACKTRACE",
];

/// What has to be known of the last answer to look whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::tools) struct Watched {
    /// The root manifest, then the members'.
    manifests: Vec<PathBuf>,
    /// The members' target sources.
    sources: Vec<PathBuf>,
    /// Globs of `workspace.members`, absolute.
    globs: Vec<PathBuf>,
}

impl Watched {
    /// What to watch after this answer.
    pub(in crate::tools) fn of(metadata: &Metadata) -> Watched {
        let root = metadata.workspace_root.as_std_path();
        let members = metadata.workspace_packages();
        let mut manifests = vec![root.join("Cargo.toml")];
        manifests.extend(members.iter().map(|package| package.manifest_path.clone().into_std_path_buf()));
        let targets = members.iter().flat_map(|package| &package.targets);
        let sources = targets.map(|target| target.src_path.clone().into_std_path_buf()).collect();
        Watched { sources, globs: globs(root), manifests }
    }

    /// Whether something of it was changed after this moment, or so shortly before that clocks cannot tell: the answer
    /// may then be older than the digest.
    pub(in crate::tools) fn changed_since(&self, moment: Timestamp) -> bool {
        let folders = self.manifests.iter().filter_map(|manifest| manifest.parent());
        let folders = folders.flat_map(|folder| TARGET_FOLDERS.iter().map(move |name| folder.join(name)));
        let globs = self.globs.iter().filter_map(|glob| glob.parent().map(Path::to_owned));
        let changed = |path: PathBuf| {
            let facts = std::fs::metadata(path).ok()?;
            let nanos = i128::from(facts.ctime()) * 1_000_000_000 + i128::from(facts.ctime_nsec());
            Some(nanos + CLOCK_NANOS_MAX >= moment.as_nanosecond())
        };
        self.manifests.iter().cloned().chain(folders).chain(globs).filter_map(changed).any(|changed| changed)
    }

    /// The digest of all of it, as it is now; `None` where files do not tell.
    pub(in crate::tools) fn digest(&self, world: &World, directory: &Path) -> Option<Digest> {
        let mut hasher = Hasher::default();
        let program = world.env("CARGO").unwrap_or("cargo");
        hasher.field(identity::of(world, directory, &[program])?.hex().as_bytes());
        environment(world, &mut hasher);
        configuration(world, directory, &mut hasher)?;
        for manifest in &self.manifests {
            hasher.field(&identity::contents(manifest)?);
            package(manifest.parent()?, &mut hasher)?;
        }
        for source in &self.sources {
            hasher.field(&[u8::from(source.is_file())]);
        }
        for glob in &self.globs {
            matches(glob, &mut hasher)?;
        }
        let lockfile = self.manifests.first()?.with_file_name("Cargo.lock");
        hasher.field(&std::fs::read(lockfile).unwrap_or_default());
        Some(hasher.finish())
    }
}

/// The globs among the members of the workspace at `root`.
fn globs(root: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(root.join("Cargo.toml")).unwrap_or_default();
    let manifest: toml::Table = text.parse().unwrap_or_default();
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members"));
    let members =
        members.and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str);
    members.filter(|member| has_wildcard(member)).map(|member| root.join(member)).collect()
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn environment(world: &World, hasher: &mut Hasher) {
    for (name, value) in world.environment() {
        let counts = name.starts_with("CARGO") || name.starts_with("RUST") || name == "HOME";
        let for_children = SET_FOR_CHILDREN.iter().any(|start| name.starts_with(start));
        // Which cargo it is, its identity says.
        if counts && !for_children && name != "CARGO" {
            hasher.field(name.as_bytes());
            hasher.field(value.as_bytes());
        }
    }
}

/// Manifests and configuration in `directory` and above, and cargo's home.
fn configuration(world: &World, directory: &Path, hasher: &mut Hasher) -> Option<()> {
    for folder in directory.ancestors() {
        hasher.field(&identity::contents(&folder.join("Cargo.toml"))?);
        for name in [".cargo/config.toml", ".cargo/config"] {
            configuration_file(&folder.join(name), hasher)?;
        }
    }
    let home = match (world.env("CARGO_HOME"), world.env("HOME")) {
        (Some(home), _) => directory.join(home),
        (None, Some(home)) => Path::new(home).join(".cargo"),
        (None, None) => return None,
    };
    ["config.toml", "config"].iter().try_for_each(|name| configuration_file(&home.join(name), hasher))
}

fn configuration_file(path: &Path, hasher: &mut Hasher) -> Option<()> {
    let text = identity::contents(path)?;
    // Configuration may include other files, which we would have to watch too.
    if text.windows(7).any(|word| word == b"include") {
        return None;
    }
    hasher.field(&text);
    Some(())
}

/// What cargo discovers in a package's folder.
fn package(folder: &Path, hasher: &mut Hasher) -> Option<()> {
    for name in DISCOVERED {
        hasher.field(&[u8::from(folder.join(name).is_file())]);
    }
    for targets in TARGET_FOLDERS {
        let targets = folder.join(targets);
        for name in names(&targets)? {
            let entry = targets.join(&name);
            let main = entry.join("main.rs").is_file();
            hasher.field(name.as_encoded_bytes());
            hasher.field(&[u8::from(main), u8::from(entry.is_dir())]);
        }
        hasher.field(b"end");
    }
    Some(())
}

/// The folders that a glob of members may match: every folder at that depth, and whether it has a manifest.
fn matches(glob: &Path, hasher: &mut Hasher) -> Option<()> {
    let mut folders = vec![PathBuf::new()];
    for part in glob.components() {
        let text = part.as_os_str().to_str()?;
        if text.contains("**") {
            return None;
        }
        if has_wildcard(text) {
            let mut below = Vec::new();
            for folder in &folders {
                below.extend(names(folder)?.into_iter().map(|name| folder.join(name)));
            }
            folders = below;
        } else {
            folders.iter_mut().for_each(|folder| folder.push(part));
        }
        if folders.len() > ENTRIES_MAX {
            return None;
        }
    }
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        hasher.field(folder.as_os_str().as_encoded_bytes());
        hasher.field(&[u8::from(folder.join("Cargo.toml").is_file())]);
    }
    Some(())
}

/// The sorted names in a folder; none where there is no such folder.
fn names(folder: &Path) -> Option<Vec<std::ffi::OsString>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Some(Vec::new()) };
    let mut names: Vec<_> = entries.take(ENTRIES_MAX + 1).flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    (names.len() <= ENTRIES_MAX).then_some(names)
}

#[cfg(test)]
mod tests;
