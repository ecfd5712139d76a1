//! The pin of the Action: which released programs it may run, and where their provenance must come from.
//!
//! It lies beside `action.yml`, and `get.sh` reads it. It is written in a commit after the programs exist, because a commit cannot
//! hold the digest of what is built from it. A program is named by the target that it is for.

use super::sums::Sums;
use crate::digest::Digest;
use semver::Version;
use std::collections::BTreeMap;

/// Where it lies in the repository.
pub const PATH: &str = "action/pin";
/// The targets that `get.sh` asks for.
pub const TARGETS: [&str; 3] =
    ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin"];
/// The program.
pub const PROGRAM: &str = "gateline";
/// Digits of a commit.
const COMMIT_DIGITS: usize = 40;

/// What the Action may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    version: Version,
    commit: String,
    programs: BTreeMap<String, Digest>,
}

impl Pin {
    /// Of a release.
    ///
    /// # Errors
    /// Where it has no program that the Action asks for, or the commit is none.
    pub fn new(version: Version, commit: &str, sums: &Sums) -> Result<Pin, String> {
        let hexadecimal = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        if commit.len() != COMMIT_DIGITS || !commit.bytes().all(hexadecimal) {
            return Err(format!("`{commit}` is no commit: 40 hexadecimal digits"));
        }
        let named = TARGETS.map(|target| format!("{PROGRAM}-{target}"));
        let programs: BTreeMap<String, Digest> = named
            .into_iter()
            .filter_map(|name| sums.get(&name).cloned().map(|digest| (name, digest)))
            .collect();
        match programs.is_empty() {
            true => {
                Err(format!("it has no program that the Action asks for, such as {PROGRAM}-{}", TARGETS[0]))
            }
            false => Ok(Pin { version, commit: commit.to_owned(), programs }),
        }
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut text = format!("version {}\ncommit {}\n", self.version, self.commit);
        for (name, digest) in &self.programs {
            text.push_str(&format!("sha256 {} {name}\n", digest.hex()));
        }
        text
    }

    /// The programs that it names.
    pub fn programs(&self) -> impl Iterator<Item = &str> {
        self.programs.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(names: &[&str]) -> Sums {
        Sums::of(names.iter().map(|name| ((*name).to_owned(), Digest::of(name.as_bytes())))).unwrap()
    }

    #[test]
    fn a_pin_names_the_programs_and_nothing_else() {
        let one = "gateline-x86_64-unknown-linux-gnu";
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let released =
            sums(&[one, "gateline-x86_64-unknown-linux-gnu.tar.gz", "gateline-riscv64", "SHA256SUMS"]);
        let version = Version::new(1, 2, 3);
        let pin = Pin::new(version.clone(), commit, &released).unwrap();
        let digest = Digest::of(one.as_bytes());
        let expected = format!("version 1.2.3\ncommit {commit}\nsha256 {} {one}\n", digest.hex());
        assert_eq!(pin.text(), expected);
        assert_eq!(pin.programs().collect::<Vec<_>>(), [one]);
        assert!(Pin::new(version.clone(), "main", &released).is_err());
        assert!(Pin::new(version, commit, &sums(&["other"])).is_err());
    }
}
