//! What the members' sources say before they are compiled: whether one asks for `cfg(clippy)`, and whether a target whose
//! tests are switched off has some.
//!
//! Sources are read as text, with strings and comments left out, not as a syntax tree: a false alarm costs a second
//! compilation, nothing else. Macros that write such an attribute from parts are not seen.

use crate::tools::cargo::Cargo;
use std::path::{Path, PathBuf};

/// Rust files that are looked at.
const FILES_MAX: usize = 100_000;
/// Folders inside of each other.
const DEPTH_MAX: usize = 64;
/// One source file.
const SOURCE_BYTES_MAX: u64 = 32 << 20;

/// The first file of a member, relative to the workspace, that is another program under clippy.
pub(super) fn asks_for_clippy(cargo: &Cargo) -> Option<String> {
    let directories = cargo.packages.iter().filter_map(|package| package.manifest_path.parent());
    let files = rust_files(directories.map(|directory| directory.as_std_path().to_path_buf()).collect());
    let found = files.into_iter().find(|file| read(file).is_some_and(|text| names_clippy(&text)))?;
    Some(super::said::relative(&found, &cargo.root))
}

/// Whether a file has a test of its own.
pub(super) fn has_tests(file: &Path) -> bool {
    read(file).is_some_and(|text| {
        let code = without_strings_and_comments(&text);
        code.contains("#[test]") || code.contains("::test]") || code.contains("::test(")
    })
}

/// Whether a target with this main file can be another program where it is compiled for tests: its own text asks, that of a
/// module may.
pub(super) fn may_have_tests(file: &Path) -> bool {
    read(file).is_none_or(|text| {
        let code = without_strings_and_comments(&text);
        ["test", "mod ", "include!"].iter().any(|word| code.contains(word))
    })
}

/// Whether a target with this main file asks for what only nightly Rust has, whatever it is compiled with.
pub(super) fn asks_for_nightly(file: &Path) -> bool {
    read(file).is_some_and(|text| {
        let code: String = without_strings_and_comments(&text).split_whitespace().collect();
        code.contains("#![feature(")
    })
}

/// Whether a file has documentation with code in it.
pub(super) fn has_doctests(file: &Path) -> bool {
    let documents = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))
            .is_some_and(|text| text.trim_start().starts_with("```"))
    };
    read(file).is_some_and(|text| text.lines().any(documents))
}

/// Rust files below these folders, each once, in order. Hidden folders and target directories have none of ours.
pub(super) fn rust_files(mut folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    folders = folders
        .iter()
        .filter(|one| !folders.iter().any(|other| one != &other && one.starts_with(other)))
        .cloned()
        .collect();
    let mut waiting: Vec<(PathBuf, usize)> = folders.into_iter().map(|folder| (folder, 0)).collect();
    while let Some((folder, depth)) = waiting.pop() {
        // A folder that cannot be read is one that rustc cannot read either.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            match entry.file_type() {
                Ok(kind)
                    if kind.is_dir() && depth < DEPTH_MAX && name != "target" && !name.starts_with('.') =>
                {
                    waiting.push((path, depth + 1));
                }
                Ok(kind) if kind.is_file() && name.ends_with(".rs") && files.len() < FILES_MAX => {
                    files.push(path)
                }
                _ => {}
            }
        }
    }
    files.sort();
    files.dedup();
    files
}

