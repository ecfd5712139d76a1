//! What Cargo.lock names against the advisory databases, matched as RustSec matches (crate `rustsec`), and where a version was
//! withdrawn from the registry.
//!
//! The whole lockfile is looked up; how near a package comes to what is shipped is told beside each match. Packages of the workspace
//! and path dependencies have no source and are left out. Packages from git and from other registries are looked up and marked:
//! a fork's version number may be older than its code, and a name may be another package's.

mod base;
mod databases;
mod osv;
mod yanked;

pub use base::against;
pub use databases::Databases;
pub use osv::parse as parse_osv;

use super::snapshot::{AdvisoryFacts, Snapshot};
use crate::evidence::CouldNotRun;
use crate::evidence::advisories::{AdvisoriesEvidence, AdvisoryKind, AdvisoryMatch, OnBase, PackageSource};
use crate::tools::dependencies::lockfile;
use crate::workspace::dependencies::{Dependencies, Dependency, NeedKind, Reached};
use rustsec::advisory::Versions;
use semver::{Version, VersionReq};
use std::collections::{BTreeMap, BTreeSet};

/// What lockfiles call crates.io.
const CRATES_IO: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

/// What was found, with the advisories that were found: they may be asked about other versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    /// What is judged.
    pub evidence: AdvisoriesEvidence,
    /// The advisories behind the matches, by id.
    advisories: BTreeMap<String, AdvisoryFacts>,
}

/// What the databases say of these dependencies. `text` is the lockfile's, for lines. Pure.
///
/// # Errors
/// Where a version of the lockfile is none, or a database is damaged.
pub fn look_up(
    dependencies: &Dependencies,
    text: &str,
    databases: &Databases,
) -> Result<LookedUp, CouldNotRun> {
    let reached = dependencies.reached();
    let lines = lockfile::entry_lines(text);
    let direct: BTreeSet<usize> = dependencies
        .packages
        .iter()
        .filter(|package| package.member)
        .flat_map(|package| {
            package
                .needs
                .iter()
                .filter(|need| need.kind != NeedKind::Locked || dependencies.unresolved.is_some())
        })
        .map(|need| need.package)
        .collect();
    let mut found = LookedUp {
        evidence: AdvisoriesEvidence {
            databases: databases.used.clone(),
            unresolved: dependencies.unresolved.clone(),
            refresh_failed: databases.refresh_failed.clone(),
            ..AdvisoriesEvidence::default()
        },
        advisories: BTreeMap::new(),
    };
    let by_package: Vec<_> = databases.snapshots.iter().map(Snapshot::by_package).collect();
    let around = Around { dependencies, reached: &reached, direct: &direct, lines: &lines };
    for (index, package) in dependencies.packages.iter().enumerate() {
        let Some(source) = package.source.as_deref().and_then(source_of) else { continue };
        let version = version_of(package)?;
        found.evidence.packages += u64::from(source != PackageSource::Git);
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for (rank, by_package) in by_package.iter().enumerate() {
            let candidates = by_package.get(package.name.as_str()).into_iter().flatten();
            for facts in candidates.filter(|facts| facts.withdrawn.is_none()) {
                // One fault has several names: the main database decides, and of others whoever is asked first.
                let own = facts.aliases.iter().map(String::as_str).chain([facts.id.as_str()]);
                if rank > 0 && own.clone().any(|name| names.contains(name)) {
                    continue;
                }
                names.extend(own);
                if applies(facts, &version)? {
                    found.evidence.matches.push(around.matched(facts, index, source));
                    found.advisories.insert(facts.id.clone(), (*facts).clone());
                }
            }
        }
        match (source, databases.index.yanked(&package.name, &package.version)) {
            (PackageSource::Registry, Some(yanked)) => {
                found.evidence.yanked_known += 1;
                if yanked {
                    found.evidence.matches.push(around.matched(&withdrawn(package), index, source));
                }
            }
            (PackageSource::Registry, None) => found.evidence.yanked_unknown += 1,
            (PackageSource::OtherRegistry | PackageSource::Git, _) => {}
        }
    }
    found.evidence.matches.sort();
    found.evidence.matches.dedup();
    Ok(found)
}

/// `None` for what no database can know.
pub(super) fn source_of(source: &str) -> Option<PackageSource> {
    let source = source.split('#').next().unwrap_or(source);
    match source {
        _ if CRATES_IO.contains(&source) => Some(PackageSource::Registry),
        _ if source.starts_with("git+") => Some(PackageSource::Git),
        _ if source.starts_with("path+") => None,
        _ => Some(PackageSource::OtherRegistry),
    }
}

fn version_of(package: &Dependency) -> Result<Version, CouldNotRun> {
    package.version.parse().map_err(|error| CouldNotRun {
        message: format!(
            "failed to read Cargo.lock: `{}` of {} is no version: {error}",
            package.version, package.name
        ),
        help: "write it anew: git checkout -- Cargo.lock, or cargo generate-lockfile".to_owned(),
    })
}

/// Whether an advisory speaks of a version.
fn applies(facts: &AdvisoryFacts, version: &Version) -> Result<bool, CouldNotRun> {
    if let Some(affected) = &facts.affected {
        return Ok(affected.has(version));
    }
    let versions = requirements(&facts.patched)
        .and_then(|patched| Ok((patched, requirements(&facts.unaffected)?)))
        .map_err(|error| error.to_string())
        .and_then(|(patched, unaffected)| {
            Versions::new(patched, unaffected).map_err(|error| error.to_string())
        })
        .map_err(|why| CouldNotRun {
            message: format!("the advisory database is damaged at {}: {}", facts.id, one_line(&why)),
            help: "fetch it anew: cargo xtask security update, or update gateline".to_owned(),
        })?;
    Ok(versions.is_vulnerable(version))
}

fn requirements(texts: &[String]) -> Result<Vec<VersionReq>, semver::Error> {
    texts.iter().map(|text| text.parse()).collect()
}

/// What the registry says of a withdrawn version, as an advisory.
fn withdrawn(package: &Dependency) -> AdvisoryFacts {
    AdvisoryFacts {
        package: package.name.clone(),
        kind: AdvisoryKind::Yanked,
        title: "this version was withdrawn from crates.io".to_owned(),
        url: Some(format!("https://crates.io/crates/{}/versions", package.name)),
        ..AdvisoryFacts::default()
    }
}

/// What is known around a match.
struct Around<'a> {
    dependencies: &'a Dependencies,
    reached: &'a Reached,
    direct: &'a BTreeSet<usize>,
    lines: &'a BTreeMap<(String, String), u32>,
}

impl Around<'_> {
    fn matched(&self, facts: &AdvisoryFacts, index: usize, source: PackageSource) -> AdvisoryMatch {
        let package = &self.dependencies.packages[index];
        let (name, version) = (package.name.clone(), package.version.clone());
        AdvisoryMatch {
            id: facts.id.clone(),
            kind: facts.kind,
            title: facts.title.clone(),
            patched: facts.patched.clone(),
            line: self.lines.get(&(name.clone(), version.clone())).copied().unwrap_or(0),
            url: facts.link(),
            severity: facts.severity.clone(),
            aliases: facts.aliases.clone(),
            reach: self.reached.of(index),
            direct: self.direct.contains(&index),
            path: self.dependencies.path(self.reached, index),
            on_base: OnBase::New,
            package: name,
            version,
            source,
        }
    }
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
