//! Targets with tests that no compilation built, and tests that the manifest switches off: cargo says nothing of them.

use super::{Compiled, said::relative, sources};
use crate::evidence::tests::NotBuilt;
use crate::tools::cargo::{Cargo, flag, is_library, section, target_name};
use cargo_metadata::{Package, Target, TargetKind};
use std::collections::BTreeSet;

/// What `cargo build --all-targets` does not build for its tests and `cargo test --all-targets` does, by name: examples, and
/// libraries and programs whose manifest says neither `test` nor `bench`. `None` where there is none.
pub(super) fn tested_where_named(cargo: &Cargo) -> Option<Cargo> {
    let (mut packages, mut flags) = (BTreeSet::new(), BTreeSet::new());
    for package in cargo.selected() {
        let switched_off = |target: &&Target| !target.test && !cargo.leaves_out(package, target);
        for target in package.targets.iter().filter(switched_off) {
            let source = target.src_path.as_std_path();
            let wanted = match section(target) {
                "example" => sources::may_have_tests(source),
                "lib" | "bin" => {
                    !target.kind.contains(&TargetKind::CustomBuild) && !is_benched(package, target)
                }
                _ => false,
            };
            if wanted {
                packages.insert(package.name.to_string());
                flags.insert(flag(target));
            }
        }
    }
    (!flags.is_empty()).then(|| cargo.only(&packages).with_targets(flags.into_iter().collect()))
}

/// Whether cargo builds a library or program for benchmarks, which is the same as for tests: `cargo metadata` does not tell.
fn is_benched(package: &Package, target: &Target) -> bool {
    let text = std::fs::read_to_string(&package.manifest_path).unwrap_or_default();
    let Ok(manifest) = text.parse::<toml::Table>() else { return true };
    let own = match section(target) {
        "lib" => manifest.get("lib"),
        section => manifest
            .get(section)
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
            .find(|one| one.get("name").and_then(toml::Value::as_str) == Some(&target.name)),
    };
    own.and_then(|own| own.get("bench")).and_then(toml::Value::as_bool).unwrap_or(true)
}

/// What has tests, or would be compiled for them, and was not built in any of these compilations.
pub fn not_built(sets: &[&Compiled]) -> Vec<NotBuilt> {
    let Some(first) = sets.first() else { return Vec::new() };
    let built: BTreeSet<_> = sets.iter().flat_map(|compiled| &compiled.built).collect();
    let mut all = Vec::new();
    for package in first.cargo.selected() {
        for target in package.targets.iter().filter(|target| !first.cargo.leaves_out(package, target)) {
            let name = (package.name.to_string(), section(target), target.name.clone());
            let why = if built.contains(&name) { None } else { why_not(target) };
            let why = why.or_else(|| doctests_off(target));
            all.extend(why.map(|why| told(&first.cargo, package, target, why)));
        }
    }
    all
}

/// Why cargo left a target out.
fn why_not(target: &Target) -> Option<String> {
    if target.kind.contains(&TargetKind::CustomBuild) {
        return None;
    }
    if !target.required_features.is_empty() {
        return Some(format!("no feature set of the policy has {}", target.required_features.join(", ")));
    }
    let off = !target.test && sources::has_tests(target.src_path.as_std_path());
    off.then(|| "its manifest says `test = false`".to_owned())
}

/// A library is built although its manifest switches its documentation tests off.
fn doctests_off(target: &Target) -> Option<String> {
    let off = is_library(&target.kind)
        && !target.doctest
        && sources::has_doctests(target.src_path.as_std_path())
        && !target.kind.iter().any(|kind| matches!(kind, TargetKind::CDyLib | TargetKind::StaticLib));
    off.then(|| "its manifest says `doctest = false`, and its documentation has code".to_owned())
}

fn told(cargo: &Cargo, package: &Package, target: &Target, why: String) -> NotBuilt {
    NotBuilt {
        target: format!("{}::{}", package.name, target_name(target)),
        file: relative(target.src_path.as_std_path(), &cargo.root),
        why,
    }
}