fn read(file: &Path) -> Option<String> {
    let size = std::fs::metadata(file).ok()?.len();
    (size <= SOURCE_BYTES_MAX)
        .then(|| std::fs::read(file).ok())
        .flatten()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether an attribute or `cfg!` asks for `clippy`. `clippy::lint` behind `cfg_attr` is a lint's name, not a question.
fn names_clippy(text: &str) -> bool {
    if !text.contains("clippy") {
        return false;
    }
    let code = without_strings_and_comments(text);
    let mut rest = code.as_str();
    while let Some(at) = rest.find("cfg") {
        rest = &rest[at + 3..];
        let asked = rest.strip_prefix("_attr").or_else(|| rest.strip_prefix('!')).unwrap_or(rest);
        let Some(inside) = asked.trim_start().strip_prefix('(') else { continue };
        if predicate(inside)
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .any(|word| word == "clippy")
        {
            return true;
        }
    }
    false
}

/// The text up to the comma or bracket that ends the predicate.
fn predicate(inside: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in inside.char_indices() {
        match c {
            '(' => depth += 1,
            ')' | ',' if depth == 0 => return &inside[..at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    inside
}

/// The same code with strings and comments as nothing. Lifetimes and characters stay: they hold no attribute.
fn without_strings_and_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if rest.starts_with("'\"'") {
            3
        } else if rest.starts_with("'\\\"'") {
            4
        } else if c == '"' {
            string(rest)
        } else if c == 'r' && !code.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
            raw_string(rest)
        } else {
            0
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of the block comment that begins here; they nest.
fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        match here {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth.saturating_sub(1)),
            _ => at += 1,
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of the raw string that begins here; 0 where none does.
fn raw_string(text: &str) -> usize {
    let after = &text[1..];
    let hashes = after.bytes().take_while(|byte| *byte == b'#').count();
    if !after[hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 1 + hashes + 1;
    text[start..].find(&end).map_or(text.len(), |at| start + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_question_for_clippy_is_told_from_its_name() {
        let asks = [
            "#[cfg(clippy)]",
            "#![cfg_attr(not(clippy), no_std)]",
            "if cfg!(any(test, clippy)) {}",
            "#[cfg( all(a, clippy) )]",
        ];
        for code in asks {
            assert!(names_clippy(code), "{code}");
        }
        let others = [
            "#[allow(clippy::all)]",
            "#[cfg_attr(test, allow(clippy::unwrap_used))]",
            "// #[cfg(clippy)]",
            "/* a /* b */ #[cfg(clippy)] */",
            "\"#[cfg(clippy)]\"",
            "r#\"#[cfg(clippy)]\"#",
            "#[cfg(feature = \"clippy\")]",
            "let cfg = clippy(1);",
        ];
        for code in others {
            assert!(!names_clippy(code), "{code}");
        }
        assert!(names_clippy("let quote = '\"'; #[cfg(clippy)] fn a() {} let end = '\"';"));
    }

    #[test]
    fn tests_and_documentation_are_seen() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.rs");
        let check = |text: &str, tests: bool, doctests: bool| {
            std::fs::write(&file, text).unwrap();
            assert_eq!((has_tests(&file), has_doctests(&file)), (tests, doctests), "{text}");
        };
        check("#[test]\nfn a() {}", true, false);
        check("#[tokio::test]\nasync fn a() {}", true, false);
        check("/// ```\n/// a();\n/// ```\nfn a() {}", false, true);
        check("// #[test]\nfn a() {}", false, false);
        assert!(!has_tests(&directory.path().join("none.rs")));
        let nightly = |text: &str| {
            std::fs::write(&file, text).unwrap();
            asks_for_nightly(&file)
        };
        assert!(nightly("//! Quick.\n\n#![feature(test)]\n") && nightly("# ! [ feature (test)]"));
        assert!(!nightly("// #![feature(test)]\n#![cfg_attr(nightly, feature(test))]\n"));
        let may = |text: &str| {
            std::fs::write(&file, text).unwrap();
            may_have_tests(&file)
        };
        assert!(may("mod more;\nfn main() {}") && may("#[cfg(test)]\nfn a() {}"));
        assert!(!may("//! No test.\nfn main() {\n    println!(\"test\");\n}"));
    }

    proptest! {
        #[test]
        fn any_text_can_be_looked_at(text in "\\PC{0,80}", parts in proptest::collection::vec("[\"'r#/*\\\\n()]{0,6}", 0..8)) {
            let _ = names_clippy(&(text + "clippy" + &parts.concat()));
        }
    }
}
