//! Which packages there are, what members require, what is new against the base, and unsafe code of the workspace.

mod new;
mod unsafe_code;
mod wildcards;

use super::packages::Packages;
use crate::evidence::bans::{BansEvidence, Present};
use crate::workspace::Change;
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What is looked at besides the packages.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The workspace's root.
    pub root: &'a Path,
    /// Files that git tracks, relative to the root.
    pub tracked: &'a [PathBuf],
    /// The base's Cargo.lock, where there is a base that has one.
    pub base: Option<&'a str>,
}

/// What there is. Blocking: call it from a blocking thread.
pub fn of(packages: &Packages, around: Around<'_>) -> BansEvidence {
    let mut needed_by: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for (_, package) in packages.iter() {
        for need in &package.needs {
            needed_by.entry(need.package).or_default().insert(&package.name);
        }
    }
    let (wildcards, unreadable) = wildcards::of(packages, around.root);
    let present = packages.iter().map(|(index, package)| Present {
        name: package.name.clone(),
        version: package.version.clone(),
        member: package.member,
        reach: packages.reached.of(index),
        line: packages.line(package),
        path: packages.path(index),
        needed_by: needed_by.get(&index).into_iter().flatten().map(|name| (*name).to_owned()).collect(),
        build_script: package.manifest.as_ref().is_some_and(|manifest| manifest.build_script),
        features: package.manifest.as_ref().map_or_else(Vec::new, |manifest| manifest.features.clone()),
    });
    BansEvidence {
        packages: present.collect(),
        wildcards,
        unreadable,
        unresolved: packages.all.unresolved.clone(),
        new: around.base.and_then(|base| new::of(packages, base)),
        unsafe_code: unsafe_code::of(around.root, around.tracked),
    }
}

/// The same, with what the change does to unsafe code.
pub async fn against(
    world: &World,
    root: &Path,
    tracked: &[PathBuf],
    mut found: BansEvidence,
    change: &Change,
) -> BansEvidence {
    found.unsafe_code.change = unsafe_code::against(world, root, tracked, change).await;
    found
}

#[cfg(test)]
mod tests;
