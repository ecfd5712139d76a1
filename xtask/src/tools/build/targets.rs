//! Targets with tests that no compilation built, and tests that the manifest switches off: cargo says nothing of them.

use super::{Compiled, said::relative, sources};
use crate::evidence::tests::NotBuilt;
use crate::tools::cargo::{Cargo, is_library, section, target_name};
use cargo_metadata::{Package, Target, TargetKind};
use std::collections::BTreeSet;

/// What has tests, or would be compiled for them, and was not built in any of these compilations.
pub fn not_built(sets: &[&Compiled]) -> Vec<NotBuilt> {
    let Some(first) = sets.first() else { return Vec::new() };
    let built: BTreeSet<_> = sets.iter().flat_map(|compiled| &compiled.built).collect();
    let mut all = Vec::new();
    for package in first.cargo.selected() {
        for target in package.targets.iter().filter(|target| !first.cargo.leaves_out(package, target)) {
            let name = (package.name.to_string(), section(target), target.name.clone());
            let why = if built.contains(&name) { doctests_off(target) } else { why_not(target) };
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
