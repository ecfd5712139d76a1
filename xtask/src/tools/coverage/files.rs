//! Which source files count: those of the workspace's packages that are product code.
//!
//! Left out, as cargo-llvm-cov 0.9 does by default: `tests/`, `examples/` and `benches/` directories and files named
//! `tests.rs`, `*_tests.rs` or `*-tests.rs`; besides them `build.rs` and everything in the target directory. Paths are compared by their parts after
//! `.` and `..` are gone; the directories above the workspace play no role.

use crate::tools::paths::normalised;
use std::path::{Component, Path, PathBuf};

/// Directories of a package that hold tests and examples.
const TEST_DIRECTORIES: [&str; 3] = ["tests", "examples", "benches"];

/// Where the workspace lies, and which packages it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTree {
    /// The workspace's directory.
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    /// Its packages.
    pub packages: Vec<PackageTree>,
    /// `--remap-path-prefix` of the build: what the compiler wrote, and what it stands for.
    pub remapped: Vec<(PathBuf, PathBuf)>,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageTree {
    /// Its name.
    pub name: String,
    /// The directory of its manifest.
    pub directory: PathBuf,
}

/// One source file that counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    /// Path relative to the workspace.
    pub(super) file: String,
    /// The package that it belongs to.
    pub(super) package: String,
}

/// The tree with every path normalised, once as given and once without symbolic links.
#[derive(Debug)]
pub(super) struct Sources {
    roots: Vec<PathBuf>,
    target: Vec<PathBuf>,
    /// Directory and name, the deepest directory first.
    packages: Vec<(PathBuf, String)>,
    remapped: Vec<(PathBuf, PathBuf)>,
}

impl Sources {
    /// Makes a tree ready for [`Sources::find`].
    pub(super) fn of(tree: &SourceTree) -> Sources {
        let mut packages: Vec<_> = tree
            .packages
            .iter()
            .flat_map(|package| {
                spellings(&package.directory).into_iter().map(|path| (path, package.name.clone()))
            })
            .collect();
        packages.sort_by_key(|(path, _)| std::cmp::Reverse(path.components().count()));
        let (roots, target) = (spellings(&tree.root), spellings(&tree.target));
        Sources { roots, target, packages, remapped: tree.remapped.clone() }
    }

    /// The source file behind a path that a compiler wrote, where it counts.
    pub(super) fn find(&self, path: &Path) -> Option<Source> {
        let path = self.absolute(path);
        let (directory, package) = self.packages.iter().find(|(directory, _)| path.starts_with(directory))?;
        let in_package = path.strip_prefix(directory).ok()?;
        if self.target.iter().any(|target| path.starts_with(target)) || is_test_code(in_package) {
            return None;
        }
        Some(Source { file: self.relative(&path), package: package.clone() })
    }

    /// The directories of all packages.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Path> {
        self.packages.iter().map(|(directory, _)| directory.as_path())
    }

    /// A path as [`Source::file`] has it.
    pub(super) fn relative(&self, path: &Path) -> String {
        let relative = self.roots.iter().find_map(|root| path.strip_prefix(root).ok()).unwrap_or(path);
        relative.to_string_lossy().into_owned()
    }

    /// Whether nothing below this directory counts.
    pub(super) fn is_left_out(&self, directory: &Path) -> bool {
        let holds_tests =
            directory.file_name().is_some_and(|name| TEST_DIRECTORIES.iter().any(|one| name == *one));
        holds_tests || self.target.iter().any(|target| directory.starts_with(target))
    }

    /// Undoes remapping; what stays relative is below the workspace.
    fn absolute(&self, path: &Path) -> PathBuf {
        let undone = self
            .remapped
            .iter()
            .find_map(|(written, real)| Some(real.join(path.strip_prefix(written).ok()?)));
        let path = undone.as_deref().unwrap_or(path);
        normalised(&self.roots[0].join(path))
    }
}

