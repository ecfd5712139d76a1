//! Linters that ask other programs: an older Rust, whoever looks for unused dependencies; and fixes that would break the build.

use crate::support::fixture::Fixture;
use crate::support::repository;
use crate::{before_path, place_of, script};
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A library as rustfmt writes it, with one function.
fn library(function: &str) -> String {
    format!("//! A library.\n\n/// What it does.\npub fn {function}\n")
}

fn manifest(name: &str, rest: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{rest}")
}

/// Code, file and line of each finding.
fn places(fixture: &Fixture) -> Vec<(String, String, u64)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let place = |finding: &serde_json::Value| {
        (text(&finding["code"]), text(&finding["file"]), finding["line"].as_u64().unwrap_or_default())
    };
    fixture.findings().iter().map(place).collect()
}

fn place(code: &str, file: &str, line: u64) -> (String, String, u64) {
    (code.to_owned(), file.to_owned(), line)
}

const NEWER: &str = "seen() -> bool {\n    std::io::IsTerminal::is_terminal(&std::io::stdout())\n}";

/// Three members: one that Rust 1.63 understands, one that it does not, and one of a version that nobody has.
fn members() -> Fixture {
    let old = |name: &str, version: &str| manifest(name, &format!("rust-version = \"{version}\"\n"));
    let one = library("one() -> u32 {\n    1\n}");
    Fixture::of(
        "three members",
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"absent\", \"fine\", \"newer\"]\nresolver = \"2\"\n"),
            (".gitignore", "target\n"),
            ("absent/Cargo.toml", &old("absent", "1.64")),
            ("absent/src/lib.rs", &one),
            ("fine/Cargo.toml", &old("fine", "1.63")),
            ("fine/src/lib.rs", &one),
            ("newer/Cargo.toml", &old("newer", "1.63")),
            ("newer/src/lib.rs", &library(NEWER)),
            ("policies/lint.yaml", "clippy: off\n"),
        ],
    )
}

/// Refused with the place where a newer function is called, not for what is fine, and told what was not checked.
fn judged_by_1_63(fixture: &Fixture, variables: &[(&str, &Path)], toolchain: &str) {
    let lint = || {
        let mut command = fixture.command(&["lint", "--offline"]);
        let ran = command.envs(variables.iter().copied()).output().expect("gateline starts");
        crate::support::Ran::from(ran)
    };
    lint().exits(10).says(&[
        &format!("does not compile with Rust {toolchain}: failed to resolve: could not find `IsTerminal`"),
        "absent was not checked with Rust 1.64.0: that toolchain is not installed",
        "rustup toolchain install 1.64.0",
    ]);
    let unchecked = place("lint/msrv-not-checked", "", 0);
    assert_eq!(places(fixture), [place("lint/msrv", "newer/src/lib.rs", 5), unchecked.clone()]);
    fixture.write("newer/src/lib.rs", &library("seen() -> bool {\n    false\n}"));
    lint().exits(0);
    assert_eq!(places(fixture), [unchecked]);
}

/// What `cargo check` of Debian's Rust 1.63 printed for these members.
#[test]
fn what_an_older_rust_does_not_compile_refuses_with_its_place() {
    let fixture = members();
    fixture.run(&["lint", "--offline"]);
    let programs = fixture.folder.path().join("programs");
    let said = repository().join("tests/fixtures/msrv/check-by-1.63.jsonl");
    let rustup = format!(
        "case \"$*\" in\n\
         \"toolchain list\") echo 'stable (active, default)'; echo debian-1.63 ;;\n\
         \"run debian-1.63 cargo check --locked --offline --message-format=json --package fine:0.1.0 --package newer:0.1.0\")\n\
         grep -q IsTerminal newer/src/lib.rs || exit 0\n cat '{}'; exit 101 ;;\n\
         *) echo \"what is $*?\" >&2; exit 9 ;;\nesac",
        said.display()
    );
    script(&programs, "rustup", &rustup);
    judged_by_1_63(&fixture, &[("PATH", Path::new(&before_path(&programs)))], "debian-1.63");
}

/// The same by the toolchain itself, which has 276 MB: docs/reference/lint-gate.md says how to put it there.
#[test]
#[ignore = "needs Rust 1.63 in target/gateline/tools, laid by hand"]
fn a_real_older_rust_says_the_same() {
    let old = repository().join("target/gateline/tools/rust-1.63");
    if !old.join("bin/cargo").is_file() || place_of("rustup").is_none() {
        panic!("Rust 1.63 and rustup are needed: docs/reference/lint-gate.md");
    }
    let fixture = members();
    fixture.run(&["lint", "--offline"]);
    let home = fixture.folder.path().join("rustup");
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc").stdout;
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot).trim());
    let current = sysroot.file_name().expect("a name");
    std::fs::create_dir_all(home.join("toolchains")).expect("a folder");
    symlink(&sysroot, home.join("toolchains").join(current)).expect("a link");
    symlink(&old, home.join("toolchains/debian-1.63")).expect("a link");
    let default = Command::new("rustup").arg("default").arg(current).env("RUSTUP_HOME", &home).output();
    assert!(default.expect("rustup").status.success());
    judged_by_1_63(&fixture, &[("RUSTUP_HOME", &home)], "debian-1.63");
}

