//! `SHA256SUMS`: a line for each file of a release, as `sha256sum` writes and checks them.

use crate::digest::Digest;
use std::collections::BTreeMap;

/// The name of the file.
pub const FILE: &str = "SHA256SUMS";
/// Files of one release.
pub const FILES_MAX: usize = 1000;
/// The longest name of a file.
const NAME_BYTES_MAX: usize = 255;

/// Names of files with their digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums(BTreeMap<String, Digest>);

impl Sums {
    /// Of these files.
    ///
    /// # Errors
    /// A name that is no plain name of a file.
    pub fn of(files: impl IntoIterator<Item = (String, Digest)>) -> Result<Sums, String> {
        let mut sums = BTreeMap::new();
        for (name, digest) in files {
            if !is_plain(&name) {
                return Err(format!(
                    "`{}` is no name that a file of a release can have",
                    name.escape_debug()
                ));
            }
            sums.insert(name, digest);
        }
        Ok(Sums(sums))
    }

    /// What a file says.
    ///
    /// # Errors
    /// The line that is wrong, and why.
    pub fn parse(text: &str) -> Result<Sums, String> {
        let mut sums = BTreeMap::new();
        for (number, line) in text.lines().enumerate().take(FILES_MAX + 1) {
            let wrong = |why: &str| format!("line {}: {why}", number + 1);
            if number == FILES_MAX {
                return Err(wrong("too many files"));
            }
            let (hex, name) = line.split_once("  ").ok_or_else(|| wrong("no `DIGEST  NAME`"))?;
            let digest = format!("sha256:{hex}").parse().map_err(|_| wrong("no SHA-256 in 64 digits"))?;
            if !is_plain(name) {
                return Err(wrong("a name that a file of a release cannot have"));
            }
            if sums.insert(name.to_owned(), digest).is_some() {
                return Err(wrong("this file has a line already"));
            }
        }
        Ok(Sums(sums))
    }

    /// The file, sorted by name.
    pub fn text(&self) -> String {
        self.0.iter().map(|(name, digest)| format!("{}  {name}\n", digest.hex())).collect()
    }

    /// The digest of a file.
    pub fn get(&self, name: &str) -> Option<&Digest> {
        self.0.get(name)
    }
}

/// A name that is the same for a shell, a URL, a file system and GitHub, which replaces other letters by dots.
pub fn is_plain(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(letter) && !name.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_list_of_sums_is_an_error_with_its_line() {
        let hex = "0".repeat(64);
        let check = |text: &str, expected: &str| {
            let why = Sums::parse(text).unwrap_err();
            assert!(why.contains(expected), "{why}");
        };
        check(&format!("{hex}  a\n{hex} b"), "line 2: no `DIGEST  NAME`");
        check("12  a", "line 1: no SHA-256");
        check(&format!("{}  a", "G".repeat(64)), "line 1: no SHA-256");
        check(&format!("{hex}  ../a"), "line 1: a name");
        check(&format!("{hex}  a\n{hex}  a"), "line 2: this file has a line already");
        let many: String = (0..=FILES_MAX).map(|number| format!("{hex}  {number}\n")).collect();
        check(&many, "too many");
        assert!(Sums::of([("a b".to_owned(), Digest::of(b""))]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(files in prop::collection::btree_map("[a-zA-Z0-9_+][a-zA-Z0-9._+-]{0,40}", any::<u64>(), 0..20)) {
            let files = files.into_iter().map(|(name, seed)| (name, Digest::of(&seed.to_le_bytes())));
            let sums = Sums::of(files).unwrap();
            prop_assert_eq!(Sums::parse(&sums.text()).unwrap(), sums);
        }

        #[test]
        fn any_text_is_sums_or_an_error(text in "([0-9a-f]{60,66} {1,3}[^\u{0}]{0,10}\n){0,4}") {
            if let Ok(sums) = Sums::parse(&text) {
                prop_assert_eq!(Sums::parse(&sums.text()).unwrap(), sums);
            }
        }
    }
}
