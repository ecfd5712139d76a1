//! Documentation tests: what they ran of the libraries counts, their own code does not.
//!
//! rustdoc compiles each as a crate of its own and maps its lines to where they stand, into the comments of a source file; for
//! documentation from another file (`#![doc = include_str!(…)]`), to lines of that number in the file that includes it,
//! whatever stands there. So a function of such a crate is left out by its symbol, unless a macro of ours made it.

use super::lines::Region;
use super::mapping::{Function, Mapping};
use super::test_code::Scanned;

/// The names of rustdoc's crates: one for each test that stands alone, and those of merged ones by edition.
const CRATES: [&str; 3] = ["rust_out", "doctest_bundle_", "doctest_runner_"];

/// The mapping without the code of documentation tests.
pub(super) fn without_own_code(mut mapping: Mapping, scanned: &Scanned) -> Mapping {
    let known: Vec<_> = mapping
        .sources
        .iter()
        .map(|source| (scanned.comments_of(&source.file), scanned.macros_of(&source.file)))
        .collect();
    mapping.functions.retain(|function: &Function| {
        let own = function.symbol.as_deref().is_some_and(is_own);
        let kept = |(file, region): &(usize, Region)| {
            let (comments, macros) = known[*file];
            let line = region.start.line();
            !comments.contains(line) && (!own || macros.contains(line))
        };
        function.regions.iter().all(kept)
    });
    mapping
}

/// Whether a symbol belongs to the crate of a documentation test.
pub(super) fn is_own(symbol: &str) -> bool {
    crate_of(symbol).is_some_and(|name| CRATES.iter().any(|own| name.starts_with(own)))
}

/// The crate in which the function of a v0 symbol was written (<https://doc.rust-lang.org/rustc/symbol-mangling/v0.html>); `None`
/// for what has no path of its own, such as a trait's method for a foreign type.
fn crate_of(symbol: &str) -> Option<&str> {
    let symbol = symbol.rsplit([';', ':']).next().unwrap_or(symbol);
    let mut rest = symbol.strip_prefix("_R")?;
    loop {
        // Ends: each round takes a character.
        let tag = rest.chars().next()?;
        rest = rest.get(1..)?;
        match tag {
            'N' => rest = rest.get(1..)?,
            'I' => {}
            'M' | 'X' => rest = without_disambiguator(rest),
            'C' => return identifier(without_disambiguator(rest)),
            _ => return None,
        }
    }
}

/// Without `s…_`, which tells things of the same name apart.
fn without_disambiguator(text: &str) -> &str {
    text.strip_prefix('s').and_then(|rest| rest.split_once('_')).map_or(text, |(_, rest)| rest)
}

/// `8rust_out`
fn identifier(text: &str) -> Option<&str> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (length, rest) = text.split_at(digits);
    let rest = rest.strip_prefix('_').unwrap_or(rest);
    rest.get(..length.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::files::Source;
    use super::super::lines::{Kind, Place};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_symbol_names_the_crate_that_it_was_written_in() {
        let check = |symbol: &str, expected: bool| assert_eq!(is_own(symbol), expected, "{symbol}");
        check("_RNvCsdqsnfIJc26X_8rust_out4main", true);
        check("_RNCNvNvCsdqsnfIJc26X_8rust_out4main28__doctest_main_src_lib_rs_3_00", true);
        check("_RNvXs_NvCsdqsnfIJc26X_8rust_out4mainNtB4_1SNtB5_1T", true);
        check("_RNvNtCs1_19doctest_bundle_20244main1x", true);
        check("_RINvCshXlPSOQPQan_5dtlib7genericReECsdqsnfIJc26X_8rust_out", false);
        check("_RNCINvCshXlPSOQPQan_5dtlib7genericReECsdqsnfIJc26X_8rust_out0", false);
        check("_RNvYNtC8rust_out1SNtC5dtlib5Trait6method", false);
        check("_ZN8rust_out4main17h0123456789abcdefE", false);
        check("_RNvC99x", false);
    }

    #[test]
    fn own_code_is_left_out_unless_a_macro_of_ours_made_it() {
        let directory = tempfile::tempdir().unwrap();
        let text = "/// Doc.\nfn a() {}\nmacro_rules! m {\n() => {}\n}\n";
        std::fs::write(directory.path().join("lib.rs"), text).unwrap();
        let package = super::super::PackageTree { name: "p".into(), directory: directory.path().into() };
        let tree = super::super::SourceTree {
            root: directory.path().into(),
            target: directory.path().join("target"),
            packages: vec![package],
            remapped: vec![],
        };
        let scanned = super::super::test_code::scan(&super::super::files::Sources::of(&tree));
        let kept = |symbol: &str, line: u32| {
            let region =
                Region { start: Place::new(line, 1), end: Place::new(line, 5), count: 1, kind: Kind::Code };
            let function =
                Function { name: 1, symbol: Some(symbol.into()), main: Some(0), regions: vec![(0, region)] };
            let sources = vec![Source { file: "lib.rs".into(), package: "p".into() }];
            let mapping = Mapping { sources, functions: vec![function], instrumented: true };
            !without_own_code(mapping, &scanned).functions.is_empty()
        };
        let (own, library) = ("_RNvC8rust_out4main", "_RNvC3lib1a");
        let kept = |symbol| [1, 2, 4].map(|line| kept(symbol, line));
        assert_eq!((kept(own), kept(library)), ([false, false, true], [false, true, true]));
    }

    proptest! {
        #[test]
        fn any_text_is_a_symbol_or_none(text in "(_R)?[NIMXCYBs0-9_a-zé]{0,30}") {
            let _ = is_own(&text);
        }
    }
}
