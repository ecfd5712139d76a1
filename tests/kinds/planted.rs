//! A workspace with something for clippy in every kind of target, and in each what is only seen without `cfg(test)`: an import
//! and a function that only tests use. No target needs another one built for it, which is how they were missed.

/// Two uses that only tests have, and one `needless_return`, in a library of this kind.
const ONLY_TESTS: &str = r#"//! Planted.

use std::collections::BTreeMap;

fn only_tests() -> u32 {
    2
}

/// Two.
pub fn two() -> u32 {
    return 2;
}

#[cfg(feature = "extra")]
fn only_tests_of_extra() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_both() {
        let map = BTreeMap::from([(only_tests(), 1)]);
        #[cfg(feature = "extra")]
        only_tests_of_extra();
        return assert_eq!(map.len(), 1);
    }
}
"#;

const PROGRAM: &str = r#"//! Planted.

fn only_tests() -> u32 {
    2
}

fn main() {}

#[test]
fn uses_it() {
    return assert_eq!(only_tests(), 2);
}
"#;

const MACROS: &str = r#"//! Planted.

use proc_macro::TokenStream;

fn only_tests() -> u32 {
    2
}

/// The same.
#[proc_macro]
pub fn same(tokens: TokenStream) -> TokenStream {
    return tokens;
}

#[test]
fn uses_it() {
    assert_eq!(only_tests(), 2);
}
"#;

/// A function of an integration test, a benchmark, an example or a build script.
const STARTED: &str = "//! Planted.\n\nfn main() {\n    return println!(\"planted\");\n}\n";
const TESTED: &str = "//! Planted.\n\n#[test]\nfn planted() {\n    return assert_eq!(1 + 1, 2);\n}\n";

pub(crate) const FILES: &[(&str, &str)] = &[
    (".gitignore", "target\nCargo.lock\n"),
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"alone\", \"every\", \"macros\", \"program\"]\nresolver = \"3\"\n",
    ),
    ("policies/tests.yaml", "features: [default, extra]\n"),
    (
        "alone/Cargo.toml",
        "[package]\nname = \"alone\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[features]\nextra = []\n[lib]\ndoctest = false\n",
    ),
    ("alone/src/lib.rs", ONLY_TESTS),
    ("program/Cargo.toml", "[package]\nname = \"program\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    ("program/src/main.rs", PROGRAM),
    (
        "macros/Cargo.toml",
        "[package]\nname = \"macros\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\nproc-macro = true\ndoctest = false\n",
    ),
    ("macros/src/lib.rs", MACROS),
    (
        "every/Cargo.toml",
        "[package]\nname = \"every\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[[bench]]\nname = \"quick\"\nharness = false\n",
    ),
    ("every/build.rs", STARTED),
    ("every/src/main.rs", STARTED),
    ("every/tests/it.rs", TESTED),
    ("every/benches/quick.rs", STARTED),
    ("every/examples/show.rs", STARTED),
    ("every/examples/tested.rs", PROGRAM),
];
