//! Dependencies: every package that Cargo.lock names, and how the workspace comes to need it.
//!
//! Cargo's resolution says what a build of the wanted platforms and features uses; the lockfile says what else is there: for other
//! platforms, or behind features of dependencies that nobody turns on. Where cargo could not be asked, every package counts as
//! linked, so that what is not known is never judged more mildly.

use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

/// Everything that Cargo.lock names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependencies {
    /// Sorted by name, version and source.
    pub packages: Vec<Dependency>,
    /// Why cargo did not say what is built, where it did not: only the lockfile is known then.
    pub unresolved: Option<String>,
}

/// One package. Facts from its manifest are there where cargo resolved it, so not for what only the lockfile names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from, as cargo writes it; `None` for members and path dependencies.
    pub source: Option<String>,
    /// Whether it is a package of the workspace.
    pub member: bool,
    /// What it needs.
    pub needs: Vec<Need>,
    /// What its manifest says.
    pub manifest: Option<Manifest>,
}

/// What the manifest of a resolved package says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its folder.
    pub folder: PathBuf,
    /// An SPDX expression, as it is written.
    pub licence: Option<String>,
    /// A file with the text of the licence, relative to the folder.
    pub licence_file: Option<PathBuf>,
    /// The native library that it links.
    pub links: Option<String>,
    /// Whether a script of its own runs before it is compiled.
    pub build_script: bool,
    /// Whether it runs within the compiler.
    pub proc_macro: bool,
    /// Features of it that are on.
    pub features: Vec<String>,
}

/// An edge: one package needs another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The index of the needed package.
    pub package: usize,
    /// For what.
    pub kind: NeedKind,
    /// Only on these platforms: `cfg(windows)` or a triple.
    pub target: Option<String>,
}

/// For what a package is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NeedKind {
    /// By its code.
    Normal,
    /// By its build script.
    Build,
    /// By its tests, examples and benches.
    Development,
    /// The lockfile says so; cargo does not use the edge in this build.
    Locked,
}

/// How near a package comes to what is shipped, the nearest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// Its code is linked into a member.
    #[default]
    Linked,
    /// It runs while the workspace is built: in build scripts and procedural macros.
    Build,
    /// Only tests, examples and benches of members need it.
    Development,
    /// Only the lockfile names it: for other platforms or features.
    Lockfile,
}

impl Reach {
    /// Every one, the nearest first.
    pub const ALL: [Reach; 4] = [Reach::Linked, Reach::Build, Reach::Development, Reach::Lockfile];

    /// As people read it behind a package's name.
    pub const fn text(self) -> &'static str {
        match self {
            Reach::Linked => "linked",
            Reach::Build => "build only",
            Reach::Development => "development only",
            Reach::Lockfile => "in the lockfile only",
        }
    }
}

/// How each package is reached from the members, by index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    reach: Reach,
    /// The package before it on the shortest path; `None` for members and for what nothing leads to.
    from: Option<usize>,
}

impl Dependencies {
    /// The index of a package.
    pub fn find(&self, name: &str, version: &str, source: Option<&str>) -> Option<usize> {
        let key = (name, version, source);
        self.packages.binary_search_by(|package| package.key().cmp(&key)).ok()
    }

    /// Every package with how it is reached: one walk for all of them.
    pub fn reached(&self) -> Reached {
        let mut known: Vec<Option<(Step, u32)>> = vec![None; self.packages.len()];
        for (index, _) in self.packages.iter().enumerate().filter(|(_, package)| package.member) {
            known[index] = Some((Step { reach: Reach::Linked, from: None }, 0));
        }
        for reach in Reach::ALL {
            self.walk(reach, &mut known);
        }
        // What nothing leads to is in the lockfile all the same. Without cargo's word everything may be linked.
        let nearest = if self.unresolved.is_some() { Reach::Linked } else { Reach::Lockfile };
        let settle = |step: Option<(Step, u32)>| match step {
            Some((step, _)) if self.unresolved.is_some() => Step { reach: Reach::Linked, ..step },
            Some((step, _)) => step,
            None => Step { reach: nearest, from: None },
        };
        Reached { steps: known.into_iter().map(settle).collect() }
    }

    /// Reaches whatever can be reached in this way from what is known, by the shortest paths.
    fn walk(&self, reach: Reach, known: &mut [Option<(Step, u32)>]) {
        let mut waiting: BinaryHeap<Reverse<(u32, usize, Option<usize>)>> = BinaryHeap::new();
        for (index, step) in known.iter().enumerate() {
            let Some((step, depth)) = step else { continue };
            for next in self.followed(index, step.reach, reach) {
                waiting.push(Reverse((depth + 1, next, Some(index))));
            }
        }
        while let Some(Reverse((depth, index, from))) = waiting.pop() {
            if known[index].is_some() {
                continue;
            }
            known[index] = Some((Step { reach, from }, depth));
            for next in self.followed(index, reach, reach) {
                waiting.push(Reverse((depth + 1, next, Some(index))));
            }
        }
    }

    /// The packages that a package, reached in one way, leads to in another.
    fn followed(&self, index: usize, own: Reach, wanted: Reach) -> impl Iterator<Item = usize> {
        let package = &self.packages[index];
        let leads = move |need: &&Need| {
            let runs_in_compiler =
                self.packages[need.package].manifest.as_ref().is_some_and(|facts| facts.proc_macro);
            let to = match (need.kind, own) {
                (NeedKind::Locked, _) | (_, Reach::Lockfile) => Reach::Lockfile,
                (NeedKind::Development, _) if !package.member => Reach::Lockfile,
                (NeedKind::Development, _) | (_, Reach::Development) => Reach::Development,
                (NeedKind::Build, _) | (_, Reach::Build) => Reach::Build,
                (NeedKind::Normal, Reach::Linked) if runs_in_compiler => Reach::Build,
                (NeedKind::Normal, Reach::Linked) => Reach::Linked,
            };
            to == wanted
        };
        package.needs.iter().filter(leads).map(|need| need.package)
    }

    /// The shortest path from a member to a package, as `name@version`, both included.
    pub fn path(&self, reached: &Reached, index: usize) -> Vec<String> {
        let mut path = vec![self.packages[index].name_at_version()];
        let mut at = index;
        // No path is longer than there are packages.
        for _ in 0..self.packages.len() {
            let Some(from) = reached.steps.get(at).and_then(|step| step.from) else { break };
            path.push(self.packages[from].name_at_version());
            at = from;
        }
        path.reverse();
        path
    }
}

impl Reached {
    /// How a package is reached.
    pub fn of(&self, index: usize) -> Reach {
        self.steps.get(index).map_or(Reach::Linked, |step| step.reach)
    }
}

impl Dependency {
    /// What it is found by.
    pub fn key(&self) -> (&str, &str, Option<&str>) {
        (&self.name, &self.version, self.source.as_deref())
    }

    /// `name@version`, as cargo takes it.
    pub fn name_at_version(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests;
