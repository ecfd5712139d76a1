//! Which files are test code as a whole, because only modules under test declare them. Pure but for asking whether a
//! file exists among those that were read.
//!
//! Where `mod name;` looks for its file depends on whether the declaring file is a crate's root, which nobody tells
//! us. So both places are tried, that of an ordinary module first: where it has a file, this is no root.

use super::items::{Declared, Items};
use crate::tools::paths::normalised;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The files that exist only under test.
pub(super) fn only_test(files: &BTreeMap<PathBuf, Items>) -> BTreeSet<PathBuf> {
    let whole = |path: &Path| files.get(path).is_some_and(|items| items.test == [(1, u32::MAX)]);
    // Each declared file with the files that declare it, but for declarations under test.
    let mut declared: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for (path, items) in files {
        for module in &items.modules {
            let Some(child) = file_of(path, module, files).filter(|child| *child != path) else { continue };
            let by = declared.entry(child).or_default();
            by.extend((!module.test && !whole(path)).then_some(path.as_path()));
        }
    }
    let mut only_test: BTreeSet<PathBuf> = BTreeSet::new();
    loop {
        // Ends: each round but the last adds a file.
        let more: Vec<&Path> = declared
            .iter()
            .filter(|(path, by)| !only_test.contains(**path) && by.iter().all(|by| only_test.contains(*by)))
            .map(|(path, _)| *path)
            .collect();
        if more.is_empty() {
            return only_test;
        }
        only_test.extend(more.into_iter().map(Path::to_path_buf));
    }
}

fn file_of<'a>(file: &Path, module: &Declared, files: &'a BTreeMap<PathBuf, Items>) -> Option<&'a Path> {
    let directory = file.parent()?;
    let stem = file.file_stem()?;
    let is_root = ["lib", "main", "mod"].iter().any(|root| stem == *root);
    let own = (!is_root).then(|| directory.join(stem));
    let bases = own.into_iter().chain([directory.to_path_buf()]);
    let candidates = bases.flat_map(|base| {
        let inner = module.inside.iter().fold(base, |path, part| path.join(part));
        match &module.path {
            Some(path) if module.inside.is_empty() => vec![directory.join(path)],
            Some(path) => vec![inner.join(path)],
            None => vec![inner.join(format!("{}.rs", module.name)), inner.join(&module.name).join("mod.rs")],
        }
    });
    candidates
        .filter_map(|candidate| files.get_key_value(&normalised(&candidate)))
        .map(|(path, _)| path.as_path())
        .next()
}

#[cfg(test)]
mod tests {
    use super::super::items::read;
    use super::*;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let files = files.iter().map(|(path, text)| (PathBuf::from(path), read(text).unwrap())).collect();
        let found: Vec<_> = only_test(&files).into_iter().map(|path| path.display().to_string()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_file_that_only_a_test_module_declares_is_test_code_with_all_below_it() {
        let lib = "mod a;\n#[cfg(test)] mod fixtures;\npub mod b { #[cfg(test)] mod inner; mod other; }";
        let files = [
            ("/w/src/lib.rs", lib),
            ("/w/src/a.rs", "#[cfg(test)]\n#[path = \"x/../odd.rs\"]\nmod strange;"),
            ("/w/src/odd.rs", "mod deep;"),
            ("/w/src/odd/deep.rs", ""),
            ("/w/src/fixtures/mod.rs", "pub mod more;"),
            ("/w/src/fixtures/more.rs", ""),
            ("/w/src/b/inner.rs", ""),
            ("/w/src/b/other.rs", "#![cfg(test)] mod below;"),
            ("/w/src/b/other/below.rs", ""),
        ];
        let expected = [
            "/w/src/b/inner.rs",
            "/w/src/b/other/below.rs",
            "/w/src/fixtures/mod.rs",
            "/w/src/fixtures/more.rs",
            "/w/src/odd/deep.rs",
            "/w/src/odd.rs",
        ];
        check(&files, &expected);
    }

    #[test]
    fn one_way_without_a_test_makes_it_product_code() {
        let lib = "#[cfg(test)] mod a;\nmod b;";
        let files = [
            ("/w/src/lib.rs", lib),
            ("/w/src/b.rs", "#[path = \"a.rs\"] mod a;"),
            ("/w/src/a.rs", ""),
            ("/w/src/bin/tool.rs", "mod helper; #[cfg(test)] mod only;"),
            ("/w/src/bin/helper.rs", ""),
            ("/w/src/bin/only.rs", ""),
        ];
        check(&files, &["/w/src/bin/only.rs"]);
    }

    #[test]
    fn a_file_that_declares_itself_is_no_loop() {
        check(&[("/w/src/a.rs", "#[cfg(test)] #[path = \"a.rs\"] mod a;")], &[]);
        let circle =
            [("/w/src/a.rs", "#[path = \"b.rs\"] mod b;"), ("/w/src/b.rs", "#[path = \"a.rs\"] mod a;")];
        check(&circle, &[]);
    }
}
