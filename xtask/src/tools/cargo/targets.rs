//! Targets by the names that reports give them, and those that the policy leaves out.
//!
//! Cargo's own flags cannot leave one out: `--bench NAME` chooses in every package at once, refuses a target whose features
//! are off, and programs are built for integration tests whatever the flags. So everything is asked for as always, and the
//! compiler wrapper answers for what is left out (`tools/build/wrapper.rs`).

use super::Cargo;
use crate::evidence::tests::LeftOut;
use crate::policy::file::nearest;
use cargo_metadata::{Package, Target, TargetKind};
use std::collections::BTreeMap;

/// A target that is not compiled, as the compiler is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Omitted {
    /// Its name in reports.
    pub name: String,
    /// `CARGO_PKG_NAME`.
    pub package: String,
    /// `--crate-name`.
    pub crate_name: String,
    /// Its main file, from the workspace's root and from the root of all: cargo says one of them.
    pub sources: [String; 2],
    /// Whether it is a program, which tests may start.
    pub is_program: bool,
}

impl Cargo {
    /// The same workspace without these targets, each with the reason.
    #[must_use]
    pub fn leaving_out(mut self, targets: &BTreeMap<String, String>) -> Cargo {
        let all: BTreeMap<String, String> = self
            .targets()
            .map(|(package, target)| (full_name(package, target), self.file_of(target)))
            .collect();
        let names: Vec<&str> =
            all.keys().map(String::as_str).filter(|name| !name.ends_with("::lib")).collect();
        let left_out = targets.iter().map(|(target, reason)| {
            let file = all.get(target).cloned();
            let near = if file.is_none() { nearest(target, &names).map(str::to_owned) } else { None };
            LeftOut { target: target.clone(), reason: reason.clone(), file, nearest: near }
        });
        self.left_out = left_out.collect();
        self
    }

    /// What the policy leaves out, and names there that no target has.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    /// Whether a target is left out.
    pub fn leaves_out(&self, package: &Package, target: &Target) -> bool {
        !self.left_out.is_empty() && {
            let name = full_name(package, target);
            self.left_out.iter().any(|one| one.target == name)
        }
    }

    /// What is left out, as the compiler would be asked for it.
    pub fn omitted(&self) -> Vec<Omitted> {
        let left_out = self.targets().filter(|(package, target)| self.leaves_out(package, target));
        let omitted = left_out.map(|(package, target)| Omitted {
            name: full_name(package, target),
            package: package.name.to_string(),
            crate_name: target.name.replace('-', "_"),
            sources: [self.file_of(target), target.src_path.to_string()],
            is_program: matches!(section(target), "bin" | "example"),
        });
        omitted.collect()
    }

    /// Every target that has a name in reports.
    fn targets(&self) -> impl Iterator<Item = (&Package, &Target)> {
        let all =
            self.packages.iter().flat_map(|package| package.targets.iter().map(move |one| (package, one)));
        all.filter(|(_, target)| !target.kind.contains(&TargetKind::CustomBuild))
    }

    fn file_of(&self, target: &Target) -> String {
        let path = target.src_path.as_std_path();
        path.strip_prefix(&self.root).unwrap_or(path).to_string_lossy().into_owned()
    }
}

fn full_name(package: &Package, target: &Target) -> String {
    format!("{}::{}", package.name, target_name(target))
}

/// The target's part of a test's name. An integration test has its plain name, unless that is one of ours.
pub fn target_name(target: &Target) -> String {
    let prefix = match section(target) {
        "lib" => return "lib".to_owned(),
        "test" if !matches!(target.name.as_str(), "lib" | "doc") => return target.name.clone(),
        section => section,
    };
    format!("{prefix}/{}", target.name)
}

/// A target by name, as cargo is told.
pub fn flag(target: &Target) -> String {
    match section(target) {
        "lib" => "--lib".to_owned(),
        section => format!("--{section}={}", target.name),
    }
}

/// The manifest's section of a target.
pub fn section(target: &Target) -> &'static str {
    let known = [
        (TargetKind::Bin, "bin"),
        (TargetKind::Test, "test"),
        (TargetKind::Bench, "bench"),
        (TargetKind::Example, "example"),
    ];
    known.iter().find(|(kind, _)| target.kind.contains(kind)).map_or("lib", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::cargo::{Network, Toolchain};

    fn cargo() -> Cargo {
        let target = |name: &str, kind: &str, path: &str| {
            serde_json::json!({"name": name, "kind": [kind], "crate_types": ["bin"], "required-features": [],
                "src_path": path, "edition": "2024", "doctest": false, "test": true, "doc": false})
        };
        let package = serde_json::json!({
            "name": "p", "version": "0.1.0", "id": "p", "dependencies": [], "features": {},
            "manifest_path": "/w/p/Cargo.toml", "source": null, "license": null, "license_file": null,
            "targets": [
                target("p", "lib", "/w/p/src/lib.rs"),
                target("quick-one", "bench", "/w/p/benches/quick.rs"),
                target("it", "test", "/elsewhere/it.rs"),
                target("build-script-build", "custom-build", "/w/p/build.rs"),
            ],
        });
        let toolchain =
            Toolchain { rustc: String::new(), host: String::new(), sysroot: "/".into(), clippy_driver: None };
        let package = serde_json::from_value(package).unwrap();
        Cargo::known("/w".into(), vec![package], toolchain, Network::Offline)
    }

    fn leaving_out(names: &[&str]) -> Cargo {
        cargo().leaving_out(&names.iter().map(|name| ((*name).to_owned(), "why".to_owned())).collect())
    }

    #[test]
    fn what_is_left_out_is_known_as_the_compiler_sees_it() {
        let cargo = leaving_out(&["p::bench/quick-one", "p::it"]);
        let omitted = cargo.omitted();
        let seen: Vec<_> =
            omitted.iter().map(|one| (one.crate_name.as_str(), one.sources[0].as_str())).collect();
        assert_eq!(seen, [("quick_one", "p/benches/quick.rs"), ("it", "/elsewhere/it.rs")]);
        assert!(cargo.left_out().iter().all(|one| one.file.is_some() && one.nearest.is_none()));
        assert_eq!(self::cargo().omitted(), []);
    }

    #[test]
    fn a_name_of_no_target_is_kept_with_its_neighbour() {
        let cargo = leaving_out(&["p::bench/quick_one", "zzz::unlike"]);
        let near: Vec<_> = cargo.left_out().iter().map(|one| one.nearest.as_deref()).collect();
        assert_eq!((near, cargo.omitted()), (vec![Some("p::bench/quick-one"), None], vec![]));
    }
}
