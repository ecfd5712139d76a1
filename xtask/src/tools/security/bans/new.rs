//! What a change brings: packages that the base's lockfile does not name, and updates that begin to run code while others are built.
//!
//! Nothing is asked over the network. Whether an earlier version had a build script is read where cargo keeps its source beside the
//! newer one; where it does not, nobody here knows, and that is said. How old a package is and who maintains it is never known: files
//! of the registry's cache have the time of their download.

use crate::evidence::bans::{NewPackage, NewPackages};
use crate::tools::bounded;
use crate::tools::dependencies::lockfile::Lockfile;
use crate::tools::security::packages::Packages;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml::{Table, Value};

/// Longest manifest.
const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// What is new against a base's lockfile; nothing where that is no lockfile.
pub(super) fn of(packages: &Packages, base: &str) -> Option<NewPackages> {
    let base = Lockfile::parse(base).ok()?;
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &base.packages {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let mut found = Vec::new();
    for (_, package) in packages.iter().filter(|(_, package)| !package.member) {
        let before = versions.get(package.name.as_str());
        if before.is_some_and(|before| before.contains(package.version.as_str())) {
            continue;
        }
        let (script, within_compiler, folder) = match &package.manifest {
            Some(manifest) => (manifest.build_script, manifest.proc_macro, Some(&manifest.folder)),
            None => (false, false, None),
        };
        let earlier: Vec<Option<Ran>> = before
            .into_iter()
            .flatten()
            .map(|version| ran(folder?, &package.name, &package.version, version))
            .collect();
        let did = |of: fn(&Ran) -> bool| earlier.iter().flatten().any(of);
        let new = NewPackage {
            name: package.name.clone(),
            version: package.version.clone(),
            line: packages.line(package),
            new: before.is_none(),
            build_script: script && !did(|ran| ran.build_script),
            proc_macro: within_compiler && !did(|ran| ran.proc_macro),
            before_known: earlier.iter().any(Option::is_some),
        };
        if new.new || new.build_script || new.proc_macro {
            found.push(new);
        }
    }
    found.sort();
    Some(NewPackages { packages: found })
}

/// What code of a package ran while others were built.
struct Ran {
    build_script: bool,
    proc_macro: bool,
}

/// Of an earlier version, where its source lies beside that of the newer one.
fn ran(folder: &Path, name: &str, version: &str, earlier: &str) -> Option<Ran> {
    (folder.file_name()?.to_str()? == format!("{name}-{version}")).then_some(())?;
    let folder = folder.with_file_name(format!("{name}-{earlier}"));
    let text = String::from_utf8(bounded::read(&folder.join("Cargo.toml"), MANIFEST_BYTES_MAX).ok()?).ok()?;
    let manifest: Table = text.parse().ok()?;
    let build = manifest.get("package").and_then(|package| package.get("build"));
    let build_script = match build {
        Some(Value::Boolean(build)) => *build,
        Some(_) => true,
        None => folder.join("build.rs").is_file(),
    };
    let library = manifest.get("lib").and_then(Value::as_table);
    let truth =
        |key: &str| library.and_then(|library| library.get(key)).and_then(Value::as_bool).unwrap_or(false);
    Some(Ran { build_script, proc_macro: truth("proc-macro") || truth("proc_macro") })
}
