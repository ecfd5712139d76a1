//! Graph: which package owns which file, which depends on which, and so which ones a change affects.
//!
//! Everything errs to one side: a file that more than one package may use marks them all, and a file that nobody is known
//! to use marks everything. What is not seen: a test that reads a file of another package without depending on it. The
//! policy names such files as `inputs`. Renames are not followed: both paths count.

use std::collections::{BTreeMap, BTreeSet};

/// Files that steer the build or the judgement of every package.
const OF_EVERYTHING: [&str; 8] = [
    "Cargo.toml",
    ".cargo/config.toml",
    ".cargo/config",
    "rust-toolchain.toml",
    "rust-toolchain",
    "clippy.toml",
    ".clippy.toml",
    ".config/nextest.toml",
];
/// The folder of the policies.
const POLICIES: &str = "policies/";
/// The lockfile is compared by what each package resolves to, not as a file.
const LOCKFILE: &str = "Cargo.lock";

/// The members of a workspace with what they own and need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// By name.
    pub packages: BTreeMap<String, Node>,
}

/// One member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its folder, relative to the workspace; empty for the root, `../x` outside.
    pub directory: String,
    /// Folders of target sources that lie outside of it.
    pub folders: BTreeSet<String>,
    /// Members that it needs: normal, development and build dependencies.
    pub needs: BTreeSet<String>,
}

/// What differs from the base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Paths relative to the workspace, old and new.
    pub paths: BTreeSet<String>,
    /// What is resolved otherwise than in the base.
    pub lockfile: Relocked,
}

/// What a change of the lockfile means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relocked {
    /// These members resolve otherwise, each with a package that differs.
    Members(BTreeMap<String, String>),
    /// It cannot be told; the text says why.
    Unknown(String),
}

impl Default for Relocked {
    fn default() -> Self {
        Relocked::Members(BTreeMap::new())
    }
}

/// Files that the policy speaks of, as globs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules<'a> {
    /// Files that no test looks at.
    pub unaffected_by: &'a [String],
    /// Files that any test may look at, besides what its package owns.
    pub inputs: &'a [String],
}

/// Which packages a change affects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// Each with the reason, for people.
    pub packages: BTreeMap<String, String>,
    /// What marked everything: the first of it.
    pub everything: Option<String>,
}

/// The packages that these differences affect, closed over whatever depends on them.
pub fn affected(graph: &Graph, differences: &Differences, rules: Rules<'_>) -> Affected {
    let mut marked: BTreeMap<String, String> = BTreeMap::new();
    let mut everything: Option<String> = None;
    if let Relocked::Unknown(why) = &differences.lockfile {
        everything = Some(format!("{LOCKFILE}: {why}"));
    }
    for path in &differences.paths {
        match owners(graph, path, rules) {
            Owners::Nobody => {}
            Owners::Everybody(why) => everything = everything.or_else(|| Some(format!("{path}: {why}"))),
            Owners::These(names) => {
                for name in names {
                    marked.entry(name.to_owned()).or_insert_with(|| path.clone());
                }
            }
        }
    }
    if let Relocked::Members(members) = &differences.lockfile {
        for (name, differing) in members.iter().filter(|(name, _)| graph.packages.contains_key(*name)) {
            marked.entry(name.clone()).or_insert_with(|| format!("{LOCKFILE}: {differing}"));
        }
    }
    if let Some(why) = &everything {
        for name in graph.packages.keys() {
            marked.entry(name.clone()).or_insert_with(|| why.clone());
        }
    }
    close(graph, &mut marked);
    Affected { packages: marked, everything }
}

/// Whom a file belongs to.
enum Owners<'a> {
    Nobody,
    Everybody(&'static str),
    These(BTreeSet<&'a str>),
}

fn owners<'a>(graph: &'a Graph, path: &str, rules: Rules<'_>) -> Owners<'a> {
    if OF_EVERYTHING.contains(&path) || path.starts_with(POLICIES) {
        return Owners::Everybody("it steers every package");
    }
    if path == LOCKFILE {
        return Owners::Nobody;
    }
    if rules.inputs.iter().any(|glob| matches(glob, path)) {
        return Owners::Everybody("the policy names it as an input of the tests");
    }
    if rules.unaffected_by.iter().any(|glob| matches(glob, path)) {
        return Owners::Nobody;
    }
    let packages = || graph.packages.iter();
    let deepest = packages()
        .filter(|(_, node)| below(path, &node.directory))
        .map(|(_, node)| node.directory.len())
        .max();
    let owns = |node: &Node| {
        let deep = below(path, &node.directory) && Some(node.directory.len()) == deepest;
        deep || node.folders.iter().any(|folder| below(path, folder))
    };
    let names: BTreeSet<&str> =
        packages().filter(|(_, node)| owns(node)).map(|(name, _)| name.as_str()).collect();
    if names.is_empty() {
        return Owners::Everybody("no package owns it");
    }
    Owners::These(names)
}

/// Whether a path lies below a folder. Nothing outside of the workspace lies below its root.
fn below(path: &str, folder: &str) -> bool {
    if folder.is_empty() {
        return !path.starts_with("../");
    }
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// Marks whatever needs what is marked.
fn close(graph: &Graph, marked: &mut BTreeMap<String, String>) {
    loop {
        let mut more = Vec::new();
        for (name, node) in graph.packages.iter().filter(|(name, _)| !marked.contains_key(*name)) {
            if let Some(needed) = node.needs.iter().find(|needed| marked.contains_key(*needed)) {
                more.push((name.clone(), format!("it needs {needed}")));
            }
        }
        if more.is_empty() {
            return;
        }
        marked.extend(more);
    }
}

/// Whether a path is what a glob says: `*` and `?` within a name, `**` over folders (`docs/**`, `**/*.md`).
pub fn matches(glob: &str, path: &str) -> bool {
    let glob: Vec<&str> = glob.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    // Which ends of the path are reached by the glob so far: no backtracking, whatever the glob.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for part in glob {
        let mut next = vec![false; path.len() + 1];
        for at in 0..=path.len() {
            if part == "**" {
                next[at] = reached[at] || (at > 0 && next[at - 1]);
            } else if at > 0 {
                next[at] = reached[at - 1] && name_matches(part, path[at - 1]);
            }
        }
        reached = next;
    }
    reached[path.len()]
}

fn name_matches(glob: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for sign in glob.chars() {
        let mut next = vec![false; name.len() + 1];
        for at in 0..=name.len() {
            next[at] = match sign {
                '*' => reached[at] || (at > 0 && next[at - 1]),
                '?' => at > 0 && reached[at - 1],
                sign => at > 0 && reached[at - 1] && name[at - 1] == sign,
            };
        }
        reached = next;
    }
    reached[name.len()]
}

#[cfg(test)]
mod tests;
