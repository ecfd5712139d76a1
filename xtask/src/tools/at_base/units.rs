//! Units: the programs that hold tests, from the tests' names and what a workspace has.

use crate::tools::cargo::{self, Cargo, is_library, target_name};
use cargo_metadata::{Package, TargetKind};
use std::collections::BTreeSet;

/// Programs that exist.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// Their packages.
    pub(super) packages: BTreeSet<String>,
    /// What cargo is told: `--lib`, `--test=NAME`.
    pub(super) targets: BTreeSet<String>,
    /// `package::target` of each.
    names: BTreeSet<String>,
}

impl Units {
    /// The programs of these tests, and of those that the policy puts first where any of the others is there.
    pub(super) fn of<'a>(cargo: &Cargo, tests: impl Iterator<Item = &'a str>, first: &'a [String]) -> Units {
        let mut units = Units::default();
        tests.for_each(|name| units.add(cargo, name));
        if !units.names.is_empty() {
            first.iter().for_each(|name| units.add(cargo, name));
        }
        units
    }

    /// Whether a test's program is there.
    pub(super) fn have(&self, test: &str) -> bool {
        self.names.contains(program(test))
    }

    fn add(&mut self, cargo: &Cargo, test: &str) {
        let name = program(test);
        let Some((package, target)) = name.split_once("::") else { return };
        let package = cargo.packages.iter().find(|one| one.name.as_str() == package);
        let Some((package, flag)) = package.and_then(|package| Some((package, flag(package, target)?)))
        else {
            return;
        };
        self.packages.insert(package.name.to_string());
        self.targets.insert(flag);
        self.names.insert(name.to_owned());
    }
}

/// `package::target` of a test's name.
fn program(test: &str) -> &str {
    test.split_once('$').map_or(test, |(program, _)| program)
}

fn flag(package: &Package, target: &str) -> Option<String> {
    let own = |one: &&cargo_metadata::Target| match target {
        "doc" => is_library(&one.kind) && one.doctest,
        name => !one.kind.contains(&TargetKind::CustomBuild) && target_name(one) == name,
    };
    package.targets.iter().find(own).map(cargo::flag)
}
