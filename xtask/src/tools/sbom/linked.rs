//! Which packages a binary links, with which features: as a build says it, or as the manifests do.

use cargo_metadata::{Dependency, DependencyKind, Message, Metadata, Node, Package, PackageId, TargetKind};
use std::collections::{BTreeMap, BTreeSet};

/// Every package whose code is in the binary, with the features that it was compiled with there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked(pub BTreeMap<PackageId, BTreeSet<String>>);

/// As cargo said while it built for this target: `--target` puts what is for the target below a folder of its name, and what runs
/// on the builder elsewhere.
pub fn by_build(messages: &[u8], target: &str) -> Linked {
    let mut linked = Linked::default();
    for message in Message::parse_stream(messages).filter_map(Result::ok) {
        let Message::CompilerArtifact(artifact) = message else { continue };
        let on_the_builder =
            |kind: &TargetKind| matches!(kind, TargetKind::ProcMacro | TargetKind::CustomBuild);
        let for_target =
            artifact.filenames.iter().any(|file| file.components().any(|part| part.as_str() == target));
        if for_target && !artifact.target.kind.iter().any(on_the_builder) {
            let features = artifact.features.iter().map(ToString::to_string);
            linked.0.entry(artifact.package_id).or_default().extend(features);
        }
    }
    linked
}

/// As cargo's feature resolver (version 2 and above) decides for one package: from the package on, along dependencies of code that
/// runs on the target. `metadata` must have all features and be filtered for the target, so that each dependency is in it.
pub fn by_manifests(metadata: &Metadata, root: &Package, features: &[String]) -> Linked {
    let graph = Graph::of(metadata);
    let mut linked = Linked::default();
    let asked = features.iter().flat_map(|words| words.split([',', ' '])).filter(|word| !word.is_empty());
    let asked = asked.map(str::to_owned).chain(["default".to_owned()]).collect();
    let mut waiting: Vec<(&PackageId, BTreeSet<String>)> = vec![(&root.id, asked)];
    while let Some((id, asked)) = waiting.pop() {
        let Some(package) = graph.packages.get(id) else { continue };
        let is_new = !linked.0.contains_key(id);
        let has = linked.0.entry(id.clone()).or_default();
        let before = has.len();
        asked.iter().for_each(|feature| enable(package, feature, has));
        if is_new || has.len() > before {
            let has = has.clone();
            waiting.extend(graph.used(package, &has));
        }
    }
    linked
}

/// Who uses whom among what was linked.
pub fn edges<'a>(
    metadata: &'a Metadata,
    linked: &'a Linked,
) -> BTreeMap<&'a PackageId, BTreeSet<&'a PackageId>> {
    let graph = Graph::of(metadata);
    let edges = linked.0.iter().filter_map(|(id, features)| {
        let package = graph.packages.get(id)?;
        let used = graph.used(package, features).into_iter().map(|(used, _)| used);
        Some((id, used.filter(|used| linked.0.contains_key(used)).collect()))
    });
    edges.collect()
}

/// Switches a feature on, with what it implies in the same package.
fn enable(package: &Package, feature: &str, has: &mut BTreeSet<String>) {
    let Some(values) = package.features.get(feature) else { return };
    if !has.insert(feature.to_owned()) {
        return;
    }
    for value in values {
        match (value.strip_prefix("dep:"), value.split_once('/')) {
            (Some(_), _) => {}
            // `name/feature` switches the feature of the dependency's name on too, where there is one; `name?/feature` does not.
            (None, Some((name, _))) => {
                if !name.ends_with('?') && is_optional(package, name) {
                    enable(package, name, has);
                }
            }
            (None, None) => enable(package, value, has),
        }
    }
}

fn is_optional(package: &Package, name: &str) -> bool {
    package.dependencies.iter().any(|one| one.optional && name_of(one) == name)
}

/// What the package's code calls it.
fn name_of(dependency: &Dependency) -> &str {
    dependency.rename.as_deref().unwrap_or(&dependency.name)
}

struct Graph<'a> {
    packages: BTreeMap<&'a PackageId, &'a Package>,
    nodes: BTreeMap<&'a PackageId, &'a Node>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a Metadata) -> Graph<'a> {
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        Graph {
            packages: metadata.packages.iter().map(|package| (&package.id, package)).collect(),
            nodes: nodes.map(|node| (&node.id, node)).collect(),
        }
    }

    /// What a package with these features uses at run time, with the features that it asks of each.
    fn used(&self, package: &Package, features: &BTreeSet<String>) -> Vec<(&'a PackageId, BTreeSet<String>)> {
        let declared = package.dependencies.iter().filter(|one| one.kind == DependencyKind::Normal);
        let values: Vec<&str> = features
            .iter()
            .filter_map(|feature| package.features.get(feature))
            .flatten()
            .map(String::as_str)
            .collect();
        let mut used = Vec::new();
        for dependency in declared {
            let name = name_of(dependency);
            let named = |value: &&&str| {
                value.split_once('/').is_some_and(|(dep, _)| dep.trim_end_matches('?') == name)
            };
            let switched_on = || {
                let strong = |value: &&str| match value.split_once('/') {
                    Some((dep, _)) => dep == name,
                    None => value.strip_prefix("dep:") == Some(name),
                };
                values.iter().any(strong)
            };
            if dependency.optional && !switched_on() {
                continue;
            }
            let Some(id) = self.resolved(package, dependency) else { continue };
            let asked = values.iter().filter(named).filter_map(|value| value.split_once('/'));
            let mut asked: BTreeSet<String> = asked.map(|(_, feature)| feature.to_owned()).collect();
            asked.extend(dependency.features.iter().cloned());
            if dependency.uses_default_features {
                asked.insert("default".to_owned());
            }
            used.push((id, asked));
        }
        used
    }

    /// The package that a dependency became; none where it is not of this target, or runs on the builder.
    fn resolved(&self, package: &Package, dependency: &Dependency) -> Option<&'a PackageId> {
        let node = self.nodes.get(&package.id)?;
        let fits = |found: &Package| {
            found.name.as_str() == dependency.name
                && (dependency.req.matches(&found.version)
                    || dependency.path.is_some()
                    || !found.version.pre.is_empty())
        };
        let is_macro =
            |found: &Package| found.targets.iter().any(|one| one.kind.contains(&TargetKind::ProcMacro));
        node.deps.iter().find_map(|dep| {
            let here = |kind: &cargo_metadata::DepKindInfo| {
                kind.kind == DependencyKind::Normal && kind.target == dependency.target
            };
            let found = *self.packages.get(&dep.pkg)?;
            (dep.dep_kinds.iter().any(here) && fits(found) && !is_macro(found)).then_some(&dep.pkg)
        })
    }
}

#[cfg(test)]
mod tests;
