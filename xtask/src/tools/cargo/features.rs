//! The same workspace with other features: what cargo is told, and which packages a set changes.
//!
//! A further set takes the packages whose own features it changes; the others would be compiled and tested twice. With
//! `--features a,b` cargo wants each name in at least one of the selected packages, so a name that no package has is a
//! mistake of the policy and is told as one.

use super::Cargo;
use crate::evidence::CouldNotRun;
use crate::policy::{FeatureSet, TestsPolicy};
use cargo_metadata::Package;
use std::collections::BTreeSet;

/// Which packages a set takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// All of them.
    Everything,
    /// Those whose features it changes, compared with those of the workspace as it is.
    WhatItChanges,
}

impl Cargo {
    /// The workspace as the policy has it: without what is left out, and with the first feature set.
    ///
    /// # Errors
    /// Where a feature is in no package.
    pub fn of_policy(self, policy: &TestsPolicy) -> Result<Cargo, CouldNotRun> {
        let cargo = self.leaving_out(&policy.leave_out);
        let first = policy.features.first().cloned().unwrap_or_default();
        Ok(cargo.with_features(&first, Take::Everything)?.unwrap_or(cargo))
    }

    /// The same workspace with these features. `None` where the set changes no package that would be taken.
    ///
    /// # Errors
    /// Where a feature is in no package.
    pub fn with_features(&self, set: &FeatureSet, take: Take) -> Result<Option<Cargo>, CouldNotRun> {
        if let Some(unknown) = self.unknown_feature(set) {
            return Err(CouldNotRun {
                message: format!("no package of the workspace has the feature `{unknown}`"),
                help: "correct `features` in policies/tests.yaml or `feature_sets` in policies/lint.yaml"
                    .to_owned(),
            });
        }
        let mut cargo = self.clone();
        cargo.features = set.clone();
        if take == Take::WhatItChanges {
            let changed: Vec<_> = self
                .selected()
                .filter(|package| enabled(set, package) != enabled(&self.features, package))
                .map(|package| package.id.clone())
                .collect();
            if changed.is_empty() {
                return Ok(None);
            }
            cargo.selection = Some(changed);
        }
        Ok(Some(cargo))
    }

    /// The same with these packages only, of those that it has.
    #[must_use]
    pub fn only(&self, names: &BTreeSet<String>) -> Cargo {
        let ids = self.selected().filter(|package| names.contains(package.name.as_str()));
        let selection = Some(ids.map(|package| package.id.clone()).collect());
        Cargo { selection, ..self.clone() }
    }

    /// The same without these packages.
    #[must_use]
    pub fn without(&self, packages: &[&Package]) -> Cargo {
        if packages.is_empty() {
            return self.clone();
        }
        let is_out = |package: &&Package| packages.iter().any(|one| one.id == package.id);
        let ids = self.selected().filter(|package| !is_out(package)).map(|package| package.id.clone());
        Cargo { selection: Some(ids.collect()), ..self.clone() }
    }

    /// The same with these targets only: `--lib`, `--test=NAME`.
    #[must_use]
    pub fn with_targets(self, targets: Vec<String>) -> Cargo {
        Cargo { targets, ..self }
    }

    /// `--all-targets`, or those that were named.
    pub fn target_arguments(&self) -> Vec<String> {
        if self.targets.is_empty() { vec!["--all-targets".to_owned()] } else { self.targets.clone() }
    }

    /// The packages that are compiled.
    pub fn selected(&self) -> impl Iterator<Item = &Package> {
        let chosen = |package: &&Package| self.selection.as_ref().is_none_or(|ids| ids.contains(&package.id));
        self.packages.iter().filter(chosen)
    }

    /// `--workspace` or the selected packages, and the features.
    pub fn selection_arguments(&self) -> Vec<String> {
        let mut arguments = match &self.selection {
            None => vec!["--workspace".to_owned()],
            Some(ids) => ids.iter().flat_map(|id| ["--package".to_owned(), id.repr.clone()]).collect(),
        };
        arguments.extend(self.features.arguments());
        arguments
    }

