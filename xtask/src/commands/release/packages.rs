//! Which package is released: the one with a binary that a registry may have.

use crate::commands::context::Context;
use crate::failure::Failure;
use crate::tools::metadata;
use crate::workspace::Workspace;
use cargo_metadata::{DependencyKind, Metadata, Package, TargetKind};
use semver::Version;
use std::collections::BTreeSet;

/// The package whose version is the release's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct Released {
    /// Its name.
    pub(in crate::commands) name: String,
    /// Its binary.
    pub(in crate::commands) binary: String,
    /// Its version.
    pub(in crate::commands) version: Version,
}

/// The package that is released.
pub(in crate::commands) async fn released(
    context: &Context,
    workspace: &Workspace,
    named: Option<&str>,
) -> anyhow::Result<Released> {
    let metadata = metadata::read(&context.world, &workspace.root).await?;
    chosen(&metadata, named).map_err(|names| {
        let help = match names.is_empty() {
            true => "give the package a binary, or remove `publish = false`".to_owned(),
            false => format!("name it: --package NAME, one of: {}", names.join(", ")),
        };
        Failure::usage("it is not clear which package is released", help)
    })
}

/// The named package, else the only one with a binary that may be published. `Err` has those to choose from.
fn chosen(metadata: &Metadata, named: Option<&str>) -> Result<Released, Vec<String>> {
    let members = metadata.workspace_packages();
    let binary = |package: &Package| {
        let mut all = package.targets.iter().filter(|one| one.kind.contains(&TargetKind::Bin));
        let own = all.clone().find(|one| one.name == package.name.as_str());
        own.or_else(|| all.next()).map(|one| one.name.clone())
    };
    let with_binary = members.iter().filter_map(|package| Some((*package, binary(package)?)));
    let fits = |package: &Package| match named {
        Some(named) => package.name.as_str() == named,
        None => is_public(package),
    };
    let fitting: Vec<(&Package, String)> = with_binary.clone().filter(|(package, _)| fits(package)).collect();
    match fitting.as_slice() {
        [(package, binary)] => Ok(Released {
            name: package.name.to_string(),
            binary: binary.clone(),
            version: package.version.clone(),
        }),
        _ => Err(with_binary.map(|(package, _)| package.name.to_string()).collect()),
    }
}

/// Whether crates.io may have it.
pub(super) fn is_public(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| registries.iter().any(|one| one == "crates-io"))
}

/// Every package that may be published, each after those that it needs.
pub(super) fn public_in_order(metadata: &Metadata) -> Vec<String> {
    let mut waiting: Vec<&Package> =
        metadata.workspace_packages().into_iter().filter(|package| is_public(package)).collect();
    waiting.sort_by(|a, b| a.name.cmp(&b.name));
    let mut order: Vec<String> = Vec::new();
    while !waiting.is_empty() {
        let names: BTreeSet<String> = waiting.iter().map(|package| package.name.to_string()).collect();
        let needs = |package: &Package| {
            let mut used = package.dependencies.iter().filter(|one| one.kind != DependencyKind::Development);
            used.any(|one| one.path.is_some() && names.contains(&one.name))
        };
        // Cargo allows no circle among these; were there one, its first package would fail at the registry and say so.
        let next = waiting.iter().position(|package| !needs(package)).unwrap_or(0);
        order.push(waiting.remove(next).name.to_string());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use cargo_metadata::MetadataCommand;
    use serde_json::{Value, json};

    fn package(name: &str, publish: Value, binaries: &[&str], needs: &[&str]) -> Value {
        let target = |name: &&str| json!({"name": name, "kind": ["bin"], "crate_types": ["bin"], "src_path": "/w/x.rs", "edition": "2024"});
        let dependency = |name: &&str| {
            json!({"name": name, "req": "*", "kind": null, "optional": false, "uses_default_features": true, "features": [],
                "target": null, "rename": null, "registry": null, "source": null, "path": format!("/w/{name}")})
        };
        json!({"name": name, "version": "1.2.3", "id": name, "features": {}, "metadata": null, "publish": publish,
            "manifest_path": format!("/w/{name}/Cargo.toml"), "targets": binaries.iter().map(target).collect::<Vec<_>>(),
            "dependencies": needs.iter().map(dependency).collect::<Vec<_>>()})
    }

    fn metadata(packages: &[Value]) -> Metadata {
        let names: Vec<&Value> = packages.iter().map(|package| &package["name"]).collect();
        let text = json!({"packages": packages, "workspace_members": names, "version": 1, "metadata": null, "resolve": null,
            "workspace_root": "/w", "target_directory": "/w/target"});
        MetadataCommand::parse(text.to_string()).unwrap()
    }

    #[test]
    fn the_released_package_is_named_or_the_only_public_one_with_a_binary() {
        let all = metadata(&[
            package("desk", json!([]), &["desk"], &[]),
            package("library", Value::Null, &[], &[]),
            package("suite", Value::Null, &["other", "suite"], &[]),
        ]);
        let check = |named: Option<&str>, expected: Result<&str, &[&str]>| {
            let binary = chosen(&all, named).map(|released| released.binary);
            let expected = expected.map(str::to_owned);
            assert_eq!(binary, expected.map_err(|names| names.iter().map(|one| (*one).to_owned()).collect()));
        };
        check(None, Ok("suite"));
        check(Some("desk"), Ok("desk"));
        check(Some("library"), Err(&["desk", "suite"]));
    }

    #[test]
    fn packages_are_published_after_those_that_they_need() {
        let all = metadata(&[
            package("a", Value::Null, &[], &["b", "c"]),
            package("b", json!(["crates-io"]), &[], &["c"]),
            package("c", Value::Null, &[], &[]),
            package("elsewhere", json!(["other"]), &[], &[]),
        ]);
        assert_eq!(public_in_order(&all), ["c", "b", "a"]);
    }
}
