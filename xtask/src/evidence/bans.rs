//! Which packages there are, in which versions, what members require, and what is new.

use super::sources::Unreadable;
use crate::workspace::dependencies::Reach;
use serde::{Deserialize, Serialize};

/// The packages of a build, and facts about them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BansEvidence {
    /// Sorted by name and version.
    pub packages: Vec<Present>,
    /// Requirements of members that any version meets.
    pub wildcards: Vec<WildcardRequirement>,
    /// Manifests that cannot be read: what they require is unknown.
    #[serde(default)]
    pub unreadable: Vec<Unreadable>,
    /// Why nothing but the lockfile is known, where cargo did not resolve: neither build scripts nor requirements are, then.
    pub unresolved: Option<String>,
    /// What is new against the base, where there is one.
    pub new: Option<NewPackages>,
    /// Unsafe code in the packages of the workspace.
    pub unsafe_code: UnsafeCode,
}

/// One package.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Whether it is a package of the workspace.
    pub member: bool,
    /// How it is reached.
    pub reach: Reach,
    /// Line of its entry in Cargo.lock, 0 where it has none.
    pub line: u32,
    /// The shortest path from the workspace to it, both included.
    pub path: Vec<String>,
    /// Names of the packages that need it.
    pub needed_by: Vec<String>,
    /// Whether it runs a script before it is compiled.
    pub build_script: bool,
    /// Its features that are on, where its manifest is known.
    #[serde(default)]
    pub features: Vec<String>,
}

/// A requirement that any version meets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WildcardRequirement {
    /// The manifest, relative to the workspace.
    pub manifest: String,
    /// Line of the requirement, 0 where it was not found.
    pub line: u32,
    /// What is required.
    pub package: String,
    /// Whether it lies in a path or in git, where the version says little.
    pub elsewhere: bool,
}

/// What a change brings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPackages {
    /// Packages whose name the base's lockfile does not have.
    pub packages: Vec<NewPackage>,
}

/// A package that the base does not have, or that has become more than it was there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NewPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Line of its entry in Cargo.lock.
    pub line: u32,
    /// Whether the base has none of this name.
    pub new: bool,
    /// Whether it runs a build script, and is not known to have done so before.
    pub build_script: bool,
    /// Whether it runs within the compiler, and is not known to have done so before.
    pub proc_macro: bool,
    /// Of an update: whether the version before was looked at. Where its files are not on this machine, nobody knows.
    pub before_known: bool,
}

/// Unsafe code, counted by tokens: what macros make of it is not seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsafeCode {
    /// `unsafe { … }`.
    pub blocks: u64,
    /// `unsafe fn`.
    pub functions: u64,
    /// `unsafe impl` and `unsafe trait`.
    pub impls: u64,
    /// Files with any of it, the first of them by path.
    pub files: Vec<String>,
    /// Files that are no Rust that could be read.
    pub not_read: u64,
    /// What the change does to it, where it is known.
    #[serde(default)]
    pub change: Option<UnsafeChange>,
}

/// Places of unsafe code that a change brings and takes out, by the counts of each file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsafeChange {
    /// The commit that it is compared with.
    pub base: String,
    /// In files that have more than before, so many more.
    pub added: u64,
    /// In files that have fewer, so many fewer.
    pub removed: u64,
}

impl UnsafeCode {
    /// Blocks, functions and implementations.
    pub fn places(&self) -> u64 {
        self.blocks + self.functions + self.impls
    }
}
