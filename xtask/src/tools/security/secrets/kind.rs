//! What sort of file it is, and so which rules are asked.
//!
//! | sort | rules |
//! |---|---|
//! | a text that people write | all |
//! | lockfiles, minified and vendored files, lines of more than [`LINE_BYTES_MAX`] | all but `generic-secret` and its like: digests and other people's tests are no secrets of ours |
//! | binary | formats of issuers, keys and base64 only |

use super::rules::Family;
use std::path::Path;

/// A NUL in so many first bytes makes a file binary, as git sees it.
const HEAD_BYTES: usize = 8000;
/// A longer line was written by a machine.
pub(super) const LINE_BYTES_MAX: usize = 2000;

const LOCKFILES: [&str; 18] = [
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "go.sum",
    "go.work.sum",
    "poetry.lock",
    "Pipfile.lock",
    "uv.lock",
    "pdm.lock",
    "composer.lock",
    "Gemfile.lock",
    "flake.lock",
    "deno.lock",
    "packages.lock.json",
    ".terraform.lock.hcl",
];
const ENDS: [&str; 6] = [".min.js", ".min.css", ".map", ".min.mjs", ".snap", ".sum"];
const VENDORED: [&str; 6] =
    ["node_modules", "vendor", "third_party", "third-party", "bower_components", "site-packages"];

/// What sort of file it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// What people write.
    Text,
    /// What machines write, or other people.
    Machine,
    /// No text.
    Binary,
}

impl Kind {
    /// By its path and its first bytes.
    pub(super) fn of(path: &Path, bytes: &[u8]) -> Kind {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let below = |folder: &&str| path.components().rev().skip(1).any(|part| *part.as_os_str() == **folder);
        let head = &bytes[..bytes.len().min(HEAD_BYTES)];
        if memchr::memchr(0, head).is_some()
            && std::str::from_utf8(head).is_err_and(|error| error.valid_up_to() + 4 < head.len())
        {
            return Kind::Binary;
        }
        let machine = LOCKFILES.contains(&name.as_ref()) || ENDS.iter().any(|end| name.ends_with(end));
        if machine || VENDORED.iter().any(below) { Kind::Machine } else { Kind::Text }
    }

    /// Whether this family of rules is asked.
    pub(super) fn asks(self, family: Family) -> bool {
        match family {
            Family::Issued => true,
            Family::Password => self != Kind::Binary,
            Family::Generic => self == Kind::Text,
        }
    }
}

/// Whether the line around a place was written by a machine.
pub(super) fn is_long_line(bytes: &[u8], at: usize) -> bool {
    let before = &bytes[at.saturating_sub(LINE_BYTES_MAX)..at];
    let after = &bytes[at..bytes.len().min(at + LINE_BYTES_MAX)];
    let start = memchr::memrchr(b'\n', before).map_or(before.len(), |end| before.len() - end - 1);
    start + memchr::memchr(b'\n', after).unwrap_or(after.len()) > LINE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_are_told_by_path_and_first_bytes() {
        let check = |path: &str, bytes: &[u8], expected| {
            assert_eq!(Kind::of(Path::new(path), bytes), expected, "{path}");
        };
        check("src/main.rs", b"fn main() {}", Kind::Text);
        check("deploy/Cargo.lock", b"", Kind::Machine);
        check("web/app.min.js", b"", Kind::Machine);
        check("vendor/x/y.go", b"", Kind::Machine);
        check("vendor", b"", Kind::Text);
        check("a.png", b"\x89PNG\0\xff\xfe\0\0\0\0\0", Kind::Binary);
        check("tricky.txt", b"text with a \0 in it", Kind::Text);
    }

    #[test]
    fn families_follow_the_sort() {
        let asks =
            |kind: Kind| [Family::Issued, Family::Password, Family::Generic].map(|family| kind.asks(family));
        assert_eq!(asks(Kind::Text), [true, true, true]);
        assert_eq!(asks(Kind::Machine), [true, true, false]);
        assert_eq!(asks(Kind::Binary), [true, false, false]);
    }

    #[test]
    fn long_lines_are_told_from_both_sides() {
        let line = vec![b'x'; LINE_BYTES_MAX + 10];
        let text = [b"short\n", &line[..], b"\nshort"].concat();
        assert!(is_long_line(&text, 10) && is_long_line(&text, LINE_BYTES_MAX));
        assert!(!is_long_line(&text, 2) && !is_long_line(&text, text.len() - 2));
    }
}
