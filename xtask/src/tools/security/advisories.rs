//! Cargo.lock against the advisory snapshot, read as RustSec reads them (crate `rustsec`).
//!
//! The whole lockfile is looked up, whatever features or platforms a build would choose. Packages of the workspace
//! and path dependencies have no source and are left out; packages from git are looked up and marked, because a
//! fork's version number may be older than its code.

use super::snapshot::{AdvisoryFacts, Snapshot, embedded};
use crate::evidence::CouldNotRun;
use crate::evidence::advisories::{AdvisoriesEvidence, AdvisoryMatch, PackageSource};
use crate::world::World;
use jiff::civil::Date;
use rustsec::advisory::Versions;
use rustsec::{Lockfile, package::Package};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// A lockfile of this size names a hundred times the packages of the largest known workspace.
const LOCKFILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
const LOCKFILE: &str = "Cargo.lock";

/// What the embedded snapshot says of the workspace's Cargo.lock.
///
/// # Errors
/// Where Cargo.lock is missing, not readable or not a lockfile.
pub fn gather(world: &World, root: &Path) -> Result<AdvisoriesEvidence, CouldNotRun> {
    gather_with(world, root, &embedded()?)
}

/// The same with another snapshot.
///
/// # Errors
/// As [`gather`].
pub fn gather_with(
    world: &World,
    root: &Path,
    snapshot: &Snapshot,
) -> Result<AdvisoriesEvidence, CouldNotRun> {
    let text = read_lockfile(root)?;
    let today = world.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    look_up(&text, snapshot, today)
}

/// What the snapshot says of a lockfile's text. Pure.
///
/// # Errors
/// Where the text is not a lockfile, or the snapshot is damaged.
pub fn look_up(text: &str, snapshot: &Snapshot, today: Date) -> Result<AdvisoriesEvidence, CouldNotRun> {
    let lockfile: Lockfile = text.parse().map_err(|error: rustsec::cargo_lock::Error| CouldNotRun {
        message: format!("failed to read {LOCKFILE}: {}", one_line(&error.to_string())),
        help: format!("repair it, or write it anew: git checkout -- {LOCKFILE}, or cargo generate-lockfile"),
    })?;
    let by_package = snapshot.by_package();
    let lines = entry_lines(text);
    let mut evidence = AdvisoriesEvidence {
        packages: 0,
        snapshot_date: snapshot.date.clone(),
        snapshot_commit: snapshot.commit.clone(),
        snapshot_age_days: snapshot.age_days(today)?,
        matches: Vec::new(),
    };
    for package in &lockfile.packages {
        let Some(source) = source_of(package) else { continue };
        evidence.packages += u64::from(source == PackageSource::Registry);
        for facts in by_package.get(package.name.as_str()).into_iter().flatten() {
            if applies(facts, package)? {
                evidence.matches.push(matched(facts, package, source, &lines));
            }
        }
    }
    evidence.matches.sort();
    evidence.matches.dedup();
    Ok(evidence)
}

fn read_lockfile(root: &Path) -> Result<String, CouldNotRun> {
    let path = root.join(LOCKFILE);
    let failed = |why: &str, help: &str| CouldNotRun {
        message: format!("failed to read {}: {why}", path.display()),
        help: help.to_owned(),
    };
    let file = std::fs::File::open(&path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => failed("there is none", "cargo generate-lockfile"),
        _ => failed(&error.to_string(), "make the file readable"),
    })?;
    let mut text = String::new();
    let read = file.take(LOCKFILE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| failed(&error.to_string(), "cargo generate-lockfile"))?;
    if text.len() as u64 > LOCKFILE_BYTES_MAX {
        return Err(failed("it is larger than 32 MiB", "cargo generate-lockfile"));
    }
    Ok(text)
}

/// `None` for what no database can know: the workspace's own packages and path dependencies.
fn source_of(package: &Package) -> Option<PackageSource> {
    let source = package.source.as_ref()?;
    match (source.is_path(), source.is_git()) {
        (true, _) => None,
        (_, true) => Some(PackageSource::Git),
        _ => Some(PackageSource::Registry),
    }
}

fn applies(facts: &AdvisoryFacts, package: &Package) -> Result<bool, CouldNotRun> {
    if facts.withdrawn.is_some() {
        return Ok(false);
    }
    let versions = requirements(&facts.patched)
        .and_then(|patched| Ok((patched, requirements(&facts.unaffected)?)))
        .map_err(|error| error.to_string())
        .and_then(|(patched, unaffected)| {
            Versions::new(patched, unaffected).map_err(|error| error.to_string())
        })
        .map_err(|why| CouldNotRun {
            message: format!("the advisory snapshot is damaged at {}: {}", facts.id, one_line(&why)),
            help: "gateline security snapshot --from PATH_TO_ADVISORY_DB".to_owned(),
        })?;
    Ok(versions.is_vulnerable(&package.version))
}

fn requirements(texts: &[String]) -> Result<Vec<semver::VersionReq>, semver::Error> {
    texts.iter().map(|text| text.parse()).collect()
}

fn matched(
    facts: &AdvisoryFacts,
    package: &Package,
    source: PackageSource,
    lines: &BTreeMap<(String, String), u32>,
) -> AdvisoryMatch {
    let (name, version) = (package.name.as_str().to_owned(), package.version.to_string());
    AdvisoryMatch {
        id: facts.id.clone(),
        kind: facts.kind,
        title: facts.title.clone(),
        patched: facts.patched.clone(),
        line: lines.get(&(name.clone(), version.clone())).copied().unwrap_or(0),
        url: facts.link(),
        package: name,
        version,
        source,
    }
}

/// The line of each `[[package]]` as cargo writes it in every format; a package written otherwise has none.
fn entry_lines(text: &str) -> BTreeMap<(String, String), u32> {
    let mut lines = BTreeMap::new();
    let (mut start, mut name) = (0, None);
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim_end();
        if line.starts_with('[') {
            (start, name) = (number, None);
        } else if let Some(value) = quoted(line, "name") {
            name = Some(value);
        } else if let (Some(value), Some(name)) = (quoted(line, "version"), name.take()) {
            lines.entry((name.to_owned(), value.to_owned())).or_insert(start);
        }
    }
    lines
}

fn quoted<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"')
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