    fn unknown_feature<'a>(&self, set: &'a FeatureSet) -> Option<&'a str> {
        let FeatureSet::Named(names) = set else { return None };
        let known = |name: &&String| self.packages.iter().any(|package| has(package, name));
        names.iter().find(|name| !known(name)).map(String::as_str)
    }
}

/// Whether a package has the feature, which may be said with the package's name before it.
fn has(package: &Package, feature: &str) -> bool {
    match feature.split_once('/') {
        Some((name, feature)) => package.name.as_str() == name && package.features.contains_key(feature),
        None => package.features.contains_key(feature),
    }
}

/// What of a package is on under a set: its features and what they name, `default` itself left out.
fn enabled<'a>(set: &'a FeatureSet, package: &'a Package) -> BTreeSet<&'a str> {
    let default = "default";
    let mut waiting: Vec<&str> = match set {
        FeatureSet::Default => vec![default],
        FeatureSet::None => Vec::new(),
        FeatureSet::All => package.features.keys().map(String::as_str).collect(),
        FeatureSet::Named(names) => {
            let own = names.iter().filter(|name| has(package, name));
            own.map(|name| name.rsplit('/').next().unwrap_or(name)).chain([default]).collect()
        }
    };
    let mut enabled = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if enabled.insert(name) {
            waiting.extend(package.features.get(name).into_iter().flatten().map(String::as_str));
        }
    }
    enabled.remove(default);
    enabled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::cargo::{Network, Toolchain};

    fn package(name: &str, features: serde_json::Value) -> Package {
        let package = serde_json::json!({
            "name": name, "version": "0.1.0", "id": name, "dependencies": [], "targets": [], "features": features,
            "manifest_path": format!("/w/{name}/Cargo.toml"),
        });
        serde_json::from_value(package).unwrap()
    }

    fn workspace() -> Cargo {
        let toolchain = Toolchain {
            rustc: String::new(),
            host: String::new(),
            sysroot: "/s".into(),
            clippy_driver: None,
        };
        let packages = vec![
            package("plain", serde_json::json!({})),
            package("std", serde_json::json!({"default": ["std"], "std": []})),
            package("extra", serde_json::json!({"default": [], "extra": []})),
        ];
        Cargo::known("/w".into(), packages, toolchain, Network::Offline)
    }

    #[test]
    fn a_further_set_takes_what_it_changes() {
        let check = |set: &str, expected: Option<&[&str]>| {
            let taken = workspace().with_features(&set.parse().unwrap(), Take::WhatItChanges).unwrap();
            let names = taken.map(|cargo| cargo.selection_arguments());
            assert_eq!(names, expected.map(|all| all.iter().map(|&one| one.to_owned()).collect()), "{set}");
        };
        check("default", None);
        check("none", Some(&["--package", "std", "--no-default-features"]));
        check("all", Some(&["--package", "extra", "--all-features"]));
        check("extra", Some(&["--package", "extra", "--features=extra"]));
        check("std/std,extra", Some(&["--package", "extra", "--features=std/std,extra"]));
    }

    #[test]
    fn sets_are_compared_with_the_first_one() {
        let first = workspace().with_features(&FeatureSet::All, Take::Everything).unwrap().unwrap();
        let default = first.with_features(&FeatureSet::Default, Take::WhatItChanges).unwrap().unwrap();
        assert_eq!(default.selection_arguments(), ["--package", "extra"]);
    }

    #[test]
    fn the_first_set_takes_everything_and_an_unknown_feature_is_told() {
        let all = workspace().with_features(&FeatureSet::All, Take::Everything).unwrap().unwrap();
        assert_eq!(all.selection_arguments(), ["--workspace", "--all-features"]);
        assert_eq!(all.selected().count(), 3);
        let why = workspace().with_features(&"plain/std".parse().unwrap(), Take::Everything).unwrap_err();
        assert!(why.message.contains("`plain/std`"), "{why:?}");
    }
}
