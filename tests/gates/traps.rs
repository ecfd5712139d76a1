//! A workspace with every trap that test runners and linters fall into.

/// Every way for a test to end, in one workspace of two packages.
pub(crate) const TRAPS: [(&str, &str); 10] = [
    (
        "Cargo.toml",
        "[workspace]\nmembers = [\"macros\"]\nresolver = \"3\"\n[package]\nname = \"traps\"\nversion = \"0.1.0\"\n\
         edition = \"2024\"\n[dependencies]\nmacros = { path = \"macros\" }\n[[bench]]\nname = \"speed\"\n\
         harness = false\n[[test]]\nname = \"whole\"\nharness = false\n[[test]]\nname = \"early\"\n\
         [lints.clippy]\nneedless_return = \"deny\"\n",
    ),
    (
        "macros/Cargo.toml",
        "[package]\nname = \"macros\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n",
    ),
    (
        "macros/src/lib.rs",
        "#[proc_macro]\npub fn same(tokens: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    tokens\n}\n\
         \n#[test]\nfn inside_a_macro_crate() {}\n",
    ),
    (
        "src/lib.rs",
        r#"//! Traps.
/// Right.
/// ```
/// assert_eq!(traps::two(), 2);
/// ```
pub fn two() -> u32 {
    return macros::same!(2);
}

/// Wrong.
/// ```
/// assert_eq!(traps::two(), 3);
/// ```
pub fn three()   {}

/// ```ignore
/// traps::none();
/// ```
pub fn none() {}

#[cfg(test)]
mod tests {
    #[test]
    fn passes() {
        println!("test result: ok. 1 passed; 0 failed; 0 ignored");
    }
    #[test]
    fn fails() {
        assert_eq!(super::two(), 3, "two is not three");
    }
    #[test]
    #[ignore]
    fn ignored() {}
    #[test]
    fn hangs() {
        println!("before the hang");
        std::process::Command::new("sleep").arg("1000").status().unwrap();
    }
    #[test]
    fn exits() {
        println!("test result: ok. 1 passed; 0 failed; 0 ignored");
        std::process::exit(0)
    }
    #[test]
    fn aborts() {
        std::process::abort()
    }
    #[test]
    fn segfaults() {
        unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) }
    }
    #[test]
    fn leaves_a_child() {
        std::process::Command::new("sh").args(["-c", "sleep 1000 &"]).status().unwrap();
    }
    #[test]
    fn passes_at_last() {
        let mark = std::env::temp_dir().join("tried");
        assert!(std::fs::exists(&mark).unwrap() || std::fs::write(mark, "").is_err(), "the first time");
    }
    #[test]
    #[should_panic]
    fn panics_as_it_should() {
        panic!("on purpose")
    }
    #[test]
    fn partner_is_missing() {
        eprintln!("gateline-skip: no such partner");
    }
    #[test]
    fn environment_is_declared() {
        for name in ["NO_COLOR", "GITHUB_ENV", "RUSTC_WORKSPACE_WRAPPER"] {
            assert!(std::env::var_os(name).is_none(), "{name}");
        }
        assert!(!std::env::var("GATELINE_INSIDE_GATE").unwrap().is_empty());
        assert_eq!(std::env::var("CARGO_PKG_NAME").unwrap(), "traps");
        assert_eq!(std::env::current_dir().unwrap(), std::path::Path::new(env!("CARGO_MANIFEST_DIR")));
    }
}
"#,
    ),
    ("src/main.rs", "fn main() {\n    println!(\"{}\", traps::two());\n}\n"),
    (
        "tests/starts.rs",
        "#[test]\nfn the_binary_runs() {\n    let run = |path| std::process::Command::new(path).output().unwrap().stdout;\n    \
         assert_eq!(run(env!(\"CARGO_BIN_EXE_traps\").to_owned()), b\"2\\n\");\n    \
         assert_eq!(run(std::env::var(\"CARGO_BIN_EXE_traps\").unwrap()), b\"2\\n\");\n}\n",
    ),
    ("tests/whole.rs", "fn main() {}\n"),
    ("tests/empty.rs", "//! Nothing is tested here.\n"),
    (
        "tests/early.rs",
        "//! Ends before libtest begins.\n#[used]\n#[unsafe(link_section = \".init_array\")]\nstatic START: extern \"C\" fn() = start;\n\
         extern \"C\" fn start() {\n    std::process::exit(0)\n}\n#[test]\nfn never() {}\n",
    ),
    (
        "benches/speed.rs",
        "fn main() {\n    assert!(std::env::args().any(|argument| argument == \"--test\"));\n}\n",
    ),
];