fn is_test_code(in_package: &Path) -> bool {
    let is = |names: &[&str], part: &Component<'_>| names.iter().any(|name| part.as_os_str() == *name);
    let mut parts = in_package.components();
    let file = parts.next_back();
    in_package == Path::new("build.rs")
        || file.is_some_and(|file| is_test_file(&file))
        || parts.any(|part| is(&TEST_DIRECTORIES, &part))
}

fn is_test_file(file: &Component<'_>) -> bool {
    let before = file.as_os_str().to_str().and_then(|name| name.strip_suffix("tests.rs"));
    before.is_some_and(|before| before.is_empty() || (before.len() > 1 && before.ends_with(['_', '-'])))
}

/// A path as given and, where it exists, without symbolic links.
fn spellings(path: &Path) -> Vec<PathBuf> {
    let mut spellings = vec![normalised(path)];
    spellings.extend(path.canonicalize().ok().filter(|real| *real != spellings[0]));
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let package =
            |name: &str, directory: &str| PackageTree { name: name.into(), directory: directory.into() };
        Sources::of(&SourceTree {
            root: "/home/tests/work".into(),
            target: "/home/tests/work/target".into(),
            packages: vec![
                package("desk", "/home/tests/work"),
                package("suite", "/home/tests/work/xtask/../xtask"),
            ],
            remapped: vec![("/src".into(), "/home/tests/work".into())],
        })
    }

    #[test]
    fn a_file_belongs_to_the_deepest_package_or_to_none() {
        let check = |path: &str, expected: Option<(&str, &str)>| {
            let found = sources().find(Path::new(path));
            let expected =
                expected.map(|(file, package)| Source { file: file.into(), package: package.into() });
            assert_eq!(found, expected, "{path}");
        };
        check("/home/tests/work/src/lib.rs", Some(("src/lib.rs", "desk")));
        check("/home/tests/work/xtask/src/lib.rs", Some(("xtask/src/lib.rs", "suite")));
        check("/home/tests/work/xtask/src/../src/./a/b.rs", Some(("xtask/src/a/b.rs", "suite")));
        check("xtask/src/lib.rs", Some(("xtask/src/lib.rs", "suite")));
        check("/src/xtask/src/lib.rs", Some(("xtask/src/lib.rs", "suite")));
        check("/home/tests/work/src/testsuite.rs", Some(("src/testsuite.rs", "desk")));
        check("/home/tests/work/src/contests.rs", Some(("src/contests.rs", "desk")));
        check("/home/tests/work/src/build.rs", Some(("src/build.rs", "desk")));
        for path in [
            "/home/tests/work/build.rs",
            "/home/tests/work/xtask/build.rs",
            "/home/tests/work/target/debug/build/x/out/generated.rs",
            "/home/tests/work/tests/story.rs",
            "/home/tests/work/xtask/src/gates/tests/helper.rs",
            "/home/tests/work/xtask/benches/b.rs",
            "/home/tests/work/xtask/examples/e.rs",
            "/home/tests/work/xtask/src/gates/tests.rs",
            "/home/tests/work/xtask/src/gates/lint_tests.rs",
            "/home/tests/work/xtask/src/gates/lint-tests.rs",
            "/home/tests/elsewhere/src/lib.rs",
            "/home/tests/work/../other/src/lib.rs",
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/option.rs",
        ] {
            check(path, None);
        }
    }
    #[test]
    fn a_workspace_behind_a_symbolic_link_is_found_under_both_names() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("wörk space"), directory.path().join("link"));
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let sources = Sources::of(&SourceTree {
            root: link.clone(),
            target: link.join("target"),
            packages: vec![PackageTree { name: "p".into(), directory: link.clone() }],
            remapped: vec![],
        });
        for root in [link, real.canonicalize().unwrap()] {
            let found = sources.find(&root.join("src/lib.rs")).map(|source| source.file);
            assert_eq!(found.as_deref(), Some("src/lib.rs"), "{}", root.display());
        }
    }
}
