//! A virtual workspace with every kind of test that cargo knows.

pub(crate) const FILES: &[(&str, &str)] = &[
    (".gitignore", "target\n"),
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"bare\", \"kinds\", \"macros\", \"still\", \"util\"]\nexclude = [\"broken\", \"vendor\"]\nresolver = \"3\"\n",
    ),
    ("policies/tests.yaml", "features: [default, none, extra]\n"),
    ("policies/coverage.yaml", "minimum: 0\n"),
    // An excluded member is not compiled.
    ("broken/Cargo.toml", "[package]\nname = \"broken\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    ("broken/src/lib.rs", "this is no Rust\n"),
    // A dependency with the name of a member.
    ("vendor/util/Cargo.toml", "[package]\nname = \"util\"\nversion = \"0.2.0\"\nedition = \"2024\"\n"),
    ("vendor/util/src/lib.rs", "pub fn name() -> &'static str {\n    \"vendored\"\n}\n"),
    ("util/Cargo.toml", "[package]\nname = \"util\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    (
        "util/src/lib.rs",
        r#"//! Instantiated by its documentation alone, each test a program of its own in this edition.

/// The larger.
///
/// ```
/// let larger = util::larger(1, 2);
/// assert_eq!(larger, 2);
/// ```
pub fn larger<T: PartialOrd>(one: T, other: T) -> T {
    if one > other {
        return one;
    }
    other
}
"#,
    ),
    (
        "bare/Cargo.toml",
        "[package]\nname = \"bare\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[features]\ndefault = [\"std\"]\nstd = []\n",
    ),
    (
        "bare/src/lib.rs",
        r#"//! Without the standard library.
#![cfg_attr(not(any(test, feature = "std")), no_std)]

/// With it or without.
pub fn allocates() -> bool {
    if cfg!(feature = "std") {
        return true;
    }
    false
}

#[cfg(not(feature = "std"))]
pub fn alone() -> u8 {
    1
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_the_set_says() {
        assert_eq!(super::allocates(), cfg!(feature = "std"));
    }
    #[cfg(not(feature = "std"))]
    #[test]
    fn alone() {
        assert_eq!(super::alone(), 1);
    }
}
"#,
    ),
    (
        "macros/Cargo.toml",
        "[package]\nname = \"macros\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\nproc-macro = true\ndoctest = false\n",
    ),
    (
        "macros/src/lib.rs",
        "//! A macro.\n\n/// The same.\n/// ```\n/// macros::same!(1);\n/// ```\n#[proc_macro]\n\
         pub fn same(tokens: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    tokens\n}\n\n\
         #[test]\nfn inside_a_macro_crate() {}\n",
    ),
    (
        "still/Cargo.toml",
        "[package]\nname = \"still\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ntest = false\nbench = false\ndoctest = false\n",
    ),
    (
        "still/src/lib.rs",
        "//! Its manifest switches everything off.\n\n#[test]\nfn although_it_says_no_twice() {}\n",
    ),
    (
        "kinds/Cargo.toml",
        r#"[package]
name = "kinds"
version = "0.1.0"
edition = "2024"
[features]
extra = []
never = []
[dependencies]
other = { package = "util", path = "../vendor/util", version = "0.2" }
macros = { path = "../macros" }
[lib]
test = false
[[test]]
name = "needs_extra"
required-features = ["extra"]
[[test]]
name = "needs_never"
required-features = ["never"]
[[test]]
name = "whole"
harness = false
[[test]]
name = "off"
test = false
"#,
    ),
    (
        "kinds/src/lib.rs",
        r#"//! Documentation tests that are merged into one program.

/// A dependency's name. See [`nowhere_to_be_found`].
///
/// ```
/// assert_eq!(kinds::name(), "vendored");
/// ```
///
/// ```no_run
/// loop {
///     kinds::name();
/// }
/// ```
///
/// ```compile_fail
/// let _: u8 = kinds::name();
/// ```
///
/// ```should_panic
/// kinds::never(kinds::name());
/// ```
pub fn name() -> &'static str {
    macros::same!(other::name())
}

/// Panics.
pub fn never(why: &str) {
    panic!("{why}");
}

#[test]
fn although_it_says_test_false() {}
"#,
    ),
    (
        "kinds/src/bin/serve.rs",
        r#"//! Works, and is killed.

fn work() -> u32 {
    let mut sum = 0;
    for number in 0..4 {
        sum += number;
    }
    sum
}

fn main() {
    println!("{}", work());
    loop {
        std::thread::park();
    }
}
"#,
    ),
    (
        "kinds/tests/kills.rs",
        r#"//! Kills its child as a test of a server does.
use std::io::BufRead;

#[test]
fn a_child_is_killed() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_serve"));
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(said, "6\n");
}
"#,
    ),
    ("kinds/tests/needs_extra.rs", "//! Extra.\n\n#[test]\nfn with_extra() {}\n"),
    ("kinds/tests/needs_never.rs", "//! Never.\n\n#[test]\nfn never() {}\n"),
    ("kinds/tests/off.rs", "//! Off.\n\n#[test]\nfn never() {}\n"),
    ("kinds/tests/whole.rs", "//! One test.\nfn main() {}\n"),
    ("kinds/examples/show.rs", "//! An example.\nfn main() {}\n\n#[test]\nfn in_an_example() {}\n"),
    ("kinds/benches/quick.rs", "//! A benchmark.\n\n#[test]\nfn in_a_benchmark() {}\n"),
];
