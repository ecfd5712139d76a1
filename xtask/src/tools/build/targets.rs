//! Targets that cargo leaves out without a word: those with tests that no compilation built, tests that the manifest switches
//! off, and what no test needs as users get it.

use super::{Compiled, said::relative, sources};
use crate::evidence::tests::NotBuilt;
use crate::tools::cargo::{Cargo, flag, is_library, section, target_name};
use crate::world::CommandLine;
use cargo_metadata::{Package, PackageId, Target, TargetKind};
use std::collections::BTreeSet;

/// What is known to be built as users get it.
#[derive(Debug, Clone, Copy)]
pub enum Built<'a> {
    /// Each target that cargo told of, with whether it was built for its tests.
    AsTold(&'a BTreeSet<(PackageId, &'static str, String, bool)>),
    /// Nothing was built yet: what other members need certainly will be.
    Guess,
}

/// Builds what `cargo test` leaves out as users get it, where a source can differ by `cfg(test)`. `None` where there is nothing.
///
/// `--tests` is there for the features of dependencies: without it, those that only tests ask for would be off, and
/// dependencies be compiled again. A proc-macro that other members need must not be named: cargo would give it more debug
/// information, and compile it and them again.
pub(super) fn plain(cargo: &Cargo, built: Built<'_>) -> Option<CommandLine> {
    let wanted = |package: &Package, target: &Target| {
        let missing = match built {
            Built::AsTold(all) => {
                let has =
                    |tests| all.contains(&(package.id.clone(), section(target), target.name.clone(), tests));
                // What its features leave out is not built for its tests either.
                has(true) && !has(false)
            }
            Built::Guess => target.required_features.is_empty() && !is_needed(cargo, package, target),
        };
        is_used(cargo, package, target) && missing && may_differ(target)
    };
    let (mut flags, mut needed) = (BTreeSet::new(), Vec::new());
    for package in cargo.selected() {
        let own: Vec<_> = package.targets.iter().filter(|target| wanted(package, target)).map(flag).collect();
        if own.is_empty() && package.targets.iter().any(|target| is_needed(cargo, package, target)) {
            needed.push(package);
        }
        flags.extend(own);
    }
    if flags.is_empty() {
        return None;
    }
    let command = cargo.command("build", ["--profile=test", "--keep-going", "--tests"]);
    Some(with_flags(command, flags, &cargo.without(&needed)))
}

/// Checks tests where cargo builds them only for who names their target, as `cargo test --all-targets` does: those of
/// examples, and those that a manifest switches off. `None` where there are none.
pub(super) fn tested_by_name(cargo: &Cargo) -> Option<CommandLine> {
    let mut flags = BTreeSet::new();
    for package in cargo.selected() {
        // Cargo refuses a name whose features are off.
        let wanted = |target: &&Target| {
            let switched_off = !target.test && target.required_features.is_empty();
            switched_off && is_used(cargo, package, target) && may_differ(target)
        };
        flags.extend(package.targets.iter().filter(wanted).map(flag));
    }
    let command = cargo.command("check", ["--profile=test", "--keep-going"]);
    (!flags.is_empty()).then(|| with_flags(command, flags, cargo))
}

fn with_flags(mut command: CommandLine, flags: BTreeSet<String>, cargo: &Cargo) -> CommandLine {
    command.arguments.extend(flags);
    command.arguments.push("--message-format=json".to_owned());
    command.arguments.extend(cargo.selection_arguments());
    command
}

/// Whether it is there for more than its tests: a library, a program or an example, and compiled here.
fn is_used(cargo: &Cargo, package: &Package, target: &Target) -> bool {
    matches!(section(target), "lib" | "bin" | "example")
        && !target.kind.contains(&TargetKind::CustomBuild)
        && !cargo.leaves_out(package, target)
}

fn may_differ(target: &Target) -> bool {
    sources::may_have_tests(target.src_path.as_std_path())
}

/// Whether it is a proc-macro that another member uses.
fn is_needed(cargo: &Cargo, package: &Package, target: &Target) -> bool {
    let uses = |other: &Package| {
        let is_it = |dependency: &cargo_metadata::Dependency| {
            dependency.name == package.name.as_str() && dependency.path.is_some()
        };
        other.dependencies.iter().any(is_it)
    };
    target.kind.contains(&TargetKind::ProcMacro) && cargo.selected().any(uses)
}

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

/// Programs, tests, examples and benchmarks that this toolchain cannot compile, because they ask for nightly Rust; by name.
pub fn nightly_only(cargo: &Cargo) -> Vec<String> {
    let is_nightly = ["-nightly", "-dev"].iter().any(|channel| cargo.toolchain.rustc.contains(channel));
    let mut names = Vec::new();
    for package in cargo.packages.iter().filter(|_| !is_nightly) {
        let asks = |target: &&Target| {
            section(target) != "lib" && sources::asks_for_nightly(target.src_path.as_std_path())
        };
        let name = |target: &Target| format!("{}::{}", package.name, target_name(target));
        names.extend(package.targets.iter().filter(asks).map(name));
    }
    names
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
