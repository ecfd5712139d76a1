//! Cargo's resolution and the lockfile as one graph. Pure.

use super::lockfile::Lockfile;
use crate::workspace::dependencies::{Dependencies, Dependency, Manifest, Need, NeedKind};
use cargo_metadata::{DependencyKind, Metadata, Package, PackageId, TargetKind};
use std::collections::{HashMap, HashSet};

/// The lockfile's packages and edges alone.
pub(super) fn locked(lockfile: &Lockfile) -> Dependencies {
    let edges = lockfile.edges();
    let mut order: Vec<usize> = (0..lockfile.packages.len()).collect();
    let key = |index: &usize| {
        let package = &lockfile.packages[*index];
        (&package.name, &package.version, &package.source)
    };
    order.sort_by(|a, b| key(a).cmp(&key(b)));
    let mut place = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = new;
    }
    let packages = order.iter().map(|old| {
        let package = &lockfile.packages[*old];
        let needs =
            edges[*old].iter().map(|to| Need { package: place[*to], kind: NeedKind::Locked, target: None });
        Dependency {
            name: package.name.clone(),
            version: package.version.clone(),
            source: package.source.clone(),
            // Without cargo's word, any package without a source may be one.
            member: package.source.is_none(),
            needs: needs.collect(),
            manifest: None,
        }
    });
    Dependencies { packages: packages.collect(), unresolved: None }
}

/// The same with what cargo resolved: manifests, and edges with their kinds.
pub(super) fn join(lockfile: &Lockfile, metadata: &Metadata) -> Dependencies {
    let mut all = locked(lockfile);
    for package in &mut all.packages {
        package.member = false;
    }
    let by_id: HashMap<&PackageId, &Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let members: HashSet<&PackageId> = metadata.workspace_members.iter().collect();
    // Only what cargo resolved for these platforms; the list of packages may have more.
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    let places: HashMap<&PackageId, usize> =
        nodes.clone().filter_map(|node| Some((&node.id, place(&all, by_id.get(&node.id)?)?))).collect();
    for node in nodes {
        let (Some(index), Some(package)) = (places.get(&node.id), by_id.get(&node.id)) else { continue };
        let used = node.deps.iter().filter_map(|dep| Some((*places.get(&dep.pkg)?, &dep.dep_kinds)));
        let mut needs: Vec<Need> = used
            .flat_map(|(package, kinds)| {
                kinds.iter().map(move |kind| Need {
                    package,
                    kind: match kind.kind {
                        DependencyKind::Development => NeedKind::Development,
                        DependencyKind::Build => NeedKind::Build,
                        _ => NeedKind::Normal,
                    },
                    target: kind.target.as_ref().map(ToString::to_string),
                })
            })
            .collect();
        let own = &mut all.packages[*index];
        let resolved: HashSet<usize> = needs.iter().map(|need| need.package).collect();
        needs.extend(own.needs.iter().filter(|need| !resolved.contains(&need.package)).cloned());
        own.needs = needs;
        own.member = members.contains(&node.id);
        let features = node.features.iter().map(ToString::to_string).collect();
        own.manifest = Some(manifest(package, features));
    }
    all
}

/// A package's index: by name and version, and by source where that leaves more than one.
fn place(all: &Dependencies, package: &Package) -> Option<usize> {
    let (name, version) = (package.name.as_str(), package.version.to_string());
    let source = package.source.as_ref().map(|source| source.repr.as_str());
    let start =
        all.packages.partition_point(|one| (one.name.as_str(), one.version.as_str()) < (name, &version));
    let same = all.packages[start..].iter().take_while(|one| one.name == name && one.version == version);
    let same: Vec<usize> = same.enumerate().map(|(offset, _)| start + offset).collect();
    match same.as_slice() {
        [only] => Some(*only),
        several => several.iter().copied().find(|index| all.packages[*index].source.as_deref() == source),
    }
}

fn manifest(package: &Package, features: Vec<String>) -> Manifest {
    let has = |kind: TargetKind| package.targets.iter().any(|target| target.kind.contains(&kind));
    Manifest {
        folder: package
            .manifest_path
            .parent()
            .map(|folder| folder.as_std_path().to_owned())
            .unwrap_or_default(),
        licence: package.license.clone(),
        licence_file: package
            .license_file
            .clone()
            .map(cargo_metadata::camino::Utf8PathBuf::into_std_path_buf),
        links: package.links.clone(),
        build_script: has(TargetKind::CustomBuild),
        proc_macro: has(TargetKind::ProcMacro),
        features,
    }
}