/// Three packages: two dependencies are used, one under another name is not.
fn with_an_unused_dependency() -> Fixture {
    let one = library("one() -> u32 {\n    1\n}");
    let unused = "\n[dependencies]\nb = { path = \"../b\" }\ncc = { path = \"../c\", package = \"c\" }\n";
    Fixture::of(
        "with dependencies",
        &[
            ("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\", \"c\"]\nresolver = \"2\"\n"),
            (".gitignore", "target\n"),
            ("a/Cargo.toml", &manifest("a", unused)),
            ("a/src/lib.rs", &library("two() -> u32 {\n    b::one() + 1\n}")),
            ("b/Cargo.toml", &manifest("b", "\n[dependencies.c]\npath = \"../c\"\n")),
            ("b/src/lib.rs", &library("one() -> u32 {\n    c::one()\n}")),
            ("c/Cargo.toml", &manifest("c", "")),
            ("c/src/lib.rs", &one),
            ("policies/lint.yaml", "clippy: off\nunused_dependencies: refuse\n"),
        ],
    )
}

#[test]
fn a_dependency_that_no_source_names_refuses_with_its_line() {
    let own = repository().join("target/gateline/tools/bin");
    let found = [own.join("cargo-shear")].into_iter().find(|file| file.is_file());
    let Some(shear) = found.or_else(|| place_of("cargo-shear")) else {
        println!("gateline-skip: cargo-shear");
        return;
    };
    let fixture = with_an_unused_dependency();
    let lint = |path: &str| {
        let mut command = fixture.command(&["lint", "--offline"]);
        let ran = command.env("PATH", path).output().expect("gateline starts");
        crate::support::Ran::from(ran)
    };
    // Where nobody can look it is told; and that answer does not outlive the tool's installation.
    let lacking = std::env::var("PATH").unwrap_or_default();
    let lacks = |folder: &&str| {
        !["cargo-shear", "cargo-machete"].iter().any(|name| Path::new(folder).join(name).is_file())
    };
    let lacking: Vec<&str> = lacking.split(':').filter(lacks).collect();
    lint(&lacking.join(":")).exits(0).says(&["neither cargo-shear nor cargo-machete is installed"]);
    assert_eq!(places(&fixture), [place("lint/unused-dependency-not-checked", "", 0)]);
    let path = before_path(shear.parent().expect("a folder"));
    lint(&path).exits(10).says(&["unused dependency `cc`"]);
    assert_eq!(places(&fixture), [place("lint/unused-dependency", "a/Cargo.toml", 8)]);
    fixture.write("a/src/lib.rs", &library("two() -> u32 {\n    b::one() + cc::one()\n}"));
    lint(&path).exits(0);
    assert_eq!(places(&fixture), []);
}

/// Every file below a folder but those of git and cargo, with its mode.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32)> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            if path.is_dir() {
                open.extend((name != ".git" && name != "target").then_some(path));
            } else {
                let mode = path.metadata().expect("a file").permissions().mode();
                found.insert(path.clone(), (std::fs::read(&path).expect("read"), mode));
            }
        }
    }
    found
}

/// rustc is sure that the import can go. The test below it, which it compiles apart, needs it.
const NEEDED_BY_A_TEST: &str = "//! A library.\r\n\r\nuse std::collections::BTreeMap;\n\n/// Two.\npub fn two() -> u32 {\n    return 2;\n}\n\n\
    #[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn maps() {\n        assert!(BTreeMap::<u32, u32>::new().is_empty());\n    }\n}";

#[test]
fn a_fix_that_would_break_the_build_is_taken_back_byte_for_byte() {
    let fixture = Fixture::of(
        "a fix that breaks",
        &[
            ("Cargo.toml", &manifest("one", "")),
            (".gitignore", "target\n"),
            ("src/lib.rs", "//! A library.\n\npub mod other;\n"),
            ("src/other.rs", "//! Another.\n"),
            // So that the library is compiled without its tests, too.
            ("tests/uses.rs", "//! Uses it.\n\n#[test]\nfn uses() {}\n"),
            ("policies/lint.yaml", "rustfmt: off\n"),
        ],
    );
    fixture.run(&["lint", "--offline"]).exits(0);
    // Both files are dirty, and neither is as any tool would write it.
    fixture.write(
        "src/lib.rs",
        &format!("{}\n\npub mod other;", NEEDED_BY_A_TEST.replace("\n#[cfg", "\n// mine\n#[cfg")),
    );
    fixture.write("src/other.rs", "//! Another.\n\n/// Three.\npub fn three()  -> u32 { return 3; }");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(fixture.workspace.join("src/other.rs"), mode).expect("a mode");
    let before = tree(&fixture.workspace);
    let said = fixture.run(&["lint", "--fix", "--allow-dirty", "--offline"]).exits(10);
    said.says(&["2 files would no longer compile: those fixes were taken back"]);
    assert_eq!(tree(&fixture.workspace), before);
    let found = places(&fixture);
    assert!(found.contains(&place("lint/clippy", "src/other.rs", 4)), "what remains is shown: {found:?}");
}
